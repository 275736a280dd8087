// Package receive is the half of an origin that pipelines write to: what they push over HTTP is kept in a store, and
// played by the handler of package origin.
package receive

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"onair/pipeline/origin"
	"onair/pkg/store"
)

// Config describes an origin.
type Config struct {
	Store   store.Store // nothing else writes there
	Writers []Writer    // at least one
	Limits  Limits
	// Retention is how old segments may become whose writer does not remove them, and channels that nobody writes to
	// any more; 0: they stay.
	Retention time.Duration
	Log       zerolog.Logger
	Now       func() time.Time // nil: the wall clock
}

// Limits bound what is taken and held; 0 is the default of each.
type Limits struct {
	Object   int64 // bytes of an object; 64 MiB
	Channels int   // 64
	Objects  int   // of a channel; 200,000
	Bytes    int64 // of a channel; no limit
	Memory   int64 // bytes of a channel's media that are in memory too; 32 MiB
	Bodies   int64 // bytes of bodies that are being received; four objects' worth
}

func (l *Limits) setDefaults() {
	if l.Object <= 0 {
		l.Object = 64 << 20
	}
	if l.Channels <= 0 {
		l.Channels = 64
	}
	if l.Objects <= 0 {
		l.Objects = 200_000
	}
	if l.Bodies <= 0 {
		l.Bodies = 4 * l.Object
	}
}

// Receiver is an origin; make it with New. Until Run has read the store every request is a 503.
type Receiver struct {
	cfg    Config
	room   room
	locks  [256]sync.Mutex // of the names that are being written, by their hash
	nobody *origin.Handler // answers for channels that there are not
	log    zerolog.Logger  // of what others cause, at a bounded rate

	mu       sync.RWMutex
	channels map[string]*channel
	loaded   atomic.Bool
	trouble  atomic.Pointer[trouble] // nil: the store is well

	requests, writes, deletes, bytes, expired atomic.Uint64

	refusedMu sync.Mutex
	refused   map[string]uint64 // by cause
}

var _ http.Handler = (*Receiver)(nil)

// Lines that refused requests may log in a minute.
const (
	refusalsAtOnce = 20
	refusalsEvery  = time.Minute
)

// New makes an origin. Run has to run for it to answer.
func New(c Config) (*Receiver, error) {
	if c.Store == nil || len(c.Writers) == 0 {
		return nil, errors.New("origin: no store, or nobody who may write")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Limits.setDefaults()
	nobody, err := origin.New(origin.Config{Log: c.Log})
	if err != nil {
		return nil, err
	}
	return &Receiver{
		cfg: c, room: room{most: c.Limits.Bodies}, nobody: nobody,
		channels: map[string]*channel{}, refused: map[string]uint64{},
		log: c.Log.Sample(&zerolog.BurstSampler{Burst: refusalsAtOnce, Period: refusalsEvery}),
	}, nil
}

// ServeHTTP takes an object, removes one, lists, or plays.
func (rc *Receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rc.requests.Add(1)
	if !rc.loaded.Load() {
		rc.refuse(w, r, refusal{http.StatusServiceUnavailable, causeStarting, "the store is still being read"})
		return
	}
	var err error
	switch {
	case r.Method == http.MethodPut, r.Method == http.MethodPost:
		err = rc.put(w, r)
	case r.Method == http.MethodDelete:
		err = rc.remove(w, r)
	case r.Method == http.MethodGet && r.URL.Query().Has(store.ListQuery):
		err = rc.list(w, r)
	case len(r.Header[store.HeaderPipeline]) > 0 && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		err = rc.read(w, r)
	default:
		rc.play(w, r)
		return
	}
	if err != nil {
		rc.refuse(w, r, err)
	}
}

// play answers a viewer.
func (rc *Receiver) play(w http.ResponseWriter, r *http.Request) {
	if ch := rc.channel(channelOf(objectName(r))); ch != nil {
		ch.play.ServeHTTP(w, r)
		return
	}
	rc.nobody.ServeHTTP(w, r)
}

// objectName is the name that a request's path stands for.
func objectName(r *http.Request) string { return strings.TrimPrefix(r.URL.Path, "/") }

// channelOf is the first element of a name, if more follow.
func channelOf(name string) string {
	channel, _, below := strings.Cut(name, "/")
	if !below {
		return ""
	}
	return channel
}

func (rc *Receiver) channel(name string) *channel {
	rc.mu.RLock()
	defer rc.mu.RUnlock()
	return rc.channels[name]
}

// refusal is an answer that is not the one hoped for.
type refusal struct {
	status int
	cause  string // for the metrics
	text   string // for who asks
}

// Error is what who asks is told.
func (r refusal) Error() string { return r.text }

// Causes of refusals, as the metrics have them.
const (
	causeCredentials = "credentials"
	causeForbidden   = "forbidden"
	causePath        = "path"
	causeType        = "type"
	causeSize        = "size"
	causeBody        = "body"
	causeBusy        = "busy"
	causeChanged     = "changed"
	causeQuota       = "quota"
	causeFull        = "full"
	causeStore       = "store"
	causeStarting    = "starting"
)

// Causes are all of them.
var Causes = []string{
	causeBody, causeBusy, causeChanged, causeCredentials, causeForbidden, causeFull, causePath, causeQuota, causeSize,
	causeStarting, causeStore, causeType,
}

func asRefusal(err error) refusal {
	var r refusal
	if errors.As(err, &r) {
		return r
	}
	return failure(err)
}

// refuse answers a request with what is wrong; the log has what is nobody's business outside, like paths of this host.
func (rc *Receiver) refuse(w http.ResponseWriter, r *http.Request, err error) {
	why := asRefusal(err)
	rc.refusedMu.Lock()
	rc.refused[why.cause]++
	rc.refusedMu.Unlock()
	// Of two who want to create or replace one object, one is refused: that is how they agree.
	if why.cause != causeChanged && why.cause != causeStarting {
		rc.log.Warn().Str("from", r.RemoteAddr).Str("method", r.Method).Str("path", clip(r.URL.Path)).
			Int("status", why.status).Str("why", err.Error()).Msg("a request is refused")
	}
	head := w.Header()
	head.Set("Content-Type", "text/plain; charset=utf-8")
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Cache-Control", "no-store")
	switch why.status {
	case http.StatusUnauthorized:
		head["Www-Authenticate"] = []string{`Basic realm="onair origin", charset="UTF-8"`, "Bearer"}
	case http.StatusServiceUnavailable:
		head.Set("Retry-After", "1")
	}
	w.WriteHeader(why.status)
	_, _ = w.Write([]byte(why.text + "\n")) // the client may have gone
}

func clip(s string) string { return s[:min(len(s), 200)] }

// sweepEvery is how often it is looked for what is too old.
const sweepEvery = 10 * time.Second

// Run reads what the store holds, and removes what becomes too old, until ctx ends.
func (rc *Receiver) Run(ctx context.Context) error {
	rc.readStore(ctx)
	timer := time.NewTicker(sweepEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			rc.sweep(ctx)
		}
	}
}
