package slate_test

import (
	"context"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"onair/pipeline/slate"
	"onair/pkg/mpegts"
	"onair/pkg/tick"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink notes the pictures that arrive.
type sink struct {
	mu       sync.Mutex
	framer   mpegts.Framer
	detector *mpegts.Detector
	cc       *mpegts.Continuity
	lost     int // breaks of continuity that no packet announces
	pts      []uint64
	at       []tick.Tick
	keys     int
	ahead    tick.Tick // of the host's clock, at most: a busy machine makes it less
	events   []string
	told     []slate.Event // the same
}

func (s *sink) Datagram(ts []byte, now tick.Tick, _ int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead = max(s.ahead, now-clock())
	s.framer.Push(ts, func(p mpegts.Packet) {
		if p.PID() != 0x100 {
			return
		}
		if s.cc.Check(p) != mpegts.OK {
			s.lost++
		}
		if times, ok := mpegts.PESTimes(p.Payload()); ok && p.Start() {
			s.pts, s.at = append(s.pts, times.PTS), append(s.at, now)
		}
		if a := s.detector.Push(p); a == mpegts.IDR || a == mpegts.Recovery {
			s.keys++
		}
	})
}

func (s *sink) event(ev slate.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, ev)
	s.events = append(s.events, ev.Level+": "+ev.Message)
}

func (s *sink) pictures() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pts)
}

func clock() tick.Tick { return tick.FromTime(time.Now()) }

// running runs a slate until something holds.
func running(t *testing.T, cfg slate.Config, s *sink, until func() bool) {
	t.Helper()
	runningOf(t, cfg, s, func(*slate.Slate) bool { return until() })
}

func runningOf(t *testing.T, cfg slate.Config, s *sink, until func(*slate.Slate) bool) {
	t.Helper()
	s.detector, s.cc = mpegts.NewDetector("mpeg2video"), &mpegts.Continuity{}
	cfg.Sink, cfg.Now, cfg.Event = s, clock, s.event
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	made := slate.New(cfg)
	go func() { done <- made.Run(ctx) }()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for deadline := time.Now().Add(20 * time.Second); !until(made); <-poll.C {
		if time.Now().After(deadline) {
			t.Errorf("in vain waited; %d pictures, events %q", s.pictures(), s.events)
			break
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestAPictureASecondEachAKeyFrame(t *testing.T) {
	t.Parallel()
	s := &sink{}
	running(t, slate.Config{FFmpeg: "ffmpeg", Width: 640, Height: 360, Title: "news"}, s, func() bool { return s.pictures() >= 4 })
	near := 0 // pictures that arrive a second after the one before, as a busy machine may be late with some
	for i := range s.pts[1:] {
		if step := s.pts[i+1] - s.pts[i]; step != 90_000 {
			t.Errorf("picture %d comes %d/90000 s after the one before", i+1, step)
		}
		if step := s.at[i+1] - s.at[i]; (step - tick.Second).Abs() <= tick.Second/2 {
			near++
		}
	}
	if near == 0 {
		t.Errorf("no picture arrives a second after the one before: %v", s.at)
	}
	if s.keys < len(s.pts)-1 {
		t.Errorf("%d pictures, %d of them key frames", len(s.pts), s.keys)
	}
	if (s.ahead - slate.Lead).Abs() > tick.Second/4 {
		t.Errorf("pictures arrive %v ahead of time, want %v", s.ahead.Duration(), slate.Lead.Duration())
	}
	if len(s.events) > 0 {
		t.Errorf("events %q", s.events)
	}
}

func TestAPictureFileThatCannotBeReadIsReplacedByTheCard(t *testing.T) {
	t.Parallel()
	s := &sink{}
	look := slate.Look{Image: "/nowhere.png"}
	running(t, slate.Config{FFmpeg: "ffmpeg", Width: 320, Height: 180, Look: look}, s, func() bool { return s.pictures() > 0 })
	if len(s.events) != 1 || !strings.Contains(s.events[0], "plain card: picture file /nowhere.png") {
		t.Errorf("events %q", s.events)
	}
}

// TestAnotherLookIsShownWithoutABreak: its encoder goes on, and what cannot be shown is told.
func TestAnotherLookIsShownWithoutABreak(t *testing.T) {
	t.Parallel()
	s := &sink{}
	told := 0
	runningOf(t, slate.Config{FFmpeg: "ffmpeg", Width: 320, Height: 180}, s, func(made *slate.Slate) bool {
		if s.pictures() > 0 {
			made.Change(slate.Look{Text: "back soon", Image: "/nowhere.png"})
		}
		s.mu.Lock()
		events := len(s.events)
		s.mu.Unlock()
		if events > 0 && told == 0 {
			told = s.pictures()
		}
		return told > 0 && s.pictures() >= told+2
	})
	if len(s.events) != 1 || !strings.Contains(s.events[0], "picture file /nowhere.png") {
		t.Errorf("events %q", s.events)
	}
	for i := range s.pts[1:] {
		if step := s.pts[i+1] - s.pts[i]; step != 90_000 {
			t.Errorf("picture %d comes %d/90000 s after the one before", i+1, step)
		}
	}
}

// TestPicturesAreFittedWithTheirShapeKept loads a white picture into a frame of another shape.
func TestPicturesAreFittedWithTheirShapeKept(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ w, h, left, top int }{ // of the picture; of it in a frame of 320x180
		"wide":   {200, 50, 0, 50},
		"narrow": {50, 100, 115, 0},
		"tiny":   {16, 9, 0, 0},
		"large":  {1000, 1000, 70, 0},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "it's a: picture.png")
			img := image.NewRGBA(image.Rect(0, 0, c.w, c.h))
			for i := range img.Pix {
				img.Pix[i] = 255
			}
			img.Set(0, 0, color.White)
			f, err := os.Create(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := png.Encode(f, img); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			p, err := slate.Load(t.Context(), "ffmpeg", file, 320, 180)
			if err != nil {
				t.Fatal(err)
			}
			left, top := 0, 0
			for p[90*320+left] < 128 {
				left++
			}
			for p[top*320+160] < 128 {
				top++
			}
			if d := left - c.left; d < -2 || d > 2 || top-c.top < -2 || top-c.top > 2 {
				t.Errorf("the picture begins at %d,%d, want %d,%d", left, top, c.left, c.top)
			}
			if p[90*320+160] != 235 {
				t.Errorf("white is %d", p[90*320+160])
			}
		})
	}
}

func TestSizesOfTheCard(t *testing.T) {
	for _, c := range [][4]int{{1920, 1080, 1280, 720}, {640, 360, 640, 360}, {1080, 1920, 404, 720}, {0, 0, 320, 180}, {854, 480, 854, 480}} {
		v := slate.New(slate.Config{Width: c[0], Height: c[1]}).Video()
		if v.Width != c[2] || v.Height != c[3] {
			t.Errorf("%dx%d: a card of %dx%d, want %dx%d", c[0], c[1], v.Width, v.Height, c[2], c[3])
		}
	}
}
