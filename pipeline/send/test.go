package send

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"onair/pkg/child"
	"onair/pkg/mpegts"
	"onair/pkg/testpicture"
	"onair/pkg/tick"
)

// TestConfig describes a made programme.
type TestConfig struct {
	Width, Height int       // zero: 1280x720
	Rate          tick.Rate // zero: 25
	Codec         string    // h264 (also if empty), hevc or mpeg2video
	Program       string    // FFmpeg; empty: ffmpeg
}

// Test is a programme made on the spot in real time: pictures and sound by pkg/testpicture, encoded by FFmpeg.
type Test struct {
	c       TestConfig
	painter *testpicture.Painter
}

var _ Source = (*Test)(nil)

// NewTest checks the configuration. It starts nothing.
func NewTest(c TestConfig) (*Test, error) {
	if c.Width == 0 && c.Height == 0 {
		c.Width, c.Height = 1280, 720
	}
	if c.Codec == "" {
		c.Codec = "h264"
	}
	if c.Program == "" {
		c.Program = "ffmpeg"
	}
	if encoders[c.Codec].video == nil {
		return nil, fmt.Errorf("codec %q: allowed are h264, hevc and mpeg2video", c.Codec)
	}
	p, err := testpicture.New(testpicture.Config{Width: c.Width, Height: c.Height, Rate: c.Rate})
	if err != nil {
		return nil, err
	}
	c.Rate = p.Rate()
	return &Test{c, p}, nil
}

// Margin implements Source.
func (t *Test) Margin() time.Duration { return 200 * time.Millisecond }

// Run implements Source.
func (t *Test) Run(ctx context.Context, emit func(p mpegts.Packet) error) error {
	p, err := child.Start(child.Spec{Path: t.c.Program, Args: t.args(), Outputs: 1})
	if err != nil {
		return fmt.Errorf("test source: %w", err)
	}
	feeding, stop := context.WithCancel(ctx)
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		t.feed(feeding, p.Stdin())
	}()
	kill := context.AfterFunc(ctx, p.Kill) // ends Read
	err = t.read(p.Output(0), emit)
	kill()
	stop()
	p.Kill()
	_ = p.Output(0).Close()
	exit := p.Wait()
	<-fed
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil {
		err = fmt.Errorf("test source: ffmpeg ended (%s): %s", exit, strings.Join(p.Tail(), "; "))
	}
	return err
}

// read gives FFmpeg's packets to emit until there are no more; that is no error here.
func (t *Test) read(from io.Reader, emit func(p mpegts.Packet) error) error {
	var framer mpegts.Framer
	var failed error
	take := func(p mpegts.Packet) {
		if failed == nil {
			failed = emit(p)
		}
	}
	buffer := make([]byte, 64<<10)
	for failed == nil {
		n, err := from.Read(buffer)
		framer.Push(buffer[:n], take)
		if err != nil {
			return failed
		}
	}
	return failed
}

// feed writes pictures and sound as their time comes, until ctx ends or nobody reads any more.
func (t *Test) feed(ctx context.Context, to io.WriteCloser) {
	const behind = time.Second // when the host was away for longer, time is not made up for
	if _, err := to.Write(aviHeader(t.c.Width, t.c.Height, t.c.Rate)); err != nil {
		return
	}
	picture := make([]byte, t.painter.Size())
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := int64(0); ; n++ {
		due := start.Add(t.c.Rate.At(n).Duration())
		wait := time.Until(due)
		if wait < -behind {
			start = start.Add(-wait)
		}
		timer.Reset(max(0, wait))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		t.painter.Paint(picture, n, tick.FromTime(due))
		if err := t.write(to, picture, n); err != nil {
			return
		}
	}
}

// write puts the sound of picture n, then itself, into the stream.
func (t *Test) write(to io.Writer, picture []byte, n int64) error {
	from := t.c.Rate.At(n).Round(testpicture.SampleRate)
	samples := int(t.c.Rate.At(n+1).Round(testpicture.SampleRate)-from) * testpicture.SampleBytes
	head := chunkHeader(nil, "01wb", samples)
	out := append(head, make([]byte, samples)...)
	t.painter.Sound(out[len(head):], from)
	out = chunkHeader(out, "00dc", len(picture))
	if _, err := to.Write(out); err != nil {
		return err
	}
	_, err := to.Write(picture)
	return err
}

// encoder is how FFmpeg encodes for a codec: the least work that looks like a contribution feed.
type encoder struct {
	video []string
	audio []string
	bits  int64 // per thousand pixels
}

var encoders = map[string]encoder{
	"h264": {
		video: []string{"libx264", "-preset", "ultrafast", "-bf", "2", "-x264-params", "sliced-threads=0:rc-lookahead=0"},
		audio: []string{"aac", "-b:a", "128k"}, bits: 150,
	},
	"hevc": {
		video: []string{"libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:bframes=2:rc-lookahead=5"},
		audio: []string{"aac", "-b:a", "128k"}, bits: 100,
	},
	"mpeg2video": {
		video: []string{"mpeg2video", "-bf", "2"},
		audio: []string{"mp2", "-b:a", "192k"}, bits: 300,
	},
}

func (t *Test) args() []string {
	e := encoders[t.c.Codec]
	rate := t.bitrate(e)
	gop := t.c.Rate.NextSlot(tick.Second)
	args := []string{"-hide_banner", "-loglevel", "warning", "-nostdin", "-f", "avi", "-i", "pipe:0",
		"-map", "0:v", "-map", "0:a", "-c:v"}
	args = append(args, e.video...)
	args = append(args, "-g", strconv.FormatInt(gop, 10), "-pix_fmt", "yuv420p",
		"-b:v", strconv.FormatInt(rate, 10), "-maxrate", strconv.FormatInt(rate, 10), "-bufsize", strconv.FormatInt(rate, 10),
		"-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv", "-c:a")
	args = append(args, e.audio...)
	return append(args, "-metadata", "service_provider=onair", "-metadata", "service_name=test",
		"-f", "mpegts", "-flush_packets", "1", "pipe:3")
}

// bitrate is what the picture's size and rate need, in bits/s.
func (t *Test) bitrate(e encoder) int64 {
	pixels := int64(t.c.Width) * int64(t.c.Height)
	return pixels * e.bits / 1000 * t.c.Rate.Num / t.c.Rate.Den
}

// errEnough ends a source when all has been sent that was asked for.
var errEnough = errors.New("enough")
