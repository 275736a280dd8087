package origin

import "slices"

// late is an object that is served although the store behind has not confirmed it.
type late struct {
	object  *object
	trial   chan error // the write that was under way when patience had an end; nil: none
	void    bool       // replaced, deleted or given up: it is not to be written any more
	deleted bool       // what a write has made of it all the same is to go
}

// backlog is what is late, in the order in which it was published: a playlist after what it names. It is guarded by the
// edge's mu.
type backlog struct {
	items  []*late
	media  int64         // bytes of the segments in it
	done   chan struct{} // closed when all is written; nil: nothing is late
	errors uint64
	lost   uint64
	last   string
}

func (b *backlog) failed(err error) {
	b.errors++
	b.last = err.Error()
}

// void takes an item out of what is to be written.
func (b *backlog) void(l *late) {
	if !l.void {
		l.void = true
		b.media -= l.media()
	}
}

// sweep lets go what is void, so that a store that stays away fills no memory: all but the first item, which is being
// written, and those whose first write has not ended.
func (b *backlog) sweep() {
	if len(b.items) > 1 {
		rest := slices.DeleteFunc(b.items[1:], func(l *late) bool { return l.void && l.trial == nil })
		b.items = b.items[:1+len(rest)]
	}
}

// media is an item's size if it is a segment.
func (l *late) media() int64 {
	if _, ok := segmentNumber(l.object.Name); ok {
		return l.object.size
	}
	return 0
}
