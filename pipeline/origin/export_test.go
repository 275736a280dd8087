package origin

// Kept is how many objects an edge keeps to write them later, or to wait for the end of a write.
func (e *Edge) Kept() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.backlog.items)
}
