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
	"strings"
	"testing"

	"onair/pipeline/packager"
	"onair/pkg/fmp4"
	"onair/pkg/tick"
)

// The channel of these tests: 25 fps, 2 s segments, 48 kHz AAC. Second 0 of the source is epoch, where all grids meet.
var (
	grid50 = tick.Grid{Rate: rate, Frames: 50, GOP: 50, T: 2 * tick.Second}
	common = tick.Common(grid50.T, aac.Frame(), tick.Per90k)
	epoch  = 1_785_000_000 * tick.Second / common * common
)

const muxer = "-f mp4 -movflags empty_moov+default_base_moof+frag_every_frame+skip_trailer+delay_moov+frag_discont+" +
	"negative_cts_offsets -use_editlist 0 -avoid_negative_ts disabled -video_track_timescale 90000 "

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

// source is a transport stream of 12 s, from second 1 on.
func source(t *testing.T) []byte {
	t.Helper()
	return tool(t, nil, "ffmpeg -f lavfi -i testsrc2=s=160x90:r=25 -f lavfi -i sine=f=400:r=48000 -t 12 -c:v libx264 "+
		"-preset ultrafast -g 25 -pix_fmt yuv420p -c:a aac -b:a 64k -ac 2 -muxdelay 0 -muxpreload 0 -output_ts_offset 1 "+
		"-f mpegts pipe:1")
}

// run is what an encoder run leaves in its two pipes.
type run struct {
	id           int
	video, audio []byte
}

// encode makes a run over the source from slot `from` on; until, in seconds, is where the source ends for it.
func encode(t *testing.T, src []byte, codec string, id int, from int64, until float64) run {
	t.Helper()
	dir := t.TempDir()
	v, a := filepath.Join(dir, "v"), filepath.Join(dir, "a")
	t0 := rate.At(from)
	a0 := aac.Next(t0)*aac.Samples - 2*aac.Samples // two frames early, for the encoder to settle
	tool(t, src, fmt.Sprintf("ffmpeg -copyts -analyzeduration 400000 -probesize 2000000 -f mpegts -i pipe:0 "+
		"-filter_complex [0:v:0]trim=end=%[1]g,fps=25:start_time=%[2]g,scale=160:90:out_color_matrix=bt709:out_range=tv,setsar=1,"+
		"format=yuv420p,setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv:field_mode=prog[v];"+
		"[0:a:0]atrim=end=%[1]g,aresample=48000:async=1:min_hard_comp=0.01:first_pts=%[3]d,atrim=start_pts=%[3]d[a] "+
		"-map [v] %[4]s -force_key_frames expr:eq(mod(n+%[5]d,50),0) %[6]s %[7]s -map [a] -c:a aac -b:a 64k -ac 2 %[6]s %[8]s",
		until, float64(t0)/float64(tick.Second), a0, encoders[codec], from%50, muxer, v, a))
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
	c    *packager.Cutter
	ts   int64
	init []byte
	body []byte
	segs []packager.Segment
}

func newTrack(t *testing.T, video bool) *track {
	t.Helper()
	cfg := packager.CutterConfig{Rendition: "r", Video: video, Grid: grid50, Audio: aac, Timescale: 48_000}
	if video {
		cfg.Timescale = 90_000
	}
	return &track{t: t, c: newCutter(t, cfg), ts: cfg.Timescale}
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
			DTS: epoch + tick.FromUnits(f.DTS, x.ts), PTS: epoch + tick.FromUnits(f.PTS, x.ts),
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

// check wants the segments of seconds [from, to) and nothing else, and lets ffmpeg decode and ffprobe count them.
func (x *track) check(from, to int64, frame tick.Tick) {
	x.t.Helper()
	k := grid50.K(epoch) + from/2
	for i, s := range x.segs {
		if s.K != k+int64(i) {
			x.t.Errorf("segment %d at place %d of those from %d on", s.K, i, k)
		}
	}
	if int64(len(x.segs)) != (to-from)/2 {
		x.t.Fatalf("%d segments, want those from second %d to %d; %+v", len(x.segs), from, to, x.c.Stats())
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

// reorder is the largest negative composition offset. FFmpeg's reader adds it to every presentation time of a fragmented
// file (browsers do not), so that a picture never comes before its decode time.
func (x *track) reorder() (most int64) {
	for _, s := range x.segs {
		for _, v := range s.Samples {
			most = max(most, int64(-v.CTO))
		}
	}
	return most
}

func TestRealRuns(t *testing.T) {
	src := source(t)
	for _, codec := range []string{"h264", "hevc", "av1"} {
		t.Run(codec, func(t *testing.T) {
			a := encode(t, src, codec, 1, 50, 9)     // flushes at 9 s
			b := encode(t, src, codec, 2, 9*25, 13)  // begins there, inside the segment from 8 to 10 s
			c := encode(t, src, codec, 3, 6*25, 13)  // begins at a boundary
			d := encode(t, src, codec, 4, 5*25+8, 9) // begins inside a segment, at no round time
			t.Run("planned hand-over", func(t *testing.T) { planned(t, a, c) })
			t.Run("input lost", func(t *testing.T) { inputLost(t, a, b) })
			t.Run("encoder killed in mid-box", func(t *testing.T) { killed(t, a, c) })
			t.Run("start inside a segment", func(t *testing.T) { startInside(t, d) })
		})
	}
}

func at(second int64) tick.Tick { return epoch + tick.Tick(second)*tick.Second }

func planned(t *testing.T, a, c run) {
	for _, video := range []bool{true, false} {
		x, frame, pa, pc := pipes(t, video, a, c)
		x.c.Take(1, at(2))
		x.c.Take(3, at(6))
		for _, err := range []error{x.feed(3, pc), x.feed(1, pa)} { // the new one is quicker
			if err != io.EOF {
				t.Error(err)
			}
		}
		x.check(2, 12, frame)
	}
}

func inputLost(t *testing.T, a, b run) {
	for _, video := range []bool{true, false} {
		x, frame, pa, pb := pipes(t, video, a, b)
		x.c.Take(1, at(2))
		if err := x.feed(1, pa); err != io.EOF {
			t.Error(err)
		}
		x.c.Done(1)
		if video && x.c.Next() != at(9) {
			t.Errorf("the flushed run ends at %d", (x.c.Next()-epoch)/rate.Frame())
		}
		x.c.Take(2, at(9))
		if err := x.feed(2, pb); err != io.EOF {
			t.Error(err)
		}
		x.check(2, 12, frame)
	}
}

func killed(t *testing.T, a, c run) {
	for _, video := range []bool{true, false} {
		x, frame, pa, pc := pipes(t, video, a, c)
		x.c.Take(1, at(2))
		cut := len(pa) * 3 / 4
		if err := x.feed(1, pa[:cut]); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error(err)
		}
		x.c.Done(1)
		if next := x.c.Next(); next <= at(6) || next >= at(8) {
			t.Fatalf("the run should die between 6 and 8 s, not at %d", (next-epoch)/tick.Second)
		}
		x.c.Take(3, at(6))
		if err := x.feed(3, pc); err != io.EOF {
			t.Error(err)
		}
		x.check(2, 12, frame)
	}
}

func startInside(t *testing.T, d run) {
	for _, video := range []bool{true, false} {
		x, frame, pd, _ := pipes(t, video, d, d)
		x.c.Take(4, epoch+rate.At(5*25+8))
		if err := x.feed(4, pd); err != io.EOF {
			t.Error(err)
		}
		x.check(6, 8, frame)
	}
}

func pipes(t *testing.T, video bool, a, b run) (x *track, frame tick.Tick, pa, pb []byte) {
	t.Helper()
	if video {
		return newTrack(t, true), rate.Frame(), a.video, b.video
	}
	return newTrack(t, false), aac.Frame(), a.audio, b.audio
}
