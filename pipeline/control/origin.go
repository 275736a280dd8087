package control

import (
	"maps"
	"net/http"
	"runtime"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// OriginConfig of a handler of an origin.
type OriginConfig struct {
	Version string              // of the program, for the build metric
	Objects http.Handler        // takes and plays them
	Status  func() OriginStatus // at the time of a scrape
	Ready   func() error        // nil while objects can be taken and played
	// CertificateEnd and Connections are as in Config.
	CertificateEnd func() time.Time
	Connections    func() (held, refused int64)
}

// OriginStatus is what an origin tells of itself.
type OriginStatus struct {
	Requests, Writes, WrittenBytes, Deletes, Expired uint64

	Refused  map[string]uint64 // by cause
	Channels map[string]OriginChannel
}

// OriginChannel is what an origin tells of a channel.
type OriginChannel struct {
	Objects, Bytes, MemoryBytes, Stale            int64
	Views, NotModified, Missing, Refusals, Failed uint64 // requests of viewers: all, and those answered so
}

// NewOrigin makes the handler of every path of an origin: metrics, health, and the objects.
func NewOrigin(c OriginConfig) http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(&originCollector{c},
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{Namespace: "onair"}))
	metrics := promhttp.HandlerFor(reg, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
	// Not a mux, which would redirect paths that it finds untidy: whoever writes there has to hear that there is
	// nothing.
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/metrics":
			metrics.ServeHTTP(w, r)
		case "/healthz":
			healthz(w, r)
		case "/readyz":
			if err := c.Ready(); err != nil {
				plain(w, http.StatusServiceUnavailable, err.Error()+"\n")
				return
			}
			plain(w, http.StatusOK, "ok\n")
		default:
			c.Objects.ServeHTTP(w, r)
		}
	})
}

// originCollector computes the metrics of an origin; it keeps nothing.
type originCollector struct{ c OriginConfig }

var (
	originReady   = desc("origin_ready", "1 while the origin's store is read and takes what it is given", ofProcess)
	originRefused = desc("origin_refused_total", "Requests of writers that were refused, by cause",
		with(ofProcess, "cause"))

	originFamilies = []family[OriginStatus]{
		counter("origin_requests", "Requests of writers and viewers to the origin", ofProcess,
			func(s *OriginStatus) float64 { return float64(s.Requests) }),
		counter("origin_writes", "Objects that writers pushed and the origin took", ofProcess,
			func(s *OriginStatus) float64 { return float64(s.Writes) }),
		counter("origin_written_bytes", "Bytes of the objects that were taken", ofProcess,
			func(s *OriginStatus) float64 { return float64(s.WrittenBytes) }),
		counter("origin_deletes", "Objects that writers removed", ofProcess,
			func(s *OriginStatus) float64 { return float64(s.Deletes) }),
		counter("origin_expired", "Objects that were removed as they became older than retention", ofProcess,
			func(s *OriginStatus) float64 { return float64(s.Expired) }),
	}
	originChannelFamilies = []family[OriginChannel]{
		gauge("origin_channel_objects", "Objects that the store has of the channel", ofChannel,
			func(s *OriginChannel) float64 { return float64(s.Objects) }),
		gauge("origin_channel_bytes", "Bytes of the objects that the store has of the channel", ofChannel,
			func(s *OriginChannel) float64 { return float64(s.Bytes) }),
		gauge("origin_channel_memory_bytes", "Media of the channel that is in memory too", ofChannel,
			func(s *OriginChannel) float64 { return float64(s.MemoryBytes) }),
		gauge("origin_channel_stale_playlists", "Playlists and manifests that are a 503 now", ofChannel,
			func(s *OriginChannel) float64 { return float64(s.Stale) }),
		counter("origin_channel_views", "Requests of viewers for objects of the channel", ofChannel,
			func(s *OriginChannel) float64 { return float64(s.Views) }),
		counter("origin_channel_not_modified", "Of the requests of viewers, answered with 304", ofChannel,
			func(s *OriginChannel) float64 { return float64(s.NotModified) }),
		counter("origin_channel_missing", "Of the requests of viewers, answered with 404", ofChannel,
			func(s *OriginChannel) float64 { return float64(s.Missing) }),
		counter("origin_channel_stale", "Of the requests of viewers, answered with 503 as the playlist was stale", ofChannel,
			func(s *OriginChannel) float64 { return float64(s.Refusals) }),
		counter("origin_channel_errors", "Of the requests of viewers, not answered as the store could not be read", ofChannel,
			func(s *OriginChannel) float64 { return float64(s.Failed) }),
	}
)

// Describe announces nothing: see collector.
func (o *originCollector) Describe(chan<- *prometheus.Desc) {}

// Collect takes a status and sends what it says.
func (o *originCollector) Collect(out chan<- prometheus.Metric) {
	s := sink{out}
	s.send(buildInfo, prometheus.GaugeValue, 1, o.c.Version, runtime.Version())
	s.send(goroutines, prometheus.GaugeValue, float64(runtime.NumGoroutine()))
	if o.c.CertificateEnd != nil {
		s.send(certificateEnd, prometheus.GaugeValue, unix(o.c.CertificateEnd()))
	}
	if o.c.Connections != nil {
		held, refused := o.c.Connections()
		s.send(connectionsHeld, prometheus.GaugeValue, float64(held))
		s.send(connectionsRefused, prometheus.CounterValue, float64(refused))
	}
	st := o.c.Status()
	s.send(originReady, prometheus.GaugeValue, truth(o.c.Ready() == nil))
	for _, cause := range slices.Sorted(maps.Keys(st.Refused)) {
		s.send(originRefused, prometheus.CounterValue, float64(st.Refused[cause]), cause)
	}
	sendAll(s, originFamilies, &st)
	for name, ch := range st.Channels {
		sendAll(s, originChannelFamilies, &ch, name)
	}
}
