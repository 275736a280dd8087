package origin

// Kept is how many objects an edge keeps to write them later, or to wait for the end of a write.
func (e *Edge) Kept() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.backlog.items)
}

// Memories is how many objects have their body in a file in memory.
func (e *Edge) Memories() int64 { return e.memories.Load() }

// NoDescriptors makes opening an object's file in memory fail, as it does when the process has no descriptor left.
func (e *Edge) NoDescriptors(name string) { e.lookup(name).memory.path = "/proc/self/fd/-1" }
