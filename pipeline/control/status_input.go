package control

import "time"

// Input is one source of the programme.
type Input struct {
	Name    string     `json:"name"`
	State   InputState `json:"state"`
	Error   string     `json:"error"` // why it failed or cannot be used; empty otherwise
	Active  bool       `json:"active"`
	Fault   string     `json:"fault"`             // what the choice holds against it: loss, black ...; empty: nothing
	TakeIn  *float64   `json:"on_air_in_seconds"` // it is to be taken then if all stays as it is; nil: it is not
	Program *Program   `json:"program"`           // nil until its PMT is known
	Video   *Picture   `json:"video"`             // nil until probed, or without video

	Bitrate       int64   `json:"bitrate"`     // transport stream after the merge, bits/s
	TS            TS      `json:"ts"`          // errors in the merged stream
	Lost          uint64  `json:"lost"`        // datagrams that no leg brought
	Unmerged      bool    `json:"unmerged"`    // the legs carry different bytes under equal numbers; only one is used
	Generation    uint64  `json:"generation"`  // of the anchor that rules the source clock; 0: none yet
	Generations   uint64  `json:"generations"` // times the source clock jumped, restarted or was moved by a frame
	Lock          Lock    `json:"lock"`        // whether that is what the timeline's store has
	ClockOffsetMs float64 `json:"clock_offset_ms"`
	LastPacketMs  float64 `json:"last_packet_ms"` // age of the newest packet; -1: none yet

	Timecode *Timecode `json:"timecode"` // nil: not asked for, or none came yet
	Spool    Spool     `json:"spool"`

	Checks     []Check  `json:"tr101290"`           // of priority 1 and 2, in the order of the report
	LastSecond int      `json:"errors_last_second"` // what failover.errors is held against
	Content    *Content `json:"content"`            // nil: not watched, or nothing is known
	Restarts   uint64   `json:"monitor_restarts"`   // times the FFmpeg that watches had died or hung

	Legs []Leg `json:"legs"`
}

// Lock is how an input's clock stands to the timeline's store.
type Lock string

// A clock is locked while it is placed on the timeline by an anchor that is stored: pipelines of the same channel that
// share the store and get the same feed have the same one. It is none before the first anchor.
const (
	Alone    Lock = "alone" // of a channel: its timeline is in its own first output, where no other pipeline looks
	NoLock   Lock = "none"
	Locked   Lock = "locked"
	Unlocked Lock = "unlocked"
)

// Timecode is the newest time label in an input's pictures.
type Timecode struct {
	Label    string   `json:"label"` // HH:MM:SS:FF, ; before FF where numbers are dropped
	AgeMs    float64  `json:"age_ms"`
	Rules    bool     `json:"rules"`     // whether labels place the input's pictures on the timeline
	OffsetMs *float64 `json:"offset_ms"` // how much later than the timeline they put them; nil: not known
}

// Program is the programme that was picked from the stream.
type Program struct {
	Number  uint16   `json:"number"`
	PMTPID  uint16   `json:"pmt_pid"`
	PCRPID  uint16   `json:"pcr_pid"`
	Streams []Stream `json:"streams"`
}

// Stream is an elementary stream of the programme.
type Stream struct {
	PID      uint16 `json:"pid"`
	Kind     Kind   `json:"kind"`
	Codec    string `json:"codec"`
	Language string `json:"language"` // ISO 639-2; empty: not told
}

// Picture is the format of an input's video.
type Picture struct {
	Codec      string `json:"codec"`
	Width      int    `json:"width"`
	Height     int    `json:"height"`
	Rate       string `json:"rate"` // frames per second, "25" or "30000/1001"
	Interlaced bool   `json:"interlaced"`
}

// TS counts what is wrong in a transport stream, packets where nothing else is said.
type TS struct {
	Packets       uint64 `json:"packets"`
	Null          uint64 `json:"null"`
	Continuity    uint64 `json:"continuity"`      // continuity counter errors
	Transport     uint64 `json:"transport"`       // transport_error_indicator set
	CRC           uint64 `json:"crc"`             // sections with a wrong CRC
	Scrambled     uint64 `json:"scrambled"`       // scrambled packets of the programme
	SyncLosses    uint64 `json:"sync_losses"`     // times the packet grid was lost
	JunkBytes     uint64 `json:"junk_bytes"`      // bytes that belonged to no packet
	PESWithoutPTS uint64 `json:"pes_without_pts"` // PES packets of picture or sound without a usable PTS
}

// Errors is the sum of the counters that mean damage.
func (t TS) Errors() uint64 {
	return t.Continuity + t.Transport + t.CRC + t.Scrambled + t.SyncLosses + t.PESWithoutPTS
}

// Check is one check of TR 101 290 on the merged transport stream.
type Check struct {
	Check    string    `json:"check"` // its number, "1.4"
	Name     string    `json:"name"`
	Priority int       `json:"priority"` // 1 or 2
	Errors   uint64    `json:"errors"`
	Last     time.Time `json:"last"` // newest error; the zero time: none
}

// Content is what an input's picture and sound are like. What is not looked at has no condition.
type Content struct {
	Picture        bool     `json:"picture"`         // the picture is being looked at
	Sound          bool     `json:"sound"`           // the sound is being listened to
	BlackSeconds   float64  `json:"black_seconds"`   // black for so long; 0: it is not
	FreezeSeconds  float64  `json:"freeze_seconds"`  // still for so long
	SilenceSeconds float64  `json:"silence_seconds"` // silent for so long
	LoudnessLUFS   *float64 `json:"loudness_lufs"`   // EBU R 128, short-term, -70 at least; nil: not known
	AVOffsetMs     *float64 `json:"av_offset_ms"`    // sound arrives so much later than its picture; nil: not known
}

// Spool is the fill of an input's ring.
type Spool struct {
	Seconds float64 `json:"seconds"`
	Bytes   int64   `json:"bytes"`
}

// Leg is one network path of an input.
type Leg struct {
	URL   string   `json:"url"` // without secrets
	State LegState `json:"state"`
	Error string   `json:"error"` // why it is failed or what it refuses; empty otherwise
	Peer  string   `json:"peer"`  // address of the sender; empty: none yet

	Packets          uint64  `json:"packets"` // datagrams
	Bytes            uint64  `json:"bytes"`
	Bitrate          int64   `json:"bitrate"`            // bits/s over the last second
	Lost             uint64  `json:"lost"`               // datagrams this leg did not bring
	Recovered        uint64  `json:"recovered"`          // of those, brought by another leg
	Late             uint64  `json:"late"`               // arrived after the merge window
	Duplicates       uint64  `json:"duplicates"`         // of its own; another leg's copy is none
	Reordered        uint64  `json:"reordered"`          // arrived behind a later one
	WrongType        uint64  `json:"wrong_type"`         // not RTP, not MP2T, not whole TS packets
	Rejected         uint64  `json:"rejected"`           // of a sender that is turned away
	Foreign          uint64  `json:"foreign"`            // from a second sender while the first is at work
	FECPackets       uint64  `json:"fec_packets"`        // of columns and rows (ST 2022-1)
	FECRecovered     uint64  `json:"fec_recovered"`      // of the lost ones, brought back by FEC
	FECUnrecoverable uint64  `json:"fec_unrecoverable"`  // lost, and not to be brought back any more
	FECColumns       int     `json:"fec_columns"`        // of the matrix; 0: not known
	FECRows          int     `json:"fec_rows"`           // of the matrix; 0: not known
	PathDifferenceMs float64 `json:"path_difference_ms"` // behind the fastest leg
	SRT              *SRT    `json:"srt"`                // nil for other transports

	Rejections map[string]uint64 `json:"rejections"` // the rejected ones by cause: rate, credentials, ...
}

// SRT is what libsrt tells of a connection.
type SRT struct {
	RTTMs         float64 `json:"rtt_ms"`
	Loss          uint64  `json:"loss"`
	Drop          uint64  `json:"drop"`
	Retransmitted uint64  `json:"retrans"`
	Undecrypted   uint64  `json:"undecrypt"`
}
