package content

import "onair/pkg/tick"

// Offset measures how much later sound arrives than the picture of the same time, from nothing but presentation times
// and arrivals: over each second of arrival, how far the pictures' times are ahead of their arrival on average, less
// the same of the sound. Averages take out that pictures are sent in another order than they are shown. Its zero value
// is ready.
type Offset struct {
	from  tick.Tick // arrival of the first of this second
	begun bool
	clock int64     // generation of the source's clock
	base  tick.Tick // an instant of the source's clock less its arrival: sums of what is left stay small
	sum   [2]tick.Tick
	n     [2]int

	value tick.Tick
	valid bool
	at    tick.Tick // arrival when value was made
}

// offsetSpan is what one value is measured over.
const offsetSpan = tick.Second

// Push takes the time of a picture or of a sound. clock tells times apart that have nothing to do with each other.
func (o *Offset) Push(picture bool, clock int64, at, arrival tick.Tick) {
	if o.begun && (clock != o.clock || arrival-o.from >= offsetSpan || arrival < o.from) {
		o.close(clock == o.clock)
	}
	if !o.begun {
		*o = Offset{begun: true, clock: clock, from: arrival, base: at - arrival, value: o.value, valid: o.valid, at: o.at}
	}
	i := 0
	if picture {
		i = 1
	}
	o.sum[i] += at - arrival - o.base
	o.n[i]++
}

// close ends a second.
func (o *Offset) close(same bool) {
	switch {
	case !same:
		o.valid = false
	case o.n[0] > 0 && o.n[1] > 0:
		o.value, o.valid = o.sum[1]/tick.Tick(o.n[1])-o.sum[0]/tick.Tick(o.n[0]), true
		o.at = o.from
	}
	o.begun = false
}

// Value is the newest offset, valid for some seconds of arrival: negative where sound comes before its picture.
func (o *Offset) Value(now tick.Tick) (tick.Tick, bool) {
	if !o.valid || now-o.at > maxHole {
		return 0, false
	}
	return o.value, true
}
