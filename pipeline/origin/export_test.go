package origin

// Kept is how many objects an edge keeps to write them later, or to wait for the end of a write.
func (e *Edge) Kept() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.backlog.items)
}

// Memories is how many objects have their body in pages of its own.
func (e *Edge) Memories() int64 { return e.memories.Load() }

// ForgetPipes closes the pipes that are kept for the next answers.
func ForgetPipes() {
	for {
		select {
		case p := <-pipes:
			p.close()
		default:
			return
		}
	}
}

// HasPipe is whether an answer took a pipe since they were forgotten.
func HasPipe() bool { return len(pipes) > 0 }
