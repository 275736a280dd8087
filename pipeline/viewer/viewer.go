// Package viewer follows an output as a strict player does, for hours, and accounts for what its viewer suffers.
package viewer

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"onair/pipeline/verify"
)

// Times of a viewer.
const (
	answerTime = 5 * time.Second // an answer that takes longer is none
	mostWait   = time.Second     // between two looks
	leastWait  = 250 * time.Millisecond
	againWait  = 500 * time.Millisecond // before what failed is tried again
	waitingFor = 64                     // segments that are listed and not fetched yet
)

// Config says whom to follow as whom.
type Config struct {
	Name string
	URL  string // of a multivariant playlist or an MPD
	// Suffer is told what the viewer suffers from the first Begin on. It must not call the Viewer.
	Suffer func(Event)
}

// Viewer is one synthetic viewer.
type Viewer struct {
	cfg  Config
	from *server

	mu     sync.Mutex
	ledger *ledger // nil: it is not known yet what there is to follow
	begun  time.Time
	before account // of the time until there is something to follow
}

// New makes a viewer. That the address is none is an error.
func New(cfg Config) (*Viewer, error) {
	from, err := newServer(cfg.URL)
	if err != nil {
		return nil, err
	}
	return &Viewer{cfg: cfg, from: from, before: newAccount(cfg.Name)}, nil
}

// Name is that of the configuration.
func (v *Viewer) Name() string { return v.cfg.Name }

// Run follows until ctx ends.
func (v *Viewer) Run(ctx context.Context) error {
	defer v.from.close()
	names, look, err := v.find(ctx)
	if err != nil {
		return nil // ctx has ended
	}
	g, ctx := errgroup.WithContext(ctx)
	queues := make([]chan wanted, len(names))
	for i := range names {
		queues[i] = make(chan wanted, waitingFor)
		g.Go(func() error { v.fetchAll(ctx, i, queues[i]); return nil })
	}
	for _, l := range look {
		g.Go(func() error { v.follow(ctx, l, queues); return nil })
	}
	g.Go(func() error { v.live(ctx); return nil })
	return g.Wait()
}

// looker is one thing that is read again and again, and the tracks that it lists.
type looker struct {
	name string
	read func(body []byte) (map[int]verify.Listing, error) // by track
}

// find reads the multivariant playlist, or the MPD, until there is one.
func (v *Viewer) find(ctx context.Context) (names []string, look []looker, err error) {
	name := path.Base(v.from.base.Path)
	mpd := strings.HasSuffix(name, ".mpd")
	for {
		var variants []verify.Variant
		o := v.from.get(ctx, name)
		if o.err == nil {
			if mpd {
				variants, _, err = verify.ReadMPD(o.body)
			} else {
				variants, err = verify.ReadIndex(o.body)
			}
		}
		problem := o.err
		if problem == nil && (err != nil || len(variants) == 0) {
			problem = failure{NoPlaylist, fmt.Sprintf("%s: %v", name, err)}
		}
		if problem == nil {
			names, look = tracks(name, variants[0], mpd)
			v.mu.Lock()
			v.ledger = newLedger(v.cfg.Name, names)
			v.ledger.mpd = mpd
			v.start()
			v.mu.Unlock()
			return names, look, nil
		}
		v.early(problem)
		if pause(ctx, mostWait) {
			return nil, nil, ctx.Err()
		}
	}
}

// early accounts for what goes wrong before there is anything to follow.
func (v *Viewer) early(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.begun.IsZero() {
		v.before.fail(kindOf(err), err.Error())
	}
}

// tracks are what is followed of a variant, and by which lists.
func tracks(name string, chosen verify.Variant, mpd bool) (names []string, look []looker) {
	names = []string{chosen.URI}
	if chosen.Audio != "" {
		names = append(names, chosen.Audio)
	}
	if mpd {
		return names, []looker{{name, func(body []byte) (map[int]verify.Listing, error) {
			_, all, err := verify.ReadMPD(body)
			out := map[int]verify.Listing{}
			for i, n := range names {
				l, ok := all[n]
				if !ok && err == nil {
					err = fmt.Errorf("representation %q is gone", n)
				}
				out[i] = l
			}
			return out, err
		}}}
	}
	for i, n := range names {
		look = append(look, looker{n, func(body []byte) (map[int]verify.Listing, error) {
			l, err := verify.ReadPlaylist(body)
			return map[int]verify.Listing{i: l}, err
		}})
	}
	return names, look
}

// follow looks at one list, and has fetched what is new.
func (v *Viewer) follow(ctx context.Context, l looker, queues []chan wanted) {
	for ctx.Err() == nil {
		o := v.from.get(ctx, l.name)
		now := time.Now()
		var lists map[int]verify.Listing
		err := o.err
		if err == nil {
			if lists, err = l.read(o.body); err != nil {
				err = failure{NoPlaylist, fmt.Sprintf("%s: %v", l.name, err)}
			}
		}
		if ctx.Err() != nil {
			return
		}
		v.mu.Lock()
		if err != nil {
			v.ledger.fail(kindOf(err), err.Error(), now)
		}
		wait := v.ledger.pace()
		for track, list := range lists {
			if err != nil {
				break
			}
			for _, s := range v.ledger.listed(track, list, now) {
				w := wanted{s, beside(l.name, s.URI), beside(l.name, s.Init), now.Add(waitSegments * s.Duration)}
				select {
				case queues[track] <- w:
				default:
					v.ledger.fail(TooSlow, fmt.Sprintf("%s: too many wait", w.name), now)
					v.ledger.lost(s, now)
				}
			}
		}
		v.mu.Unlock()
		if pause(ctx, wait) {
			return
		}
	}
}

// beside is a reference of a list, relative to the folder of the address.
func beside(list, reference string) string {
	if reference == "" || strings.Contains(reference, "://") || strings.HasPrefix(reference, "/") {
		return reference
	}
	return path.Join(path.Dir(list), reference)
}

// live lets the viewer's time pass.
func (v *Viewer) live(ctx context.Context) {
	for !pause(ctx, leastWait) {
		v.mu.Lock()
		v.ledger.advance(time.Now())
		v.mu.Unlock()
	}
}

// Playing tells whether it plays: all tracks are there and its buffer is not empty.
func (v *Viewer) Playing() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.ledger != nil && v.ledger.playing()
}

// Segment is how long a segment is, as far as it is known.
func (v *Viewer) Segment() time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.ledger == nil {
		return 0
	}
	return v.ledger.length
}

// Begin has the account begin now: what was before is forgotten.
func (v *Viewer) Begin(now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.begun = now
	v.start()
}

// start begins the account if both are there: the beginning, and what to account for.
func (v *Viewer) start() {
	if v.ledger == nil || v.begun.IsZero() {
		return
	}
	v.ledger.begin(v.begun, v.cfg.Suffer)
	v.ledger.totals = v.before
}

// Totals is the account so far.
func (v *Viewer) Totals(now time.Time) Totals {
	v.mu.Lock()
	defer v.mu.Unlock()
	t := v.before
	if v.ledger == nil && !v.begun.IsZero() { // it has never played
		t.Seconds = now.Sub(v.begun).Seconds()
		t.Off, t.Pause = t.Seconds, t.Seconds
	}
	out := t.finish()
	if v.ledger != nil {
		out = v.ledger.sum(now)
	}
	out.URL = v.from.shown()
	out.Requests, out.Bytes = v.from.requests.Load(), v.from.bytes.Load()
	return out
}

func pause(ctx context.Context, d time.Duration) (ended bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return true
	case <-timer.C:
		return false
	}
}

// failure is an error with its kind.
type failure struct {
	kind string
	text string
}

// Error is what happened, without an address that may hold a secret.
func (f failure) Error() string { return f.text }

func kindOf(err error) string {
	var f failure
	if errors.As(err, &f) {
		return f.kind
	}
	var u *url.Error
	if errors.As(err, &u) && u.Timeout() {
		return TimeOut
	}
	return NoAnswer
}
