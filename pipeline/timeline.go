package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"onair/pipeline/config"
	"onair/pkg/anchor"
	"onair/pkg/store"
	"onair/pkg/tick"
)

const (
	keepAnchors  = 100
	timelineWait = 3 * time.Second // longest a store may take over one object
)

// timeline keeps what a restart must find again: the grid and the source clocks' anchors.
type timeline struct {
	store   store.Store
	channel string
	event   func(level, message string)
	wg      sync.WaitGroup
	away    away
	over    chan struct{} // closed when the channel ends
	remade  uint64        // what the store told of folders that it made again, when the watcher looked last

	mu        sync.Mutex
	facts     map[string]fact   // by input; the grid's has no name
	proposals map[string]uint64 // how many anchors were proposed, by input
}

// gridFile is grid.json: fixed at the channel's first start.
type gridFile struct {
	FrameRate     string    `json:"frame_rate"` // empty: an audio-only channel
	SegmentFrames int64     `json:"segment_frames"`
	GOPFrames     int64     `json:"gop_frames"`
	SegmentTicks  tick.Tick `json:"segment_ticks"` // of 1/705600000 s
	AudioRate     int64     `json:"audio_rate"`
	AudioSamples  int64     `json:"audio_samples"`

	// Captions are those of the first source, where the channel's rate keeps them.
	Captions []captionFile `json:"caption_services,omitempty"`
	// Picture is that of the first source: renditions are fitted to it, whatever source comes later.
	Picture config.Picture `json:"picture"`
}

// captionFile is one of the captions that travel in the pictures.
type captionFile struct {
	Channel  string `json:"channel"` // CC1 to CC4, SERVICE1 to SERVICE63
	Language string `json:"language,omitempty"`
}

func newGridFile(g tick.Grid, a tick.Audio) gridFile {
	f := gridFile{
		SegmentFrames: g.Frames, GOPFrames: g.GOP, SegmentTicks: g.T, AudioRate: a.Rate, AudioSamples: a.Samples,
	}
	if !g.Rate.IsZero() {
		f.FrameRate = g.Rate.String()
	}
	return f
}

// same tells whether two stored grids lead to the same segments.
func (f gridFile) same(other gridFile) bool { return reflect.DeepEqual(f, other) }

func (f gridFile) grid() (tick.Grid, error) {
	g := tick.Grid{Frames: f.SegmentFrames, GOP: f.GOPFrames, T: f.SegmentTicks}
	if f.FrameRate == "" {
		if g.T <= 0 {
			return g, errors.New("grid.json has no segment length")
		}
		return g, nil
	}
	rate, err := tick.ParseRate(f.FrameRate)
	if err != nil {
		return g, fmt.Errorf("grid.json: %w", err)
	}
	g.Rate = rate
	if g.GOP <= 0 || g.Frames <= 0 || g.Frames%g.GOP != 0 || g.T != tick.Tick(g.Frames)*rate.Frame() {
		return g, errors.New("grid.json contradicts itself")
	}
	return g, nil
}

func (t *timeline) gridName() string { return path.Join(t.channel, "grid.json") }

// grid reads the stored grid; ok is false when there is none.
func (t *timeline) grid(ctx context.Context) (f gridFile, ok bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, timelineWait)
	defer cancel()
	o, err := t.store.Get(ctx, t.gridName())
	if errors.Is(err, store.ErrNotFound) {
		return f, false, nil
	}
	if err != nil {
		return f, false, err
	}
	if err := json.Unmarshal(o.Body, &f); err != nil {
		return f, false, fmt.Errorf("%s in %s cannot be read (remove it to start a new timeline): %w",
			t.gridName(), t.store, err)
	}
	t.rememberGrid(o.Body)
	return f, true, nil
}

// makeGrid stores the grid if none is there yet, and returns the one that rules. With a store that is away it is tried
// again in the background.
func (t *timeline) makeGrid(ctx context.Context, f gridFile) (gridFile, error) {
	made, err := t.makeGridOnce(ctx, f)
	if errors.Is(err, store.ErrAway) {
		t.wg.Go(func() { t.storeLater(f) })
	}
	return made, err
}

func (t *timeline) makeGridOnce(ctx context.Context, f gridFile) (gridFile, error) {
	body, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return f, err
	}
	body = append(body, '\n')
	bounded, cancel := context.WithTimeout(ctx, timelineWait)
	defer cancel()
	err = t.store.Create(bounded, store.Object{Name: t.gridName(), Body: body, Type: "application/json"})
	if errors.Is(err, store.ErrExists) {
		first, _, err := t.grid(ctx)
		return first, err
	}
	if err == nil {
		t.rememberGrid(body)
	}
	return f, err
}

func (t *timeline) anchorName(input string, gen int64) string {
	return path.Join(t.channel, "anchors", input, strconv.FormatInt(gen, 10)+".json")
}

// errBroken tells that something else is stored under an anchor's name.
var errBroken = errors.New("not the anchor of its name")

// anchors reads an input's stored anchors: oldest first those that could be read in time, the newest with preference,
// and the highest number in use, readable or not. Those that cannot be read are left out, and told by the error.
func (t *timeline) anchors(ctx context.Context, input string) (known []anchor.Anchor, last int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, timelineWait)
	defer cancel()
	gens, err := t.generations(ctx, input)
	if err != nil || len(gens) == 0 {
		return nil, 0, err
	}
	last = gens[len(gens)-1]
	gens = gens[max(0, len(gens)-keepAnchors):]
	slices.Reverse(gens)
	var failed error
	for i, gen := range gens {
		a, err := t.anchor(ctx, input, gen)
		if err != nil && ctx.Err() != nil {
			failed = errors.Join(failed, fmt.Errorf("there was no time for the %d oldest: %w", len(gens)-i, err))
			break
		}
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		known = append(known, a)
	}
	slices.Reverse(known)
	return known, last, failed
}

func (t *timeline) anchor(ctx context.Context, input string, gen int64) (a anchor.Anchor, err error) {
	name := t.anchorName(input, gen)
	o, err := t.store.Get(ctx, name)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(o.Body, &a); err != nil || a.Gen != gen {
		return a, fmt.Errorf("%s: %w", name, errBroken)
	}
	t.remember(input, gen, store.Object{Name: name, Body: o.Body, Type: "application/json"})
	return a, nil
}

// maxGeneration bounds the numbers that are taken for those of generations.
const maxGeneration = 1 << 40

// generations are the numbers of an input's stored anchors, ascending.
func (t *timeline) generations(ctx context.Context, input string) ([]int64, error) {
	list, err := t.store.List(ctx, path.Join(t.channel, "anchors", input)+"/")
	if err != nil {
		return nil, err
	}
	var gens []int64
	for _, info := range list {
		n, err := strconv.ParseInt(strings.TrimSuffix(path.Base(info.Name), ".json"), 10, 64)
		if err == nil && n > 0 && n < maxGeneration && info.Name == t.anchorName(input, n) {
			gens = append(gens, n)
		}
	}
	slices.Sort(gens)
	return gens, nil
}

// next reads an anchor that another pipeline may have stored; store.ErrNotFound.
func (t *timeline) next(input string, gen int64) (anchor.Anchor, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timelineWait)
	defer cancel()
	return t.anchor(ctx, input, gen)
}

func (t *timeline) write(
	ctx context.Context, input string, a anchor.Anchor, how func(context.Context, store.Object) error,
) error {
	o, err := t.anchorObject(input, a)
	if err != nil {
		return err
	}
	if err := how(ctx, o); err != nil {
		return err
	}
	t.remember(input, a.Gen, o)
	return nil
}

func (t *timeline) kept(input string, a anchor.Anchor, err error) {
	if err != nil {
		t.event("warning", fmt.Sprintf(
			"anchor %d of input %s is not stored, a restart will make another one: %v", a.Gen, input, err))
	}
}

func (t *timeline) prune(ctx context.Context, input string) {
	gens, err := t.generations(ctx, input)
	if err != nil {
		return
	}
	for _, gen := range gens[:max(0, len(gens)-keepAnchors)] {
		_ = t.store.Delete(ctx, t.anchorName(input, gen)) // tried again with the next anchor
	}
}
