package control

import "time"

// Run is one FFmpeg process encoding the ladder from an input.
type Run struct {
	ID      int       `json:"id"`
	PID     int       `json:"pid"`
	Input   string    `json:"input"`
	State   RunState  `json:"state"`
	From    time.Time `json:"from"`  // on the timeline: its first frame
	Speed   float64   `json:"speed"` // 1 = real time
	FPS     float64   `json:"fps"`
	Frames  uint64    `json:"frames"`
	Dup     uint64    `json:"dup"`            // frames repeated to fill the grid
	Drop    uint64    `json:"drop"`           // frames dropped to fit the grid
	Behind  float64   `json:"behind_seconds"` // its newest frame behind the input's newest packet
	Reason  string    `json:"reason"`         // why it was started, and when ended, why it ended
	Command []string  `json:"command"`        // argv
	Memory  int64     `json:"memory_bytes"`   // that its processes take
	Load    float64   `json:"processors"`     // that it keeps busy; of the run on air
}

// Encoder is how much is encoded of what is configured: less while there is no time for all, or what fails alone.
type Encoder struct {
	Step    int      `json:"step"`    // 0: all of it
	Steps   int      `json:"steps"`   // the last one there is
	Presets []string `json:"presets"` // in use
	Reason  string   `json:"reason"`  // of the newest step down; empty at step 0

	LeftOut     []LeftOut `json:"left_out"` // renditions
	MemoryLimit int64     `json:"memory_limit_bytes"`
	CPULimit    float64   `json:"cpu_limit"` // processors; 0: none
	Enforced    []string  `json:"enforced"`  // limits that the kernel holds runs to: memory, cpu
}

// LeftOut is a rendition that is not encoded.
type LeftOut struct {
	Rendition string    `json:"rendition"`
	Reason    string    `json:"reason"`
	Again     time.Time `json:"again"` // when it is tried again; zero: when there is time for it
}

// Rendition is one encoded track of the ladder.
type Rendition struct {
	Name      string `json:"name"`
	Kind      Kind   `json:"kind"`
	Codecs    string `json:"codecs"` // RFC 6381; empty until the first run has delivered
	Width     int    `json:"width"`
	Height    int    `json:"height"`
	FrameRate string `json:"frame_rate"`
	Language  string `json:"language"`
	Channels  int    `json:"channels"`

	TargetBitrate    int64   `json:"target_bitrate"` // bits/s, as configured
	Bitrate          int64   `json:"bitrate"`        // bits/s of the newest segment
	LastK            int64   `json:"last_k"`         // newest segment cut; 0: none yet
	Bytes            uint64  `json:"bytes"`
	Segments         uint64  `json:"segments"`
	Gaps             uint64  `json:"gaps"` // segments listed as GAP
	Frames           uint64  `json:"frames"`
	Holes            uint64  `json:"holes"`              // times frames were missing from the encoder
	SegmentSeconds   float64 `json:"segment_seconds"`    // length of the newest segment
	Disabled         bool    `json:"disabled"`           // it is left out, see Encoder
	PublishLatencyMs float64 `json:"publish_latency_ms"` // last frame of the newest segment arrived, to listed
}

// Store is one place where the output is published.
type Store struct {
	Name      string    `json:"name"` // without secrets
	LastK     int64     `json:"last_k"`
	ListedAt  time.Time `json:"listed_at"` // when LastK was listed; zero: never
	Writes    uint64    `json:"writes"`
	Errors    uint64    `json:"errors"`
	Gaps      uint64    `json:"gaps"`       // segments it did not take in time
	Queue     int       `json:"queue"`      // segments waiting to be written
	Late      int       `json:"late"`       // objects that viewers get from memory because it has not taken them yet
	LatencyMs float64   `json:"latency_ms"` // of the newest write
	LastError string    `json:"last_error"` // empty once a write has gone well again

	Shared       bool   `json:"shared"`        // the channel's other pipeline publishes there, too
	TwinSegments uint64 `json:"twin_segments"` // segments that it had brought first
	TwinListed   uint64 `json:"twin_listed"`   // segment numbers that it had listed first
}

// Twin is what came of comparing what is published with what the channel's other pipeline publishes elsewhere.
type Twin struct {
	Store       string            `json:"store"`       // that is read, without secrets
	MatchRatio  *float64          `json:"match_ratio"` // of the newest compared, those that are as good; nil: none yet
	Segments    int               `json:"segments"`    // how many these are, 100 at most
	Compared    uint64            `json:"compared"`
	Mismatched  uint64            `json:"mismatched"`   // of these, not interchangeable
	Mismatches  map[string]uint64 `json:"mismatches"`   // the same by the first thing that differs
	Missing     uint64            `json:"missing"`      // segments that are media here, and not there in time
	Skipped     uint64            `json:"skipped"`      // numbers that there was no time to look at
	Errors      uint64            `json:"errors"`       // tries to read there that failed
	LastK       int64             `json:"last_k"`       // newest number that was compared; 0: none
	LastError   string            `json:"last_error"`   // empty: it can be read
	LastFinding string            `json:"last_finding"` // the newest segment that differed or was missing, and how
}
