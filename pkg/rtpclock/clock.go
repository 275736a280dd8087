// Package rtpclock puts the RTP timestamps of several streams of one sender on a common time base (RFC 3550 §6.4.1).
package rtpclock

import (
	"errors"
	"fmt"

	"onair/pkg/tick"
)

// Rate is how many units of the common time base are a second.
const Rate = 90_000

const (
	// start is where the time base begins: earlier times than the first have room before it.
	start = 10 * Rate
	// patience is how long streams wait for the one that comes first in rank before one of them takes its place.
	patience = 2 * tick.Second
	// far is a distance between timestamps and their arrival, or between two ways to align streams, that no network
	// makes: the sender began anew, or its reports are wrong.
	far = 10 * Rate
	// fine is the difference from which on a first alignment by reports is taken, coarse that of later ones: crystals
	// drift, and a step is heard.
	fine, coarse = Rate / 1000, Rate / 50
)

// Stats counts since New.
type Stats struct {
	Aligned  uint64    // alignments by sender reports
	Refused  uint64    // reports whose time cannot be that of the stream
	Restarts uint64    // timestamps that began anew
	Shift    tick.Tick // the last alignment: how much later the stream is told since
}

// Clock knows the streams of one sender. It is for one goroutine.
type Clock struct {
	streams []stream
	lead    int // the stream that rules the time base; -1: not yet
	began   tick.Tick
	stats   Stats
}

// stream is one stream's own clock.
type stream struct {
	rate    int64
	running bool
	stamp   uint32 // the last timestamp
	units   int64  // the same, unwrapped
	offset  int64  // what makes it a time of the base, in 1/Rate s
	last    int64  // the last time of the base
	arrival tick.Tick

	reported bool // a sender report came
	ntp      int64
	at       int64 // units at that time
	early    bool  // a report came before the first packet
	earlyAt  uint32
	aligned  bool
}

// New makes a clock for streams of these clock rates in Hz. The first one rules the time base when it comes: it should
// be the one whose steps would be seen, the video.
func New(rates ...int) (*Clock, error) {
	if len(rates) == 0 {
		return nil, errors.New("no streams")
	}
	c := &Clock{lead: -1}
	for i, r := range rates {
		if r <= 0 {
			return nil, fmt.Errorf("stream %d has no clock rate", i)
		}
		c.streams = append(c.streams, stream{rate: int64(r)})
	}
	return c, nil
}

// Stats returns the counts so far.
func (c *Clock) Stats() Stats { return c.stats }

// Time is the place of a packet's timestamp on the common time base, in 1/Rate s, not wrapped. now is its arrival.
// Until the stream has come that rules the time base the others have no time: then ok is false.
func (c *Clock) Time(i int, stamp uint32, now tick.Tick) (t int64, ok bool) {
	if i < 0 || i >= len(c.streams) {
		return 0, false
	}
	s := &c.streams[i]
	if c.lead < 0 && !c.choose(i, now) {
		return 0, false
	}
	if !s.running {
		c.begin(i, stamp, now)
	}
	s.follow(stamp)
	t = s.time(s.units)
	if expected := s.last + units(now-s.arrival); s.last != 0 && (t-expected > far || expected-t > far) {
		c.stats.Restarts++
		c.Restart(i)
		return c.Time(i, stamp, now)
	}
	s.last, s.arrival = t, now
	return t, true
}

// choose makes a stream the one that rules, if it may.
func (c *Clock) choose(i int, now tick.Tick) bool {
	if c.began == 0 {
		c.began = now
	}
	if i != 0 && now-c.began < patience {
		return false
	}
	c.lead = i
	return true
}

// begin gives a stream its first time: where the stream that rules is now, until reports tell better.
func (c *Clock) begin(i int, stamp uint32, now tick.Tick) {
	s, lead := &c.streams[i], &c.streams[c.lead]
	at := int64(start)
	switch {
	case s.last != 0: // it began anew
		at = s.last + units(now-s.arrival)
	case i != c.lead:
		at = lead.last + units(now-lead.arrival)
	}
	s.running, s.stamp, s.units, s.last = true, stamp, 0, 0
	s.offset = at
	if s.early {
		s.at = int64(int32(s.earlyAt - stamp))
		s.reported, s.early = true, false
	}
	c.align(i)
}

// Restart forgets a stream's timestamps: the next ones have nothing to do with those before.
func (c *Clock) Restart(i int) {
	s := &c.streams[i]
	s.running, s.reported, s.early, s.aligned = false, false, false, false
}

// Report takes what a sender report says: that a stream's timestamp belongs to that NTP time (32 bits of seconds, 32 of
// their fraction).
func (c *Clock) Report(i int, ntp uint64, stamp uint32) {
	if i < 0 || i >= len(c.streams) || ntp == 0 {
		return
	}
	s := &c.streams[i]
	s.ntp = int64(ntp>>32)*Rate + int64(((ntp&0xFFFFFFFF)*Rate+1<<31)>>32)
	if !s.running {
		s.early, s.earlyAt = true, stamp
		return
	}
	s.at = s.units + int64(int32(stamp-s.stamp))
	s.reported = true
	if i != c.lead {
		c.align(i)
		return
	}
	for k := range c.streams {
		c.align(k)
	}
}

// align moves a stream to where the reports want it in relation to the one that rules.
func (c *Clock) align(i int) {
	s := &c.streams[i]
	if i == c.lead || c.lead < 0 {
		return
	}
	lead := &c.streams[c.lead]
	if !s.running || !s.reported || !lead.running || !lead.reported {
		return
	}
	// The time at which the report was made is the same instant on both.
	shift := lead.time(lead.at) + s.ntp - lead.ntp - s.time(s.at)
	least := int64(coarse)
	if !s.aligned {
		least = fine
	}
	switch {
	case shift > far || shift < -far:
		c.stats.Refused++
		return
	case shift > -least && shift < least:
	default:
		s.offset += shift
		if s.last != 0 {
			s.last += shift
		}
		c.stats.Aligned++
		c.stats.Shift = tick.FromUnits(shift, Rate)
	}
	s.aligned = true
}

// follow unwraps a timestamp.
func (s *stream) follow(stamp uint32) {
	s.units += int64(int32(stamp - s.stamp))
	s.stamp = stamp
}

// time is a time of the base.
func (s *stream) time(at int64) int64 { return s.offset + tick.MulDiv(at, Rate, s.rate) }

// units is a span in 1/Rate s.
func units(span tick.Tick) int64 { return int64(span) / (int64(tick.Second) / Rate) }
