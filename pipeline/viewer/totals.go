package viewer

import (
	"maps"
	"slices"
	"time"
)

// Kinds of what a viewer suffers. What a server answers otherwise than with 200 is "http" and the status.
const (
	Pause      = "pause" // a new segment was listed; Seconds is how long after the one before
	Off        = "off"   // nothing to play; Seconds is since the last such event
	Lost       = "lost"  // a part of the timeline that he never gets to see
	Gap        = "gap"
	Missing    = "missing"
	Changed    = "changed"
	WentBack   = "went back"
	NoPlaylist = "no playlist"
	Media      = "media"
	TimeOut    = "time-out"
	NoAnswer   = "no answer"
	BrokenOff  = "broken off"
	NotFetched = "not fetched"
	TooSlow    = "too slow"
)

// mostTold bounds the errors of which a viewer keeps the text.
const mostTold = 20

// Event is one thing that a viewer suffers.
type Event struct {
	Viewer  string
	At      time.Time
	Kind    string
	Seconds float64 // of Pause, Off and Lost
	Error   bool    // it is counted as an error
}

// Count is how often an error came.
type Count struct {
	Kind  string `json:"kind"`
	Times int64  `json:"times"`
}

// Totals is the account of one viewer.
type Totals struct {
	Name         string   `json:"name"`
	URL          string   `json:"url"`
	Seconds      float64  `json:"seconds"`
	Off          float64  `json:"off_seconds"`
	Availability float64  `json:"availability"`
	Lost         float64  `json:"lost_seconds"`
	Pause        float64  `json:"longest_pause_seconds"`
	Errors       int64    `json:"errors"`
	Kinds        []Count  `json:"error_kinds"`
	Told         []string `json:"first_errors"`
	Segments     int64    `json:"segments"`
	Rewritten    int64    `json:"rewritten"`
	Requests     int64    `json:"requests"`
	Bytes        int64    `json:"bytes"`
}

// account is what Totals are made of.
type account struct {
	Totals
	kinds map[string]int64
}

func newAccount(name string) account { return account{Totals{Name: name}, map[string]int64{}} }

func (t *account) fail(kind, text string) {
	t.Errors++
	t.kinds[kind]++
	if len(t.Told) < mostTold {
		t.Told = append(t.Told, text)
	}
}

// finish is the account, with what is computed of the rest.
func (t *account) finish() Totals {
	out := t.Totals
	out.Told = append([]string{}, t.Told...)
	out.Availability = 1
	if out.Seconds > 0 {
		out.Availability = max(0, 1-out.Off/out.Seconds)
	}
	out.Kinds = []Count{}
	for _, k := range slices.Sorted(maps.Keys(t.kinds)) {
		out.Kinds = append(out.Kinds, Count{k, t.kinds[k]})
	}
	return out
}
