package verify

import "time"

// Report is what a viewing found: the JSON of `onair verify --json`.
type Report struct {
	Target   string    `json:"target"`  // as given, without user information
	Kind     string    `json:"kind"`    // "http" or "directory"
	OK       bool      `json:"ok"`      // every hard rule held and there was something to hold it against
	Started  time.Time `json:"started"` // UTC
	Seconds  float64   `json:"seconds"` // how long it took
	Requests int64     `json:"requests"`
	Bytes    int64     `json:"bytes"` // of bodies

	Channel    Channel     `json:"channel"`
	Renditions []Rendition `json:"renditions"` // in the order of the multivariant playlist
	Findings   []Finding   `json:"findings"`   // hard ones first
	Rules      []Tally     `json:"rules"`      // every rule that was applied
}

// Channel is what all renditions have in common.
type Channel struct {
	SegmentSeconds float64 `json:"segment_seconds"` // T, derived from the media; 0 when it could not be
	TargetDuration int64   `json:"target_duration"` // seconds
	FirstK         int64   `json:"first_k"`         // of everything that was listed
	LastK          int64   `json:"last_k"`
	WindowSeconds  float64 `json:"window_seconds"` // longest media playlist
	Periods        int     `json:"periods"`        // of the last MPD
	Variants       int     `json:"variants"`       // EXT-X-STREAM-INF
}

// Rendition is one media playlist and its segments.
type Rendition struct {
	Name       string `json:"name"`
	Kind       string `json:"kind"` // "video" or "audio"; empty while its init segment is unknown
	Codecs     string `json:"codecs"`
	Width      int    `json:"width,omitempty"`
	Height     int    `json:"height,omitempty"`
	FrameRate  string `json:"frame_rate,omitempty"` // "25" or "30000/1001", of the media
	SampleRate int    `json:"sample_rate,omitempty"`
	Channels   int    `json:"channels,omitempty"`
	Language   string `json:"language,omitempty"`

	DeclaredPeak    int64 `json:"declared_peak"`    // bits per second, @bandwidth of the MPD; 0 without
	MeasuredPeak    int64 `json:"measured_peak"`    // bits per second, of the largest segment
	MeasuredAverage int64 `json:"measured_average"` // bits per second, of the segments that were read

	FirstK   int64 `json:"first_k"`
	LastK    int64 `json:"last_k"`
	Listed   int   `json:"listed"`   // segments that a playlist listed, gaps included
	Read     int   `json:"read"`     // segments that were read
	Gaps     int   `json:"gaps"`     // EXT-X-GAP
	Slates   int   `json:"slates"`   // segments with the brand slat, of those that were read
	Updates  int   `json:"updates"`  // playlists that listed something new
	Requests int   `json:"requests"` // of the playlist

	LongestUpdate float64  `json:"longest_update"`  // seconds between two updates; 0 with less than two
	Latency       *Latency `json:"latency_seconds"` // null when no segment was seen to appear
}

// Latency is how long after its end, by PROGRAM-DATE-TIME, a segment was first seen listed, in seconds. It includes up
// to one
// polling interval, and whatever the media's clock and this host's differ.
type Latency struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

// Finding is a rule that did not hold for an object.
type Finding struct {
	Rule     string    `json:"rule"`
	Severity string    `json:"severity"` // "error" for hard rules, "warning" for others
	Object   string    `json:"object"`   // path below the target
	Message  string    `json:"message"`  // of the first time
	Count    int       `json:"count"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	Cause    string    `json:"cause,omitempty"`  // of twins: "config", "feed", "clock", "pipeline" or "delivery"
	Advice   string    `json:"advice,omitempty"` // what to do then
}

// Tally is how often a rule was applied.
type Tally struct {
	Rule   string `json:"rule"`
	Hard   bool   `json:"hard"`
	Clause string `json:"clause"` // where it stands
	Text   string `json:"text"`
	Passed int    `json:"passed"`
	Failed int    `json:"failed"`
}
