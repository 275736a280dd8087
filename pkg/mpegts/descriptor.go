package mpegts

import (
	"strings"

	"github.com/asticode/go-astits"
)

// Descriptor tags that tell what a stream is (ISO/IEC 13818-1 §2.6, EN 300 468 §6.2).
const (
	tagRegistration = 0x05
	tagLanguage     = 0x0A
	tagMetadata     = 0x26
	tagTeletext     = 0x56
	tagSubtitling   = 0x59
	tagAC3          = 0x6A
	tagEAC3         = 0x7A
	tagDTS          = 0x7B
	tagAAC          = 0x7C
	tagExtension    = 0x7F
)

// Tags of the extension descriptor (EN 300 468 §6.4).
const (
	extSupplementaryAudio = 0x06
	extAC4                = 0x15
)

// sane appends to dst the descriptors of a loop that the classification reads, leaving out what is malformed: one
// broken descriptor of a sender must not hide a program. Where the tag tells all, the content is left out.
func sane(dst, loop []byte) []byte {
	for len(loop) >= 2 && 2+int(loop[1]) <= len(loop) {
		tag, body := loop[0], loop[2:2+int(loop[1])]
		loop = loop[2+len(body):]
		switch {
		case tag == tagAC3, tag == tagEAC3, tag == tagDTS, tag == tagAAC:
			dst = append(dst, tag, 0)
		case tag == tagRegistration && len(body) >= 4,
			tag == tagLanguage && len(body) >= 4,
			tag == tagTeletext && len(body) >= 5 && len(body)%5 == 0,
			tag == tagSubtitling && len(body) >= 8 && len(body)%8 == 0,
			tag == tagMetadata && len(body) > 0,
			tag == tagExtension && saneExtension(body):
			dst = append(append(dst, tag, byte(len(body))), body...)
		}
	}
	return dst
}

func saneExtension(body []byte) bool {
	if len(body) < 1 {
		return false
	}
	return body[0] != extSupplementaryAudio || (len(body) >= 2 && (body[1]&1 == 0 || len(body) >= 5))
}

// byType is what stream_type alone tells (ISO/IEC 13818-1 table 2-34, and the usual private values).
var byType = map[uint8]Codec{
	0x01: MPEG1Video, 0x02: MPEG2Video, 0x03: MP2, 0x04: MP2, 0x05: Sectioned, 0x06: Private,
	0x0A: DSMCC, 0x0B: DSMCC, 0x0C: DSMCC, 0x0D: DSMCC, 0x0F: AAC, 0x10: MPEG4Video, 0x11: AACLATM, 0x15: Private,
	0x1B: H264, 0x1C: AAC, 0x21: JPEG2000, 0x24: HEVC, 0x33: VVC, 0x80: MPEG2Video, 0x81: AC3, 0x82: DTS, 0x86: SCTE35,
	0x87: EAC3, 0x8A: DTS, 0xC1: AC3, 0xC2: EAC3, 0xCF: AAC, 0xD1: Dirac, 0xDB: H264, 0xEA: VC1,
}

// byRegistration is what the format identifier of a registration descriptor tells.
var byRegistration = map[uint32]Codec{
	fourcc("AC-3"): AC3, fourcc("EAC3"): EAC3, fourcc("AC-4"): AC4,
	fourcc("DTS1"): DTS, fourcc("DTS2"): DTS, fourcc("DTS3"): DTS,
	fourcc("Opus"): Opus, fourcc("BSSD"): SMPTE302M, fourcc("HEVC"): HEVC, fourcc("VVC "): VVC, fourcc("AV01"): AV1,
	fourcc("drac"): Dirac, fourcc("VC-1"): VC1, fourcc("KLVA"): KLV, fourcc("ID3 "): ID3, fourcc("CUEI"): SCTE35,
}

func fourcc(s string) uint32 {
	return uint32(s[0])<<24 | uint32(s[1])<<16 | uint32(s[2])<<8 | uint32(s[3])
}

// classify fills in kind, codec and language of s.
func (s *Stream) classify(descriptors []*astits.Descriptor, program []*astits.Descriptor) {
	codec, known := byType[s.Type]
	if !known {
		codec = Unknown
	}
	if s.Type >= 0x83 && s.Type <= 0x86 && registered(program, "HDMV") { // Blu-ray uses these for DTS-HD and TrueHD
		codec = DTS
	}
	s.Codec = codec
	for _, d := range descriptors {
		s.apply(d, known && codec != Private)
	}
	s.Kind = s.Codec.kind()
}

// apply takes what one descriptor tells. With fixed the codec is known from the type and stays.
func (s *Stream) apply(d *astits.Descriptor, fixed bool) {
	codec := Codec("")
	switch {
	case d.Tag == tagAC3:
		codec = AC3
	case d.Tag == tagEAC3:
		codec = EAC3
	case d.Tag == tagDTS:
		codec = DTS
	case d.Tag == tagAAC:
		codec = AAC
	case d.Registration != nil:
		codec = byRegistration[d.Registration.FormatIdentifier]
	case d.Tag == tagMetadata && d.Unknown != nil && strings.Contains(string(d.Unknown.Content), "ID3 "):
		codec = ID3
	case d.Teletext != nil:
		codec = Teletext
		s.language(d.Teletext.Items[0].Language)
	case d.Subtitling != nil:
		codec = DVBSub
		s.language(d.Subtitling.Items[0].Language)
	case d.ISO639LanguageAndAudioType != nil:
		s.language(d.ISO639LanguageAndAudioType.Language)
	case d.Extension != nil && d.Extension.Tag == extAC4:
		codec = AC4
	case d.Extension != nil && d.Extension.SupplementaryAudio != nil:
		s.language(d.Extension.SupplementaryAudio.LanguageCode)
	}
	if codec != "" && !fixed {
		s.Codec = codec
	}
}

// language takes the first three letters, unless a language is known or they are no letters.
func (s *Stream) language(code []byte) {
	if s.Language != "" || len(code) < 3 {
		return
	}
	for _, c := range code[:3] {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			return
		}
	}
	s.Language = string(code[:3])
}

func registered(descriptors []*astits.Descriptor, format string) bool {
	for _, d := range descriptors {
		if d.Registration != nil && d.Registration.FormatIdentifier == fourcc(format) {
			return true
		}
	}
	return false
}

func (c Codec) kind() Kind {
	switch c {
	case H264, HEVC, VVC, AV1, MPEG1Video, MPEG2Video, MPEG4Video, VC1, JPEG2000, Dirac:
		return Video
	case AAC, AACLATM, MP2, AC3, EAC3, AC4, DTS, Opus, SMPTE302M:
		return Audio
	}
	return Data
}
