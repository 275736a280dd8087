package fmp4

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4"
)

// Header describes a track, as its moov says.
type Header struct {
	Kind       Kind
	Timescale  uint32 // units per second of every time in the file
	Codec      string // sample entry: "avc1", "hvc1", "hev1", "av01", "mp4a"
	Width      int    // coded size in pixels; video only
	Height     int
	SampleRate int // audio only, in Hz
	Channels   int
	Language   string   // ISO 639-2 code of the mdhd, or the BCP 47 tag of an elng; "und" if unknown
	Brands     []string // of the ftyp, major brand first

	config []byte    // avcC, hvcC or av1C without box header; esds for mp4a
	codec  mp4.Codec // the same for mediacommon
	string string    // RFC 6381
	colour colour
	sar    [2]uint32 // pixel aspect ratio
	trex   defaults
	depth  int // of nesting while parsing
}

// colour is the content of an nclx colr box (ISO/IEC 23091-2 code points; 2 is unspecified).
type colour struct {
	primaries, transfer, matrix uint16
	full                        bool
}

// CodecString is the RFC 6381 codecs parameter, derived from the parameter sets of the bitstream: "avc1.64001f",
// "hvc1.1.6.L93.B0", "av01.0.04M.08", "mp4a.40.2".
func (h Header) CodecString() string { return h.string }

// WithLanguage is h with another language: a three-letter code or a BCP 47 tag. Empty means "und".
func (h Header) WithLanguage(lang string) Header {
	if lang == "" {
		lang = "und"
	}
	h.Language = lang
	return h
}

// ParseInit reads the header of a one-track fragmented MP4: ftyp (may be missing) and moov. Errors wrap ErrFormat.
func ParseInit(b []byte) (Header, error) {
	if len(b) > 2*maxHeader {
		return Header{}, fmt.Errorf("%w: a header of %d bytes", ErrFormat, len(b))
	}
	h := Header{Language: "und", sar: [2]uint32{1, 1}, colour: colour{primaries: 2, transfer: 2, matrix: 2}}
	moovs := 0
	err := children(b, func(c box) error {
		switch {
		case c.is("ftyp"):
			h.Brands = parseBrands(c.body)
		case c.is("moov"):
			moovs++
			return h.parseMoov(c.body)
		}
		return nil
	})
	if err == nil && moovs != 1 {
		err = fmt.Errorf("%w: %d moov boxes", ErrFormat, moovs)
	}
	if err == nil && (len(h.config) == 0 || h.Timescale == 0) {
		err = fmt.Errorf("%w: no track with a timescale and a known codec", ErrFormat)
	}
	if err == nil {
		err = h.readConfig()
	}
	if err != nil {
		return Header{}, err
	}
	return h, nil
}

// parseBrands lists an ftyp's or styp's brands, the major one first and each once.
func parseBrands(body []byte) []string {
	var out []string
	for i := 0; i+4 <= len(body) && i < 4*64; i += 4 {
		if i == 4 { // minor version
			continue
		}
		if s := string(body[i : i+4]); !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func (h *Header) parseMoov(body []byte) error {
	traks := 0
	return children(body, func(c box) error {
		switch {
		case c.is("trak"):
			if traks++; traks > 1 {
				return fmt.Errorf("%w: several tracks in one file", ErrFormat)
			}
			return h.parseTrak(c.body)
		case c.is("mvex"):
			return children(c.body, h.parseTrex)
		}
		return nil
	})
}

func (h *Header) parseTrex(c box) error {
	if !c.is("trex") {
		return nil
	}
	in := fields{b: c.body}
	in.full()
	in.take(8) // track, sample description
	h.trex = defaults{duration: in.u32(), size: in.u32(), flags: in.u32()}
	return in.err("trex")
}

// parseTrak walks down to the boxes that matter, whatever lies between.
func (h *Header) parseTrak(body []byte) error {
	return children(body, func(c box) error {
		switch {
		case c.is("mdia"), c.is("minf"), c.is("stbl"):
			return h.parseTrakDeeper(c.body)
		case c.is("mdhd"):
			return h.parseMdhd(c.body)
		case c.is("elng"):
			if len(c.body) > 5 && len(c.body) < 64 {
				h.Language = string(bytes.TrimRight(c.body[4:], "\x00"))
			}
		case c.is("stsd"):
			return h.parseStsd(c.body)
		}
		return nil
	})
}

// parseTrakDeeper is parseTrak for the levels below, which are at most three.
func (h *Header) parseTrakDeeper(body []byte) error {
	if h.depth++; h.depth > 8 {
		return fmt.Errorf("%w: trak nested too deep", ErrFormat)
	}
	return h.parseTrak(body)
}

func (h *Header) parseMdhd(body []byte) error {
	in := fields{b: body}
	version, _ := in.full()
	if version == 1 {
		in.take(16)
		h.Timescale = in.u32()
		in.take(8)
	} else {
		in.take(8)
		h.Timescale = in.u32()
		in.take(4)
	}
	if v := in.u16(); v != 0 {
		h.Language = string([]byte{byte(v>>10&31) + 0x60, byte(v>>5&31) + 0x60, byte(v&31) + 0x60})
	}
	return in.err("mdhd")
}

func (h *Header) parseStsd(body []byte) error {
	in := fields{b: body}
	in.full()
	if n := in.u32(); n != 1 {
		return fmt.Errorf("%w: stsd with %d entries", ErrFormat, n)
	}
	entry, _, err := cutBox(in.b)
	if err != nil {
		return err
	}
	h.Codec = string(entry.kind[:])
	switch h.Codec {
	case "mp4a":
		return h.parseAudioEntry(entry.body)
	case "avc1", "hvc1", "hev1", "av01":
		return h.parseVideoEntry(entry.body)
	}
	return fmt.Errorf("%w: sample entry %q is none of avc1, hvc1, hev1, av01, mp4a", ErrFormat, h.Codec)
}

// parseVideoEntry reads a VisualSampleEntry (ISO/IEC 14496-12 §12.1.3).
func (h *Header) parseVideoEntry(body []byte) error {
	in := fields{b: body}
	in.take(24)
	h.Kind, h.Width, h.Height = Video, int(in.u16()), int(in.u16())
	in.take(50)
	if err := in.err(h.Codec); err != nil {
		return err
	}
	return children(in.b, func(c box) error {
		switch string(c.kind[:]) {
		case "avcC", "hvcC", "av1C":
			h.config = bytes.Clone(c.body)
		case "pasp":
			p := fields{b: c.body}
			if x, y := p.u32(), p.u32(); !p.short && x > 0 && y > 0 {
				h.sar = [2]uint32{x, y}
			}
		case "colr":
			h.parseColr(c.body)
		}
		return nil
	})
}

func (h *Header) parseColr(body []byte) {
	in := fields{b: body}
	if kind := string(in.take(4)); kind != "nclx" {
		return
	}
	v := colour{primaries: in.u16(), transfer: in.u16(), matrix: in.u16()}
	if last := in.take(1); last != nil {
		v.full = last[0]&0x80 != 0
		h.colour = v
	}
}

// parseAudioEntry reads an AudioSampleEntry (ISO/IEC 14496-12 §12.2.3).
func (h *Header) parseAudioEntry(body []byte) error {
	in := fields{b: body}
	in.take(16)
	h.Kind, h.Channels = Audio, int(in.u16())
	in.take(6)
	h.SampleRate = int(in.u32() >> 16)
	if err := in.err(h.Codec); err != nil {
		return err
	}
	return children(in.b, func(c box) error {
		if c.is("esds") {
			h.config = bytes.Clone(c.body)
		}
		return nil
	})
}
