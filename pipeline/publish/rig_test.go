package publish_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"onair/pipeline/publish"
	"onair/pkg/hls"
	"onair/pkg/ladder"
	"onair/pkg/presentation"
	"onair/pkg/store"
	"onair/pkg/tick"
)

const segmentLength = 4 * time.Second

// testStore is a memory store that notes what is written in order and fails, waits or hangs as before tells it.
type testStore struct {
	*store.Memory
	mu     sync.Mutex
	before func(ctx context.Context, op, name string) error
	gets   func(name string) // told what is read
	log    []string
	pass   int // writes that were tried
}

func newTestStore() *testStore { return &testStore{Memory: store.NewMemory()} }

func (s *testStore) trouble(before func(ctx context.Context, op, name string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = before
}

func (s *testStore) ask(ctx context.Context, op, name string) error {
	s.mu.Lock()
	before := s.before
	s.pass++
	s.mu.Unlock()
	if before == nil {
		return nil
	}
	return before(ctx, op, name)
}

func (s *testStore) Put(ctx context.Context, o store.Object) error {
	if err := s.ask(ctx, "put", o.Name); errors.Is(err, errTaken) {
		return nil
	} else if err != nil {
		return err
	}
	if err := s.Memory.Put(ctx, o); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, o.Name)
	return nil
}

func (s *testStore) Get(ctx context.Context, name string) (store.Object, error) {
	if s.gets != nil {
		s.gets(name)
	}
	return s.Memory.Get(ctx, name)
}

func (s *testStore) List(ctx context.Context, prefix string) ([]store.Info, error) {
	if err := s.ask(ctx, "list", prefix); err != nil {
		return nil, err
	}
	return s.Memory.List(ctx, prefix)
}

func (s *testStore) Delete(ctx context.Context, name string) error {
	if err := s.ask(ctx, "delete", name); err != nil {
		return err
	}
	return s.Memory.Delete(ctx, name)
}

func (s *testStore) writes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.log...)
}

// rig is a running publisher of a channel with one video and one audio track.
type rig struct {
	t      *testing.T
	store  store.Store
	p      *publish.Publisher
	cancel context.CancelFunc
	done   chan error
	k      int64 // next segment

	mu     sync.Mutex
	listed []int64
}

func tracks() []presentation.Track {
	return []presentation.Track{
		{
			Name: "v", Kind: ladder.Video, Codecs: "avc1.64001f", Peak: 3_000_000, Average: 2_000_000, Width: 1280, Height: 720,
			Rate: tick.Rate{Num: 25, Den: 1}, Timescale: 90_000,
		},
		{
			Name: "a", Kind: ladder.Audio, Codecs: "mp4a.40.2", Peak: 140_000, Average: 128_000, SampleRate: 48_000, Channels: 2,
			Language: "en", Default: true, Timescale: 48_000,
		},
	}
}

func config(s store.Store) publish.Config {
	return publish.Config{
		Store: s,
		Presentation: presentation.Config{
			Channel: "news",
			Grid:    tick.Grid{Rate: tick.Rate{Num: 25, Den: 1}, Frames: 100, GOP: 50, T: 4 * tick.Second},
			Audio:   tick.Audio{Rate: 48_000, Samples: 1024},
			Window:  40 * tick.Second,
			Tracks:  tracks(),
		},
	}
}

// start runs a publisher; it must be called in a synctest bubble.
func start(t *testing.T, s store.Store, change func(*publish.Config)) *rig {
	t.Helper()
	r := launch(t, s, change)
	synctest.Wait()
	r.init("init-1.mp4")
	return r
}

// launch is start for the real clock, without the initializations.
func launch(t *testing.T, s store.Store, change func(*publish.Config)) *rig {
	t.Helper()
	c := config(s)
	r := &rig{t: t, store: s, done: make(chan error, 1)}
	c.OnListed = func(k int64, _ tick.Tick) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.listed = append(r.listed, k)
	}
	if change != nil {
		change(&c)
	}
	p, err := publish.New(c)
	if err != nil {
		t.Fatal(err)
	}
	r.p = p
	r.k = c.Presentation.Grid.K(tick.FromTime(time.Now()))
	var ctx context.Context
	ctx, r.cancel = context.WithCancel(t.Context())
	go func() { r.done <- p.Run(ctx) }()
	return r
}

func (r *rig) init(name string) {
	for _, t := range tracks() {
		t.Init = name
		r.p.SetInit(t, []byte(t.Name+name))
	}
}

// stop ends the publisher and returns Run's error.
func (r *rig) stop() error {
	r.cancel()
	return <-r.done
}

func (r *rig) segment(track string, k int64) {
	r.p.Segment(publish.Segment{Track: track, K: k, Body: mdat(fmt.Sprintf("%s %d", track, k))})
}

// mdat is a segment as far as the publisher looks at it.
func mdat(content string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(8+len(content))), "mdat"+content...)
}

// play delivers n segment numbers of the given tracks, one each T.
func (r *rig) play(n int, tracks ...string) {
	if tracks == nil {
		tracks = []string{"v", "a"}
	}
	for range n {
		for _, t := range tracks {
			r.segment(t, r.k)
		}
		r.k++
		time.Sleep(segmentLength)
	}
	synctest.Wait()
}

// playlist is what the store's playlist of a track says.
func playlist(t *testing.T, s store.Store, track string) hls.Playlist {
	t.Helper()
	o, err := s.Get(t.Context(), "news/"+track+".m3u8")
	if err != nil {
		t.Fatal(err)
	}
	p, err := hls.ReadMedia(o.Body)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// shape shows a playlist as one letter per segment: m media, - gap, with a | before a discontinuity.
func shape(p hls.Playlist) string {
	var b strings.Builder
	for _, s := range p.Segments {
		if s.Discontinuity {
			b.WriteByte('|')
		}
		if s.Gap {
			b.WriteByte('-')
		} else {
			b.WriteByte('m')
		}
	}
	return b.String()
}

func (r *rig) expect(want map[string]string) {
	r.t.Helper()
	for track, w := range want {
		if got := shape(playlist(r.t, r.store, track)); got != w {
			r.t.Errorf("track %s lists %s, want %s", track, got, w)
		}
	}
}

func both(s string) map[string]string { return map[string]string{"v": s, "a": s} }
