// Package ingest receives contribution inputs: it opens the legs of each, keeps them open, and merges what they bring.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"onair/pipeline/rtmp"
	"onair/pipeline/rtsp"
	"onair/pkg/leg"
	"onair/pkg/merge"
	"onair/pkg/tick"
)

// DefaultMerge is the longest wait for a datagram that another leg may bring.
const DefaultMerge = 200 * time.Millisecond

// takeOver is the silence after which another sender, or another unmergeable leg, takes the place of the one in use.
const takeOver = 500 * tick.Millisecond

// silence is how long nothing must have come for a leg to be called silent.
const silence = tick.Second

// InputConfig describes one input.
type InputConfig struct {
	Name  string
	Legs  []leg.URL      // at least one
	Merge time.Duration  // longest wait at a hole; 0: DefaultMerge
	Allow []netip.Prefix // who may send; empty: everybody
	Log   zerolog.Logger // zero: silent
	// Event gets what the operator should know, by level ("info", "warning"), with the input's name; nil: the log does.
	Event func(level, message string)
	Now   func() tick.Tick // the clock that arrivals are told by; nil: the wall clock at start, then monotonic
	RTSP  *rtsp.Servers    // where legs are published to, shared by the inputs of a process; nil: servers of its own
	RTMP  *rtmp.Servers    // likewise
}

// Sink takes what an input brings.
type Sink interface {
	// Datagram takes the media of one datagram: bare TS bytes of any length, valid during the call. lost is the number
	// of datagrams missing directly before it, as far as sequence numbers tell. Calls never overlap, though they come
	// from the goroutine of whichever leg brought the datagram; the input is locked meanwhile, so Sink must not call it.
	Datagram(ts []byte, now tick.Tick, lost int)
}

// Input is one source of the programme, over one leg or several.
type Input struct {
	config InputConfig
	sink   Sink
	legs   []*path
	allow  atomic.Pointer[[]netip.Prefix]
	wake   chan struct{} // there is an earlier deadline than the one that is waited for

	mu         sync.Mutex
	merger     *merge.Merger
	now        tick.Tick // of what is being merged; never goes back
	armed      tick.Tick // the deadline that is waited for; 0: none
	source     int       // what the sink gets: fromMerge, or the leg of that index without merging
	sourceLast tick.Tick // when that last brought something
	competed   tick.Tick // when a leg last brought something while another source was in use
	told       bool      // whether it was logged that the legs cannot be merged
	out        meter
	outLost    uint64
	last       tick.Tick
}

// fromMerge says that the sink gets what was merged by sequence number.
const fromMerge = -1

// NewInput checks the configuration. It opens nothing.
func NewInput(c InputConfig, sink Sink) (*Input, error) {
	if len(c.Legs) == 0 {
		return nil, fmt.Errorf("input %s: no legs", c.Name)
	}
	if sink == nil {
		return nil, errors.New("input: no sink")
	}
	if c.Merge == 0 {
		c.Merge = DefaultMerge
	}
	if c.Now == nil {
		c.Now = Clock()
	}
	if c.RTMP == nil {
		c.RTMP = rtmp.NewServers()
	}
	if c.RTSP == nil {
		c.RTSP = rtsp.NewServers()
	}
	in := &Input{config: c, sink: sink, wake: make(chan struct{}, 1), source: fromMerge}
	in.allow.Store(&c.Allow)
	m, err := merge.New(merge.Config{Legs: len(c.Legs), Window: tick.FromDuration(c.Merge), Out: in.merged})
	if err != nil {
		return nil, fmt.Errorf("input %s: %w", c.Name, err)
	}
	in.merger = m
	for i, u := range c.Legs {
		p, err := newPath(in, i, u)
		if err != nil {
			return nil, fmt.Errorf("input %s: leg %s: %w", c.Name, u.Redacted(), err)
		}
		in.legs = append(in.legs, p)
	}
	return in, nil
}

// Allow changes who may send; empty: everybody. A connection from elsewhere ends within about a second.
func (in *Input) Allow(prefixes []netip.Prefix) { in.allow.Store(&prefixes) }

// Clock is the wall clock read once, then the monotonic one: a step of the host's time changes nothing.
func Clock() func() tick.Tick {
	start := time.Now()
	base := tick.FromTime(start)
	return func() tick.Tick { return base + tick.FromDuration(time.Since(start)) }
}

// Run opens the legs and receives until ctx ends, reopening with back-off what fails; it then returns nil with
// everything closed. It may be called once.
func (in *Input) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, p := range in.legs {
		wg.Go(func() { p.run(ctx) })
	}
	const checkEvery = time.Second
	timer := time.NewTimer(checkEvery)
	check := time.NewTicker(checkEvery)
	defer timer.Stop()
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-check.C:
			in.check(in.config.Now())
		case <-timer.C:
		case <-in.wake:
		}
		timer.Reset(in.due(checkEvery))
	}
}

// check looks after the legs once a second, and tells when they cannot be merged.
func (in *Input) check(now tick.Tick) {
	for _, p := range in.legs {
		p.check(now)
	}
	in.mu.Lock()
	unmerged, was := in.unmergedLocked(now), in.told
	in.told = unmerged
	in.mu.Unlock()
	switch {
	case unmerged && !was:
		in.config.Log.Error().Msg("legs do not carry the same datagrams: only one is used")
	case was && !unmerged:
		in.config.Log.Info().Msg("legs are merged again")
	}
}

// tell tells the operator.
func (in *Input) tell(level, text string) {
	switch text = fmt.Sprintf("input %s: %s", in.config.Name, text); {
	case in.config.Event != nil:
		in.config.Event(level, text)
	case level == "info":
		in.config.Log.Info().Msg(text)
	default:
		in.config.Log.Warn().Msg(text)
	}
}

// due releases what has waited long enough, and returns how long to wait for the next, at most limit.
func (in *Input) due(limit time.Duration) time.Duration {
	const late = 100 * time.Microsecond // rather a little after the deadline than just before it
	in.mu.Lock()
	defer in.mu.Unlock()
	in.advance()
	in.merger.Tick(in.now)
	at, ok := in.merger.Deadline()
	if !ok {
		in.armed = 0
		return limit
	}
	in.armed = at
	return min(limit, (at-in.now).Duration()+late)
}

// advance reads the clock. mu is held.
func (in *Input) advance() { in.now = max(in.now, in.config.Now()) }

// sequenced merges a datagram that has a sequence number. mu is held, and now has advanced.
func (in *Input) sequenced(index int, p merge.Packet) {
	in.merger.Push(index, p, in.now)
	in.arm()
}

// arm has the merger's next deadline waited for. mu is held.
func (in *Input) arm() {
	if at, ok := in.merger.Deadline(); ok && (in.armed == 0 || at < in.armed) {
		in.armed = at
		select {
		case in.wake <- struct{}{}:
		default:
		}
	}
}

// merged takes what the merger puts out. mu is held.
func (in *Input) merged(ts []byte, lost int) {
	in.outLost += uint64(lost)
	if in.chosen(fromMerge) {
		in.put(ts, lost)
	}
}

// bare takes a datagram without a sequence number from a leg; false: another leg is in use. mu is held.
func (in *Input) bare(index int, ts []byte) bool {
	if !in.chosen(index) {
		return false
	}
	in.put(ts, 0)
	return true
}

// chosen tells whether the sink gets what this source brings: the one in use, or any when that one is silent. mu is
// held.
func (in *Input) chosen(source int) bool {
	if source != in.source {
		if in.sourceLast != 0 && in.now-in.sourceLast < takeOver {
			in.competed = in.now
			return false
		}
		in.source = source
	}
	in.sourceLast = in.now
	return true
}

func (in *Input) put(ts []byte, lost int) {
	in.out.add(len(ts), in.now)
	in.last = in.now
	in.sink.Datagram(ts, in.now, lost)
}
