package send

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"onair/pkg/tick"
)

// Limits of impairments.
const (
	MaxDelay  = 10 * time.Second // of skew and jitter together
	MaxBurst  = 10_000           // datagrams
	backwards = 4                // datagrams at most that overtake a reordered one
)

// Cut is a time in which a leg is silent, from the start of the stream. To 0 is for good.
type Cut struct{ From, To time.Duration }

func (c Cut) holds(at tick.Tick) bool {
	return at >= tick.FromDuration(c.From) && (c.To == 0 || at < tick.FromDuration(c.To))
}

// Impairment is what happens to the datagrams of one leg. The zero value lets all through, in time and in order.
type Impairment struct {
	Loss    float64       // part of the datagrams that is lost, 0 to 1
	Burst   int           // mean number of datagrams lost in a row; 0 or 1: each for itself
	Jitter  time.Duration // up to so much later, evenly spread; the order stays
	Skew    time.Duration // all so much later
	Reorder float64       // part of the datagrams that one to four later ones overtake, 0 to 1
	Cuts    []Cut
}

// Check finds what is out of bounds.
func (m Impairment) Check() error {
	switch {
	case m.Loss < 0 || m.Loss > 1:
		return fmt.Errorf("loss of %v: allowed are 0 to 1", m.Loss)
	case m.Burst < 0 || m.Burst > MaxBurst:
		return fmt.Errorf("bursts of %d: allowed are 0 to %d", m.Burst, MaxBurst)
	case m.Reorder < 0 || m.Reorder > 1:
		return fmt.Errorf("reordering of %v: allowed are 0 to 1", m.Reorder)
	case m.Jitter < 0 || m.Skew < 0 || m.Jitter > MaxDelay || m.Skew > MaxDelay || m.Jitter+m.Skew > MaxDelay:
		return fmt.Errorf("skew of %v with jitter of %v: allowed are 0 to %v together", m.Skew, m.Jitter, MaxDelay)
	}
	for _, c := range m.Cuts {
		if c.From < 0 || c.To != 0 && c.To <= c.From {
			return fmt.Errorf("silence from %v to %v: the end must come after the start", c.From, c.To)
		}
	}
	return nil
}

// Cause is why a datagram was not sent.
type Cause uint8

// Causes.
const (
	Sent   Cause = iota
	Lost         // by chance
	Silent       // in a Cut
)

// String is the cause in one word.
func (c Cause) String() string { return [...]string{"sent", "loss", "drop"}[c] }

// Fate is what happens to one datagram on one leg.
type Fate struct {
	Cause Cause
	Delay tick.Tick // skew and jitter
	Back  int       // how many later datagrams overtake it
}

// Impairer decides over datagrams. The same seed gives the same decisions.
type Impairer struct {
	legs      []dice
	group     []int // the legs that carry the same datagrams
	exclusive bool
	among     *rand.Rand
	fates     []Fate
}

// dice is the chance of one leg.
type dice struct {
	Impairment
	*rand.Rand
	bad bool // in a burst
}

// NewImpairer checks the legs' impairments. group are the legs that carry the same datagrams; if exclusive, each
// datagram is let through on one of them at least.
func NewImpairer(legs []Impairment, group []int, exclusive bool, seed uint64) (*Impairer, error) {
	im := &Impairer{group: group, exclusive: exclusive, fates: make([]Fate, len(legs))}
	im.among = rand.New(rand.NewPCG(seed, 0))
	for i, m := range legs {
		if err := m.Check(); err != nil {
			return nil, fmt.Errorf("leg %d: %w", i+1, err)
		}
		im.legs = append(im.legs, dice{Impairment: m, Rand: rand.New(rand.NewPCG(seed, uint64(i+1)))})
	}
	if exclusive {
		return im, im.possible()
	}
	return im, nil
}

// possible tells whether there is always a leg that is not silent.
func (im *Impairer) possible() error {
	if len(im.group) < 2 {
		return errors.New("no datagram can be spared on all legs where only one carries them: exclusive needs two rtp legs")
	}
	for _, i := range im.group { // if there is an instant at which all are silent, one is where a silence begins
		for _, c := range im.legs[i].Cuts {
			if im.allSilent(tick.FromDuration(c.From)) {
				return fmt.Errorf("all legs are silent at %v: exclusive cannot be kept", c.From)
			}
		}
	}
	return nil
}

func (im *Impairer) allSilent(at tick.Tick) bool {
	for _, i := range im.group {
		if !im.legs[i].silent(at) {
			return false
		}
	}
	return true
}

func (d *dice) silent(at tick.Tick) bool {
	for _, c := range d.Cuts {
		if c.holds(at) {
			return true
		}
	}
	return false
}

// Next decides over the next datagram, which is at the given time of the stream: a fate for each leg, valid until the
// next call.
func (im *Impairer) Next(at tick.Tick) []Fate {
	for i := range im.legs {
		im.fates[i] = im.legs[i].roll(at)
	}
	if im.exclusive && im.Everywhere() {
		im.spare(at)
	}
	return im.fates
}

// Everywhere tells whether the last datagram was dropped on all legs that carried it.
func (im *Impairer) Everywhere() bool {
	for _, i := range im.group {
		if im.fates[i].Cause == Sent {
			return false
		}
	}
	return len(im.group) > 0
}

// spare lets the datagram through on one leg that is not silent.
func (im *Impairer) spare(at tick.Tick) {
	first := im.among.IntN(len(im.group))
	for n := range im.group {
		i := im.group[(first+n)%len(im.group)]
		if !im.legs[i].silent(at) {
			im.fates[i].Cause = Sent
			return
		}
	}
}

func (d *dice) roll(at tick.Tick) Fate {
	f := Fate{Delay: tick.FromDuration(d.Skew)}
	if d.Jitter > 0 {
		f.Delay += tick.FromDuration(time.Duration(d.Int64N(int64(d.Jitter) + 1)))
	}
	if d.Reorder > 0 && d.Float64() < d.Reorder {
		f.Back = 1 + d.IntN(backwards)
	}
	if d.lose() {
		f.Cause = Lost
	}
	if d.silent(at) {
		f.Cause = Silent
	}
	return f
}

// lose is a chain of two states (Gilbert): in the bad one all is lost, and it lasts Burst datagrams on average.
func (d *dice) lose() bool {
	if d.Loss <= 0 || d.Loss >= 1 || d.Burst <= 1 {
		return d.Loss > 0 && d.Float64() < d.Loss
	}
	leave := 1 / float64(d.Burst)
	enter := min(1, leave*d.Loss/(1-d.Loss))
	if d.bad {
		d.bad = d.Float64() >= leave
	} else {
		d.bad = d.Float64() < enter
	}
	return d.bad
}
