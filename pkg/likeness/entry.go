package likeness

import (
	"fmt"
	"time"

	"onair/pkg/tick"
)

// Entry is what a playlist says of a segment.
type Entry struct {
	URI           string
	Duration      tick.Tick // EXTINF
	Date          tick.Tick // EXT-X-PROGRAM-DATE-TIME; 0: it has none
	Discontinuity bool      // EXT-X-DISCONTINUITY stands before it
	First         bool      // it is the first of its playlist: that tag may have gone before it (RFC 8216bis §6.2.2)
}

// Entries compares what two playlists say of one number.
func (w Where) Entries(a, b Entry) []Verdict {
	out := []Verdict{
		{Name, a.URI == b.URI, fmt.Sprintf("it is %s %s and %s %s", a.URI, w[0], b.URI, w[1])},
		{Extinf, a.Duration == b.Duration,
			fmt.Sprintf("EXTINF is %v %s and %v %s", a.Duration.Duration(), w[0], b.Duration.Duration(), w[1])},
	}
	if a.Date != 0 && b.Date != 0 {
		out = append(out, Verdict{Date, a.Date == b.Date, fmt.Sprintf("it is dated %s %s and %s %s",
			a.Date.Time().Format(time.RFC3339Nano), w[0], b.Date.Time().Format(time.RFC3339Nano), w[1])})
	}
	if !a.First && !b.First {
		out = append(out, Verdict{Discontinuity, a.Discontinuity == b.Discontinuity,
			fmt.Sprintf("EXT-X-DISCONTINUITY before it: %s %t, %s %t", w[0], a.Discontinuity, w[1], b.Discontinuity)})
	}
	return out
}
