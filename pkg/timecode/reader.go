package timecode

import (
	"slices"
	"sync"

	"onair/pkg/tick"
)

// Zone is what labels are counted in besides pictures: those of local time differ from UTC by a multiple of it.
const Zone = 15 * 60 * tick.Second

const (
	remembered = 64 // pictures
	fewest     = 8  // that tell a rate
	confirmed  = 2  // labels in a row that say the same
)

// picture is one of the last pictures.
type picture struct {
	pts   int64
	label Label
	known bool      // it has a label
	at    tick.Tick // when that arrived
}

// Reader finds out by the labels of an input's pictures at what time of day source time was 0. What it takes is pushed
// by one goroutine, it may be asked by any.
type Reader struct {
	mu     sync.Mutex
	gen    int64
	recent [remembered]picture
	n      int // pictures of the generation so far
	rate   tick.Rate
	pairs  bool      // two pictures have each label
	origin tick.Tick // time of day at source time 0, below Zone
	other  tick.Tick // what the newest label says instead
	agreed int       // labels that say origin, up to confirmed; 0: none yet
	doubts int       // in a row that say other
	last   Label
	lastAt tick.Tick // when that arrived; 0: none has yet
}

// Picture tells that a picture begins, at source time pts (90 kHz) of a generation of the source's clock.
func (r *Reader) Picture(gen, pts int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if gen != r.gen {
		r.gen, r.n, r.agreed, r.doubts = gen, 0, 0, 0
	}
	r.recent[r.n%remembered] = picture{pts: pts}
	r.n++
	if n := r.n; n == fewest || n == 2*fewest || n == 4*fewest || n%remembered == 0 {
		r.measure()
	}
}

// Label tells the label of the picture that was told last; now is when it arrived.
func (r *Reader) Label(l Label, now tick.Tick) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n == 0 || !l.Valid() {
		return
	}
	p := &r.recent[(r.n-1)%remembered]
	p.label, p.known, p.at = l, true, now
	r.last, r.lastAt = l, now
	if r.rate.IsZero() {
		return
	}
	first, paired := r.mate(*p)
	switch {
	case paired:
		r.pairs = true
	case r.pairs && int64(l.Frames) >= counted(r.rate)/2: // there are no such numbers by pairs
		r.pairs, r.agreed = false, 0
	case r.pairs:
		return // the first of two, or the second: that is known when the other has come
	}
	r.say(mod(l.SinceMidnight(r.rate, r.pairs) - tick.Tick(first)*tick.Per90k))
}

// measure finds out how many pictures there are a second, by the times between those that follow each other. Times may
// be rounded to a millisecond, and pictures may be missing.
func (r *Reader) measure() {
	var all [remembered]int64
	times := all[:min(r.n, remembered)]
	for i := range times {
		times[i] = r.recent[i].pts
	}
	slices.Sort(times)
	least := int64(0)
	for i := range len(times) - 1 {
		if d := times[i+1] - times[i]; d > 0 && (least == 0 || d < least) {
			least = d
		}
	}
	sum, n := int64(0), int64(0)
	for i := range len(times) - 1 {
		if d := times[i+1] - times[i]; d > 0 && d < least*3/2 {
			sum, n = sum+d, n+1
		}
	}
	if n == 0 {
		return
	}
	if rate := tick.Nearest(90_000*n, sum); rate != r.rate {
		r.rate, r.pairs, r.agreed, r.doubts = rate, false, 0, 0
	}
}

// mate looks for another picture that has the label of p, next to it: the two have one number. first is the source time
// of the one that is shown first.
func (r *Reader) mate(p picture) (first int64, found bool) {
	for _, q := range r.recent[:min(r.n, remembered)] {
		d := abs(q.pts - p.pts)
		if q.known && q.label == p.label && d > 0 && tick.Tick(d)*tick.Per90k < r.rate.Frame()*3/2 {
			return min(q.pts, p.pts), true
		}
	}
	return p.pts, false
}

// near is how far two labels of one clock may lie apart: source times are rounded, some senders' to a millisecond.
const near = 2 * tick.Millisecond

// say takes what a label says of the origin. One that contradicts is believed when the next one says so too.
func (r *Reader) say(origin tick.Tick) {
	switch {
	case r.agreed == 0:
		r.origin, r.agreed = origin, 1
	case apart(origin, r.origin).Abs() <= near:
		r.agreed, r.doubts = min(r.agreed+1, confirmed), 0
	case r.doubts > 0 && apart(origin, r.other).Abs() <= near:
		r.origin, r.agreed, r.doubts = origin, confirmed, 0
	default:
		r.other, r.doubts = origin, 1
	}
}

// Place is when the picture at a source time is shown by the labels, at the time of day that is nearest to at: their
// day is not told, nor is their zone. ok is false while fewer than two labels in a row have agreed.
func (r *Reader) Place(gen, pts int64, at tick.Tick) (place tick.Tick, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if gen != r.gen || r.agreed < confirmed {
		return 0, false
	}
	shown := r.origin + tick.Tick(pts)*tick.Per90k
	return at + apart(shown, at), true
}

// Late is how long after the time that labels tell pictures arrive: the least of the last ones, as a sender that begins
// with a burst, and a path, only delay them. ok is as for Place.
func (r *Reader) Late(gen int64) (late tick.Tick, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if gen != r.gen || r.agreed < confirmed {
		return 0, false
	}
	late = Zone
	for _, p := range r.recent[:min(r.n, remembered)] {
		if p.known {
			late = min(late, apart(p.at, r.origin+tick.Tick(p.pts)*tick.Per90k))
		}
	}
	return late, true
}

// Last is the newest label and when it arrived; 0: there was none yet.
func (r *Reader) Last() (l Label, at tick.Tick) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last, r.lastAt
}

func abs(d int64) int64 { return max(d, -d) }

// mod is t less whole zones, at least 0.
func mod(t tick.Tick) tick.Tick { return (t%Zone + Zone) % Zone }

// apart is how much later a is than b, at most half a zone.
func apart(a, b tick.Tick) tick.Tick { return mod(a-b+Zone/2) - Zone/2 }
