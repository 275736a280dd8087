package ffmpeg_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"onair/pkg/ffmpeg"
	"onair/pkg/fmp4"
	"onair/pkg/ladder"
	"onair/pkg/tick"
)

// The laboratory: sources made by FFmpeg, a feed that moves their clock, and the frames that a planned run makes of it.

var made sync.Map // source name -> *sync.Once'd path

// recipes are FFmpeg arguments that make 6 s of each kind of source.
var recipes = map[string]string{
	"25p": "-f lavfi -i testsrc2=s=640x360:r=25:d=6 -f lavfi -i sine=f=440:r=48000:d=6 " +
		"-c:v libx264 -preset veryfast -g 50 -bf 2 -pix_fmt yuv420p -c:a aac -b:a 128k -ac 2",
	"50p": "-f lavfi -i testsrc2=s=640x360:r=50:d=6 -f lavfi -i sine=f=440:r=48000:d=6 " +
		"-c:v libx264 -preset veryfast -g 100 -bf 2 -pix_fmt yuv420p -c:a mp2 -ac 2",
	"29.97i": "-f lavfi -i testsrc2=s=720x480:r=60000/1001:d=6 -f lavfi -i sine=f=440:r=48000:d=6 " +
		"-vf tinterlace=interleave_top,fieldorder=tff,setsar=8/9 -c:v libx264 -flags +ilme+ildct -x264-params tff=1 " +
		"-preset veryfast -g 30 -bf 2 -pix_fmt yuv420p -c:a ac3 -ac 6",
	"576i mpeg2": "-f lavfi -i testsrc2=s=720x576:r=50:d=6 -f lavfi -i sine=f=440:r=48000:d=6 " +
		"-vf tinterlace=interleave_top,fieldorder=tff,setsar=64/45 -c:v mpeg2video -flags +ilme+ildct -top 1 -b:v 4M " +
		"-maxrate 6M -bufsize 2M -g 12 -bf 2 -pix_fmt yuv420p -color_primaries bt470bg -color_trc gamma28 -colorspace bt470bg -c:a mp2 -ac 2",
	"hevc hlg": "-f lavfi -i testsrc2=s=640x360:r=25:d=6 -f lavfi -i sine=f=440:r=48000:d=6 -c:v libx265 -preset ultrafast " +
		"-x265-params keyint=50:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc:log-level=error -pix_fmt yuv420p10le -c:a aac -ac 1",
	"hevc pq no sound": "-f lavfi -i testsrc2=s=640x360:r=50:d=6 -c:v libx265 -preset ultrafast -x265-params " +
		"keyint=100:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:hdr10=1:master-display=" +
		"G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400:log-level=error -pix_fmt yuv420p10le",
	"hevc wide colour": "-f lavfi -i testsrc2=s=640x360:r=25:d=6 -f lavfi -i sine=f=440:r=48000:d=6 -c:v libx265 -preset ultrafast " +
		"-x265-params keyint=50:colorprim=bt2020:transfer=bt2020-10:colormatrix=bt2020nc:log-level=error -pix_fmt yuv420p10le -c:a aac -ac 1",
	"hevc topleft 4:2:2": "-f lavfi -i testsrc2=s=640x360:r=25:d=6 -c:v libx265 -preset ultrafast -x265-params " +
		"keyint=50:chromaloc=2:range=full:log-level=error -pix_fmt yuv422p10le",
	"sound only": "-f lavfi -i sine=f=440:r=48000:d=6 -c:a mp2 -ac 2",
}

// source is the TS of a recipe, made once.
func source(t *testing.T, name string) []byte {
	t.Helper()
	once, _ := made.LoadOrStore(name, sync.OnceValues(func() ([]byte, error) {
		args := append([]string{"-hide_banner", "-loglevel", "error"}, strings.Fields(recipes[name])...)
		args = append(args, "-muxdelay", "0", "-muxpreload", "0", "-f", "mpegts", "pipe:1")
		cmd := exec.Command("ffmpeg", args...)
		cmd.Stderr = os.Stderr
		return cmd.Output()
	}))
	b, err := once.(func() ([]byte, error))()
	if err != nil || len(b) == 0 {
		t.Fatalf("making source %q: %v", name, err)
	}
	return b
}

// media is a file of the shared captures.
func media(t *testing.T, name string) []byte {
	t.Helper()
	dir := os.Getenv("ONAIR_MEDIA")
	if dir == "" {
		t.Skip("ONAIR_MEDIA is not set: no captures to test against")
	}
	b, err := os.ReadFile(filepath.Join(dir, "ts", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func probe(t *testing.T, ts []byte) ffmpeg.Source {
	t.Helper()
	cmd := exec.Command("ffprobe", ffmpeg.ProbeArgs()...)
	cmd.Stdin = bytes.NewReader(ts)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal("ffprobe:", err)
	}
	src, err := ffmpeg.ParseProbe(out)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// firstPTS is the least PTS of the first second of a track, 90 kHz; -1 without any.
func firstPTS(ts []byte, pid uint16) int64 {
	first := int64(-1)
	for n := 0; n+188 <= len(ts) && n < 1<<20; n += 188 {
		p := ts[n : n+188]
		if uint16(p[1]&0x1F)<<8|uint16(p[2]) != pid {
			continue
		}
		if pts, _, ok := times(p); ok && (first < 0 || pts < first) {
			first = pts
		}
	}
	return first
}

// times finds the PTS field of a packet that starts a PES.
func times(p []byte) (pts int64, at int, ok bool) {
	if p[1]&0x40 == 0 || p[3]&0x10 == 0 {
		return 0, 0, false
	}
	i := 4
	if p[3]&0x20 != 0 {
		i += 1 + int(p[4])
	}
	if i+14 > 188 || p[i] != 0 || p[i+1] != 0 || p[i+2] != 1 || p[i+3] < 0xBD || p[i+7]&0x80 == 0 {
		return 0, 0, false
	}
	return stamp(p[i+9:]), i + 9, true
}

func stamp(b []byte) int64 {
	return int64(b[0]>>1&7)<<30 | int64(b[1])<<22 | int64(b[2]>>1)<<15 | int64(b[3])<<7 | int64(b[4]>>1)
}

func putStamp(b []byte, v int64) {
	v &= 1<<33 - 1
	b[0] = b[0]&0xF1 | byte(v>>30)<<1
	b[1], b[2] = byte(v>>22), byte(v>>15)<<1|1
	b[3], b[4] = byte(v>>7), byte(v)<<1|1
}

// moved is ts with every PTS, DTS and PCR shifted by d units of 90 kHz.
func moved(ts []byte, d int64) []byte {
	out := bytes.Clone(ts)
	for n := 0; n+188 <= len(out); n += 188 {
		p := out[n : n+188]
		if p[3]&0x20 != 0 && p[4] >= 7 && p[5]&0x10 != 0 {
			base := int64(p[6])<<25 | int64(p[7])<<17 | int64(p[8])<<9 | int64(p[9])<<1 | int64(p[10]>>7)
			base = (base + d) & (1<<33 - 1)
			p[6], p[7], p[8], p[9] = byte(base>>25), byte(base>>17), byte(base>>9), byte(base>>1)
			p[10] = p[10]&0x7F | byte(base&1)<<7
		}
		if pts, at, ok := times(p); ok {
			putStamp(p[at:], pts+d)
			if p[at-2]&0x40 != 0 {
				putStamp(p[at+5:], stamp(p[at+5:])+d)
			}
		}
	}
	return out
}

// take is one frame as it came out of a run.
type take struct {
	fmp4.Frame
	at time.Time
}

// result is what one run made.
type result struct {
	plan   ffmpeg.Plan
	frames map[string][]take
	inits  map[string][]byte
	heads  map[string]fmp4.Header
	stderr string
	err    error
}

// run feeds a planned FFmpeg and collects its frames.
func run(t *testing.T, plan ffmpeg.Plan, feed func(w io.Writer)) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ffmpeg", plan.Args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	res := result{plan: plan, frames: map[string][]take{}, inits: map[string][]byte{}, heads: map[string]fmp4.Header{}}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range len(plan.Outputs) + 1 {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.ExtraFiles = append(cmd.ExtraFiles, w)
		defer w.Close()
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer r.Close()
			if i == len(plan.Outputs) {
				_, _ = io.Copy(io.Discard, r)
				return
			}
			res.collect(&mu, plan.Outputs[i], r)
		}()
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, f := range cmd.ExtraFiles {
		_ = f.Close()
	}
	feed(stdin)
	_ = stdin.Close()
	wg.Wait()
	res.err = cmd.Wait()
	res.stderr = stderr.String()
	return res
}

func (r *result) collect(mu *sync.Mutex, name string, from io.Reader) {
	in := fmp4.NewReader(from)
	head, err := in.Header()
	if err == nil {
		init, initErr := head.Init()
		mu.Lock()
		r.inits[name], r.heads[name], err = init, head, initErr
		mu.Unlock()
	}
	for err == nil {
		var f fmp4.Frame
		if f, err = in.Next(); err == nil {
			mu.Lock()
			r.frames[name] = append(r.frames[name], take{f, time.Now()})
			mu.Unlock()
		}
	}
	if !errors.Is(err, io.EOF) {
		mu.Lock()
		r.err = errors.Join(r.err, fmt.Errorf("rendition %s: %w", name, err))
		mu.Unlock()
	}
	_, _ = io.Copy(io.Discard, from)
}

// whole feeds ts at once.
func whole(ts []byte) func(io.Writer) {
	return func(w io.Writer) { _, _ = w.Write(ts) }
}

// channel is a small ladder on a grid.
func channel(t *testing.T, rate string, renditions ...ladder.Rendition) ffmpeg.Channel {
	t.Helper()
	r, err := tick.ParseRate(rate)
	if err != nil {
		t.Fatal(err)
	}
	grid, err := tick.NewGrid(r, 4*tick.Second, 2*tick.Second)
	if err != nil {
		t.Fatal(err)
	}
	if len(renditions) == 0 {
		renditions = []ladder.Rendition{
			{Name: "v360", Kind: ladder.Video, Width: 640, Height: 360, Bitrate: 800_000},
			{Name: "v180", Kind: ladder.Video, Width: 320, Height: 180, Bitrate: 300_000},
			{Name: "a1", Kind: ladder.Audio, Bitrate: 128_000},
		}
	}
	for i := range renditions {
		if renditions[i].Kind == ladder.Video {
			renditions[i].Rate = r
		}
	}
	return ffmpeg.Channel{Grid: grid, Audio: tick.Audio{Rate: 48_000, Samples: 1024}, Renditions: renditions}
}

// epoch is an instant that is no round number in any grid.
var epoch = tick.FromTime(time.Date(2026, 7, 25, 17, 20, 3, 123_456_789, time.UTC))

// planned is a run whose first picture, the source's first, lies at slot of the channel's grid, and its feed.
func planned(t *testing.T, ts []byte, ch ffmpeg.Channel, slot int64) (ffmpeg.Plan, []byte, ffmpeg.Interval) {
	t.Helper()
	src := probe(t, ts)
	at := ffmpeg.Interval{Start: epoch - epoch%tick.Second}
	if !ch.Grid.Rate.IsZero() {
		at.Start = ch.Grid.Rate.At(slot)
	}
	at.Base = ffmpeg.Base(at.Start, ch.Grid, ch.Audio)
	plan, err := ffmpeg.NewPlan(src, ch, at)
	if err != nil {
		t.Fatal(err)
	}
	pid := src.VideoPID
	if src.Video == nil {
		pid = src.Audio[0].PID
	}
	return plan, moved(ts, (at.Start-at.Base).Round(90_000)-firstPTS(ts, pid)), at
}
