package encode

import (
	"bytes"
	"errors"
	"testing"

	"onair/pkg/anchor"
	"onair/pkg/ffmpeg"
	"onair/pkg/mpegts"
	"onair/pkg/spool"
	"onair/pkg/tick"
)

const (
	videoPID = 0x100
	audioPID = 0x101
	slot     = tick.Second / 25
)

var noon = tick.Tick(1_785_000_000) * tick.Second

// pes is a TS packet that begins a PES packet with a PTS.
func pes(pid uint16, pts int64) mpegts.Packet {
	p := bytes.Repeat([]byte{0xff}, mpegts.Size)
	copy(p, []byte{0x47, 0x40 | byte(pid>>8), byte(pid), 0x10, 0, 0, 1, 0xe0, 0, mpegts.Size - 10, 0x80, 0x80, 5})
	v := uint64(pts) & (1<<33 - 1)
	copy(p[13:], []byte{0x21 | byte(v>>29)&0x0e, byte(v >> 22), byte(v>>14) | 1, byte(v >> 7), byte(v<<1) | 1})
	return p
}

// bench is a spool with its table, filled by hand.
type bench struct {
	spool *spool.Spool
	table *anchor.Table
	src   Source
}

func newBench() *bench {
	b := &bench{spool: spool.New(spool.Config{}), table: anchor.NewTable()}
	b.src = Source{
		Input: "main", Format: 1, Spool: b.spool, Table: b.table,
		Program: mpegts.Program{Number: 1, PMTPID: 0x1000, PCRPID: videoPID, Streams: []mpegts.Stream{
			{PID: videoPID, Type: 0x1b, Kind: mpegts.Video}, {PID: audioPID, Type: 0x0f, Kind: mpegts.Audio},
		}},
		Probe: ffmpeg.Source{Video: &ffmpeg.Video{Codec: "h264", Width: 640, Height: 360}, VideoPID: videoPID},
	}
	return b
}

// frames appends n video frames with an audio frame each, a key frame every ten, from frame first on.
func (b *bench) frames(first, n int, gen int64, format uint32) {
	for i := first; i < first+n; i++ {
		access := mpegts.None
		if i%10 == 0 {
			access = mpegts.IDR
		}
		now := noon + tick.Tick(i)*slot
		pts := int64(i) * 3600
		e := spool.Entry{PID: videoPID, Video: true, Gen: gen, PTS: pts, DTS: pts, Arrival: now, Access: access, Format: format}
		b.spool.Append(pes(videoPID, pts), now, &e)
		e = spool.Entry{PID: audioPID, Gen: gen, PTS: pts, DTS: pts, Arrival: now, Format: format}
		b.spool.Append(pes(audioPID, pts), now, &e)
	}
}

func (b *bench) anchor(gen int64) { b.table.Set(anchor.Anchor{Gen: gen, Tick: noon}) }

// fed is the PTS of each PES packet that a feed wrote, by PID, and the formats of its tables.
func fed(t *testing.T, b []byte) map[uint16][]uint64 {
	t.Helper()
	if len(b)%mpegts.Size != 0 {
		t.Fatalf("%d bytes are not whole packets", len(b))
	}
	out := map[uint16][]uint64{}
	for i := 0; i < len(b); i += mpegts.Size {
		p := mpegts.Packet(b[i : i+mpegts.Size])
		times, ok := mpegts.PESTimes(p.Payload())
		if ok {
			out[p.PID()] = append(out[p.PID()], times.PTS)
		}
	}
	return out
}

func (b *bench) feed(t *testing.T, plan ffmpeg.Plan, want tick.Tick) (*feed, *bytes.Buffer) {
	t.Helper()
	in, ok := b.src.enter(want, noon+tick.Second)
	if !ok {
		t.Fatal("no entrance")
	}
	f, err := newFeed(b.src, plan, noon-2*tick.Second, in)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	f.out = &out
	return f, &out
}

// A map with the descriptors of many services takes several packets, counted one by one.
func TestFeedWritesALongMap(t *testing.T) {
	b := newBench()
	b.anchor(1)
	b.src.Program.Streams[1].Descriptors = bytes.Repeat([]byte{0x0A, 4, 'e', 'n', 'g', 0}, 60)
	b.frames(0, 10, 1, 1)
	f, out := b.feed(t, bothPIDs, noon)
	for range 3 {
		f.tables()
	}
	out.Write(f.batch)
	tables, next, packets := mpegts.NewTables(), map[uint16]uint8{}, 0
	for ; out.Len() > 0; packets++ {
		p := mpegts.Packet(out.Next(mpegts.Size))
		if p.CC() != next[p.PID()] {
			t.Fatalf("pid %#x: continuity counter %d, want %d", p.PID(), p.CC(), next[p.PID()])
		}
		next[p.PID()] = (p.CC() + 1) & 15
		tables.Push(p)
	}
	got := tables.Programs()
	if packets != 3*4 || len(got) != 1 || !bytes.Equal(got[0].Streams[1].Descriptors, b.src.Program.Streams[1].Descriptors) {
		t.Fatalf("%d packets, read back as %+v", packets, got)
	}
}

var bothPIDs = ffmpeg.Plan{PIDs: []uint16{videoPID, audioPID}}

func drain(t *testing.T, f *feed) error {
	t.Helper()
	f.finish.Store(true)
	return f.run(make(chan struct{}))
}

func TestFeedStartsAtTheLastKeyFrameAndRewritesTimes(t *testing.T) {
	b := newBench()
	b.anchor(1)
	b.frames(0, 100, 1, 1)
	f, out := b.feed(t, bothPIDs, noon+35*slot)
	if err := drain(t, f); err != nil {
		t.Fatal(err)
	}
	got := fed(t, out.Bytes())
	if n := len(got[videoPID]); n != 70 {
		t.Fatalf("%d video frames, want 70: those from frame 30 on", n)
	}
	if first, want := got[videoPID][0], uint64(2*90000+30*3600); first != want {
		t.Fatalf("first video PTS %d, want %d", first, want)
	}
	if first := got[audioPID][0]; first > 2*90000+30*3600 {
		t.Fatalf("audio begins at %d, after the video", first)
	}
}

func TestFeedIsContinuousOverAGeneration(t *testing.T) {
	b := newBench()
	b.anchor(1)
	b.frames(0, 50, 1, 1)
	b.table.Set(anchor.Anchor{Gen: 2, PTS: 50*3600 + 7_777_777 - 7_777_777, Tick: noon + 50*slot})
	b.frames(50, 50, 2, 1)
	f, out := b.feed(t, bothPIDs, noon)
	if err := drain(t, f); err != nil {
		t.Fatal(err)
	}
	video := fed(t, out.Bytes())[videoPID]
	for i := 1; i < len(video); i++ {
		if video[i]-video[i-1] != 3600 {
			t.Fatalf("frame %d: PTS %d after %d", i, video[i], video[i-1])
		}
	}
}

func TestFeedWaitsForAPendingAnchorAndSkipsADeadOne(t *testing.T) {
	b := newBench()
	b.anchor(1)
	b.frames(0, 20, 1, 1)
	b.table.Open(2)
	b.frames(20, 10, 2, 1)
	b.frames(30, 10, 1, 1)
	f, out := b.feed(t, bothPIDs, noon)
	for {
		n, err := f.step()
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	if n := len(fed(t, out.Bytes())[videoPID]); n != 20 {
		t.Fatalf("%d frames before the pending anchor, want 20", n)
	}
	b.table.Kill(2)
	if err := drain(t, f); err != nil {
		t.Fatal(err)
	}
	if n := len(fed(t, out.Bytes())[videoPID]); n != 30 {
		t.Fatalf("%d frames in all, want 30: the dead generation's left out", n)
	}
}

func TestFeedEndsWhereTheFormatChanges(t *testing.T) {
	b := newBench()
	b.anchor(1)
	b.frames(0, 20, 1, 1)
	b.frames(20, 20, 1, 2)
	f, out := b.feed(t, bothPIDs, noon)
	if err := drain(t, f); !errors.Is(err, errFormat) {
		t.Fatalf("feed ended with %v, want the change of format", err)
	}
	if n := len(fed(t, out.Bytes())[videoPID]); n != 20 {
		t.Fatalf("%d frames, want the 20 of the first format", n)
	}
}

func TestFeedEndsWhereNoStreamKeepsItsPID(t *testing.T) {
	b := newBench()
	b.anchor(1)
	b.frames(0, 30, 1, 1)
	now := noon + 30*slot
	e := spool.Entry{PID: 0x200, Video: true, Gen: 1, PTS: 30 * 3600, DTS: 30 * 3600, Arrival: now, Access: mpegts.IDR, Format: 2}
	b.spool.Append(pes(0x200, 30*3600), now, &e)
	f, out := b.feed(t, bothPIDs, noon)
	if err := drain(t, f); !errors.Is(err, errFormat) {
		t.Fatalf("feed ended with %v, want the end of the format", err)
	}
	if got := fed(t, out.Bytes()); len(got[videoPID]) != 30 || len(got[audioPID]) != 30 {
		t.Fatalf("%d pictures and %d frames of sound, want 30 of each", len(got[videoPID]), len(got[audioPID]))
	}
}

func TestFeedOvertakenByTheRingSaysSo(t *testing.T) {
	b := newBench()
	b.spool = spool.New(spool.Config{Length: tick.Second})
	b.src.Spool = b.spool
	b.anchor(1)
	b.frames(0, 20, 1, 1)
	f, _ := b.feed(t, bothPIDs, noon)
	b.frames(20, 5000, 1, 1)
	if err := drain(t, f); !errors.Is(err, spool.ErrOverrun) {
		t.Fatalf("feed ended with %v, want ErrOverrun", err)
	}
}

func TestFeedBringsSilenceForASourceWithoutSound(t *testing.T) {
	b := newBench()
	b.anchor(1)
	b.frames(0, 50, 1, 1)
	f, out := b.feed(t, ffmpeg.Plan{PIDs: []uint16{videoPID}, Silence: true}, noon)
	if err := drain(t, f); err != nil {
		t.Fatal(err)
	}
	got := fed(t, out.Bytes())
	if len(got[audioPID]) != 0 {
		t.Fatal("a track that the plan does not read was fed")
	}
	if n := len(got[ffmpeg.SilencePID]); n < 49*40/24 {
		t.Fatalf("%d silent frames for 50 pictures", n)
	}
}

func TestEnter(t *testing.T) {
	b := newBench()
	b.anchor(1)
	b.frames(3, 50, 1, 1) // first key frame: 10
	for name, c := range map[string]struct {
		want tick.Tick
		at   tick.Tick
	}{
		"before everything: first key frame": {noon - tick.Second, noon + 10*slot},
		"on a key frame":                     {noon + 20*slot, noon + 20*slot},
		"between key frames":                 {noon + 29*slot, noon + 20*slot},
		"after everything":                   {noon + 900*slot, noon + 50*slot},
	} {
		t.Run(name, func(t *testing.T) {
			in, ok := b.src.enter(c.want, noon+tick.Second)
			if !ok || in.at != c.at {
				t.Fatalf("entered at slot %d (%v), want %d", (in.at-noon)/slot, ok, (c.at-noon)/slot)
			}
		})
	}
}

func TestEnterAfterAnAbsence(t *testing.T) {
	b := newBench()
	b.anchor(1)
	b.frames(0, 50, 1, 1)
	b.src.after = b.spool.Stats().Next
	if _, ok := b.src.enter(noon+50*slot, noon+60*slot); ok {
		t.Fatal("entered before anything has come again")
	}
	b.frames(503, 50, 1, 1)
	in, ok := b.src.enter(noon+50*slot, noon+503*slot)
	if !ok || in.at != noon+510*slot || in.pos < b.src.after {
		t.Fatalf("entered (%v) at slot %d, position %d; want the first key frame after the absence", ok, (in.at-noon)/slot, in.pos)
	}
}

func TestEnterWithoutKeyFramesWaitsThenBeginsAnywhere(t *testing.T) {
	b := newBench()
	b.anchor(1)
	b.frames(1, 5, 1, 1)
	if _, ok := b.src.enter(noon, noon+tick.Second); ok {
		t.Fatal("entered at once")
	}
	if in, ok := b.src.enter(noon, noon+11*tick.Second); !ok || !in.blind || in.at != noon+slot {
		t.Fatalf("after ten seconds: %v at slot %d", ok, (in.at-noon)/slot)
	}
}
