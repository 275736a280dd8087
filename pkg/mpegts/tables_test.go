package mpegts_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"testing"
	"time"

	"onair/pkg/mpegts"
)

// seal closes a section that has its header and body: length and CRC.
func seal(b []byte) []byte {
	binary.BigEndian.PutUint16(b[1:], 0xB000|uint16(len(b)+1))
	return binary.BigEndian.AppendUint32(b, mpegts.CRC32(b))
}

type listed struct{ number, pid uint16 }

func patSection(version, number, last byte, programs ...listed) []byte {
	b := []byte{0, 0, 0, 0, 1, 0xC1 | version<<1, number, last}
	for _, p := range programs {
		b = binary.BigEndian.AppendUint16(b, p.number)
		b = binary.BigEndian.AppendUint16(b, 0xE000|p.pid)
	}
	return seal(b)
}

func pmtSection(number uint16, version byte, pcr uint16, streams ...mpegts.Stream) []byte {
	b := []byte{2, 0, 0, byte(number >> 8), byte(number), 0xC1 | version<<1, 0, 0, 0xE0 | byte(pcr>>8), byte(pcr), 0xF0, 0}
	for _, s := range streams {
		b = append(b, s.Type, 0xE0|byte(s.PID>>8), byte(s.PID), 0xF0|byte(len(s.Descriptors)>>8), byte(len(s.Descriptors)))
		b = append(b, s.Descriptors...)
	}
	return seal(b)
}

// carry cuts a section into packets; cc goes on from call to call.
func carry(pid uint16, cc *byte, section []byte) []mpegts.Packet {
	var out []mpegts.Packet
	for rest := append([]byte{0}, section...); len(rest) > 0; *cc++ {
		n := min(len(rest), 184)
		p := packet(pid, *cc, nil, rest[:n])
		if len(out) == 0 {
			p = started(p)
		}
		out, rest = append(out, p), rest[n:]
	}
	return out
}

func push(t *mpegts.Tables, packets []mpegts.Packet) (changed bool) {
	for _, p := range packets {
		changed = t.Push(p) || changed
	}
	return changed
}

func avProgram() mpegts.Program {
	return mpegts.Program{Number: 7, PMTPID: 0x1000, PCRPID: 0x100, Version: 3, Descriptors: []byte{5, 4, 'C', 'U', 'E', 'I'},
		Streams: []mpegts.Stream{
			{PID: 0x100, Type: 0x1B, Kind: mpegts.Video, Codec: mpegts.H264, Descriptors: []byte{0x28, 4, 1, 2, 3, 4}},
			{PID: 0x101, Type: 0x06, Kind: mpegts.Audio, Codec: mpegts.EAC3, Language: "fra",
				Descriptors: []byte{0x0A, 4, 'f', 'r', 'a', 0, 0x7A, 1, 0}},
			{PID: 0x102, Type: 0x86, Kind: mpegts.Data, Codec: mpegts.SCTE35, Descriptors: []byte{}},
		}}
}

func TestPSIIsReadBackAsItWas(t *testing.T) {
	want := avProgram()
	psi, err := mpegts.PSI(want, 5)
	if err != nil {
		t.Fatal(err)
	}
	tables := mpegts.NewTables()
	tables.Push(psi[0][:])
	if !tables.Push(psi[1][:]) {
		t.Error("the first program map is no change")
	}
	if got := tables.Programs(); len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("read back\n%+v, want\n%+v", got, want)
	}
	if cc := mpegts.Packet(psi[1][:]).CC(); cc != 5 {
		t.Errorf("continuity counter %d", cc)
	}
	if tables.Push(psi[1][:]) {
		t.Error("the same map again is a change")
	}
}

// A service of DVB with six sounds, and the longest map there can be.
func TestPSIOfSeveralPacketsIsReadBackAsItWas(t *testing.T) {
	dvb := avProgram()
	for i := range uint16(6) {
		dvb.Streams = append(dvb.Streams, mpegts.Stream{
			PID: 0x110 + i, Type: 0x06, Kind: mpegts.Audio, Codec: mpegts.AC3, Language: "eng",
			Descriptors: []byte{0x52, 1, byte(i), 0x0A, 4, 'e', 'n', 'g', 0, 0x6A, 3, 0xC0, 0x42, 1, 0x7F, 5, 6, 0x81, 'e', 'n', 'g'},
		})
	}
	longest := avProgram()
	longest.Descriptors = longDescriptors(longest)
	for name, want := range map[string]mpegts.Program{"dvb": dvb, "longest": longest} {
		psi, err := mpegts.PSI(want, 14)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		tables := mpegts.NewTables()
		for i := range psi {
			if cc := mpegts.Packet(psi[i][:]).CC(); cc != uint8(14+max(0, i-1))&15 {
				t.Errorf("%s: packet %d has continuity counter %d", name, i, cc)
			}
			tables.Push(psi[i][:])
		}
		if got := tables.Programs(); len(psi) < 3 || len(got) != 1 || !reflect.DeepEqual(got[0], want) {
			t.Errorf("%s: read back from %d packets\n%+v, want\n%+v", name, len(psi), got, want)
		}
	}
}

// longDescriptors fill the map of p up to the last byte that a section may have.
func longDescriptors(p mpegts.Program) []byte {
	room := 1024 - 16
	for _, s := range p.Streams {
		room -= 5 + len(s.Descriptors)
	}
	b := make([]byte, room)
	for at := 0; at < room; {
		n := min(254, room-at-2)
		b[at], b[at+1] = 0xF0, byte(n)
		at += 2 + n
	}
	return b
}

func TestPSIThatDoesNotFitIsRefused(t *testing.T) {
	p := avProgram()
	p.Descriptors = append(longDescriptors(p), 0)
	if _, err := mpegts.PSI(p, 0); !errors.Is(err, mpegts.ErrTooLong) {
		t.Errorf("error %v", err)
	}
	p = avProgram()
	p.PMTPID = 0
	if _, err := mpegts.PSI(p, 0); err == nil {
		t.Error("a program map on the PAT's pid was made")
	}
}

func TestTablesFollowChanges(t *testing.T) {
	var patCC, pmtCC, otherCC byte
	pat := func(version byte, l ...listed) []mpegts.Packet {
		return carry(0, &patCC, patSection(version, 0, 0, l...))
	}
	video, audio := mpegts.Stream{PID: 0x100, Type: 0x1B}, mpegts.Stream{PID: 0x101, Type: 0x0F}
	pmt := func(version byte, s ...mpegts.Stream) []mpegts.Packet {
		return carry(0x1000, &pmtCC, pmtSection(1, version, 0x100, s...))
	}
	next := pmtSection(1, 9, 0x100, audio)
	next[5] &^= 1
	next = seal(next[:len(next)-4])
	damaged := pmtSection(1, 9, 0x100, audio)
	damaged[12] ^= 1

	steps := []struct {
		name     string
		packets  []mpegts.Packet
		changed  bool
		programs int
	}{
		{"map before the pat", pmt(0, video), false, 0},
		{"pat", pat(0, listed{0, 0x10}, listed{1, 0x1000}, listed{2, 0x1001}), false, 0},
		{"map", pmt(0, video, audio), true, 1},
		{"same again", pmt(0, video, audio), false, 1},
		{"version alone", pmt(1, video, audio), false, 1},
		{"content without version", pmt(1, video), true, 1},
		{"not yet valid", carry(0x1000, &pmtCC, next), false, 1},
		{"wrong crc", carry(0x1000, &pmtCC, damaged), false, 1},
		{"map of a program that is not on this pid", carry(0x1000, &pmtCC, pmtSection(2, 0, 0x100, audio)), false, 1},
		{"second program", carry(0x1001, &otherCC, pmtSection(2, 0, 0x200, audio)), true, 2},
		{"first program gone", pat(1, listed{2, 0x1001}), true, 1},
	}
	tables := mpegts.NewTables()
	for _, s := range steps {
		if got := push(tables, s.packets); got != s.changed || len(tables.Programs()) != s.programs {
			t.Errorf("%s: changed %v with %d programs, want %v, %d", s.name, got, len(tables.Programs()), s.changed, s.programs)
		}
	}
	if s := tables.Stats(); s.PATs != 2 || s.CRCErrors != 1 {
		t.Errorf("stats %+v", s)
	}
}

func TestTablesReadLongAndSplitTables(t *testing.T) {
	var streams []mpegts.Stream
	for i := range 60 {
		streams = append(streams, mpegts.Stream{PID: uint16(0x100 + i), Type: 0x0F, Descriptors: []byte{0x0A, 4, 'e', 'n', 'g', 0}})
	}
	var cc, patCC byte
	tables := mpegts.NewTables()
	push(tables, carry(0, &patCC, patSection(0, 1, 1, listed{9, 0x1F00})))
	if len(tables.Announced()) != 0 {
		t.Error("half a pat was believed")
	}
	push(tables, carry(0, &patCC, patSection(0, 0, 1, listed{7, 0x1000})))
	if got := tables.Announced(); len(got) != 2 || got[9] != 0x1F00 {
		t.Errorf("announced %v", got)
	}
	long := carry(0x1000, &cc, pmtSection(7, 0, 0x100, streams...))
	push(tables, long[:2])
	push(tables, long[3:])
	if len(tables.Programs()) != 0 {
		t.Error("a section with a hole was believed")
	}
	long = carry(0x1000, &cc, pmtSection(7, 0, 0x100, streams...))
	push(tables, []mpegts.Packet{long[0], long[1], long[1], long[2], long[3]}) // with a legal duplicate
	if got := tables.Programs(); len(got) != 1 || len(got[0].Streams) != 60 || got[0].Streams[59].Language != "eng" {
		t.Errorf("long program map: %+v", got)
	}
}

func TestTablesSurviveBrokenDescriptors(t *testing.T) {
	broken := [][]byte{
		{0x0A, 200, 'e'}, {0x0A, 1, 'e'}, {0x0A, 0}, {0x0A}, {0x05, 2, 'A', 'C'}, {0x56, 3, 1, 2, 3}, {0x59, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9},
		{0x7F, 0}, {0x7F, 1, 6}, {0x7F, 2, 6, 1}, {0x45, 2, 1, 200}, {0x6A, 1, 0xFF}, {0xFF, 255},
	}
	for _, loop := range broken {
		var a, b byte
		tables := mpegts.NewTables()
		push(tables, carry(0, &a, patSection(0, 0, 0, listed{1, 0x1000})))
		push(tables, carry(0x1000, &b, pmtSection(1, 0, 0x100, mpegts.Stream{PID: 0x100, Type: 0x1B, Descriptors: loop})))
		got := tables.Programs()
		if len(got) != 1 || got[0].Streams[0].Codec != mpegts.H264 || !bytes.Equal(got[0].Streams[0].Descriptors, loop) {
			t.Errorf("descriptors % x: %+v", loop, got)
		}
	}
}

func TestCodecOfStream(t *testing.T) {
	reg := func(s string) []byte { return append([]byte{5, 4}, s...) }
	cases := []struct {
		name   string
		stream mpegts.Stream
		codec  mpegts.Codec
		kind   mpegts.Kind
		lang   string
	}{
		{"hevc", mpegts.Stream{Type: 0x24}, mpegts.HEVC, mpegts.Video, ""},
		{"latm", mpegts.Stream{Type: 0x11}, mpegts.AACLATM, mpegts.Audio, ""},
		{"atsc ac3", mpegts.Stream{Type: 0x81, Descriptors: reg("AC-3")}, mpegts.AC3, mpegts.Audio, ""},
		{"dvb ac3", mpegts.Stream{Type: 6, Descriptors: []byte{0x6A, 1, 0, 0x0A, 4, 'd', 'e', 'u', 0}}, mpegts.AC3, mpegts.Audio, "deu"},
		{"dvb eac3", mpegts.Stream{Type: 6, Descriptors: []byte{0x7A, 1, 0}}, mpegts.EAC3, mpegts.Audio, ""},
		{"opus", mpegts.Stream{Type: 6, Descriptors: reg("Opus")}, mpegts.Opus, mpegts.Audio, ""},
		{"teletext", mpegts.Stream{Type: 6, Descriptors: []byte{0x56, 5, 'f', 'r', 'e', 9, 0x88}}, mpegts.Teletext, mpegts.Data, "fre"},
		{"subtitles", mpegts.Stream{Type: 6, Descriptors: []byte{0x59, 8, 'f', 'r', 'a', 16, 0, 1, 0, 1}}, mpegts.DVBSub, mpegts.Data, "fra"},
		{"id3", mpegts.Stream{Type: 0x15, Descriptors: append([]byte{0x26, 13, 0xFF, 0xFF}, "ID3 \xFFID3 \x00\x0F"...)}, mpegts.ID3, mpegts.Data, ""},
		{"audio description", mpegts.Stream{Type: 0x0F, Descriptors: []byte{0x7F, 5, 6, 1, 'd', 'e', 'u'}}, mpegts.AAC, mpegts.Audio, "deu"},
		{"scte 35 without registration", mpegts.Stream{Type: 0x86}, mpegts.SCTE35, mpegts.Data, ""},
		{"private", mpegts.Stream{Type: 6}, mpegts.Private, mpegts.Data, ""},
		{"type of nobody", mpegts.Stream{Type: 0xB0}, mpegts.Unknown, mpegts.Data, ""},
		{"language of no letters", mpegts.Stream{Type: 0x0F, Descriptors: []byte{0x0A, 4, 0, 1, 2, 0}}, mpegts.AAC, mpegts.Audio, ""},
	}
	for _, c := range cases {
		var a, b byte
		c.stream.PID = 0x100
		tables := mpegts.NewTables()
		push(tables, carry(0, &a, patSection(0, 0, 0, listed{1, 0x1000})))
		push(tables, carry(0x1000, &b, pmtSection(1, 0, 0x100, c.stream)))
		got := tables.Programs()[0].Streams[0]
		if got.Codec != c.codec || got.Kind != c.kind || got.Language != c.lang {
			t.Errorf("%s: %s %v %q, want %s %v %q", c.name, got.Codec, got.Kind, got.Language, c.codec, c.kind, c.lang)
		}
	}
}

// FuzzTables gives sections with a right CRC and arbitrary bodies, so that the parser behind the CRC is reached.
func FuzzTables(f *testing.F) {
	f.Add(patSection(0, 0, 0, listed{1, 0x1000})[3:], pmtSection(1, 0, 0x100, avProgram().Streams...)[3:], []byte{0xFF})
	f.Add([]byte{0, 1, 0xC1, 0, 0}, []byte{0, 1, 0xC1, 0, 0, 0, 0, 0x0F, 0xFF}, []byte{2, 0xB0})
	f.Fuzz(func(t *testing.T, pat, pmt, raw []byte) {
		tables := mpegts.NewTables()
		var a, b byte
		wrap := func(id byte, body []byte) []byte {
			return seal(append([]byte{id, 0, 0}, body[:min(len(body), 1500)]...))
		}
		push(tables, carry(0, &a, patSection(0, 0, 0, listed{1, 0x1000})))
		push(tables, carry(0, &a, wrap(0, pat)))
		push(tables, carry(0x1000, &b, wrap(2, pmt)))
		push(tables, carry(0, &a, patSection(1, 0, 0, listed{1, 0x1000})))
		push(tables, carry(0x1000, &b, wrap(2, pmt)))
		for ; len(raw) >= 4; raw = raw[min(len(raw), mpegts.Size):] {
			p := bytes.Repeat([]byte{0xFF}, mpegts.Size)
			copy(p, raw)
			tables.Push(p)
		}
		for _, p := range tables.Programs() {
			p.Version &= 0x1F
			psi, err := mpegts.PSI(p, 0)
			if err != nil {
				continue
			}
			again := mpegts.NewTables()
			for i := range psi {
				again.Push(psi[i][:])
			}
			if got := again.Programs(); len(got) != 1 || !got[0].Same(p) {
				t.Fatalf("written and read back\n%+v, want\n%+v", got, p)
			}
		}
	})
}

func BenchmarkTablesSteadyState(b *testing.B) {
	psi, err := mpegts.PSI(avProgram(), 0)
	if err != nil {
		b.Fatal(err)
	}
	tables := mpegts.NewTables()
	b.ReportAllocs()
	for b.Loop() {
		for i := range psi {
			mpegts.SetCC(psi[i][:], mpegts.Packet(psi[i][:]).CC()+1)
			tables.Push(psi[i][:])
		}
	}
}

// TestPATWithoutEnd: an association table of more sections than there can be maps is not taken, and one of as many as
// can be costs little, however often it changes.
func TestPATWithoutEnd(t *testing.T) {
	t.Parallel()
	const each = 253
	programs := func(section int) (out []listed) {
		for i := range each {
			n := section*each + i
			out = append(out, listed{uint16(n + 1), uint16(0x20 + n%0x1F00)})
		}
		return out
	}
	fill := func(last byte) (*mpegts.Tables, byte) {
		tables, cc := mpegts.NewTables(), byte(0)
		for i := range int(last) + 1 {
			push(tables, carry(mpegts.PIDPAT, &cc, patSection(0, byte(i), last, programs(i)...)))
		}
		return tables, cc
	}
	tables, _ := fill(255)
	if n := len(tables.Announced()); n > 0 || tables.Stats().BadSections != 256 {
		t.Errorf("%d programmes, %+v", n, tables.Stats())
	}
	tables, cc := fill(31)
	if n := len(tables.Announced()); n != 32*each {
		t.Errorf("%d programmes", n)
	}
	began := time.Now()
	const changes = 50
	for i := range changes {
		push(tables, carry(mpegts.PIDPAT, &cc, patSection(0, 0, 31, listed{uint16(i + 1), 0x20})))
	}
	if took := time.Since(began); took > changes*100*time.Millisecond {
		t.Errorf("%d changes took %v", changes, took)
	}
	t.Log(time.Since(began))
}
