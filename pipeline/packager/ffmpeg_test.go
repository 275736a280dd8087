package packager_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"onair/pipeline/packager"
	"onair/pkg/fmp4"
	"onair/pkg/tick"
)

// channel is what a test's runs and cutters share. Second 0 of the source is at epoch, where all grids meet.
type channel struct {
	rate  tick.Rate
	grid  tick.Grid // about 2 s
	epoch tick.Tick
}

func newChannel(rate tick.Rate, frames int64) channel {
	t := tick.Tick(frames) * rate.Frame()
	common := tick.Common(t, aac.Frame(), tick.Per90k)
	return channel{
		rate: rate, grid: tick.Grid{Rate: rate, Frames: frames, GOP: frames, T: t},
		epoch: 1_785_000_000 * tick.Second / common * common,
	}
}

const muxer = "-f mp4 -movflags empty_moov+default_base_moof+frag_every_frame+skip_trailer+delay_moov+frag_discont+" +
	"negative_cts_offsets -use_editlist 0 -avoid_negative_ts disabled "

var encoders = map[string]string{
	"h264": "-c:v libx264 -b:v 300k -maxrate 400k -bufsize 400k -preset veryfast -profile:v high -level 3.1 -bf 2 " +
		"-x264-params scenecut=0:keyint=infinite:open-gop=0",
	"hevc": "-c:v libx265 -b:v 200k -preset ultrafast -tag:v hvc1 " +
		"-x265-params log-level=none:level-idc=31:scenecut=0:keyint=9999:min-keyint=1:open-gop=0",
	"av1": "-c:v libaom-av1 -b:v 200k -usage realtime -cpu-used 8 -lag-in-frames 0 -g 9999",
}

// tool runs one of FFmpeg's programs and fails on anything it has to say.
func tool(t *testing.T, stdin []byte, args string) []byte {
	t.Helper()
	word := strings.Fields(args)
	path, err := exec.LookPath(word[0])
	if err != nil {
		t.Skipf("%s is not installed", word[0])
	}
	cmd := exec.CommandContext(t.Context(), path, append([]string{"-hide_banner", "-v", "warning"}, word[1:]...)...)
	var out, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &stderr
	if err := cmd.Run(); err != nil || stderr.Len() > 0 {
		t.Fatalf("%s: %v\n%s", args, err, stderr.String())
	}
	return out.Bytes()
}

// source is a transport stream of 13.5 s, from second 1 on.
func (c channel) source(t *testing.T) []byte {
	t.Helper()
	return tool(t, nil, "ffmpeg -f lavfi -i testsrc2=s=160x90:r="+c.rate.String()+" -f lavfi -i sine=f=400:r=48000 -t 13.5 -c:v libx264 "+
		"-preset ultrafast -g 25 -pix_fmt yuv420p -c:a aac -b:a 64k -ac 2 -muxdelay 0 -muxpreload 0 -output_ts_offset 1 "+
		"-f mpegts pipe:1")
}

// run is what an encoder run leaves in its two pipes.
type run struct {
	id           int
	video, audio []byte
}

// encode makes a run over the source from slot `from` on; until is the slot at which the source ends for it.
func (c channel) encode(t *testing.T, src []byte, codec string, id int, from, until int64) run {
	t.Helper()
	dir := t.TempDir()
	v, a := filepath.Join(dir, "v"), filepath.Join(dir, "a")
	t0 := c.rate.At(from)
	end := float64(c.rate.At(until))/float64(tick.Second) - 0.001 // MPEG's clock is coarser than some frame rates
	a0 := aac.Next(t0)*aac.Samples - 2*aac.Samples                // two frames early, for the encoder to settle
	args := strings.NewReplacer(
		"END", fmt.Sprintf("%.6f", end), "START", fmt.Sprintf("%.9f", float64(t0)/float64(tick.Second)),
		"A0", strconv.FormatInt(a0, 10), "RATE", c.rate.String(), "N0", strconv.FormatInt(from%c.grid.Frames, 10),
		"GOP", strconv.FormatInt(c.grid.Frames, 10), "SCALE", strconv.FormatInt(c.rate.Timescale(), 10),
	).Replace("ffmpeg -copyts -analyzeduration 400000 -probesize 2000000 -f mpegts -i pipe:0 " +
		"-filter_complex [0:v:0]trim=end=END,fps=RATE:start_time=START,scale=160:90:out_color_matrix=bt709:out_range=tv," +
		"setsar=1,format=yuv420p,setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv:field_mode=prog[v];" +
		"[0:a:0]atrim=end=END,aresample=48000:async=1:min_hard_comp=0.01:first_pts=A0,atrim=start_pts=A0[a] " +
		"-map [v] " + encoders[codec] + " -force_key_frames expr:eq(mod(n+N0,GOP),0) -video_track_timescale SCALE ")
	tool(t, src, args+muxer+v+" -map [a] -c:a aac -b:a 64k -ac 2 "+muxer+a)
	return run{id: id, video: read(t, v), audio: read(t, a)}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// track cuts one rendition and keeps what a player would be given.
type track struct {
	t    *testing.T
	ch   channel
	c    *packager.Cutter
	ts   int64
	init []byte
	body []byte
	segs []packager.Segment
}

func newTrack(t *testing.T, ch channel, video bool) *track {
	t.Helper()
	cfg := packager.CutterConfig{Rendition: "r", Video: video, Grid: ch.grid, Audio: aac, Timescale: 48_000}
	if video {
		cfg.Timescale = ch.rate.Timescale()
	}
	return &track{t: t, ch: ch, c: newCutter(t, cfg), ts: cfg.Timescale}
}

// feed pushes all that a pipe holds. It returns the reader's last error.
func (x *track) feed(id int, pipe []byte) error {
	x.t.Helper()
	r := fmp4.NewReader(bytes.NewReader(pipe))
	h, err := r.Header()
	if err != nil {
		return err
	}
	init, err := h.Init()
	if err != nil {
		x.t.Fatal(err)
	}
	if x.init == nil {
		x.init = init
	} else if !bytes.Equal(x.init, init) {
		x.t.Errorf("run %d has another header:\n%x\n%x", id, x.init, init)
	}
	for {
		f, err := r.Next()
		if err != nil {
			return err
		}
		segs, err := x.c.Push(packager.Frame{
			Run: id, Sync: f.Sync, Data: f.Data,
			DTS: x.ch.epoch + tick.FromUnits(f.DTS, x.ts), PTS: x.ch.epoch + tick.FromUnits(f.PTS, x.ts),
		})
		if err != nil {
			x.t.Error(err)
		}
		for _, s := range segs {
			b, err := packager.Marshal(s, x.ts)
			if err != nil {
				x.t.Fatal(err)
			}
			if info, err := fmp4.ParseSegment(b); err != nil || int64(info.BaseTime) != s.Start.Units(x.ts) ||
				tick.FromUnits(int64(info.End()), x.ts) != s.End {
				x.t.Errorf("segment %d: %+v, %v", s.K, info, err)
			}
			x.body = append(x.body, b...)
			x.segs = append(x.segs, s)
		}
	}
}

// check wants the segments [from, to) of the source and nothing else, and lets ffmpeg decode and ffprobe count them.
func (x *track) check(from, to int64, frame tick.Tick) {
	x.t.Helper()
	k := x.ch.grid.K(x.ch.epoch) + from
	for i, s := range x.segs {
		if s.K != k+int64(i) {
			x.t.Errorf("segment %d at place %d of those from %d on", s.K, i, k)
		}
	}
	if int64(len(x.segs)) != to-from {
		x.t.Fatalf("%d segments, want those from %d to %d; %+v", len(x.segs), from, to, x.c.Stats())
	}
	if s := x.c.Stats(); s.Holes+s.Abandoned+s.Snapped+s.Disorder > 0 {
		x.t.Errorf("stats %+v", s)
	}
	file := append(bytes.Clone(x.init), x.body...)
	tool(x.t, file, "ffmpeg -xerror -i pipe:0 -f null -")
	var probe struct {
		Frames []struct {
			PTS int64 `json:"pts"`
		} `json:"frames"`
	}
	out := tool(x.t, file, "ffprobe -show_frames -show_entries frame=pts -of json pipe:0")
	if err := json.Unmarshal(out, &probe); err != nil {
		x.t.Fatal(err)
	}
	want := int64((x.segs[len(x.segs)-1].End - x.segs[0].Start) / frame)
	if int64(len(probe.Frames)) != want {
		x.t.Errorf("%d frames decoded, want %d", len(probe.Frames), want)
	}
	late := x.reorder()
	for i, f := range probe.Frames {
		if at := x.segs[0].Start + tick.Tick(i)*frame; tick.FromUnits(f.PTS-late, x.ts) != at {
			x.t.Fatalf("frame %d is shown at %d, want %d", i, f.PTS-late, at.Units(x.ts))
		}
	}
}

// reorder is the largest negative composition offset. FFmpeg's reader adds it to every presentation time of a
// fragmented file, so that a picture never comes before its decode time.
func (x *track) reorder() (most int64) {
	for _, s := range x.segs {
		for _, v := range s.Samples {
			most = max(most, int64(-v.CTO))
		}
	}
	return most
}

func TestRealRuns(t *testing.T) {
	for _, c := range []struct {
		name, codec string
		ch          channel
	}{
		{"h264", "h264", newChannel(rate, 50)},
		{"h264 at 29.97", "h264", newChannel(tick.Rate{Num: 30000, Den: 1001}, 60)},
		{"h264 at 59.94", "h264", newChannel(tick.Rate{Num: 60000, Den: 1001}, 120)},
		{"hevc", "hevc", newChannel(rate, 50)},
		{"av1", "av1", newChannel(rate, 50)},
	} {
		t.Run(c.name, func(t *testing.T) {
			ch, n := c.ch, c.ch.grid.Frames
			src := ch.source(t)
			lost := 4*n + n/2
			a := ch.encode(t, src, c.codec, 1, n, lost)          // flushes inside segment 4
			b := ch.encode(t, src, c.codec, 2, lost, 6*n+n/2)    // begins there
			d := ch.encode(t, src, c.codec, 3, 3*n, 6*n+n/2)     // begins at a boundary
			e := ch.encode(t, src, c.codec, 4, 2*n+n/2+8, 4*n+5) // begins inside a segment, at no round time
			t.Run("planned hand-over", func(t *testing.T) { ch.planned(t, a, d) })
			t.Run("input lost", func(t *testing.T) { ch.inputLost(t, a, b, lost) })
			t.Run("encoder killed in mid-box", func(t *testing.T) { ch.killed(t, a, d) })
			t.Run("start inside a segment", func(t *testing.T) { ch.startInside(t, e, 2*n+n/2+8) })
		})
	}
}

// start is where segment i of the source begins.
func (c channel) start(i int64) tick.Tick { return c.epoch + tick.Tick(i)*c.grid.T }

func (c channel) planned(t *testing.T, a, d run) {
	for _, video := range []bool{true, false} {
		x, frame, pa, pd := c.pipes(t, video, a, d)
		x.c.Take(1, c.start(1))
		x.c.Take(3, c.start(3))
		for _, err := range []error{x.feed(3, pd), x.feed(1, pa)} { // the new one is quicker
			if err != io.EOF {
				t.Error(err)
			}
		}
		x.check(1, 6, frame)
	}
}

func (c channel) inputLost(t *testing.T, a, b run, lost int64) {
	from := c.epoch + c.rate.At(lost)
	for _, video := range []bool{true, false} {
		x, frame, pa, pb := c.pipes(t, video, a, b)
		x.c.Take(1, c.start(1))
		if err := x.feed(1, pa); err != io.EOF {
			t.Error(err)
		}
		x.c.Done(1)
		if video && x.c.Next() != from {
			t.Errorf("the flushed run ends at slot %d", (x.c.Next()-c.epoch)/c.rate.Frame())
		}
		x.c.Take(2, from)
		if err := x.feed(2, pb); err != io.EOF {
			t.Error(err)
		}
		x.check(1, 6, frame)
	}
}

func (c channel) killed(t *testing.T, a, d run) {
	for _, video := range []bool{true, false} {
		x, frame, pa, pd := c.pipes(t, video, a, d)
		x.c.Take(1, c.start(1))
		if err := x.feed(1, pa[:len(pa)*3/4]); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error(err)
		}
		x.c.Done(1)
		if next := x.c.Next(); next <= c.start(3) || next >= c.start(4) {
			t.Fatalf("the run should die in segment 3, not %v into the source", (next - c.epoch).Duration())
		}
		x.c.Take(3, c.start(3))
		if err := x.feed(3, pd); err != io.EOF {
			t.Error(err)
		}
		x.check(1, 6, frame)
	}
}

func (c channel) startInside(t *testing.T, e run, slot int64) {
	for _, video := range []bool{true, false} {
		x, frame, pe, _ := c.pipes(t, video, e, e)
		x.c.Take(4, c.epoch+c.rate.At(slot))
		if err := x.feed(4, pe); err != io.EOF {
			t.Error(err)
		}
		x.check(3, 4, frame)
	}
}

func (c channel) pipes(t *testing.T, video bool, a, b run) (x *track, frame tick.Tick, pa, pb []byte) {
	t.Helper()
	if video {
		return newTrack(t, c, true), c.rate.Frame(), a.video, b.video
	}
	return newTrack(t, c, false), aac.Frame(), a.audio, b.audio
}
