package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// DefaultDecode is how long decoding may go on after the watching.
const DefaultDecode = 10 * time.Minute

// TwinConfig says which two outputs of one channel to compare.
type TwinConfig struct {
	A, B     string        // each a target, as in Config
	For      time.Duration // how long to watch URLs; 0 means DefaultFor. Two folders are compared as they stand
	Interval time.Duration // between two looks at the playlists; 0 means DefaultInterval
	Client   *http.Client  // nil means one with a time limit of 10 s per request
	FFmpeg   string        // program that decodes; "" means "ffmpeg". Without it nothing is decoded, which is told
	Decode   time.Duration // bound of the decoding that is left after the watching; 0 means DefaultDecode
}

// Twins compares the outputs of two pipelines of one channel, once.
type Twins struct {
	cfg  TwinConfig
	from [2]source
}

// NewTwins opens nothing but folders. A target that is neither a URL nor a channel's folder is an error, the caller's
// fault, and so is comparing an output with itself.
func NewTwins(cfg TwinConfig) (*Twins, error) {
	cfg.For = cmp.Or(cfg.For, DefaultFor)
	cfg.Interval = cmp.Or(cfg.Interval, DefaultInterval)
	cfg.Decode = cmp.Or(cfg.Decode, DefaultDecode)
	cfg.FFmpeg = cmp.Or(cfg.FFmpeg, "ffmpeg")
	if cfg.For < 0 || cfg.Interval < 0 || cfg.Decode < 0 {
		return nil, fmt.Errorf("watching for %v every %v, and decoding for %v, is not possible", cfg.For, cfg.Interval,
			cfg.Decode)
	}
	if cfg.A == cfg.B {
		return nil, errors.New("both targets are the same output: name those of two pipelines")
	}
	w := &Twins{cfg: cfg}
	for i, target := range []string{cfg.A, cfg.B} {
		from, err := open(target, cfg.Client)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", sideNames[i], err)
		}
		w.from[i] = from
	}
	return w, nil
}

// comparison is the state of one run. Everything in it belongs to the goroutine of Run.
type comparison struct {
	cfg      TwinConfig
	found    *findings
	sides    [2]*side
	pairs    []*pair
	decoder  *decoder
	live     bool // more may come of at least one
	ending   bool // the watching is over
	laddered bool // the multivariant playlists were compared
}

// Run compares until the time is over, or ctx ends, and reports. The error means that there was nothing to compare: no
// answer from a server, no such folder.
func (w *Twins) Run(ctx context.Context) (TwinReport, error) {
	began := time.Now()
	c := &comparison{cfg: w.cfg, found: newFindings(time.Now)}
	for i, from := range w.from {
		c.sides[i] = newSide(i, []string{w.cfg.A, w.cfg.B}[i], from)
		c.live = c.live || from.live()
	}
	ending, cancel := context.WithTimeout(ctx, w.cfg.For)
	defer cancel()
	for _, s := range c.sides {
		if err := c.await(ending, s); err != nil {
			return TwinReport{}, err
		}
	}
	decoding, stop := context.WithTimeoutCause(ctx, w.cfg.For+w.cfg.Decode, errLate)
	defer stop()
	c.decoder = newDecoder(w.cfg.FFmpeg)
	c.decoder.start(decoding)
	c.watch(ctx, ending)
	c.finish(ctx)
	return c.report(began), nil
}

// await waits for an output's multivariant playlist: a channel that has just started has none yet.
func (c *comparison) await(ending context.Context, s *side) error {
	for first := true; ; first = false {
		o := s.from.get(ending, indexName)
		if o.err != nil && first {
			return fmt.Errorf("opening %s, %s: %w", s.name, redact(s.target), o.err)
		}
		if o.ok() || !s.from.live() || !pause(ending, c.cfg.Interval) {
			c.readIndex(s, o)
			return nil
		}
	}
}

// watch looks again and again until ending is done. Requests use ctx: what was begun is finished.
func (c *comparison) watch(ctx, ending context.Context) {
	for {
		c.round(ctx)
		if !c.live || !pause(ending, c.cfg.Interval) || ctx.Err() != nil {
			return
		}
	}
}

// round fetches all playlists and both MPDs at once, then the segments that both list now.
func (c *comparison) round(ctx context.Context) {
	var wanted []request
	names := [2][]string{}
	for i, s := range c.sides {
		names[i] = append([]string{indexName, mpdName}, s.playlists()...)
		for _, name := range names[i] {
			wanted = append(wanted, request{s.from, name})
		}
	}
	got := fetchEach(ctx, wanted)
	if ctx.Err() != nil {
		return
	}
	for i, s := range c.sides {
		c.read(s, got[:len(names[i])])
		got = got[len(names[i]):]
	}
	c.compareLadders()
	c.compareManifests()
	for _, p := range c.pairs {
		c.judge(p)
	}
	c.readSegments(ctx)
}

// finish compares what waits for the end, and waits for the decoder.
func (c *comparison) finish(ctx context.Context) {
	c.ending = true
	c.compareLadders()
	c.comparePresence()
	for _, p := range c.pairs {
		c.compareEdges(p)
		c.flush(ctx, p, false)
	}
	c.decoder.finish()
	for _, p := range c.pairs {
		c.checkDecoded(p)
	}
	c.found.check(twinCommon, indexName, len(c.pairs) > 0, "the outputs have no rendition in common")
	for _, p := range c.pairs {
		a, b := c.sides[0].span(p.playlist), c.sides[1].span(p.playlist)
		c.found.check(twinCommon, p.name, p.sum.Compared > 0, "no segment could be compared: A lists %s, B lists %s", a, b)
	}
}
