package fec_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"onair/pkg/fec"
	"onair/pkg/tick"
)

const ms = tick.Millisecond

// stream makes a stream of RTP packets with lengths, markers and contents of their own, and its FEC.
type stream struct {
	packets map[uint16][]byte
	ssrc    uint32
}

func (s *stream) packet(seq uint16, clock uint32) []byte {
	rng := rand.New(rand.NewPCG(uint64(seq), uint64(s.ssrc)))
	b := []byte{0x80, 33, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	if rng.IntN(10) == 0 {
		b[1] |= 0x80
	}
	if rng.IntN(10) == 0 { // an extension of one word
		b[0] |= 0x10
		b = append(b, 0xBE, 0xDE, 0, 1, 1, 2, 3, 4)
	}
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], clock)
	binary.BigEndian.PutUint32(b[8:], s.ssrc)
	for range 188 * (1 + rng.IntN(7)) {
		b = append(b, byte(rng.Uint32()))
	}
	if s.packets == nil {
		s.packets = map[uint16][]byte{}
	}
	s.packets[seq] = b
	return b
}

// rig is a sender with a matrix, and a decoder behind a path that loses what lose says.
type rig struct {
	t       *testing.T
	s       stream
	enc     *fec.Encoder
	dec     *fec.Decoder
	now     tick.Tick
	loseFEC func(fec.Kind) bool
	hold    int // FEC packets are held back by so many packets
	held    [][]byte
	back    []uint16
}

func newRig(t *testing.T, columns, rows int) *rig {
	t.Helper()
	r := &rig{t: t, now: 1000 * tick.Second, s: stream{ssrc: 7}}
	var err error
	r.enc, err = fec.NewEncoder(fec.EncoderConfig{Columns: columns, Rows: rows, Out: func(k fec.Kind, b []byte) {
		if r.loseFEC == nil || !r.loseFEC(k) {
			r.held = append(r.held, bytes.Clone(b))
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	r.dec, err = fec.New(fec.Config{Out: r.recovered})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) recovered(b []byte) {
	r.t.Helper()
	seq := binary.BigEndian.Uint16(b[2:])
	r.back = append(r.back, seq)
	if !bytes.Equal(b, r.s.packets[seq]) {
		r.t.Errorf("packet %d comes back as\n%x, was\n%x", seq, b, r.s.packets[seq])
	}
}

// run sends n packets from seq on.
func (r *rig) run(seq uint16, n int, lost ...uint16) {
	r.t.Helper()
	for range n {
		b := r.s.packet(seq, uint32(r.now/tick.Per90k))
		if !slices.Contains(lost, seq) {
			r.dec.Media(b, r.now)
		}
		if err := r.enc.Media(b); err != nil {
			r.t.Fatal(err)
		}
		r.flush(r.hold)
		r.now += ms
		seq++
	}
}

// flush hands on all but the last keep FEC packets.
func (r *rig) flush(keep int) {
	r.t.Helper()
	for len(r.held) > keep {
		if err := r.dec.FEC(r.held[0], r.now); err != nil {
			r.t.Error(err)
		}
		r.held = r.held[1:]
	}
}

func (r *rig) want(back ...uint16) {
	r.t.Helper()
	slices.Sort(r.back)
	if !slices.Equal(r.back, back) {
		r.t.Errorf("%v came back, want %v", r.back, back)
	}
}

func TestLossPatterns(t *testing.T) {
	t.Parallel()
	const columns, rows = 5, 4
	for _, c := range []struct {
		name       string
		lost, back []uint16
	}{
		{"one", []uint16{7}, []uint16{7}},
		{"two of a row, by columns", []uint16{6, 8}, []uint16{6, 8}},
		{"two of a column, by rows", []uint16{6, 11}, []uint16{6, 11}},
		{"a burst as long as a row", []uint16{3, 4, 5, 6, 7}, []uint16{3, 4, 5, 6, 7}},
		{"a corner, by a row, then a column, then a row", []uint16{0, 1, 5, 6, 10}, []uint16{10}},
		{"three corners", []uint16{0, 1, 5}, []uint16{0, 1, 5}},
		{"a square", []uint16{6, 8, 11, 13}, nil},
		{"a square and one more in its row", []uint16{6, 8, 9, 11, 13}, []uint16{9}},
		{"the last of a matrix", []uint16{19}, []uint16{19}},
		{"the first of one, the last of the other", []uint16{19, 20}, []uint16{19, 20}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, start := range []uint16{0, 65535 - 30, 65535 - 26} { // and around the wrap
				r := newRig(t, columns, rows)
				var lost, back []uint16
				for _, n := range c.lost {
					lost = append(lost, start+20+n)
				}
				for _, n := range c.back {
					back = append(back, start+20+n)
				}
				r.run(start, 1200, lost...)
				slices.Sort(back)
				r.want(back...)
				s := r.dec.Stats()
				if s.Recovered != uint64(len(back)) || s.Unrecoverable != uint64(len(lost)-len(back)) || s.Mismatched != 0 {
					t.Errorf("%+v", s)
				}
				if s.Columns != columns || s.Rows != rows {
					t.Errorf("a matrix of %dx%d", s.Columns, s.Rows)
				}
			}
		})
	}
}

func TestOneKindAlone(t *testing.T) {
	t.Parallel()
	for kind, back := range map[fec.Kind][]uint16{fec.Column: {22, 23, 24, 40}, fec.Row: {40}} {
		r := newRig(t, 5, 4)
		r.loseFEC = func(k fec.Kind) bool { return k != kind }
		r.run(0, 200, 22, 23, 24, 40)
		r.want(back...)
	}
}

// What has not been passed by a later packet is on its way: FEC has overtaken it on another socket.
func TestFECThatOvertakesMedia(t *testing.T) {
	t.Parallel()
	r := newRig(t, 5, 4)
	r.run(0, 40)
	for seq := range uint16(5) {
		b := r.s.packet(40+seq, uint32(r.now/tick.Per90k))
		if err := r.enc.Media(b); err != nil {
			t.Fatal(err)
		}
		if seq != 4 {
			r.dec.Media(b, r.now)
		}
	}
	r.flush(0)
	r.want()
	r.dec.Media(r.s.packets[44], r.now)
	r.want()
	if s := r.dec.Stats(); s.Recovered != 0 {
		t.Errorf("%+v", s)
	}
}

func TestMediaBehindItsFEC(t *testing.T) {
	t.Parallel()
	r := newRig(t, 5, 4)
	r.run(0, 60, 25, 26, 30, 31) // a square: unsolved
	r.want()
	r.dec.Media(r.s.packets[25], r.now) // comes late after all: it solves the rest
	r.want(26, 30, 31)
}

func TestSenderBeginsAnew(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		ssrc uint32
		seq  uint16
	}{
		{"another name", 8, 30_000},
		{"another name, next number", 8, 101},
		{"same name, far ahead", 7, 30_000},
		{"same name, far back", 7, 65_000},
		{"same name, the same numbers", 7, 60},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 5, 4)
			r.run(0, 101, 22)
			r.s.ssrc = c.ssrc
			clear(r.s.packets)
			r.now += 100 * tick.Second // so that what is of the one before cannot pass for new
			before := len(r.back)
			r.run(c.seq, 200, c.seq+100, c.seq+150)
			if got := r.back[before:]; !slices.Equal(got, []uint16{c.seq + 100, c.seq + 150}) {
				t.Errorf("%v came back of the new stream", got)
			}
		})
	}
}

func TestStrayPacketsChangeNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, 5, 4)
	r.run(0, 100)
	other := stream{ssrc: 9}
	for i := range uint16(40) {
		r.dec.Media(other.packet(i*1000, 0), r.now)
		r.run(100+i*5, 5, 102+i*5)
	}
	if s := r.dec.Stats(); s.Recovered < 35 || s.Mismatched != 0 {
		t.Errorf("%+v", s)
	}
}

func TestAllLostForAWhile(t *testing.T) {
	t.Parallel()
	r := newRig(t, 5, 4)
	var gone []uint16
	for n := uint16(100); n < 1100; n++ {
		gone = append(gone, n)
	}
	r.run(0, 2300, gone...)
	s := r.dec.Stats()
	if s.Recovered+s.Unrecoverable != 1000 || s.Recovered > 5 {
		t.Errorf("%+v", s)
	}
}

func TestDelayIsMeasured(t *testing.T) {
	t.Parallel()
	r := newRig(t, 5, 4)
	if d := r.dec.Delay(); d != 0 {
		t.Errorf("before anything came: %v", d.Duration())
	}
	r.run(0, 407)
	// The last column of a matrix comes 19 packets after the matrix, and 35 after its own first packet.
	late := r.dec.Stats().Lateness
	if late < 34*ms || late > 36*ms {
		t.Errorf("late by %v", late.Duration())
	}
	if d := r.dec.Delay(); d < late || d > 2*late {
		t.Errorf("%v", d.Duration())
	}
	r.now += 10 * tick.Second // the sender pauses within a matrix
	r.run(407, 1)
	r.run(408, 200)
	if again := r.dec.Stats().Lateness; again != late {
		t.Errorf("after a pause late by %v", again.Duration())
	}
}

func TestWhatIsNoFECIsRefused(t *testing.T) {
	t.Parallel()
	good := func(change func(b []byte)) []byte {
		b := make([]byte, 28+188)
		b[0], b[1], b[16], b[25], b[26] = 0x80, 96, 0x80, 5, 4
		change(b)
		return b
	}
	for name, b := range map[string][]byte{
		"empty":                nil,
		"header only":          good(func([]byte) {})[:27],
		"another version":      good(func(b []byte) { b[0] = 0 }),
		"masked":               good(func(b []byte) { b[18] = 1 }),
		"Reed-Solomon":         good(func(b []byte) { b[24] = 2 << 3 }),
		"no columns":           good(func(b []byte) { b[25] = 0 }),
		"no rows":              good(func(b []byte) { b[26] = 0 }),
		"a row with an offset": good(func(b []byte) { b[24] = 0x40 }),
		"too large":            good(func(b []byte) { b[25], b[26] = 21, 20 }),
		"too long":             append(good(func([]byte) {}), make([]byte, 2048)...),
	} {
		d, err := fec.New(fec.Config{Out: func([]byte) {}})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.FEC(b, 0); err == nil {
			t.Errorf("%s: taken", name)
		}
		if s := d.Stats(); s.Refused != 1 || s.Packets != 0 {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// FEC of another stream on the ports makes no packets.
func TestForeignFECMakesNothing(t *testing.T) {
	t.Parallel()
	r, other := newRig(t, 5, 4), newRig(t, 5, 4)
	other.s.ssrc, other.now = 99, 5000*tick.Second
	other.loseFEC = func(fec.Kind) bool { return true }
	var wrong [][]byte
	other.loseFEC = nil
	other.hold = 1 << 20
	other.run(0, 300)
	wrong = other.held
	r.loseFEC = func(fec.Kind) bool { return true }
	for i := range 60 {
		r.run(uint16(i*5), 5, uint16(i*5+2))
		if i > 10 {
			if err := r.dec.FEC(wrong[i*2], r.now); err != nil {
				t.Fatal(err)
			}
		}
	}
	if s := r.dec.Stats(); s.Recovered != 0 || s.Mismatched == 0 {
		t.Errorf("%+v", s)
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	if _, err := fec.New(fec.Config{}); err == nil {
		t.Error("a decoder without Out")
	}
	out := func(fec.Kind, []byte) {}
	for _, c := range []fec.EncoderConfig{
		{Columns: 3, Rows: 4, Out: out}, {Columns: 4, Rows: 3, Out: out}, {Columns: 21, Rows: 4, Out: out},
		{Columns: 11, Rows: 10, Out: out}, {Columns: 4, Rows: 4},
	} {
		if _, err := fec.NewEncoder(c); err == nil {
			t.Errorf("%dx%d is taken", c.Columns, c.Rows)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	d, err := fec.New(fec.Config{Out: func([]byte) {}})
	if err != nil {
		t.Fatal(err)
	}
	s := stream{ssrc: 7}
	d.Media(s.packet(0, 0), 0)
	fecPacket := make([]byte, 28+1316)
	fecPacket[0], fecPacket[25], fecPacket[26] = 0x80, 20, 20
	n := testing.AllocsPerRun(1, func() {
		for i := range 200_000 {
			binary.BigEndian.PutUint16(fecPacket[12:], uint16(i%200))
			if err := d.FEC(fecPacket, tick.Tick(i)); err != nil {
				t.Fatal(err)
			}
		}
	})
	if n > 2000 {
		t.Errorf("%v allocations for FEC that cannot be solved", n)
	}
}

func TestNothingIsAllocatedPerPacket(t *testing.T) {
	step := lossy(t, 20)
	for range 10 {
		step()
	}
	if n := testing.AllocsPerRun(100, step); n != 0 {
		t.Errorf("%v allocations in 1000 packets", n)
	}
}

// lossy returns a function that puts 1000 packets and their FEC through a decoder, losing every so manyth.
func lossy(tb testing.TB, every int) func() {
	tb.Helper()
	recovered := 0
	dec, err := fec.New(fec.Config{Out: func([]byte) { recovered++ }})
	if err != nil {
		tb.Fatal(err)
	}
	var now tick.Tick
	enc, err := fec.NewEncoder(fec.EncoderConfig{Columns: 8, Rows: 5, Out: func(_ fec.Kind, b []byte) {
		if err := dec.FEC(b, now); err != nil {
			tb.Fatal(err)
		}
	}})
	if err != nil {
		tb.Fatal(err)
	}
	packet := make([]byte, 12+1316)
	packet[0], packet[1] = 0x80, 33
	i := 0
	return func() {
		for range 1000 {
			binary.BigEndian.PutUint16(packet[2:], uint16(i))
			packet[100] = byte(i)
			if i%every != 3 {
				dec.Media(packet, now)
			}
			if err := enc.Media(packet); err != nil {
				tb.Fatal(err)
			}
			i++
			now += ms
		}
	}
}

func BenchmarkDecoder(b *testing.B) {
	for name, every := range map[string]int{"whole": 1 << 30, "losing 5 percent": 20} {
		b.Run(name, func(b *testing.B) {
			step := lossy(b, every)
			b.ReportAllocs()
			b.SetBytes(1000 * 1328)
			for b.Loop() {
				step()
			}
		})
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add([]byte{0x80, 33, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0x47}, uint8(0))
	f.Add(slices.Concat([]byte{0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x80 | 33, 0, 0, 0, 0, 0, 0, 0, 0x40, 1, 4, 0}, []byte{0x47}), uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, cut uint8) {
		out := 0
		d, err := fec.New(fec.Config{Out: func(p []byte) {
			out++
			if len(p) < 12 || p[0]>>6 != 2 {
				t.Fatalf("no RTP: %x", p)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		var now tick.Tick
		size := int(cut)%64 + 12
		for i := 0; len(b) >= size; i++ { // packets of one size, media and FEC in turn, as their first byte says
			packet := b[:size]
			b = b[size:]
			now += ms
			if packet[0]&1 == 0 {
				d.Media(packet, now)
			} else {
				_ = d.FEC(packet, now)
			}
		}
		s := d.Stats()
		if int(s.Recovered) != out {
			t.Fatalf("%d out, counted %d", out, s.Recovered)
		}
	})
}

func ExampleEncoder() {
	enc, err := fec.NewEncoder(fec.EncoderConfig{Columns: 4, Rows: 4, Out: func(k fec.Kind, _ []byte) { fmt.Println(k) }})
	if err != nil {
		return
	}
	for i := range byte(20) {
		_ = enc.Media([]byte{0x80, 33, 0, i, 0, 0, 0, 0, 0, 0, 0, 7, 0x47})
	}
	// Output:
	// row
	// row
	// row
	// row
	// row
	// column
}
