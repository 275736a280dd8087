package send

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Summary is what was sent.
type Summary struct {
	Seed          uint64       `json:"seed"` // repeats this run's chance
	SSRC          uint32       `json:"ssrc"`
	FirstSequence uint16       `json:"first_sequence"`
	Seconds       float64      `json:"seconds"` // of the stream's time
	Datagrams     uint64       `json:"datagrams"`
	Packets       uint64       `json:"ts_packets"`
	Everywhere    uint64       `json:"dropped_on_all"` // datagrams that no leg sent, of those legs that carry the same
	Slips         uint64       `json:"slips"`          // how often the sender was too late to make up for it
	Legs          []LegSummary `json:"legs"`
}

// LegSummary is what was sent on one leg, in datagrams.
type LegSummary struct {
	URL       string `json:"url"` // passphrase hidden
	Sent      uint64 `json:"sent"`
	Bytes     uint64 `json:"bytes"`
	Dropped   uint64 `json:"dropped"` // on purpose
	Silent    uint64 `json:"silent"`  // of these in a time of silence
	Reordered uint64 `json:"reordered"`
	Unsent    uint64 `json:"unsent"`        // not on purpose
	FEC       uint64 `json:"fec,omitempty"` // FEC packets besides
	Error     string `json:"error,omitempty"`
}

// Summary is what was sent so far. It may be called from any goroutine.
func (s *Sender) Summary() Summary {
	s.mu.Lock()
	n := s.n
	s.mu.Unlock()
	for _, l := range s.lines {
		n.Legs = append(n.Legs, l.summary())
	}
	return n
}

// mute tells of legs on which nothing could be sent at all.
func (s *Sender) mute() error {
	var errs []error
	for i, l := range s.Summary().Legs {
		if l.Sent == 0 && l.Unsent > 0 {
			errs = append(errs, fmt.Errorf("nothing could be sent to destination %d (%s): %s", i+1, l.URL, l.Error))
		}
	}
	return errors.Join(errs...)
}

// WriteText writes the summary as a table.
func (s Summary) WriteText(to io.Writer) error {
	fmt.Fprintf(to, "%d datagrams in %s, ssrc %08x, first sequence number %d, seed %d\n",
		s.Datagrams, time.Duration(s.Seconds*float64(time.Second)).Round(time.Millisecond), s.SSRC, s.FirstSequence, s.Seed)
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "leg\tsent\tdropped\tin silence\treordered\tnot sent\turl")
	for i, l := range s.Legs {
		fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t%d\t%s\n", i+1, l.Sent, l.Dropped, l.Silent, l.Reordered, l.Unsent, l.URL)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for i, l := range s.Legs {
		if l.FEC > 0 {
			fmt.Fprintf(to, "leg %d: %d FEC packets besides\n", i+1, l.FEC)
		}
		if l.Error != "" {
			fmt.Fprintf(to, "leg %d: last error: %s\n", i+1, l.Error)
		}
	}
	_, err := fmt.Fprintf(to, "dropped on all legs: %d\n", s.Everywhere)
	return err
}
