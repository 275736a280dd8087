// Package probe analyses a contribution feed: what is in it, how fast it comes, and what is wrong with it.
package probe

// Report is what a probe found out. It is complete whatever the input was: what is no transport stream gives a report
// that says so. Its JSON is frozen as ProbeReport in docs/openapi.yaml.
type Report struct {
	Source   string     `json:"source"`   // file name or URL, without secrets
	Usable   bool       `json:"usable"`   // a program with video or audio that really comes was found
	Clean    bool       `json:"clean"`    // usable, and no check found an error
	Problems []string   `json:"problems"` // why it is not clean, in words, gravest first
	Stream   Transport  `json:"transport"`
	Network  *Network   `json:"network"` // null for a file
	Programs []Program  `json:"programs"`
	Cues     []CuePID   `json:"cues"`   // one for each PID on which SCTE-35 is declared or came
	Checks   []Check    `json:"checks"` // TR 101 290, all of them in order, also those without errors
	PIDs     []PIDCount `json:"pids"`   // every PID that came, ascending
}

// Transport is the stream as a whole.
type Transport struct {
	Seconds     float64 `json:"seconds"` // time analysed, by Clock
	Clock       string  `json:"clock"`   // arrival, pcr, pts (no PCR in the file) or none
	Bytes       uint64  `json:"bytes"`   // read or received, junk included
	Packets     uint64  `json:"packets"`
	NullPackets uint64  `json:"null_packets"`
	PacketSize  int     `json:"packet_size"` // 188, 192 or 204; 0 if no packets were found
	JunkBytes   uint64  `json:"junk_bytes"`  // bytes that belong to no packet
	SyncLosses  uint64  `json:"sync_losses"`
	Bitrate     int64   `json:"bitrate"` // bits/s of all packets, averaged; 0 if there is no clock
}

// Network is what came over the network before it became packets.
type Network struct {
	Datagrams uint64 `json:"datagrams"`
	Lost      uint64 `json:"lost"` // datagrams that never came, as far as sequence numbers tell
}

// Program is one service.
type Program struct {
	Number  uint16   `json:"number"`
	PMTPID  uint16   `json:"pmt_pid"`
	PCRPID  uint16   `json:"pcr_pid"` // 8191: none is named; 0: the map never came
	Version uint8    `json:"version"`
	Mapped  bool     `json:"mapped"` // its program map came
	Streams []Stream `json:"streams"`
}

// Stream is one track of a program.
type Stream struct {
	PID         uint16    `json:"pid"`
	Type        uint8     `json:"stream_type"`
	Kind        string    `json:"kind"`     // video, audio or data
	Codec       string    `json:"codec"`    // as the program map declares it
	Language    string    `json:"language"` // three letters, or empty
	Present     bool      `json:"present"`  // packets came
	Scrambled   bool      `json:"scrambled"`
	Packets     uint64    `json:"packets"`
	Bitrate     int64     `json:"bitrate"` // bits/s, averaged
	Timestamps  uint64    `json:"timestamps"`
	FirstPTS    uint64    `json:"first_pts"` // 90 kHz, as sent
	LastPTS     uint64    `json:"last_pts"`
	Untimed     uint64    `json:"untimed"` // PES packets without PTS
	Width       int       `json:"width"`   // pixels as coded and cropped; 0: not video, or not found
	Height      int       `json:"height"`
	KeyPictures uint64    `json:"key_pictures"` // random access points; 0 for what is not video
	Captions    *Captions `json:"captions"`     // null: not video
}

// Captions is what a video track carries of CEA-608 and CEA-708.
type Captions struct {
	Present  bool     `json:"present"`
	Pictures uint64   `json:"pictures"` // pictures that carry caption data, empty or not
	Channels []string `json:"cea608"`   // channels with content: CC1 to CC4
	Services []int    `json:"cea708"`   // services with content: 1 to 63
}

// CuePID counts the SCTE-35 sections of one PID.
type CuePID struct {
	PID       uint16 `json:"pid"`
	Program   uint16 `json:"program"`
	Cues      uint64 `json:"cues"`     // sections with a command other than splice_null, repeats included
	Distinct  uint64 `json:"distinct"` // the same, repeats left out
	Nulls     uint64 `json:"nulls"`    // splice_null
	Encrypted uint64 `json:"encrypted"`
	CRCErrors uint64 `json:"crc_errors"`
}

// Check is one check of TR 101 290.
type Check struct {
	ID       string  `json:"id"` // "1.1"
	Name     string  `json:"name"`
	Priority int     `json:"priority"` // 1 or 2
	Errors   uint64  `json:"errors"`
	First    float64 `json:"first_seconds"` // of the first and the last error, since the start; 0 without errors
	Last     float64 `json:"last_seconds"`
	PID      *uint16 `json:"pid"` // of the last error; null: without errors, or of no PID
}

// PIDCount is the traffic of one PID.
type PIDCount struct {
	PID             uint16  `json:"pid"`
	Use             string  `json:"use"` // pat, pmt, pcr, null, the codec of a stream, si, or unreferenced
	Packets         uint64  `json:"packets"`
	Bitrate         int64   `json:"bitrate"`
	Lost            uint64  `json:"lost"` // breaks of the continuity counter
	Duplicates      uint64  `json:"duplicates"`
	Scrambled       uint64  `json:"scrambled"`
	TransportErrors uint64  `json:"transport_errors"`
	PCRs            uint64  `json:"pcrs"`
	PCRGapMax       float64 `json:"pcr_gap_max_ms"`
}
