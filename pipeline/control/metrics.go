package control

import (
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// newMetrics makes the handler of /metrics. Every value comes from the statuses at the time of the scrape.
func newMetrics(c Config, channels []channel) http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(
		&collector{version: c.Version, end: c.CertificateEnd, connections: c.Connections, channels: channels},
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{Namespace: "onair"}),
	)
	// One impossible sample must not hide all others.
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// collector computes the metrics from statuses; it keeps nothing.
type collector struct {
	version  string
	end      func() time.Time // of the certificate; nil: there is none
	channels []channel

	connections func() (held, refused int64) // nil: they are not counted
}

// family is one metric read from a T.
type family[T any] struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(*T) float64
}

// gauge and counter make a family of metrics with these labels.
func gauge[T any](name, help string, labels []string, read func(*T) float64) family[T] {
	return family[T]{prometheus.NewDesc("onair_"+name, help, labels, nil), prometheus.GaugeValue, read}
}

func counter[T any](name, help string, labels []string, read func(*T) float64) family[T] {
	return family[T]{prometheus.NewDesc("onair_"+name+"_total", help, labels, nil), prometheus.CounterValue, read}
}

// Labels of what the metrics are about.
var (
	ofProcess   = []string{}
	ofChannel   = []string{"channel"}
	ofInput     = []string{"channel", "input"}
	ofLeg       = []string{"channel", "input", "leg"}
	ofRendition = []string{"channel", "rendition"}
	ofStore     = []string{"channel", "store"}
)

// with is labels and more.
func with(labels []string, more ...string) []string {
	return append(labels[:len(labels):len(labels)], more...)
}

// Describe announces nothing, which makes the collector unchecked: what there is follows from the channels' states.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// Collect takes a status of every channel and sends what it says.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	s := sink{out}
	s.send(buildInfo, prometheus.GaugeValue, 1, c.version, runtime.Version())
	s.send(goroutines, prometheus.GaugeValue, float64(runtime.NumGoroutine()))
	if c.end != nil {
		s.send(certificateEnd, prometheus.GaugeValue, unix(c.end()))
	}
	if c.connections != nil {
		held, refused := c.connections()
		s.send(connectionsHeld, prometheus.GaugeValue, float64(held))
		s.send(connectionsRefused, prometheus.CounterValue, float64(refused))
	}
	for _, ch := range c.channels {
		st := snapshot(ch.source)
		s.channel(&st)
	}
}

// sink sends metrics of statuses.
type sink struct {
	out chan<- prometheus.Metric
}

func (s sink) send(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
	for i := range labels {
		labels[i] = strings.ToValidUTF8(labels[i], "?")
	}
	m, err := prometheus.NewConstMetric(d, kind, v, labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(d, err)
	}
	s.out <- m
}

// sendAll sends every family's value of v.
func sendAll[T any](s sink, families []family[T], v *T, labels ...string) {
	for _, f := range families {
		s.send(f.desc, f.kind, f.read(v), append([]string(nil), labels...)...)
	}
}

// oneOf sends 1 for the state that is, 0 for the others.
func oneOf[S ~string](s sink, d *prometheus.Desc, is S, all []S, labels ...string) {
	for _, state := range all {
		s.send(d, prometheus.GaugeValue, truth(state == is), append(append([]string(nil), labels...), string(state))...)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (s sink) channel(st *Status) {
	name := st.Channel
	oneOf(s, channelState, st.State, []State{Waiting, OnAir, OnSlate, Gap, Failed}, name)
	for _, cause := range slices.Sorted(maps.Keys(st.Switches)) {
		s.send(switches, prometheus.CounterValue, float64(st.Switches[cause]), name, cause)
	}
	for _, result := range slices.Sorted(maps.Keys(st.Reloads)) {
		s.send(reloads, prometheus.CounterValue, float64(st.Reloads[result]), name, result)
	}
	sendAll(s, channelFamilies, st, name)
	for i := range st.Inputs {
		s.input(name, &st.Inputs[i])
	}
	for i := range st.Renditions {
		r := &st.Renditions[i]
		s.send(renditionInfo, prometheus.GaugeValue, 1, name, r.Name, string(r.Kind), r.Codecs)
		sendAll(s, renditionFamilies, r, name, r.Name)
	}
	for i := range st.Stores {
		sendAll(s, storeFamilies, &st.Stores[i], name, st.Stores[i].Name)
	}
	if st.Twin != nil {
		s.twin(name, st.Twin)
	}
	s.runs(st)
	if st.Webhook != nil {
		sendAll(s, webhookFamilies, st.Webhook, name)
	}
}

// runs sends the count by state, and the values of the run that is on air.
func (s sink) runs(st *Status) {
	count := map[RunState]float64{}
	var active *Run
	for i := range st.Runs {
		count[st.Runs[i].State]++
		if active == nil && st.Runs[i].State == RunActive {
			active = &st.Runs[i]
		}
	}
	for _, state := range []RunState{RunStarting, RunActive, RunEnding} {
		s.send(runsByState, prometheus.GaugeValue, count[state], st.Channel, string(state))
	}
	if active != nil {
		sendAll(s, runFamilies, active, st.Channel, active.Input)
	}
}

func (s sink) input(channel string, in *Input) {
	oneOf(s, inputState, in.State, []InputState{InputWaiting, InputReceiving, InputSilent, InputFailed}, channel, in.Name)
	sendAll(s, inputFamilies, in, channel, in.Name)
	for _, e := range tsErrors {
		s.send(inputErrors, prometheus.CounterValue, float64(e.count(&in.TS)), channel, in.Name, e.kind)
	}
	for _, c := range in.Checks {
		s.send(inputChecks, prometheus.CounterValue, float64(c.Errors), channel, in.Name, c.Check)
	}
	if in.Content != nil {
		s.content(in.Content, channel, in.Name)
	}
	for i := range in.Legs {
		leg, index := &in.Legs[i], strconv.Itoa(i+1)
		s.send(legInfo, prometheus.GaugeValue, 1, channel, in.Name, index, leg.URL)
		oneOf(s, legState, leg.State,
			[]LegState{LegListening, LegConnected, LegReceiving, LegSilent, LegFailed}, channel, in.Name, index)
		sendAll(s, legFamilies, leg, channel, in.Name, index)
		for _, cause := range slices.Sorted(maps.Keys(leg.Rejections)) {
			s.send(legRejected, prometheus.CounterValue, float64(leg.Rejections[cause]), channel, in.Name, index, cause)
		}
		if leg.SRT != nil {
			sendAll(s, srtFamilies, leg.SRT, channel, in.Name, index)
		}
	}
}
