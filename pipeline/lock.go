package pipeline

import (
	"context"
	"fmt"

	"onair/pipeline/control"
	"onair/pkg/anchor"
	"onair/pkg/tick"
)

// trialFor is how long a pipeline that begins with a clock of its own beside stored ones waits for a word of who may be
// on air with one of these: they look every driftEvery, and speak up at the second time.
const trialFor = 30 * tick.Second

// proposeAgain is the time between two proposals of a clock that the store does not take, as of a disk that is full.
const proposeAgain = 60 * tick.Second

// lock is how an input's clock stands to the timeline's store.
type lock struct {
	state  control.Lock
	gen    int64     // that it is about
	number int64     // of that generation in the store, which others may have counted on; 0: it is not there
	moved  tick.Tick // by how much what was agreed upon later has moved it
	seen   int64     // a newer number that does not fit
	told   bool      // that the pipeline is not locked
	trial  tick.Tick // until then it is not known whether another pipeline is on air with a clock that is older
	again  tick.Tick // when it is proposed again, as the store did not take it; 0: it did, or somebody is at it
}

// of is the lock of a generation: one that nobody proposed was found in the store.
func (l lock) of(gen int64) control.Lock {
	switch {
	case gen == 0:
		return control.NoLock
	case l.gen == gen:
		return l.state
	}
	return control.Locked
}

// numberOf is the one that the store has for a generation: its own where it was found there. 0: it is not there.
func (l lock) numberOf(gen int64) int64 {
	if l.gen == gen {
		return l.number
	}
	return gen
}

// standby tells whether another pipeline has, or may have, the common clock, and this one another.
func (l lock) standby() bool {
	return l.state == control.Unlocked && (l.seen != 0 || l.trial != 0)
}

func (c *Channel) lockOf(in *input) lock {
	c.mu.Lock()
	defer c.mu.Unlock()
	return in.lock
}

// setLock changes an input's lock unless something newer is known meanwhile.
func (c *Channel) setLock(in *input, was, is lock) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if in.lock != was {
		return false
	}
	in.lock = is
	return true
}

// moved is by how much an input's clock was moved that had drifted by nothing.
func (c *Channel) moved(in *input, gen int64) tick.Tick {
	if l := c.lockOf(in); l.gen == gen {
		return l.moved
	}
	return 0
}

// heed looks whether another pipeline has stored a newer anchor, and goes along with a correction. One that does not
// fit is that of another clock: the source's, after a jump that is still to come here, or that of another source.
func (c *Channel) heed(in *input) {
	gen := in.programme.Stats().Generation
	l := c.lockOf(in)
	own, ok := in.table.Anchor(gen)
	number := l.numberOf(gen)
	if ok && l.gen == gen && l.again != 0 {
		c.proposeAnew(in, l, own)
		return
	}
	if !ok || number == 0 {
		return
	}
	other, err := c.timeline.next(in.name, max(number, l.seen)+1)
	if err != nil { // there is none, mostly; a store that fails is told by whoever writes to it
		c.settleLock(in, l, own)
		return
	}
	if adopted, fits := own.Adopt(other); fits {
		if c.setLock(in, l, lock{state: control.Locked, gen: gen, number: other.Gen, moved: l.moved}) {
			in.table.Replace(adopted)
		}
		return
	}
	if own.Timecode && other.Timecode { // another clock, and placed alike
		c.setLock(in, l, lock{state: control.Locked, gen: gen, number: other.Gen, moved: l.moved})
		return
	}
	next := l
	next.gen, next.number, next.seen = gen, number, other.Gen
	if l.gen != gen {
		next.state = control.Locked
	}
	c.setLock(in, l, next) // what it means is known the next time: a jump comes here within seconds, too
}

const otherClock = "another pipeline has stored a clock that this feed does not fit (generation %d)"

// proposeAnew proposes a clock again that the store did not take, once it is time for that.
func (c *Channel) proposeAnew(in *input, l lock, own anchor.Anchor) {
	if c.now() < l.again {
		return
	}
	next := l
	if next.again = 0; c.setLock(in, l, next) {
		c.timeline.propose(in.name, own, func(g agreement) { c.ruled(in, own, g, false) })
	}
}

// settleLock decides what a newer clock means that does not fit and that this feed has not jumped to since: of two
// clocks the one that was stored first is the common one, and its pipeline says so under a new number.
func (c *Channel) settleLock(in *input, l lock, own anchor.Anchor) {
	if l.gen != own.Gen || c.now()-in.programme.Stats().LastPacket > tick.Second {
		return
	}
	switch {
	case l.seen != 0 && !l.told && c.isSenior(in, own, l.seen):
		own.Gen = l.seen + 1
		c.timeline.propose(in.name, own, func(g agreement) { c.corrected(in, l.gen, g) })
		c.tellClock(in, control.Warning, codeUnlocked, fmt.Sprintf(otherClock+"; that of this feed was there first and "+
			"stays: the other one gets another feed", l.seen))
	case l.seen != 0 && !l.told:
		next := l
		next.state, next.told = control.Unlocked, true
		if c.setLock(in, l, next) {
			c.tellClock(in, control.Warning, codeUnlocked, fmt.Sprintf(otherClock+", and it was there first: this one gets "+
				"another feed, see that both have the same", l.seen))
		}
	case l.seen == 0 && l.trial != 0 && c.now() >= l.trial:
		next := l
		next.state, next.trial = control.Locked, 0
		c.setLock(in, l, next)
	}
}

// isSenior tells whether this feed's clock was stored before the one that has another number. If that is not known, it
// is not.
func (c *Channel) isSenior(in *input, own anchor.Anchor, number int64) bool {
	known, _, err := c.timeline.anchors(context.Background(), in.name)
	if err != nil {
		return false
	}
	var other anchor.Anchor
	for _, a := range known {
		if a.Gen == number {
			other = a
		}
	}
	if other.Gen == 0 {
		return false
	}
	for _, a := range known {
		if _, ours := own.Adopt(a); ours {
			return true
		}
		if _, theirs := other.Adopt(a); theirs {
			return false
		}
	}
	return false
}

// clockOf is what is to be known of the clock of an input; of the slate nothing is.
func (c *Channel) clockOf(name string) clock {
	for _, in := range c.inputs() {
		if in.name == name {
			return clock{
				generation: in.programme.Stats().Generation,
				standby:    c.file.SharesTimeline() && (c.ending.Load() || c.lockOf(in).standby()),
			}
		}
	}
	return clock{}
}
