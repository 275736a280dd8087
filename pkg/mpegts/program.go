package mpegts

import "bytes"

// Kind is what a stream carries.
type Kind uint8

// Kinds of stream.
const (
	Data Kind = iota
	Video
	Audio
)

// String is the kind in lower case.
func (k Kind) String() string {
	switch k {
	case Video:
		return "video"
	case Audio:
		return "audio"
	}
	return "data"
}

// Codec names how a stream is coded, as far as the program map tells: a sender may announce another thing than it
// sends.
type Codec string

// Codecs that the program map can name.
const (
	H264       Codec = "h264"
	HEVC       Codec = "hevc"
	VVC        Codec = "vvc"
	AV1        Codec = "av1"
	MPEG1Video Codec = "mpeg1video"
	MPEG2Video Codec = "mpeg2video"
	MPEG4Video Codec = "mpeg4video"
	VC1        Codec = "vc1"
	JPEG2000   Codec = "jpeg2000"
	Dirac      Codec = "dirac"
	AAC        Codec = "aac"      // in ADTS
	AACLATM    Codec = "aac_latm" // in LATM/LOAS
	MP2        Codec = "mp2"      // MPEG audio of any layer
	AC3        Codec = "ac3"
	EAC3       Codec = "eac3"
	AC4        Codec = "ac4"
	DTS        Codec = "dts"
	Opus       Codec = "opus"
	SMPTE302M  Codec = "s302m"
	SCTE35     Codec = "scte35"
	Teletext   Codec = "teletext"
	DVBSub     Codec = "dvbsub"
	ID3        Codec = "id3"
	KLV        Codec = "klv"
	DSMCC      Codec = "dsmcc"
	Sectioned  Codec = "sections" // private sections
	Private    Codec = "private"  // private PES with nothing that says what it is
	Unknown    Codec = "unknown"
)

// Stream is one elementary stream of a program.
type Stream struct {
	PID         uint16
	Type        uint8 // stream_type of the program map
	Kind        Kind
	Codec       Codec
	Language    string // three letters of ISO 639-2 as sent, empty if none was
	Descriptors []byte // the descriptor loop as it came
}

// Program is one service of the transport stream.
type Program struct {
	Number      uint16
	PMTPID      uint16
	PCRPID      uint16 // PIDNull if the program map names none
	Version     uint8
	Descriptors []byte // the program_info loop as it came
	Streams     []Stream
}

// Same tells that q is the same program with the same streams: number, PCR PID and, in order, PID, type and descriptors
// of the streams. The version does not count, nor does the PID of the program map.
func (p Program) Same(q Program) bool {
	if p.Number != q.Number || p.PCRPID != q.PCRPID || len(p.Streams) != len(q.Streams) {
		return false
	}
	for i, s := range p.Streams {
		t := q.Streams[i]
		if s.PID != t.PID || s.Type != t.Type || !bytes.Equal(s.Descriptors, t.Descriptors) {
			return false
		}
	}
	return true
}

// Stream is the stream on pid.
func (p Program) Stream(pid uint16) (Stream, bool) {
	for _, s := range p.Streams {
		if s.PID == pid {
			return s, true
		}
	}
	return Stream{}, false
}
