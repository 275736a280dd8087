package packager

import (
	"errors"
	"fmt"
	"slices"

	"onair/pkg/fmp4"
)

// Push takes a frame and returns the segments that it completed: none or one, more only where frames had waited for
// their run's turn. Frames of one run come in decode order; those of different runs in any order. A frame is used if
// its run owns the frame's slot; one whose slot lies in a later turn of its run waits. Everything else is dropped and
// counted.
//
// The error wraps one of ErrHole, ErrNoKey, ErrOrder and ErrAhead; it is for the log, and the segments beside it are
// good. After a hole the segment is abandoned and the next one begins at the next boundary.
func (c *Cutter) Push(f Frame) ([]Segment, error) {
	c.out, c.err = nil, nil
	c.settle()
	slot := c.nearest(f.DTS)
	if c.at(slot) != f.DTS {
		c.stats.Snapped++
	}
	switch i := c.owner(slot); {
	case i < 0 || c.turns[i].run != f.Run:
		c.refuse(f, slot)
	case i > 0:
		c.wait(i, f, slot)
	default:
		c.accept(f, slot)
	}
	c.settle()
	return c.out, c.err
}

// owner is the index of the turn that owns slot, -1 for none.
func (c *Cutter) owner(slot int64) int {
	i := len(c.turns) - 1
	for i >= 0 && c.turns[i].from > slot {
		i--
	}
	return i
}

// refuse counts a frame that its run may not deliver. If it is the acting run's, which thereby has passed the end of
// its turn, then what it left out before will not come any more.
func (c *Cutter) refuse(f Frame, slot int64) {
	j := len(c.turns) - 1
	for j >= 0 && c.turns[j].run != f.Run {
		j--
	}
	switch {
	case j < 0:
		c.stats.Unclaimed++
	case slot < c.turns[j].from:
		c.stats.Early++
	default:
		c.stats.Late++
		if j == 0 && c.next < c.turns[1].from {
			c.hole(c.turns[1].from, ErrHole)
		}
	}
}

// wait keeps a frame until its run's turn begins.
func (c *Cutter) wait(i int, f Frame, slot int64) {
	t := &c.turns[i]
	if c.at(slot-t.from) > maxWaiting {
		if n := len(t.waiting); n == 0 || c.nearest(t.waiting[n-1].DTS) != slot-1 {
			c.disbelieve(slot)
			return
		}
		c.hole(t.from, ErrAhead)
	}
	t.waiting = append(t.waiting, f)
}

// disbelieve drops a frame whose time makes no sense, and remembers it in case the next one agrees.
func (c *Cutter) disbelieve(slot int64) {
	c.stats.Late++
	c.wild = slot
	c.fault(ErrHole, slot)
}

// accept handles a frame of the acting run.
func (c *Cutter) accept(f Frame, slot int64) {
	if slot > c.next {
		if c.at(slot-c.next) > maxWaiting && slot != c.wild+1 {
			c.disbelieve(slot)
			return
		}
		c.hole(slot, ErrHole)
	}
	if slot != c.next {
		c.stats.Late++
		return
	}
	pts, sync := slot, true
	if c.cfg.Video {
		pts, sync = c.nearest(f.PTS), f.Sync
		if (slot == c.seg.first || c.turns[0].fresh) && (!sync || pts != slot) {
			c.stats.Late++
			c.hole(slot+1, ErrNoKey)
			return
		}
	}
	c.add(f, pts, sync)
}

// add puts the expected frame into the segment and emits the segment when it is full.
func (c *Cutter) add(f Frame, pts int64, sync bool) {
	s := &c.seg
	if s.samples == nil {
		s.samples = make([]fmp4.Sample, 0, s.end-s.first)
	}
	s.samples = append(s.samples, fmp4.Sample{
		Duration: c.unit, CTO: int32((pts - c.next) * int64(c.unit)), Sync: sync, Data: f.Data,
	})
	s.pts = append(s.pts, pts)
	s.runs = append(s.runs, f.Run)
	s.bytes += len(f.Data)
	c.turns[0].fresh = false
	c.stats.Frames++
	if c.next++; c.next == s.end {
		c.emit()
	}
}

func (c *Cutter) emit() {
	s := &c.seg
	c.last = c.segment(s.first)
	if !c.ordered() {
		c.stats.Disorder++
		c.fault(ErrOrder, s.first)
	}
	c.stats.Segments++
	c.out = append(c.out, Segment{
		Rendition: c.cfg.Rendition, K: c.last, Start: c.at(s.first), End: c.at(s.end),
		Samples: s.samples, Bytes: s.bytes, Runs: slices.Compact(slices.Clone(s.runs)),
	})
	c.begin()
}

// ordered tells whether the segment's pictures are shown in exactly the slots that it covers.
func (c *Cutter) ordered() bool {
	s := &c.seg
	c.seen = append(c.seen[:0], make([]bool, len(s.pts))...)
	for _, p := range s.pts {
		i := p - s.first
		if i < 0 || i >= int64(len(c.seen)) || c.seen[i] {
			return false
		}
		c.seen[i] = true
	}
	return true
}

// begin starts an empty segment at next, which must be a boundary.
func (c *Cutter) begin() {
	c.seg = partial{
		first: c.next, end: c.firstSlot(c.segment(c.next) + 1), pts: c.seg.pts[:0], runs: c.seg.runs[:0],
	}
}

// hole gives up what is under construction and goes on at the first boundary at or after slot.
func (c *Cutter) hole(slot int64, why error) {
	c.fault(why, slot)
	c.stats.Holes++
	c.abandon(slot)
}

func (c *Cutter) abandon(slot int64) {
	before := c.segment(c.next)
	c.next = c.boundary(slot)
	c.stats.Abandoned += uint64(max(0, c.segment(c.next)-before))
	c.begin()
}

// rewind makes an earlier slot the expected one. What is held before it stays.
func (c *Cutter) rewind(slot int64) {
	s := &c.seg
	if slot <= s.first {
		c.next = c.boundary(slot)
		c.begin()
		return
	}
	n := slot - s.first
	for _, v := range s.samples[n:] {
		s.bytes -= len(v.Data)
	}
	clear(s.samples[n:])
	s.samples, s.pts, s.runs = s.samples[:n], s.pts[:n], s.runs[:n]
	c.next = slot
}

// advance passes the turn on while the next one owns the expected slot, or nobody is left to fill the slots before it.
func (c *Cutter) advance() {
	for len(c.turns) > 1 {
		switch {
		case c.turns[1].from <= c.next:
			c.stats.Late += uint64(len(c.turns[0].waiting))
			copy(c.turns, c.turns[1:])
			c.turns[len(c.turns)-1] = turn{}
			c.turns = c.turns[:len(c.turns)-1]
		case c.turns[0].done && len(c.turns[0].waiting) == 0:
			c.hole(c.turns[1].from, ErrHole)
		default:
			return
		}
	}
}

// settle passes the turn on and takes in the frames that waited for that.
func (c *Cutter) settle() {
	for c.advance(); len(c.turns) > 0 && len(c.turns[0].waiting) > 0; c.advance() {
		waiting := c.turns[0].waiting
		c.turns[0].waiting = nil
		for _, f := range waiting {
			c.accept(f, c.nearest(f.DTS))
		}
	}
}

// fault adds to the error of the Push under way.
func (c *Cutter) fault(why error, slot int64) {
	run := 0
	if len(c.turns) > 0 {
		run = c.turns[0].run
	}
	c.err = errors.Join(c.err, fmt.Errorf("rendition %s, run %d: at frame %d of %d of segment %d came one %v later: %w",
		c.cfg.Rendition, run, c.next-c.seg.first, c.seg.end-c.seg.first, c.segment(c.next),
		c.at(slot-c.next).Duration(), why))
}
