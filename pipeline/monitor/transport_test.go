package monitor_test

import (
	"testing"

	"onair/pipeline/monitor"
	"onair/pkg/mpegts"
	"onair/pkg/tick"
)

const noon = 1_700_000_000 * tick.Second

// stream makes datagrams of seven packets of a programme, with its tables in each fifth.
type stream struct {
	psi      []byte
	datagram [9 * mpegts.Size]byte
	now      tick.Tick
	n        int
	cc       uint8
}

func newStream(tb testing.TB) *stream {
	tb.Helper()
	psi, err := mpegts.PSI(mpegts.Program{
		Number: 1, PMTPID: 0x1000, PCRPID: 0x1fff, Streams: []mpegts.Stream{{PID: 0x100, Type: 0x1b}},
	}, 0)
	if err != nil {
		tb.Fatal(err)
	}
	return &stream{psi: append(psi[0][:], psi[1][:]...), now: noon}
}

// next is the datagram of the next 40 ms; the bytes are its own until the next call.
func (s *stream) next() []byte {
	s.now += 40 * tick.Millisecond
	b := s.datagram[:0]
	if s.n%5 == 0 {
		mpegts.SetCC(s.psi[:mpegts.Size], uint8(s.n/5))
		mpegts.SetCC(s.psi[mpegts.Size:], uint8(s.n/5))
		b = append(b, s.psi...)
	}
	s.n++
	for i := range 7 {
		at := len(b)
		b = b[:at+mpegts.Size]
		p := b[at:]
		clear(p)
		copy(p, []byte{0x47, 0x01, 0x00, 0x10 | s.cc&15})
		s.cc++
		if i == 0 {
			v := uint64(s.n) * 3600
			p[1] |= 0x40
			copy(p[4:], []byte{
				0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5,
				0x21 | byte(v>>29)&0x0e, byte(v >> 22), byte(v>>14) | 1, byte(v >> 7), byte(v<<1) | 1,
			})
		}
	}
	return b
}

func (s *stream) into(t *monitor.Transport, datagrams int) {
	for range datagrams {
		t.Datagram(s.next(), s.now, 0)
	}
}

func errorsOf(t *testing.T, checks []monitor.Check, id string) uint64 {
	t.Helper()
	for _, c := range checks {
		if c.ID == id {
			return c.Errors
		}
	}
	t.Fatalf("no check %s in %v", id, checks)
	return 0
}

func TestErrorsOfTheLastSecond(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		harm   func(*stream, *monitor.Transport)
		errors int
		check  string
	}{
		"nothing": {func(*stream, *monitor.Transport) {}, 0, ""},
		"a datagram that no leg brought is itself and a break of the counter": {func(s *stream, tr *monitor.Transport) {
			s.next()
			tr.Datagram(s.next(), s.now, 1)
		}, 2, "1.4"},
		"transport_error_indicator": {func(s *stream, tr *monitor.Transport) {
			b := s.next()
			b[len(b)-mpegts.Size+1] |= 0x80
			tr.Datagram(b, s.now, 0)
			s.next() // its counter went with it
		}, 1, "2.1"},
		"a wrong CRC": {func(s *stream, tr *monitor.Transport) {
			for s.n%5 != 0 {
				tr.Datagram(s.next(), s.now, 0)
			}
			b := s.next()
			b[mpegts.Size+12] ^= 1
			tr.Datagram(b, s.now, 0)
		}, 1, "2.2"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr, s := monitor.NewTransport(), newStream(t)
			s.into(tr, 50)
			if n := tr.Errors(s.now); n != 0 {
				t.Fatalf("%d errors in a clean stream", n)
			}
			c.harm(s, tr)
			if n := tr.Errors(s.now); n != c.errors {
				t.Fatalf("%d errors in the last second, want %d: %+v", n, c.errors, tr.Checks(s.now))
			}
			if c.check != "" && errorsOf(t, tr.Checks(s.now), c.check) == 0 {
				t.Errorf("check %s counted nothing: %+v", c.check, tr.Checks(s.now))
			}
			if n := tr.Errors(s.now + tick.Second/2); n != c.errors {
				t.Errorf("%d errors half a second later, want %d", n, c.errors)
			}
			if n := tr.Errors(s.now + 1100*tick.Millisecond); n != 0 {
				t.Errorf("%d errors after the second is over", n)
			}
		})
	}
}

func TestChecksSeeWhatNoLongerComes(t *testing.T) {
	t.Parallel()
	tr, s := monitor.NewTransport(), newStream(t)
	s.into(tr, 50)
	if n := errorsOf(t, tr.Checks(s.now), "1.3.a"); n != 0 {
		t.Fatalf("%d errors of the PAT in a clean stream", n)
	}
	for _, id := range []string{"1.3.a", "1.5.a", "2.5"} {
		if n := errorsOf(t, tr.Checks(s.now+tick.Second), id); n != 1 {
			t.Errorf("check %s: %d errors a second after the end, want 1", id, n)
		}
	}
	if n := tr.Errors(s.now + tick.Second); n != 0 {
		t.Errorf("silence is no transport error, but counts as %d", n)
	}
}

func TestTransportAllocatesNothingInSteadyState(t *testing.T) {
	tr, s := monitor.NewTransport(), newStream(t)
	s.into(tr, 100)
	if n := testing.AllocsPerRun(500, func() { s.into(tr, 5) }); n != 0 {
		t.Fatalf("%v allocations for five datagrams", n)
	}
}

// BenchmarkTransport is what the checks add to each datagram of an input.
func BenchmarkTransport(b *testing.B) {
	tr, s := monitor.NewTransport(), newStream(b)
	s.into(tr, 100)
	b.SetBytes(7 * mpegts.Size)
	b.ReportAllocs()
	for b.Loop() {
		tr.Datagram(s.next(), s.now, 0)
	}
}
