package packager

import (
	"fmt"
	"math"

	"onair/pkg/fmp4"
	"onair/pkg/tick"
)

// None is what Emitted returns before the first segment.
const None = math.MinInt64

// maxWaiting bounds the media that waits for its run's turn to begin: a planned hand-over's new run is at most its
// start-up margin ahead, so this much means that the old run is stuck.
const maxWaiting = 20 * tick.Second

// CutterConfig describes one rendition.
type CutterConfig struct {
	Rendition string
	Video     bool
	Grid      tick.Grid
	Audio     tick.Audio // of an audio rendition
	Timescale int64      // units per second in the file; one frame must be a whole number of them
}

// CutterStats counts since the start.
type CutterStats struct {
	Frames    uint64 // taken into segments, also those of segments abandoned later
	Segments  uint64 // complete
	Abandoned uint64 // segments begun, or due, that never became complete
	Holes     uint64 // times the expected frame did not come
	Early     uint64 // frames of a run before its turn: encoder priming, pre-roll
	Late      uint64 // frames of a run after its turn, and frames for slots that are filled or given up
	Unclaimed uint64 // frames of a run that was never given a turn, or lost it
	Snapped   uint64 // frames whose time was off the grid by less than half a frame
	Disorder  uint64 // segments whose pictures are not those of their slots
	Waiting   int    // frames that wait for their run's turn now
}

// Cutter turns the frames of one rendition into segments. It is not safe for concurrent use.
type Cutter struct {
	cfg   CutterConfig
	frame tick.Tick // duration of a frame
	unit  uint32    // the same in Timescale units
	turns []turn    // in time order; turns[0] owns the next slot
	next  int64     // slot that is expected
	seg   partial
	last  int64 // K emitted last, None before the first
	wild  int64 // slot of the last frame that lay too far ahead to be believed at once
	seen  []bool
	stats CutterStats

	out []Segment // of the Push that is under way
	err error
}

// turn is a run's claim to all slots from a slot on, up to the next turn's.
type turn struct {
	run     int
	from    int64
	done    bool    // the run has ended
	fresh   bool    // no frame taken yet
	waiting []Frame // frames for slots of this turn while an earlier one is on
}

// partial is the segment under construction. It holds the slots [first, next) of [first, end).
type partial struct {
	first   int64
	end     int64
	samples []fmp4.Sample
	pts     []int64 // presentation slot of each sample
	runs    []int   // of each sample
	bytes   int
}

// NewCutter checks that the rendition's frames fit the grid and the timescale exactly.
func NewCutter(cfg CutterConfig) (*Cutter, error) {
	frame := cfg.Audio.Frame
	if cfg.Video {
		frame = cfg.Grid.Rate.Frame
	} else if cfg.Audio.Rate <= 0 || cfg.Audio.Samples <= 0 {
		return nil, fmt.Errorf("rendition %s: audio grid of %d samples at %d Hz", cfg.Rendition, cfg.Audio.Samples,
			cfg.Audio.Rate)
	}
	c := &Cutter{cfg: cfg, frame: frame(), last: None}
	if c.frame <= 0 || cfg.Grid.T < c.frame {
		return nil, fmt.Errorf("rendition %s: frames of %d ticks in segments of %d", cfg.Rendition, c.frame, cfg.Grid.T)
	}
	if cfg.Video && cfg.Grid.T%c.frame != 0 {
		return nil, fmt.Errorf("rendition %s: a segment is not a whole number of frames", cfg.Rendition)
	}
	unit := c.frame.Units(max(cfg.Timescale, 1))
	if cfg.Timescale <= 0 || tick.FromUnits(unit, cfg.Timescale) != c.frame {
		return nil, fmt.Errorf("rendition %s: timescale %d cannot hold a frame exactly", cfg.Rendition, cfg.Timescale)
	}
	c.unit = uint32(unit)
	return c, nil
}

// Take hands over: from the first slot at or after `from` on, only frames of run are used, and frames before it still
// come from the runs that had their turn before. It is the one way to start, to replace and to switch runs. Call it
// before the first frame of run is pushed.
//
// What is emitted stays: if from lies before the end of the last emitted segment, the turn begins there instead. Media
// that is held for slots at or after that point is dropped, as are turns that were to begin there, with the frames
// that wait for them. A turn that begins inside a segment whose slots before it are neither held nor still to come
// from a run that lives starts at the next segment boundary. Giving a run a turn again that it already has only
// cancels later ones.
func (c *Cutter) Take(run int, from tick.Tick) {
	slot := c.ceil(from)
	if c.last != None {
		slot = max(slot, c.firstSlot(c.last+1))
	}
	keep := len(c.turns)
	for keep > 0 && c.turns[keep-1].from >= slot {
		keep--
	}
	if keep > 0 && c.turns[keep-1].run == run {
		c.turns = c.cancel(keep)
		return
	}
	if keep > 0 {
		t := &c.turns[keep-1]
		kept := len(t.waiting)
		for kept > 0 && c.nearest(t.waiting[kept-1].DTS) >= slot {
			kept--
		}
		c.stats.Late += uint64(len(t.waiting) - kept)
		t.waiting = t.waiting[:kept]
	}
	started := len(c.turns) > 0
	c.turns = append(c.cancel(keep), turn{run: run, from: slot, fresh: true})
	switch {
	case !started:
		c.next = c.boundary(slot)
		c.begin()
	case slot < c.next:
		c.rewind(slot)
	}
	c.advance()
}

// cancel drops the turns from index keep on and returns the others.
func (c *Cutter) cancel(keep int) []turn {
	for i := keep; i < len(c.turns); i++ {
		c.stats.Unclaimed += uint64(len(c.turns[i].waiting))
		c.turns[i] = turn{}
	}
	return c.turns[:keep]
}

// Done tells that a run has ended and all its frames were pushed. What it left unfinished stays for a Take that
// continues it, from Next or from the start of the segment; the next frame of any other run drops it.
func (c *Cutter) Done(run int) {
	for i := range c.turns {
		if c.turns[i].run == run {
			c.turns[i].done = true
		}
	}
}

// Next is the time of the frame that is expected next. It is 0 before the first Take.
func (c *Cutter) Next() tick.Tick {
	if len(c.turns) == 0 {
		return 0
	}
	return c.at(c.next)
}

// Handing tells whether another run's turn is to follow that of one that lives: what is missing before that turn is
// still to come.
func (c *Cutter) Handing() bool { return len(c.turns) > 1 && !c.turns[0].done }

// Emitted is the number of the last segment emitted, None before the first.
func (c *Cutter) Emitted() int64 { return c.last }

// Stats returns the counters.
func (c *Cutter) Stats() CutterStats {
	s := c.stats
	for i := range c.turns {
		s.Waiting += len(c.turns[i].waiting)
	}
	return s
}

// Grid arithmetic: slots are frames counted from the epoch.

func (c *Cutter) at(slot int64) tick.Tick { return tick.Tick(slot) * c.frame }

// ceil is the first slot at or after t.
func (c *Cutter) ceil(t tick.Tick) int64 { return tick.MulDiv(int64(t+c.frame)-1, 1, int64(c.frame)) }

// nearest is the slot that t is snapped to.
func (c *Cutter) nearest(t tick.Tick) int64 {
	return tick.MulDiv(int64(t+c.frame/2), 1, int64(c.frame))
}

// segment is the number of the segment that holds slot.
func (c *Cutter) segment(slot int64) int64 { return c.cfg.Grid.K(c.at(slot)) }

// firstSlot is the first slot of segment k.
func (c *Cutter) firstSlot(k int64) int64 { return c.ceil(c.cfg.Grid.Start(k)) }

// boundary is the first slot at or after slot that begins a segment.
func (c *Cutter) boundary(slot int64) int64 {
	k := c.segment(slot)
	if first := c.firstSlot(k); first == slot {
		return slot
	}
	return c.firstSlot(k + 1)
}
