package flv_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"onair/pkg/flv"
	"onair/pkg/mpegts"
	"onair/pkg/rtmp"
	"onair/pkg/tick"
)

var (
	avcC = []byte{
		1, 0x42, 0, 0x1E, 0xFF, 0xE1, 0, 12, 0x67, 0x42, 0xC0, 0x1E, 0xD9, 0, 0xA0, 0x47, 0xFE, 0xC8, 0x80, 0,
		1, 0, 4, 0x68, 0xCE, 0x38, 0x80,
	}
	asc = []byte{0x11, 0x90} // AAC-LC, 48 kHz, stereo
	idr = []byte{0, 0, 0, 3, 0x65, 0x88, 0x84}
)

func join(parts ...any) (out []byte) {
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			out = append(out, byte(p))
		case string:
			out = append(out, p...)
		case []byte:
			out = append(out, p...)
		}
	}
	return out
}

func TestVideo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		in   []byte
		want flv.Tag
		err  error
	}{
		{"avc configuration", join(0x17, 0, 0, 0, 0, "C"), flv.Tag{Codec: mpegts.H264, Content: flv.Config, Key: true, Data: []byte("C")}, nil},
		{"avc picture shown later", join(0x27, 1, 0, 1, 4, "P"), flv.Tag{Codec: mpegts.H264, Content: flv.Frames, Offset: 260, Data: []byte("P")}, nil},
		{"avc picture shown earlier", join(0x27, 1, 0xFF, 0xFF, 0xD8, "P"), flv.Tag{Codec: mpegts.H264, Content: flv.Frames, Offset: -40, Data: []byte("P")}, nil},
		{"avc end", join(0x17, 2, 0, 0, 0), flv.Tag{Codec: mpegts.H264, Key: true, Data: []byte{}}, nil},
		{"command frame", join(0x57, 0), flv.Tag{}, nil},
		{"old hevc", join(0x1C, 1, 0, 0, 0, "P"), flv.Tag{Codec: mpegts.HEVC, Content: flv.Frames, Key: true, Data: []byte("P")}, nil},
		{"hvc1 configuration", join(0x90, "hvc1", "C"), flv.Tag{Codec: mpegts.HEVC, Content: flv.Config, Key: true, Data: []byte("C")}, nil},
		{"hvc1 picture", join(0xA1, "hvc1", 0, 0, 80, "P"), flv.Tag{Codec: mpegts.HEVC, Content: flv.Frames, Offset: 80, Data: []byte("P")}, nil},
		{"hvc1 picture without offset", join(0x93, "hvc1", "P"), flv.Tag{Codec: mpegts.HEVC, Content: flv.Frames, Key: true, Data: []byte("P")}, nil},
		{"avc1 metadata", join(0x94, "avc1", "M"), flv.Tag{Codec: mpegts.H264, Key: true, Data: []byte("M")}, nil},
		{"behind an extension", join(0x97, 2, "abc", 0x03, "hvc1", "P"), flv.Tag{Codec: mpegts.HEVC, Content: flv.Frames, Key: true, Data: []byte("P")}, nil},
		{"behind a long one", join(0x97, 0xFF, 0, 2, "abc", 0x03, "hvc1", "P"), flv.Tag{Codec: mpegts.HEVC, Content: flv.Frames, Key: true, Data: []byte("P")}, nil},
		{"av1", join(0x91, "av01", "P"), flv.Tag{}, flv.ErrUnsupported},
		{"sorenson", join(0x12, "P"), flv.Tag{}, flv.ErrUnsupported},
		{"several tracks", join(0x96, "hvc1", "P"), flv.Tag{}, flv.ErrUnsupported},
		{"nothing", nil, flv.Tag{}, flv.ErrCut},
		{"cut", join(0x17, 1, 0, 0), flv.Tag{}, flv.ErrCut},
		{"cut code", join(0x91, "hvc"), flv.Tag{}, flv.ErrCut},
		{"cut offset", join(0x91, "hvc1", 0, 0), flv.Tag{}, flv.ErrCut},
		{"cut extension", join(0x97, 5, "abc"), flv.Tag{}, flv.ErrCut},
	} {
		got, err := flv.Video(c.in)
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", c.want) || !errors.Is(err, c.err) {
			t.Errorf("%s: %+v, %v; want %+v, %v", c.name, got, err, c.want, c.err)
		}
	}
}

func TestAudio(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		in   []byte
		want flv.Tag
		err  error
	}{
		{"aac configuration", join(0xAF, 0, asc), flv.Tag{Codec: mpegts.AAC, Content: flv.Config, Data: asc}, nil},
		{"aac", join(0xAF, 1, "S"), flv.Tag{Codec: mpegts.AAC, Content: flv.Frames, Data: []byte("S")}, nil},
		{"mp3", join(0x2F, "S"), flv.Tag{Codec: mpegts.MP2, Content: flv.Frames, Data: []byte("S")}, nil},
		{"enhanced aac", join(0x90, "mp4a", asc), flv.Tag{Codec: mpegts.AAC, Content: flv.Config, Data: asc}, nil},
		{"enhanced ac-3", join(0x91, "ac-3", "S"), flv.Tag{Codec: mpegts.AC3, Content: flv.Frames, Data: []byte("S")}, nil},
		{"end", join(0x92, "Opus"), flv.Tag{Codec: mpegts.Opus, Data: []byte{}}, nil},
		{"speex", join(0xB6, "S"), flv.Tag{}, flv.ErrUnsupported},
		{"flac", join(0x91, "fLaC", "S"), flv.Tag{}, flv.ErrUnsupported},
		{"several tracks", join(0x95, "mp4a", "S"), flv.Tag{}, flv.ErrUnsupported},
		{"nothing", nil, flv.Tag{}, flv.ErrCut},
		{"cut", join(0xAF), flv.Tag{}, flv.ErrCut},
	} {
		got, err := flv.Audio(c.in)
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", c.want) || !errors.Is(err, c.err) {
			t.Errorf("%s: %+v, %v; want %+v, %v", c.name, got, err, c.want, c.err)
		}
	}
}

// reel keeps what a muxer makes.
type reel struct{ b []byte }

func (r *reel) put(b []byte) { r.b = append(r.b, b...) }

// units are the presentation and decoding times of a PID.
func (r *reel) units(pid uint16) (pts, dts []int64) {
	u := tick.Unwrapper{Bits: 33}
	for p := range slices.Chunk(r.b, mpegts.Size) {
		if p := mpegts.Packet(p); p.PID() == pid && p.Start() {
			if t, ok := mpegts.PESTimes(p.Payload()); ok {
				d := u.Unwrap(t.DTS)
				pts, dts = append(pts, u.Near(t.PTS, d)), append(dts, d)
			}
		}
	}
	return pts, dts
}

func (r *reel) streams(t *testing.T) string {
	t.Helper()
	tables := mpegts.NewTables()
	for p := range slices.Chunk(r.b, mpegts.Size) {
		tables.Push(mpegts.Packet(p))
	}
	var out []string
	for _, prog := range tables.Programs() {
		for _, s := range prog.Streams {
			out = append(out, fmt.Sprintf("%d:%s", s.PID, s.Codec))
		}
	}
	return strings.Join(out, " ")
}

// publisher gives a muxer the messages of an encoder.
type publisher struct {
	t *testing.T
	*flv.Muxer
}

func (p publisher) video(at uint32, body []byte) {
	p.t.Helper()
	if err := p.Video(at, body); err != nil {
		p.t.Fatal(err)
	}
}

func (p publisher) audio(at uint32, body []byte) {
	p.t.Helper()
	if err := p.Audio(at, body); err != nil {
		p.t.Fatal(err)
	}
}

func newPublisher(t *testing.T) (publisher, *reel) {
	r := &reel{}
	return publisher{t, flv.NewMuxer(r.put)}, r
}

var (
	config  = join(0x17, 0, 0, 0, 0, avcC)
	picture = join(0x17, 1, 0, 0, 40, idr)
	sound   = join(0xAF, 1, "frame")
)

func TestStreamsThatCome(t *testing.T) {
	t.Parallel()
	const both, dark, mute = "256:h264 257:aac", "256:aac", "256:h264"
	for _, c := range []struct {
		name string
		do   func(p publisher)
		want string
		n    int // pictures, or sounds of what has none
	}{
		{"both at once", func(p publisher) {
			p.video(0, config)
			p.audio(0, join(0xAF, 0, asc))
			p.video(0, picture)
			p.audio(3, sound)
		}, both, 1},
		{"sound a little later: nothing is lost", func(p publisher) {
			p.video(0, config)
			for at := uint32(0); at < 900; at += 40 {
				p.video(at, picture)
			}
			p.audio(890, join(0xAF, 0, asc))
			p.audio(890, sound)
		}, both, 23},
		{"no sound: it is waited for a second", func(p publisher) {
			p.video(0, config)
			for at := uint32(0); at <= 1000; at += 40 {
				p.video(at, picture)
			}
		}, mute, 26},
		{"no sound, announced: nothing is waited for", func(p publisher) {
			p.Announce(true, false)
			p.video(0, config)
			p.video(0, picture)
		}, mute, 1},
		{"no picture, announced", func(p publisher) {
			p.Announce(false, true)
			p.audio(0, join(0xAF, 0, asc))
			p.audio(0, sound)
		}, dark, 1},
		{"sound that comes much later", func(p publisher) {
			p.Announce(true, false)
			p.video(0, config)
			for at := uint32(0); at < 5000; at += 40 {
				p.video(at, picture)
			}
			p.audio(5000, join(0xAF, 0, asc))
			p.audio(5000, sound)
			p.video(5000, picture)
		}, both, 126},
		{"a wait that takes too much", func(p publisher) {
			p.video(0, config)
			big := join(0x17, 1, 0, 0, 0, 0, 0x20, 0, 0, 0x65, make([]byte, 1<<21-1))
			for at := range uint32(4) {
				p.video(at, big)
			}
		}, mute, 4},
		{"a clock that jumps back as is waited", func(p publisher) {
			p.video(50_000, config)
			p.video(50_000, picture)
			p.video(0, picture)
		}, mute, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, r := newPublisher(t)
			c.do(p)
			if got := r.streams(t); got != c.want {
				t.Errorf("streams %s, want %s", got, c.want)
			}
			if pts, _ := r.units(256); len(pts) != c.n {
				t.Errorf("%d units, want %d", len(pts), c.n)
			}
		})
	}
}

// TestTimes: over the wrap of 32 bits of milliseconds, with pictures out of order and the times of sound made exact.
func TestTimes(t *testing.T) {
	t.Parallel()
	p, r := newPublisher(t)
	const frames = 200
	start := uint32(1<<32 - 4000) // wraps after four seconds
	p.video(start, config)
	p.audio(start, join(0xAF, 0, asc))
	for i := range uint32(frames) {
		p.video(start+i*40, join(0x17, 1, 0, 0, 80, idr))
		for k := i * 40 * 48 / 1024; k < (i+1)*40*48/1024; k++ {
			p.audio(start+k*1024/48, sound)
		}
	}
	pts, dts := r.units(256)
	if len(pts) != frames {
		t.Fatalf("%d pictures", len(pts))
	}
	for i := range pts {
		if pts[i]-dts[i] != 80*90 || dts[i]-dts[0] != int64(i)*3600 {
			t.Fatalf("picture %d: pts %d dts %d", i, pts[i]-dts[0], dts[i]-dts[0])
		}
	}
	sounds, _ := r.units(257)
	for i := range sounds {
		if sounds[i]-sounds[0] != int64(i)*1920 {
			t.Fatalf("sound %d of %d at %d", i, len(sounds), sounds[i]-sounds[0])
		}
	}
}

// TestChanges: new parameter sets go out with the next key frame, another sound makes another programme map.
func TestChanges(t *testing.T) {
	t.Parallel()
	p, r := newPublisher(t)
	p.Announce(true, false)
	p.video(0, config)
	p.video(0, picture)
	other := slices.Clone(avcC)
	other[len(other)-1] = 0x81
	p.video(40, join(0x17, 0, 0, 0, 0, other))
	p.video(40, picture)
	if !bytes.Contains(r.b, []byte{0x68, 0xCE, 0x38, 0x81}) {
		t.Error("the new parameter set is not in the stream")
	}
	p.audio(80, join(0x2F, 0xFF, 0xFB, 0x90, 4, make([]byte, 413)))
	if got := r.streams(t); got != "256:h264 257:mp2" {
		t.Error(got)
	}
	p.Begin()
	if err := p.Video(0, picture); err == nil {
		t.Error("the next publisher needs no configuration")
	}
	p.Announce(true, false)
	p.video(0, config)
	p.video(0, picture)
	var cc mpegts.Continuity
	for b := range slices.Chunk(r.b, mpegts.Size) {
		if v := cc.Check(mpegts.Packet(b)); v != mpegts.OK {
			t.Error(v)
		}
	}
}

func TestMuxerRefuses(t *testing.T) {
	t.Parallel()
	m := flv.NewMuxer(func([]byte) { t.Error("something came out") })
	for name, err := range map[string]error{
		"a picture without configuration": m.Video(0, picture),
		"sound without configuration":     m.Audio(0, sound),
		"a cut configuration":             m.Video(0, config[:10]),
		"an empty configuration":          m.Audio(0, join(0xAF, 0)),
		"another codec":                   m.Video(0, join(0x12, "P")),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for name, err := range map[string]error{"an end": m.Video(0, join(0x17, 2, 0, 0, 0)), "empty sound": m.Audio(0, join(0xAF, 1))} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFFmpegsFLV: every picture and sound of an FLV file that FFmpeg made is in the stream, at its time.
func TestFFmpegsFLV(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	name := filepath.Join(t.TempDir(), "a.flv")
	run := func(program string, args ...string) string {
		out, err := exec.Command(program, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	run("ffmpeg", strings.Fields("-v error -f lavfi -i testsrc2=s=320x180:r=25:d=4 -f lavfi -i sine=r=44100:d=4 "+
		"-c:v libx264 -preset veryfast -bf 3 -g 25 -threads 1 -c:a aac -f flv "+name)...)
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	r := &reel{}
	m := flv.NewMuxer(r.put)
	const fileHeader = 9 + 4
	tags, whole := rtmp.Message{Body: b[fileHeader:]}.Nested() // the tags of a file are as those within an Aggregate
	if !whole {
		t.Fatal("tags are cut")
	}
	for _, tag := range tags {
		switch tag.Type {
		case rtmp.Video:
			err = m.Video(tag.Timestamp, tag.Body)
		case rtmp.Audio:
			err = m.Audio(tag.Timestamp, tag.Body)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	made := filepath.Join(t.TempDir(), "a.ts")
	if err := os.WriteFile(made, r.b, 0o600); err != nil {
		t.Fatal(err)
	}
	show := func(name, stream string) []string {
		return strings.Fields(run("ffprobe", "-v", "error", "-select_streams", stream, "-show_entries", "packet=pts_time", "-of", "csv=p=0", name))
	}
	for stream, tolerance := range map[string]float64{"v": 0.0001, "a": 0.0015} {
		want, got := show(name, stream), show(made, stream)
		if len(want) < 90 || len(got) != len(want) {
			t.Errorf("%s: %d packets, want %d", stream, len(got), len(want))
			continue
		}
		for i := range want {
			var a, b, a0, b0 float64
			_, _ = fmt.Sscan(strings.Trim(want[i], ","), &a)
			_, _ = fmt.Sscan(strings.Trim(got[i], ","), &b)
			_, _ = fmt.Sscan(strings.Trim(want[0], ","), &a0)
			_, _ = fmt.Sscan(strings.Trim(got[0], ","), &b0)
			if d := (a - a0) - (b - b0); d > tolerance || d < -tolerance {
				t.Fatalf("%s: packet %d at %s, want %s", stream, i, got[i], want[i])
			}
		}
	}
	if errs := run("ffmpeg", "-v", "warning", "-i", made, "-f", "null", "-"); errs != "" {
		t.Errorf("ffmpeg: %s", errs)
	}
}

// FuzzMuxer: whatever comes, what goes out is whole packets.
func FuzzMuxer(f *testing.F) {
	f.Add(config, join(0xAF, 0, asc), picture, sound, uint32(1<<32-1))
	f.Add(join(0x90, "hvc1", 1, make([]byte, 22)), join(0x90, "mp4a", asc), join(0x97, 2, "abc", 0x03, "hvc1", "P"), join(0x91, "ac-3", 0x0B, 0x77), uint32(0))
	f.Fuzz(func(t *testing.T, a, b, c, d []byte, at uint32) {
		m := flv.NewMuxer(func(out []byte) {
			for p := range slices.Chunk(out, mpegts.Size) {
				if len(p) != mpegts.Size || p[0] != 0x47 {
					t.Fatalf("a bad packet: %x", p)
				}
			}
		})
		for range 3 {
			for _, body := range [][]byte{a, b, c, d} {
				_ = m.Video(at, body)
				_ = m.Audio(at, body)
				at += 600
			}
		}
	})
}

// FuzzConfiguration: the sets that are found lie within the record.
func FuzzConfiguration(f *testing.F) {
	f.Add(avcC, false)
	f.Add(append([]byte{1}, make([]byte, 40)...), true)
	f.Fuzz(func(t *testing.T, b []byte, hevc bool) {
		codec := mpegts.H264
		if hevc {
			codec = mpegts.HEVC
		}
		p, err := flv.Configuration(codec, b)
		if err != nil {
			return
		}
		n := 0
		for _, set := range p.Sets {
			n += len(set)
		}
		if n > len(b) || p.LengthSize < 1 || p.LengthSize > 4 {
			t.Errorf("%d bytes of %d, lengths of %d", n, len(b), p.LengthSize)
		}
	})
}
