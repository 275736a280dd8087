package origin

// EdgeStats tells what an edge holds and how often the store behind was read for a viewer.
type EdgeStats struct {
	Objects int
	Bytes   int64 // media
	Reads   uint64

	Late      int    // objects that the store behind has not taken yet
	Errors    uint64 // writes of it that failed, or took too long
	Lost      uint64 // segments of which it got none, because it was away for too long
	LastError string // empty: nothing is late
}

// Stats tells the edge's state.
func (e *Edge) Stats() EdgeStats {
	e.mu.Lock()
	defer e.mu.Unlock()
	b := &e.backlog
	st := EdgeStats{
		Objects: len(*e.objects.Load()), Bytes: e.held, Reads: e.reads.Load(),
		Errors: b.errors, Lost: b.lost, LastError: b.last,
	}
	for _, l := range b.items {
		if !l.void {
			st.Late++
		}
	}
	return st
}
