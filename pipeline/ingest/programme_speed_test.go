package ingest_test

import (
	"testing"

	"onair/pipeline/ingest"
	"onair/pkg/anchor"
	"onair/pkg/mpegts"
	"onair/pkg/spool"
	"onair/pkg/tick"
)

// steadyFeed is a programme in its steady state: tables, then datagrams of seven packets, one of which begins a picture.
type steadyFeed struct {
	programme *ingest.Programme
	datagram  [7 * mpegts.Size]byte
	now       tick.Tick
	pts       uint64
	cc        uint8
}

func newSteadyFeed(tb testing.TB) *steadyFeed {
	tb.Helper()
	f := &steadyFeed{now: 1_700_000_000 * tick.Second}
	f.programme = ingest.NewProgramme(ingest.ProgrammeConfig{
		Spool: spool.New(spool.Config{Length: tick.Second}), Clock: anchor.NewClock(anchor.NewTable(), nil, nil),
	})
	f.programme.SetGrid(tick.Second / 25)
	psi, err := mpegts.PSI(program(1, stream(0x100, 0x1b)), 0)
	if err != nil {
		tb.Fatal(err)
	}
	f.programme.Datagram(append(psi[0][:], psi[1][:]...), f.now, 0)
	for range 5000 {
		f.next()
	}
	if st := f.programme.Stats(); st.Format.Number == 0 || st.Generation == 0 || st.Continuity != 0 {
		tb.Fatalf("not in its steady state: %+v", st)
	}
	return f
}

// next brings a datagram: 40 ms of a small picture.
func (f *steadyFeed) next() {
	f.now += tick.Second / 25
	f.pts = (f.pts + 3600) & (1<<33 - 1)
	for i := range 7 {
		p := f.datagram[i*mpegts.Size : (i+1)*mpegts.Size]
		clear(p)
		copy(p, []byte{0x47, 0x01, 0x00, 0x10 | f.cc&15})
		f.cc++
		if i == 0 {
			p[1] |= 0x40
			v := f.pts
			copy(p[4:], []byte{
				0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5,
				0x21 | byte(v>>29)&0x0e, byte(v >> 22), byte(v>>14) | 1, byte(v >> 7), byte(v<<1) | 1,
				0, 0, 1, 0x41, 0x9a,
			})
		}
	}
	f.programme.Datagram(f.datagram[:], f.now, 0)
}

func TestProgrammeAllocatesNothingInSteadyState(t *testing.T) {
	f := newSteadyFeed(t)
	if n := testing.AllocsPerRun(2000, f.next); n != 0 {
		t.Fatalf("%v allocations for each datagram on its way into the spool", n)
	}
}

func BenchmarkProgramme(b *testing.B) {
	f := newSteadyFeed(b)
	b.SetBytes(7 * mpegts.Size)
	b.ReportAllocs()
	for b.Loop() {
		f.next()
	}
}
