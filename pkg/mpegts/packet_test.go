package mpegts_test

import (
	"bytes"
	"testing"

	"onair/pkg/mpegts"
)

// packet makes one packet of pid with an adaptation field (nil for none) and a payload that is filled up with 0xFF.
func packet(pid uint16, cc byte, adaptation, payload []byte) mpegts.Packet {
	p := bytes.Repeat([]byte{0xFF}, mpegts.Size)
	copy(p, []byte{0x47, byte(pid >> 8), byte(pid), cc & 15})
	at := 4
	if adaptation != nil {
		p[3] |= 0x20
		p[4] = byte(len(adaptation))
		at += 1 + copy(p[5:], adaptation)
	}
	if payload != nil {
		p[3] |= 0x10
		copy(p[at:], payload)
	}
	return p
}

func started(p mpegts.Packet) mpegts.Packet {
	p[1] |= 0x40
	return p
}

func pcrField(base uint64, ext uint16) []byte {
	return []byte{0x10, byte(base >> 25), byte(base >> 17), byte(base >> 9), byte(base >> 1), byte(base<<7) | 0x7E | byte(ext>>8), byte(ext)}
}

// pes is the start of a PES packet with PTS and DTS.
func pes(id byte, pts, dts uint64, es []byte) []byte {
	stamp := func(prefix byte, v uint64) []byte {
		return []byte{prefix<<4 | byte(v>>29)&0x0E | 1, byte(v >> 22), byte(v>>14)&0xFE | 1, byte(v >> 7), byte(v<<1) | 1}
	}
	out := append([]byte{0, 0, 1, id, 0, 0, 0x80, 0xC0, 10}, stamp(3, pts)...)
	return append(append(out, stamp(1, dts)...), es...)
}

func TestPacketFields(t *testing.T) {
	p := started(packet(0x1234, 9, append([]byte{0xD0}, pcrField(1<<33-2, 299)[1:]...), []byte{1, 2, 3}))
	base, ext, ok := p.PCR()
	if p.PID() != 0x1234 || !p.Start() || p.CC() != 9 || !p.HasPayload() || p.Scrambled() || p.TransportError() {
		t.Errorf("header of % x misread", p[:4])
	}
	if base != 1<<33-2 || ext != 299 || !ok || !p.Discontinuity() || !p.RandomAccess() {
		t.Errorf("adaptation: pcr %d ext %d ok %v, discontinuity %v, random access %v", base, ext, ok, p.Discontinuity(), p.RandomAccess())
	}
	if len(p.Payload()) != mpegts.Size-12 || p.Payload()[0] != 1 {
		t.Errorf("payload has %d bytes", len(p.Payload()))
	}
	mpegts.SetCC(p, 3)
	if p.CC() != 3 || !p.HasPayload() {
		t.Errorf("counter after SetCC %d", p.CC())
	}
}

func TestPacketWithImpossibleAdaptationHasNothingInIt(t *testing.T) {
	for _, length := range []byte{184, 200, 255} {
		p := packet(0x100, 0, []byte{0xD0}, []byte{1})
		p[4] = length
		if _, _, ok := p.PCR(); ok || p.Payload() != nil || p.Discontinuity() {
			t.Errorf("adaptation length %d was believed", length)
		}
	}
}

func TestContinuity(t *testing.T) {
	const pid = 0x100
	plain := func(cc, content byte) mpegts.Packet { return packet(pid, cc, nil, []byte{content}) }
	bare := func(cc, flags byte) mpegts.Packet { return packet(pid, cc, []byte{flags}, nil) }
	pcr := func(cc byte, v uint64) mpegts.Packet { return packet(pid, cc, pcrField(v, 0), []byte{7}) }
	damaged := plain(9, 0)
	damaged[1] |= 0x80
	null := packet(mpegts.PIDNull, 5, nil, []byte{1})
	ok, dup, rep, lost := mpegts.OK, mpegts.Duplicate, mpegts.Repeated, mpegts.Lost
	cases := []struct {
		name    string
		packets []mpegts.Packet
		want    []mpegts.Verdict
	}{
		{"in order over the wrap", []mpegts.Packet{plain(14, 0), plain(15, 1), plain(0, 2)}, []mpegts.Verdict{ok, ok, ok}},
		{"one missing", []mpegts.Packet{plain(1, 0), plain(3, 1), plain(4, 2)}, []mpegts.Verdict{ok, lost, ok}},
		{"one copy is legal, more are not", []mpegts.Packet{plain(1, 0), plain(1, 0), plain(1, 0), plain(2, 0)},
			[]mpegts.Verdict{ok, dup, rep, ok}},
		{"same counter, other bytes", []mpegts.Packet{plain(1, 0), plain(1, 1)}, []mpegts.Verdict{ok, lost}},
		{"a copy may renew its pcr", []mpegts.Packet{pcr(1, 1000), pcr(1, 1001)}, []mpegts.Verdict{ok, dup}},
		{"no payload, no count", []mpegts.Packet{plain(1, 0), bare(1, 0), bare(7, 0), plain(2, 0)}, []mpegts.Verdict{ok, ok, ok, ok}},
		{"announced break", []mpegts.Packet{plain(1, 0), packet(pid, 9, []byte{0x80}, []byte{1})}, []mpegts.Verdict{ok, ok}},
		{"break announced without payload", []mpegts.Packet{plain(1, 0), bare(8, 0x80), plain(9, 0), plain(12, 0)},
			[]mpegts.Verdict{ok, ok, ok, lost}},
		{"null and damaged packets pass", []mpegts.Packet{plain(1, 0), null, null, damaged, plain(2, 0)},
			[]mpegts.Verdict{ok, ok, ok, ok, ok}},
		{"out of order", []mpegts.Packet{plain(1, 0), plain(3, 1), plain(2, 2)}, []mpegts.Verdict{ok, lost, lost}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var cc mpegts.Continuity
			for i, p := range c.packets {
				if got := cc.Check(p); got != c.want[i] {
					t.Errorf("packet %d is %v, want %v", i, got, c.want[i])
				}
			}
		})
	}
}

func TestContinuityResetLicensesOneBreak(t *testing.T) {
	var cc mpegts.Continuity
	cc.Check(packet(1, 1, nil, []byte{0}))
	cc.Reset(1)
	if v := cc.Check(packet(1, 9, nil, []byte{0})); v != mpegts.OK {
		t.Errorf("after Reset: %v", v)
	}
	if v := cc.Check(packet(1, 12, nil, []byte{0})); v != mpegts.Lost {
		t.Errorf("second break: %v", v)
	}
}

func TestPESTimes(t *testing.T) {
	both := pes(0xE0, 1<<33-1, 1<<32+5, []byte{1})
	only := bytes.Clone(both)
	only[7], only[8] = 0x80, 5
	forbidden := bytes.Clone(both)
	forbidden[7] = 0x40
	none := bytes.Clone(both)
	none[7] = 0
	padding := bytes.Clone(both)
	padding[3] = 0xBE
	lying := bytes.Clone(both)
	lying[8] = 4
	cases := []struct {
		name string
		in   []byte
		want mpegts.Times
		ok   bool
	}{
		{"both", both, mpegts.Times{PTS: 1<<33 - 1, DTS: 1<<32 + 5, HasDTS: true, StreamID: 0xE0, Header: 19}, true},
		{"pts only", only, mpegts.Times{PTS: 1<<33 - 1, DTS: 1<<33 - 1, StreamID: 0xE0, Header: 14}, true},
		{"forbidden flags", forbidden, mpegts.Times{}, false},
		{"no pts", none, mpegts.Times{}, false},
		{"padding stream", padding, mpegts.Times{}, false},
		{"header shorter than its timestamps", lying, mpegts.Times{}, false},
		{"cut", both[:18], mpegts.Times{}, false},
		{"empty", nil, mpegts.Times{}, false},
	}
	for _, c := range cases {
		if got, ok := mpegts.PESTimes(c.in); got != c.want || ok != c.ok {
			t.Errorf("%s: %+v %v, want %+v %v", c.name, got, ok, c.want, c.ok)
		}
	}
}

func TestRewriteShiftsAllTimestampsAndNothingElse(t *testing.T) {
	p := started(packet(0x100, 3, pcrField(100, 255), pes(0xE0, 5000, 2000, []byte{9, 9})))
	before := bytes.Clone(p)
	mpegts.Rewrite(p, func(v uint64) uint64 { return v - 3000 }) // wraps for DTS and PCR
	base, ext, _ := p.PCR()
	times, _ := mpegts.PESTimes(p.Payload())
	if base != 1<<33-2900 || ext != 255 || times.PTS != 2000 || times.DTS != 1<<33-1000 {
		t.Errorf("pcr %d ext %d, %+v", base, ext, times)
	}
	mpegts.Rewrite(p, func(v uint64) uint64 { return v + 3000 })
	if !bytes.Equal(p, before) {
		t.Errorf("shifting back gives\n% x, want\n% x", p[:40], before[:40])
	}
}

func TestRewriteLeavesScrambledPayload(t *testing.T) {
	p := started(packet(0x100, 3, nil, pes(0xE0, 5000, 2000, nil)))
	p[3] |= 0x80
	before := bytes.Clone(p)
	mpegts.Rewrite(p, func(uint64) uint64 { return 1 })
	if !bytes.Equal(p, before) {
		t.Error("a scrambled payload was written to")
	}
}

func FuzzPacket(f *testing.F) {
	f.Add([]byte(started(packet(0x100, 3, pcrField(100, 255), pes(0xE0, 5000, 2000, []byte{9, 9})))))
	f.Add([]byte{0x47})
	f.Fuzz(func(t *testing.T, b []byte) {
		p := mpegts.Packet(b)
		var cc mpegts.Continuity
		cc.Check(p)
		cc.Check(p)
		p.Scrambled()
		p.RandomAccess()
		mpegts.SetCC(p, p.CC())
		before := bytes.Clone(b)
		mpegts.Rewrite(p, func(v uint64) uint64 { return v })
		if !bytes.Equal(b, before) {
			t.Fatalf("identity rewrite changed\n% x to\n% x", before, b)
		}
		mpegts.PESTimes(b)
		if times, ok := mpegts.PESTimes(p.Payload()); ok && (times.PTS >= 1<<33 || times.DTS >= 1<<33) {
			t.Fatalf("timestamps %+v", times)
		}
	})
}

func BenchmarkContinuity(b *testing.B) {
	var cc mpegts.Continuity
	p := packet(0x100, 0, nil, []byte{1})
	cc.Check(p)
	b.SetBytes(mpegts.Size)
	b.ReportAllocs()
	for b.Loop() {
		mpegts.SetCC(p, p.CC()+1)
		if cc.Check(p) != mpegts.OK {
			b.Fatal("not ok")
		}
	}
}

func BenchmarkRewrite(b *testing.B) {
	p := started(packet(0x100, 3, pcrField(100, 255), pes(0xE0, 5000, 2000, nil)))
	shift := func(v uint64) uint64 { return v + 1 }
	b.SetBytes(mpegts.Size)
	b.ReportAllocs()
	for b.Loop() {
		mpegts.Rewrite(p, shift)
	}
}

func TestStuffed(t *testing.T) {
	for name, c := range map[string]struct {
		adaptation []byte // from its length on; nil: none
		want       bool
	}{
		"no adaptation field":     {nil, false},
		"one byte of stuffing":    {[]byte{0}, true},
		"flags only":              {[]byte{1, 0x40}, false},
		"two bytes of stuffing":   {[]byte{2, 0x00, 0xff}, true},
		"a PCR":                   {append([]byte{7, 0x10}, make([]byte, 6)...), false},
		"a PCR and stuffing":      {append([]byte{8, 0x10}, make([]byte, 7)...), true},
		"PCR, OPCR and splice":    {append([]byte{14, 0x1c}, make([]byte, 13)...), false},
		"private data":            {[]byte{4, 0x02, 2, 9, 9}, false},
		"private data, stuffing":  {[]byte{5, 0x02, 2, 9, 9, 0xff}, true},
		"an extension":            {[]byte{3, 0x01, 1, 0}, false},
		"private data too long":   {[]byte{4, 0x02, 200, 9, 9}, false},
		"longer than the packet":  {[]byte{200, 0x00}, false},
		"all of it, no payload":   {append([]byte{183, 0}, make([]byte, 182)...), true},
		"an extension cut off":    {[]byte{1, 0x01}, false},
		"private and extension":   {[]byte{5, 0x03, 1, 9, 1, 0}, false},
		"those two, and stuffing": {[]byte{6, 0x03, 1, 9, 1, 0, 0xff}, true},
	} {
		p := make(mpegts.Packet, mpegts.Size)
		p[0], p[3] = 0x47, 0x10
		if c.adaptation != nil {
			p[3] = 0x30
			copy(p[4:], c.adaptation)
		}
		if got := p.Stuffed(); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	if mpegts.Packet(nil).Stuffed() {
		t.Error("a slice that is no packet is stuffed")
	}
}
