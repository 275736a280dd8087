// Package control shows what the channels of a process do: status API, metrics, health, pages.
//
// Status is the one shape behind all of them. The API prints it as JSON (docs/openapi.yaml freezes it), the page draws
// that JSON, the metrics are computed from it at scrape time, so that the three never disagree.
package control

import "time"

// State of a channel.
type State string

// States of a channel, from not yet begun to broken.
const (
	Waiting State = "waiting" // no input has brought a usable programme yet
	OnAir   State = "on_air"  // media is being listed
	OnSlate State = "slate"   // no input can be shown: viewers get the slate
	Gap     State = "gap"     // the timeline runs, but no media was listed for too long: playlists answer 503
	Failed  State = "failed"  // cannot go on without help; the events say why
)

// InputState of an input.
type InputState string

// States of an input.
const (
	InputWaiting   InputState = "waiting"   // nothing has arrived yet
	InputReceiving InputState = "receiving" // packets arrive
	InputSilent    InputState = "silent"    // packets did arrive, but no longer
	InputFailed    InputState = "failed"    // no leg can be opened, or what arrives is no usable programme
)

// LegState of a leg.
type LegState string

// States of a leg.
const (
	LegListening LegState = "listening" // open; nothing has arrived yet
	LegConnected LegState = "connected" // a peer is there, but sends nothing
	LegReceiving LegState = "receiving" // packets arrive
	LegSilent    LegState = "silent"    // packets did arrive, but no longer
	LegFailed    LegState = "failed"    // not open; Error says why, it is tried again
)

// RunState of a run.
type RunState string

// States of a run.
const (
	RunStarting RunState = "starting" // FFmpeg is started, no frame yet
	RunActive   RunState = "active"   // its frames go on air
	RunEnding   RunState = "ending"   // another run has taken over; it delivers what it still owes
	RunEnded    RunState = "ended"    // gone; Reason says why
)

// Kind of a rendition or of an elementary stream.
type Kind string

// Kinds of track. Data is everything that is neither picture nor sound.
const (
	Video Kind = "video"
	Audio Kind = "audio"
	Data  Kind = "data"
)

// Status is a channel at one instant. Counters count from the start of the process and never go down; a rate or a time
// that is not known is zero; a slice may be nil (the API prints it as an empty list).
type Status struct {
	Channel string    `json:"channel"`
	State   State     `json:"state"`
	Since   time.Time `json:"since"` // when State was entered
	Now     time.Time `json:"now"`   // the host's clock as the snapshot was made
	Version string    `json:"version"`
	Stale   string    `json:"stale"` // why playlists answer 503, filled by the handler; empty: they do not
	Grid    *Grid     `json:"grid"`  // nil until known

	ActiveInput string            `json:"active_input"` // name, or slate; empty: none
	Choice      string            `json:"choice"`       // "auto", or the name of the input that was asked for
	Lock        Lock              `json:"lock"`         // of the input on air, else of the first
	RunRestarts uint64            `json:"run_restarts"` // runs started because one before died or stalled
	RunsStarted uint64            `json:"runs_started"` // all runs started, planned ones too
	Reloads     map[string]uint64 `json:"reloads"`      // of the file: ok, refused

	Segments uint64 `json:"segments_total"` // segment numbers listed with media in the first store

	// Switches counts the changes of what is on air by their cause: start, loss, errors, black, freeze, silence,
	// return, manual, back.
	Switches     map[string]uint64 `json:"switches"`
	SlateSeconds float64           `json:"slate_seconds"` // how long the slate was on air

	Encoder    Encoder     `json:"encoder"`
	Inputs     []Input     `json:"inputs"`
	Runs       []Run       `json:"runs"`
	Renditions []Rendition `json:"renditions"`
	Stores     []Store     `json:"stores"`
	Twin       *Twin       `json:"twin"`    // nil: the file names none
	Webhook    *Webhook    `json:"webhook"` // nil: the channel has none
	Events     []Event     `json:"events"`  // newest first
}

// Grid is the channel's frame, audio-frame and segment grid.
type Grid struct {
	FrameRate      string  `json:"frame_rate"` // "25", "30000/1001"; empty for an audio-only channel
	SegmentFrames  int64   `json:"segment_frames"`
	SegmentSeconds float64 `json:"segment_seconds"`
	GOPFrames      int64   `json:"gop_frames"`
	AudioRate      int64   `json:"audio_rate"`  // samples per second
	AudioFrame     int64   `json:"audio_frame"` // samples in a coded frame
}
