package fmp4

import "fmt"

// ISO/IEC 14496-12 §8.8.7, §8.8.8: what a tfhd and a trun carry.
const (
	tfhdBaseDataOffset  = 0x000001
	tfhdDescription     = 0x000002
	tfhdDuration        = 0x000008
	tfhdSize            = 0x000010
	tfhdFlags           = 0x000020
	tfhdDefaultBaseMoof = 0x020000

	trunDataOffset = 0x000001
	trunFirstFlags = 0x000004
	trunDuration   = 0x000100
	trunSize       = 0x000200
	trunFlags      = 0x000400
	trunCTO        = 0x000800

	// sample_flags (§8.8.3.1)
	flagNonSync  = 0x00010000
	flagsSync    = 0x02000000 // depends on no other sample
	flagsNonSync = 0x01010000 // depends on others, is no sync sample
)

// defaults are the sample values that a trex or tfhd states for a whole track or fragment.
type defaults struct{ duration, size, flags uint32 }

// sample is one entry of a trun with every default applied.
type sample struct {
	dts      int64
	offset   int64 // of its data from the start of the moof
	cto      int32
	duration uint32
	size     uint32
	sync     bool
}

// fragment is a parsed moof with one traf. Reused from one moof to the next: samples keeps its space.
type fragment struct {
	trex     defaults
	sequence uint32
	track    uint32
	base     int64 // tfdt
	def      defaults
	samples  []sample
	dts      int64 // of the next sample
	next     int64 // offset of the next run's data
	tfhd     bool
	tfdt     bool
}

// parse reads a moof's body; size is that of the whole box.
func (f *fragment) parse(body []byte, size int) error {
	*f = fragment{trex: f.trex, samples: f.samples[:0], next: int64(size) + 8}
	trafs := 0
	for len(body) > 0 {
		c, rest, err := cutBox(body)
		if err != nil {
			return fmt.Errorf("moof: %w", err)
		}
		body = rest
		switch {
		case c.is("mfhd"):
			in := fields{b: c.body}
			in.full()
			f.sequence = in.u32()
			err = in.err("mfhd")
		case c.is("traf"):
			if trafs++; trafs > 1 {
				return fmt.Errorf("%w: moof with several tracks", ErrFormat)
			}
			err = f.parseTraf(c.body)
		}
		if err != nil {
			return err
		}
	}
	if trafs == 0 || !f.tfhd || !f.tfdt {
		return fmt.Errorf("%w: moof without traf, tfhd or tfdt", ErrFormat)
	}
	return nil
}

func (f *fragment) parseTraf(body []byte) error {
	for len(body) > 0 {
		c, rest, err := cutBox(body)
		if err != nil {
			return fmt.Errorf("traf: %w", err)
		}
		body = rest
		switch {
		case c.is("tfhd"):
			err = f.parseTfhd(c.body)
		case c.is("tfdt"):
			err = f.parseTfdt(c.body)
		case c.is("trun"):
			err = f.parseTrun(c.body)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *fragment) parseTfhd(body []byte) error {
	in := fields{b: body}
	_, flags := in.full()
	if flags&tfhdBaseDataOffset != 0 {
		return fmt.Errorf("%w: tfhd with an absolute data offset", ErrFormat)
	}
	f.track, f.def, f.tfhd = in.u32(), f.trex, true
	if flags&tfhdDescription != 0 {
		in.u32()
	}
	if flags&tfhdDuration != 0 {
		f.def.duration = in.u32()
	}
	if flags&tfhdSize != 0 {
		f.def.size = in.u32()
	}
	if flags&tfhdFlags != 0 {
		f.def.flags = in.u32()
	}
	return in.err("tfhd")
}

func (f *fragment) parseTfdt(body []byte) error {
	in := fields{b: body}
	if version, _ := in.full(); version == 0 {
		f.base = int64(in.u32())
	} else {
		f.base = int64(in.u64()) // signed on purpose: encoder priming before 0 arrives as a two's complement
	}
	f.dts, f.tfdt = f.base, true
	return in.err("tfdt")
}

func (f *fragment) parseTrun(body []byte) error {
	if !f.tfhd || !f.tfdt {
		return fmt.Errorf("%w: trun before tfhd or tfdt", ErrFormat)
	}
	in := fields{b: body}
	_, flags := in.full()
	count := in.u32()
	if flags&trunDataOffset != 0 {
		f.next = int64(int32(in.u32()))
	}
	first := f.def.flags
	if flags&trunFirstFlags != 0 {
		first = in.u32()
	}
	if int64(count)+int64(len(f.samples)) > maxSamples {
		return fmt.Errorf("%w: trun with %d samples", ErrFormat, count)
	}
	for i := range count {
		def := f.def
		if i == 0 {
			def.flags = first
		}
		f.add(&in, flags, def)
		if in.short {
			break
		}
	}
	return in.err("trun")
}

// add reads one trun entry.
func (f *fragment) add(in *fields, flags uint32, v defaults) {
	if flags&trunDuration != 0 {
		v.duration = in.u32()
	}
	if flags&trunSize != 0 {
		v.size = in.u32()
	}
	if flags&trunFlags != 0 {
		v.flags = in.u32()
	}
	var cto int32
	if flags&trunCTO != 0 {
		cto = int32(in.u32()) // version 0 says unsigned; no offset that large exists
	}
	f.samples = append(f.samples, sample{
		dts: f.dts, offset: f.next, cto: cto, duration: v.duration, size: v.size, sync: v.flags&flagNonSync == 0,
	})
	f.dts += int64(v.duration)
	f.next += int64(v.size)
}
