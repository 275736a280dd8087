package spool

// ring is a growing queue of entries, in order of position.
type ring struct {
	buf  []Entry
	head int
	n    int
}

func (r *ring) at(i int) *Entry { return &r.buf[(r.head+i)%len(r.buf)] }

func (r *ring) push(e Entry) {
	if r.n == len(r.buf) {
		grown := make([]Entry, max(256, 2*len(r.buf)))
		for i := range r.n {
			grown[i] = *r.at(i)
		}
		r.buf, r.head = grown, 0
	}
	r.buf[(r.head+r.n)%len(r.buf)] = e
	r.n++
}

func (r *ring) dropBefore(pos uint64) {
	for r.n > 0 && r.at(0).Pos < pos {
		r.head = (r.head + 1) % len(r.buf)
		r.n--
	}
}

// search is the index of the first entry at or after pos.
func (r *ring) search(pos uint64) int {
	lo, hi := 0, r.n
	for lo < hi {
		if mid := (lo + hi) / 2; r.at(mid).Pos < pos {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}
