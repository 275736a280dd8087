package monitor

import (
	"sync"

	"onair/pkg/mpegts"
	"onair/pkg/tick"
)

// Steps that the last second is cut into.
const (
	errorStep  = 100 * tick.Millisecond
	errorSteps = 10
)

// counted are the checks that make up the errors of the last second, beside what was lost before them.
var counted = [...]mpegts.Check{
	mpegts.SyncLoss, mpegts.SyncByte, mpegts.ContinuityError, mpegts.TransportErrors, mpegts.CRCError,
}

// Transport makes the checks of TR 101 290 on what an input brings. Datagram is called by one goroutine at a time, the
// other methods by any.
type Transport struct {
	mu      sync.Mutex
	framer  mpegts.Framer
	monitor *mpegts.Monitor
	each    func(mpegts.Packet)
	now     tick.Tick
	last    uint64 // errors so far, when they were last looked at
	lost    uint64 // datagrams
	recent  [errorSteps]uint64
	step    int64 // of the newest in recent
}

// NewTransport returns checks that wait for the first packet.
func NewTransport() *Transport {
	t := &Transport{monitor: mpegts.NewMonitor()}
	t.each = func(p mpegts.Packet) { t.monitor.Push(p, t.now) }
	return t
}

// Datagram takes bytes of the transport stream that arrived at now after lost datagrams that did not. It allocates
// nothing but for PIDs and tables that are new.
func (t *Transport) Datagram(ts []byte, now tick.Tick, lost int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now = max(t.now, now)
	t.lost += uint64(max(0, lost))
	t.framer.Push(ts, t.each)
	t.monitor.Framer(t.framer.Stats(), t.now)
	t.count()
}

// count puts the errors that are new into the present step.
func (t *Transport) count() {
	step := int64(t.now / errorStep)
	for n := min(step-t.step, errorSteps); n > 0; n-- {
		t.recent[(step-n+1)%errorSteps] = 0
	}
	t.step = step
	sum := t.lost
	for _, c := range counted {
		sum += t.monitor.Errors(c)
	}
	t.recent[step%errorSteps] += sum - t.last
	t.last = sum
}

// Check is how often one check of TR 101 290 has failed.
type Check struct {
	ID       string // "1.4"
	Name     string // "Continuity_count_error"
	Priority int    // 1 or 2
	Errors   uint64
	Last     tick.Tick // of the newest error; 0: none
}

// Checks lets time pass until now, so that what does not come any more is counted, and tells all checks.
func (t *Transport) Checks(now tick.Tick) []Check {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.advance(now)
	report := t.monitor.Report()
	out := make([]Check, 0, len(report.Checks))
	for _, c := range report.Checks {
		out = append(out, Check{
			ID: c.Check.ID(), Name: c.Check.String(), Priority: c.Check.Priority(), Errors: c.Errors, Last: c.Last,
		})
	}
	return out
}

// Errors is what went wrong in the last second, to a tenth: continuity, transport and CRC errors, losses of sync, and
// datagrams that no leg brought. A lost datagram counts as itself and as the continuity error of each PID in it.
func (t *Transport) Errors(now tick.Tick) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.advance(now)
	var sum uint64
	for _, n := range t.recent {
		sum += n
	}
	return int(sum)
}

func (t *Transport) advance(now tick.Tick) {
	t.now = max(t.now, now)
	t.monitor.Tick(t.now)
	t.count()
}
