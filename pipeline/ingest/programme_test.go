package ingest_test

import (
	"strings"
	"testing"

	"onair/pipeline/ingest"
	"onair/pkg/anchor"
	"onair/pkg/mpegts"
	"onair/pkg/spool"
	"onair/pkg/tick"
)

// adts is the begin of a frame of AAC, mp2 of one of MPEG audio.
var (
	adts = []byte{0xFF, 0xF1, 0x4C, 0x80, 0x20, 0x1F, 0xFC, 0x21}
	mp2  = []byte{0xFF, 0xFD, 0x84, 0x04, 0x55, 0x55, 0x55, 0x55}
)

// reader is a Programme that is fed packet by packet.
type reader struct {
	*ingest.Programme
	t   *testing.T
	now tick.Tick
	cc  map[uint16]uint8
}

func newReader(t *testing.T, number uint16) *reader {
	t.Helper()
	clock := anchor.NewClock(anchor.NewTable(), nil, nil)
	p := ingest.NewProgramme(ingest.ProgrammeConfig{Number: number, Spool: spool.New(spool.Config{}), Clock: clock})
	return &reader{Programme: p, t: t, now: 1_700_000_000 * tick.Second, cc: map[uint16]uint8{}}
}

// tables sends a PAT of programs, and the maps of those in mapped.
func (r *reader) tables(programs []mpegts.Program, mapped ...int) {
	r.t.Helper()
	pat := []byte{0, 0xB0, byte(9 + 4*len(programs)), 0, 1, 0xC1, 0, 0}
	for _, p := range programs {
		pat = append(pat, byte(p.Number>>8), byte(p.Number), 0xE0|byte(p.PMTPID>>8), byte(p.PMTPID))
	}
	crc := mpegts.CRC32(pat)
	pat = append(pat, byte(crc>>24), byte(crc>>16), byte(crc>>8), byte(crc))
	r.packet(0, append([]byte{0}, pat...))
	for _, i := range mapped {
		psi, err := mpegts.PSI(programs[i], r.count(programs[i].PMTPID))
		if err != nil {
			r.t.Fatal(err)
		}
		r.Datagram(psi[1][:], r.now, 0)
	}
}

func (r *reader) count(pid uint16) uint8 {
	r.cc[pid]++
	return r.cc[pid] & 15
}

// packet sends a packet that begins with payload.
func (r *reader) packet(pid uint16, payload []byte) {
	p := make([]byte, mpegts.Size)
	for i := range p {
		p[i] = 0xFF
	}
	copy(p, []byte{0x47, 0x40 | byte(pid>>8), byte(pid), 0x10 | r.count(pid)})
	copy(p[4:], payload)
	r.Datagram(p, r.now, 0)
}

// pes sends a PES packet with a PTS of now.
func (r *reader) pes(pid uint16, id byte, data []byte) { r.pesAt(r.now, pid, id, data) }

// pesAt sends a PES packet.
func (r *reader) pesAt(at tick.Tick, pid uint16, id byte, data []byte) {
	pts := uint64(at.Round(90_000))
	h := []byte{
		0, 0, 1, id, 0, 0, 0x80, 0x80, 5,
		0x21 | byte(pts>>29)&0x0E, byte(pts >> 22), 1 | byte(pts>>14)&0xFE, byte(pts >> 7), 1 | byte(pts<<1),
	}
	r.packet(pid, append(h, data...))
}

func (r *reader) wait(d tick.Tick) { r.now += d }

// idle lets time pass with packets that mean nothing.
func (r *reader) idle(d tick.Tick) {
	for end := r.now + d; r.now < end; r.wait(tick.Second / 4) {
		r.packet(0x1FFE, nil)
	}
}

func program(number uint16, streams ...mpegts.Stream) mpegts.Program {
	return mpegts.Program{Number: number, PMTPID: 0x20 + number, PCRPID: 0x1FFF, Streams: streams}
}

func stream(pid uint16, typ uint8) mpegts.Stream { return mpegts.Stream{PID: pid, Type: typ} }

func TestProgrammeIsTheFirstWithPictureOrSound(t *testing.T) {
	data, first, second := program(1, stream(0x50, 0x05)), program(2, stream(0x100, 0x1B)), program(3, stream(0x200, 0x1B))
	for name, c := range map[string]struct {
		number uint16
		want   uint16
		send   func(r *reader)
	}{
		"first of the table": {0, 2, func(r *reader) { r.tables([]mpegts.Program{first, second}, 1, 0) }},
		"its map comes late": {0, 2, func(r *reader) {
			r.tables([]mpegts.Program{first, second}, 1)
			r.wait(tick.Second)
			r.tables([]mpegts.Program{first, second}, 0, 1)
		}},
		"its map never comes": {0, 3, func(r *reader) {
			r.tables([]mpegts.Program{first, second}, 1)
			r.idle(5 * tick.Second)
		}},
		"its map comes when another was taken": {0, 3, func(r *reader) {
			r.tables([]mpegts.Program{first, second}, 1)
			r.idle(5 * tick.Second)
			r.tables([]mpegts.Program{first, second}, 0, 1)
		}},
		"it has only data": {0, 2, func(r *reader) { r.tables([]mpegts.Program{data, first, second}, 0, 1, 2) }},
		"the chosen one":   {3, 3, func(r *reader) { r.tables([]mpegts.Program{first, second}, 0, 1) }},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReader(t, c.number)
			c.send(r)
			if got := r.Stats().Format; got.Program.Number != c.want || got.Number != 1 {
				t.Errorf("programme %d in format %d, want %d in 1", got.Program.Number, got.Number, c.want)
			}
		})
	}
}

// Another programme is another format, begun when the stream has it, and the one before goes on until then.
func TestAnotherProgrammeIsChosen(t *testing.T) {
	programs := []mpegts.Program{program(7, stream(0x100, 0x1B)), program(9, stream(0x200, 0x1B)), program(11, stream(0x300, 0x1B))}
	r := newReader(t, 0)
	r.tables(programs[:2], 0, 1)
	for i, c := range []struct {
		choose, number uint16
		format         uint32
	}{{0, 7, 1}, {9, 9, 2}, {9, 9, 2}, {11, 9, 2}, {7, 7, 3}, {11, 7, 3}} {
		r.Choose(c.choose)
		r.pes(0x100, 0xE0, nil)
		if f := r.Stats().Format; f.Program.Number != c.number || f.Number != c.format {
			t.Errorf("step %d: programme %d in format %d, want %d in %d", i, f.Program.Number, f.Number, c.number, c.format)
		}
	}
	if n := len(r.Stats().Announced); n != 2 {
		t.Errorf("%d programmes are announced", n)
	}
	r.tables(programs, 0, 1, 2)
	if f := r.Stats().Format; f.Program.Number != 11 || f.Number != 4 {
		t.Errorf("programme %d in format %d after it came", f.Program.Number, f.Number)
	}
	r.Choose(0)
	r.pes(0x300, 0xE0, nil)
	if f := r.Stats().Format; f.Program.Number != 7 || f.Number != 5 {
		t.Errorf("programme %d in format %d, want the first one", f.Program.Number, f.Number)
	}
}

func TestProgrammeTakesSoundForWhatItIs(t *testing.T) {
	for name, c := range map[string]struct {
		announced uint8
		data      []byte
		want      string // codecs of the programme
	}{
		"aac as mpeg audio":          {0x04, adts, "h264 aac"},
		"mpeg audio as private":      {0x06, mp2, "h264 mp2"},
		"private that is none":       {0x06, []byte{0x10, 2, 0x2C, 1, 2, 3, 4, 5}, "h264"},
		"aac as announced":           {0x0F, adts, "h264 aac"},
		"sound that does not appear": {0x0F, make([]byte, 20), "h264 aac"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReader(t, 0)
			progs := []mpegts.Program{program(1, stream(0x100, 0x1B), stream(0x101, c.announced))}
			for range 20 {
				r.tables(progs, 0)
				r.pes(0x100, 0xE0, nil)
				r.pes(0x101, 0xC0, c.data)
				r.wait(tick.Second / 25)
			}
			var got []string
			for _, s := range r.Stats().Format.Program.Streams {
				got = append(got, string(s.Codec))
			}
			if text := strings.Join(got, " "); text != c.want {
				t.Errorf("%q, want %q", text, c.want)
			}
			if n := r.Stats().Format.Number; n > 2 {
				t.Errorf("format %d: it does not come to rest", n)
			}
		})
	}
}

func TestProgrammeThatGrowsIsANewFormat(t *testing.T) {
	r := newReader(t, 0)
	progs := []mpegts.Program{program(1, stream(0x100, 0x1B), stream(0x101, 0x0F))}
	r.tables(progs, 0)
	for i := range 200 {
		r.pes(0x100, 0xE0, nil)
		if i > 125 {
			r.pes(0x101, 0xC0, adts)
		}
		r.wait(tick.Second / 25)
	}
	if n := r.Stats().Format.Number; n != 2 {
		t.Errorf("format %d after sound joined the picture, want 2", n)
	}
}

func TestProgrammeSaysWhatIsMissing(t *testing.T) {
	two := []mpegts.Program{program(7, stream(0x100, 0x1B)), program(9, stream(0x200, 0x1B))}
	feed := func(r *reader, each func()) {
		for range 100 {
			each()
			r.wait(tick.Second / 25)
		}
	}
	for name, c := range map[string]struct {
		number uint16
		send   func(r *reader)
		want   string
	}{
		"no packets":    {0, func(r *reader) { feed(r, func() { r.Datagram(make([]byte, 188), r.now, 0) }) }, "not MPEG-TS"},
		"no tables":     {0, func(r *reader) { r.idle(5 * tick.Second) }, "no programme association table"},
		"no map":        {0, func(r *reader) { feed(r, func() { r.tables(two) }) }, "no programme map (PMT) comes for 7, 9"},
		"not there":     {8, func(r *reader) { feed(r, func() { r.tables(two, 0, 1) }) }, "program 8 is not in this stream: it has 7, 9"},
		"only data":     {0, func(r *reader) { feed(r, func() { r.tables([]mpegts.Program{program(1, stream(0x50, 5))}, 0) }) }, "neither picture nor sound"},
		"nothing of it": {9, func(r *reader) { feed(r, func() { r.tables(two, 0, 1); r.pes(0x100, 0xE0, nil) }) }, "programme 9 comes (announced: h264 on pid 512)"},
		"without times": {7, func(r *reader) {
			feed(r, func() { r.tables(two, 0); r.packet(0x100, []byte{0, 0, 1, 0xE0, 0, 0, 0x80, 0, 0}) })
		}, "no time stamps"},
		"all is well":       {7, func(r *reader) { feed(r, func() { r.tables(two, 0); r.pes(0x100, 0xE0, nil) }) }, ""},
		"not missed so far": {0, func(r *reader) { r.packet(0x1FFE, nil) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReader(t, c.number)
			c.send(r)
			got := r.Stats().Problem
			if !strings.Contains(got, c.want) || c.want == "" && got != "" {
				t.Errorf("%q, want %q in it", got, c.want)
			}
		})
	}
}

func FuzzProgramme(f *testing.F) {
	f.Add([]byte{0x47, 0x40, 0, 0x10, 0, 0, 0xB0, 13})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := newReader(t, 0)
		r.tables([]mpegts.Program{program(1, stream(0x100, 0x1B), stream(0x101, 0x06))}, 0)
		for len(b) > 0 {
			n := min(len(b), 7*mpegts.Size)
			r.Datagram(b[:n], r.now, 0)
			b = b[n:]
			r.wait(tick.Second / 25)
		}
		_ = r.Stats()
	})
}
