package fmp4

import "fmt"

// SampleInfo is one sample as a segment's fragments describe it. Times are in the track's timescale.
type SampleInfo struct {
	DTS, PTS int64
	Duration uint32
	Sync     bool
	Offset   int // of the data in the segment's bytes
	Size     int
}

// SegmentInfo is what a segment says about itself.
type SegmentInfo struct {
	Brands    []string // of the styp, the major brand first; empty without styp
	Sequence  uint32   // of the first mfhd
	TrackID   uint32
	BaseTime  uint64 // tfdt of the first fragment
	Duration  uint64 // sum of all sample durations
	Fragments int    // moof boxes
	Samples   []SampleInfo
	Prft      *Prft // of the first prft
}

// End is the decode time at which the segment after this one begins.
func (s SegmentInfo) End() uint64 { return s.BaseTime + s.Duration }

// FirstSync tells whether the segment begins with a sync sample.
func (s SegmentInfo) FirstSync() bool { return len(s.Samples) > 0 && s.Samples[0].Sync }

// ParseSegment reads a media segment of one track: any number of styp, prft, emsg and sidx boxes, and pairs of moof
// and mdat whose decode times join without a hole. def gives the defaults of the track's header; the zero Header will
// do for segments that repeat them, as CMAF's cmf2 brand demands. Errors wrap ErrFormat.
func ParseSegment(b []byte) (SegmentInfo, error) { return Header{}.ParseSegment(b) }

// ParseSegment is the function of that name for segments that rely on the header's trex.
func (h Header) ParseSegment(b []byte) (SegmentInfo, error) {
	p := segmentParser{frag: fragment{trex: h.trex}}
	for rest := b; len(rest) > 0; {
		c, next, err := cutBox(rest)
		if err != nil {
			return SegmentInfo{}, err
		}
		if err := p.box(c, len(b)-len(rest)); err != nil {
			return SegmentInfo{}, err
		}
		rest = next
	}
	if p.info.Fragments == 0 || p.open || len(p.info.Samples) == 0 {
		return SegmentInfo{}, fmt.Errorf("%w: segment without a whole moof and mdat, or without samples", ErrFormat)
	}
	return p.info, nil
}

// segmentParser collects the fragments of one segment.
type segmentParser struct {
	info SegmentInfo
	frag fragment
	moof int  // offset of the last moof
	open bool // its mdat is still to come
}

func (p *segmentParser) box(c box, at int) error {
	switch string(c.kind[:]) {
	case "styp":
		if p.info.Brands == nil {
			p.info.Brands = parseBrands(c.body)
		}
	case "prft":
		return p.parsePrft(c.body)
	case "moof":
		if p.open {
			return fmt.Errorf("%w: moof without mdat", ErrFormat)
		}
		p.moof, p.open = at, true
		if err := p.frag.parse(c.body, c.size()); err != nil {
			return err
		}
		return p.addFragment()
	case "mdat":
		if !p.open {
			return fmt.Errorf("%w: mdat without moof", ErrFormat)
		}
		p.open = false
		return p.addSamples(at+c.header, len(c.body))
	}
	return nil
}

func (p *segmentParser) parsePrft(body []byte) error {
	in := fields{b: body}
	version, flags := in.full()
	in.u32()
	v := Prft{Flags: flags, NTP: in.u64()}
	if version == 0 {
		v.MediaTime = uint64(in.u32())
	} else {
		v.MediaTime = in.u64()
	}
	if p.info.Prft == nil {
		p.info.Prft = &v
	}
	return in.err("prft")
}

func (p *segmentParser) addFragment() error {
	f := &p.frag
	if f.base < 0 {
		return fmt.Errorf("%w: decode time %d", ErrFormat, uint64(f.base))
	}
	if p.info.Fragments++; p.info.Fragments == 1 {
		p.info.Sequence, p.info.TrackID, p.info.BaseTime = f.sequence, f.track, uint64(f.base)
		return nil
	}
	if f.track != p.info.TrackID {
		return fmt.Errorf("%w: fragments of tracks %d and %d in one segment", ErrFormat, p.info.TrackID, f.track)
	}
	if uint64(f.base) != p.info.End() {
		return fmt.Errorf("%w: fragment at %d, the one before ends at %d", ErrFormat, f.base, p.info.End())
	}
	return nil
}

// addSamples takes the samples of the last moof; their data must lie in the mdat payload at [at, at+size).
func (p *segmentParser) addSamples(at, size int) error {
	if len(p.info.Samples)+len(p.frag.samples) > maxSamples {
		return fmt.Errorf("%w: more than %d samples", ErrFormat, maxSamples)
	}
	for _, s := range p.frag.samples {
		from := int64(p.moof) + s.offset
		if from < int64(at) || from+int64(s.size) > int64(at+size) {
			return fmt.Errorf("%w: sample data outside its mdat", ErrFormat)
		}
		p.info.Samples = append(p.info.Samples, SampleInfo{
			DTS: s.dts, PTS: s.dts + int64(s.cto), Duration: s.duration, Sync: s.sync,
			Offset: int(from), Size: int(s.size),
		})
		p.info.Duration += uint64(s.duration)
	}
	return nil
}
