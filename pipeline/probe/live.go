package probe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"onair/pkg/tick"
)

// Source is an input that hands its datagrams to an Analysis, from one goroutine, while it runs.
type Source interface {
	// Run receives until ctx ends.
	Run(ctx context.Context) error
	// Failure is why nothing can be received at present, empty if all is well. It may be called while Run runs.
	Failure() string
}

// ErrCannotOpen tells that the source could not be opened for as long as the probe lasted.
var ErrCannotOpen = errors.New("cannot open")

// DefaultSpan is how long a source is listened to.
const DefaultSpan = 10 * time.Second

// Live listens to a source that feeds a, for span (0: DefaultSpan) or until ctx ends, and returns the report. now is
// the clock by which the source tells arrivals. The error is ErrCannotOpen, or that of the source.
func Live(ctx context.Context, src Source, a *Analysis, span time.Duration, now func() tick.Tick) (Report, error) {
	if span <= 0 {
		span = DefaultSpan
	}
	inner, cancel := context.WithTimeout(ctx, span)
	defer cancel()
	if err := src.Run(inner); err != nil {
		return Report{}, fmt.Errorf("receiving %s: %w", a.source, err)
	}
	if why := src.Failure(); why != "" && a.network.Datagrams == 0 {
		return Report{}, fmt.Errorf("%w %s: %s", ErrCannotOpen, a.source, why)
	}
	return a.Report(now()), nil
}
