package mpegts_test

import (
	"slices"
	"testing"

	"onair/pkg/mpegts"
	"onair/pkg/tick"
)

const ms = tick.Millisecond

// feed drives a monitor with a stream that is correct unless a case spoils it: every 20 ms a video packet with PCR and
// PTS, and every 100 ms a PAT and a program map.
type feed struct {
	m             *mpegts.Monitor
	cc            map[uint16]byte
	noPAT, noPMT  bool
	noVideo       bool
	noPCR         bool
	noPTS         bool
	pcrOffset     int64 // 90 kHz
	announceBreak bool
	damage        func(mpegts.Packet)
}

func newFeed() *feed { return &feed{m: mpegts.NewMonitor(), cc: map[uint16]byte{}} }

func (f *feed) send(p mpegts.Packet, now tick.Tick) {
	p = slices.Clone(p)
	pid := p.PID()
	mpegts.SetCC(p, f.cc[pid])
	f.cc[pid]++
	if f.damage != nil {
		f.damage(p)
	}
	f.m.Push(p, now)
}

// run goes on from one instant to another.
func (f *feed) run(from, to tick.Tick) {
	psi, _ := mpegts.PSI(mpegts.Program{Number: 1, PMTPID: 0x1000, PCRPID: 0x100, Streams: []mpegts.Stream{{PID: 0x100, Type: 0x1B}}}, 0)
	for now := from; now < to; now += 20 * ms {
		if now%(100*ms) == 0 && !f.noPAT {
			f.send(psi[0][:], now)
		}
		if now%(100*ms) == 0 && !f.noPMT {
			f.send(psi[1][:], now)
		}
		if f.noVideo {
			f.m.Tick(now)
			continue
		}
		var field []byte
		raw := uint64(now.Units(90_000)+f.pcrOffset) & (1<<33 - 1)
		if !f.noPCR {
			field = pcrField(raw, 0)
			if f.announceBreak {
				field[0] |= 0x80
				f.announceBreak = false
			}
		}
		p := packet(0x100, 0, field, pes(0xE0, raw, raw, []byte{0}))
		if !f.noPTS {
			p = started(p)
		}
		f.send(p, now)
	}
	f.m.Tick(to)
}

// errors are the checks that failed, with their counts.
func (f *feed) errors() map[string]uint64 {
	out := map[string]uint64{}
	for _, c := range f.m.Report().Checks {
		if c.Errors > 0 {
			out[c.Check.ID()] = c.Errors
		}
	}
	return out
}

func TestMonitorCountsWhatIsWrong(t *testing.T) {
	second := tick.Second
	cases := []struct {
		name  string
		spoil func(*feed)
		want  map[string]uint64
	}{
		{"nothing", func(f *feed) { f.run(second, 10*second) }, nil},
		{"pcr wrap is no error", func(f *feed) {
			f.pcrOffset = 1<<33 - 5*90_000
			f.run(second, 10*second)
		}, nil},
		{"pat late", func(f *feed) {
			f.run(second, 2*second)
			f.noPAT = true
			f.run(2*second, 4*second)
			f.noPAT = false
			f.run(4*second, 5*second)
		}, map[string]uint64{"1.3.a": 1}},
		{"map late", func(f *feed) {
			f.run(second, 2*second)
			f.noPMT = true
			f.run(2*second, 3*second)
		}, map[string]uint64{"1.5.a": 1}},
		{"stream gone", func(f *feed) {
			f.run(second, 2*second)
			f.noVideo = true
			f.run(2*second, 12*second)
		}, map[string]uint64{"1.6": 1, "2.3.a": 1, "2.5": 1}},
		{"packet lost", func(f *feed) {
			f.run(second, 2*second)
			f.cc[0x100]++
			f.run(2*second, 3*second)
		}, map[string]uint64{"1.4": 1}},
		{"packet damaged", func(f *feed) {
			f.run(second, 2*second)
			f.damage = func(p mpegts.Packet) { p[1] |= 0x80; f.damage = nil }
			f.run(2*second, 3*second)
		}, map[string]uint64{"2.1": 1, "1.4": 1}}, // its own counter cannot be believed, so one is missing
		{"wrong crc", func(f *feed) {
			f.run(second, 2*second)
			f.damage = func(p mpegts.Packet) { p[20] ^= 1; f.damage = nil }
			f.run(2*second, 3*second)
		}, map[string]uint64{"2.2": 1}},
		{"wrong table on the pid of the pat", func(f *feed) {
			f.run(second, 2*second)
			f.damage = func(p mpegts.Packet) { p[5] = 0x42; f.damage = nil }
			f.run(2*second, 3*second)
		}, map[string]uint64{"1.3.a": 1}},
		{"scrambled without conditional access", func(f *feed) {
			f.run(second, 2*second)
			f.damage = func(p mpegts.Packet) {
				if p.PID() == 0x100 {
					p[3] |= 0x80
				}
			}
			f.run(2*second, 2*second+500*ms)
		}, map[string]uint64{"2.6": 1}},
		{"pcr jump", func(f *feed) {
			f.run(second, 2*second)
			f.pcrOffset = 3600 * 90_000
			f.run(2*second, 3*second)
		}, map[string]uint64{"2.3.b": 1}},
		{"pcr jump back", func(f *feed) {
			f.run(second, 2*second)
			f.pcrOffset = -30_000
			f.run(2*second, 3*second)
		}, map[string]uint64{"2.3.b": 1}},
		{"announced pcr jump", func(f *feed) {
			f.run(second, 2*second)
			f.pcrOffset, f.announceBreak = 3600*90_000, true
			f.run(2*second, 3*second)
		}, nil},
		{"pcr missing", func(f *feed) {
			f.run(second, 2*second)
			f.noPCR = true
			f.run(2*second, 2*second+500*ms)
			f.noPCR = false
			f.run(2*second+500*ms, 3*second)
		}, map[string]uint64{"2.3.a": 1}},
		{"no timestamps", func(f *feed) {
			f.run(second, 2*second)
			f.noPTS = true
			f.run(2*second, 4*second)
		}, map[string]uint64{"2.5": 1}},
		{"sync lost", func(f *feed) {
			f.run(second, 2*second)
			f.m.Framer(mpegts.FramerStats{SyncLosses: 1, SyncErrors: 2}, 2*second)
			f.m.Framer(mpegts.FramerStats{SyncLosses: 1, SyncErrors: 2}, 2*second)
		}, map[string]uint64{"1.1": 1, "1.2": 2}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFeed()
			c.spoil(f)
			got := f.errors()
			for id, n := range c.want {
				if got[id] != n {
					t.Errorf("check %s: %d errors, want %d", id, got[id], n)
				}
				delete(got, id)
			}
			if len(got) > 0 {
				t.Errorf("errors nobody made: %v", got)
			}
		})
	}
}

func TestMonitorMeasuresBitrates(t *testing.T) {
	f := newFeed()
	f.run(tick.Second, 11*tick.Second)
	r := f.m.Report()
	// 50 video packets, 10 PAT and 10 map packets a second
	if want := int64(70 * 188 * 8); r.Average != want || r.Bitrate != want {
		t.Errorf("average %d, last second %d, want %d", r.Average, r.Bitrate, want)
	}
	if len(r.PIDs) != 3 || r.PIDs[1].PID != 0x100 || r.PIDs[1].Average != 50*188*8 || r.PIDs[1].PCRGap != 20*ms {
		t.Errorf("pids %+v", r.PIDs)
	}
	if r.Elapsed != 10*tick.Second || r.PIDs[1].Timestamps != 500 {
		t.Errorf("elapsed %v, %d timestamps", r.Elapsed.Duration(), r.PIDs[1].Timestamps)
	}
}

func FuzzMonitor(f *testing.F) {
	psi, _ := mpegts.PSI(avProgram(), 0)
	f.Add(append(append([]byte{}, psi[0][:]...), psi[1][:]...), int64(100))
	f.Fuzz(func(t *testing.T, data []byte, step int64) {
		m := mpegts.NewMonitor()
		now := tick.Second
		for ; len(data) > 0; data = data[min(len(data), mpegts.Size):] {
			p := make(mpegts.Packet, mpegts.Size)
			copy(p, data)
			now += tick.Tick(step & (1<<32 - 1))
			m.Push(p, now)
			m.Push(p[:len(data)%mpegts.Size], now)
		}
		m.Tick(now + tick.Second)
		for _, c := range m.Report().Checks {
			if (c.Errors == 0) != (c.First == 0) {
				t.Fatalf("%+v", c)
			}
		}
	})
}

func BenchmarkMonitor(b *testing.B) {
	packets := spread(false, make([]byte, 20000), 182)
	psi, _ := mpegts.PSI(avProgram(), 0)
	m := mpegts.NewMonitor()
	now, n := tick.Second, 0
	b.SetBytes(int64((len(packets) + 2) * mpegts.Size))
	b.ReportAllocs()
	for b.Loop() {
		for i := range psi {
			mpegts.SetCC(psi[i][:], byte(n))
			m.Push(psi[i][:], now)
		}
		for i, p := range packets {
			mpegts.SetCC(p, byte(n*len(packets)+i))
			m.Push(p, now)
		}
		n++
		now += 40 * ms
	}
}
