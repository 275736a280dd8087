package send

import (
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"onair/pkg/fec"
	"onair/pkg/leg"
	"onair/pkg/tick"
)

// rtpHeader is the length of our RTP header in bytes: no CSRC, no extension (RFC 3550 §5.1).
const rtpHeader = 12

// datagram is one RTP packet, shared by all legs and changed by none.
type datagram struct {
	at  tick.Tick // its time in the stream
	rtp []byte    // header and transport packets
}

// item is a datagram on its way to a leg's destination.
type item struct {
	due time.Time
	datagram

	fec  bool // it goes to the port of its kind, not to that of the media
	kind fec.Kind
}

// queueLimit is how many datagrams may be on their way to a leg: 100 Mb/s for the longest delay and more.
const queueLimit = 128 << 10

// line is one leg at work: decisions are made by the sender's goroutine, sending by its own.
type line struct {
	url   leg.URL
	bare  bool // the transport packets go without RTP header
	to    destination
	fec   map[fec.Kind]destination // empty: none
	queue chan item
	last  time.Time // when the newest datagram of the queue is due: jitter keeps the order
	held  []back
	log   zerolog.Logger

	mu     sync.Mutex
	n      LegSummary
	failed int // since the last log line
	logged time.Time
}

// back is a reordered datagram that waits to be overtaken.
type back struct {
	item
	left int
}

// put queues a datagram as its fate says. start is when the stream's time 0 is.
func (l *line) put(d datagram, f Fate, start time.Time) {
	if f.Cause != Sent {
		l.count(func(n *LegSummary) {
			n.Dropped++
			if f.Cause == Silent {
				n.Silent++
			}
		})
		return
	}
	it := item{due: start.Add((d.at + f.Delay).Duration()), datagram: d}
	if it.due.Before(l.last) {
		it.due = l.last
	}
	if f.Back > 0 {
		l.held = append(l.held, back{it, f.Back})
		l.count(func(n *LegSummary) { n.Reordered++ })
		return
	}
	l.last = it.due
	l.enqueue(it)
	l.overtaken()
}

// overtaken lets go of the reordered datagrams that have been overtaken often enough.
func (l *line) overtaken() {
	kept := l.held[:0]
	for _, b := range l.held {
		if b.left--; b.left > 0 {
			kept = append(kept, b)
			continue
		}
		b.due = l.last
		l.enqueue(b.item)
	}
	l.held = kept
}

// putFEC queues an FEC packet behind what it protects, as late as that. None goes out while the leg is silent; loss is
// for the media alone.
func (l *line) putFEC(d datagram, kind fec.Kind, f Fate) {
	if f.Cause != Silent && len(l.fec) > 0 {
		l.enqueue(item{due: l.last, datagram: d, fec: true, kind: kind})
	}
}

func (l *line) enqueue(it item) {
	select {
	case l.queue <- it:
	default:
		l.count(func(n *LegSummary) { n.Unsent++ })
	}
}

// finish ends the queue; what is in it is still sent.
func (l *line) finish() {
	for _, b := range l.held {
		l.enqueue(b.item)
	}
	l.held = nil
	close(l.queue)
}

// run sends what is queued when it is due, to the end of the queue or of ctx.
func (l *line) run(ctx context.Context) {
	defer l.close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for it := range l.queue {
		if !wait(ctx, timer, it.due) {
			return
		}
		l.send(it)
	}
	wait(ctx, timer, time.Now().Add(l.to.Linger()))
}

// wait waits for an instant; it is false when ctx ends before.
func wait(ctx context.Context, timer *time.Timer, due time.Time) bool {
	const near = 300 * time.Microsecond // waking up takes about as long
	left := time.Until(due)
	if left < near {
		return ctx.Err() == nil
	}
	timer.Reset(left)
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// close closes what the leg sends to.
func (l *line) close() {
	l.to.Close()
	for _, to := range l.fec {
		to.Close()
	}
}

func (l *line) send(it item) {
	if it.fec {
		l.sendFEC(it)
		return
	}
	b := it.rtp
	if l.bare {
		b = b[rtpHeader:]
	}
	err := l.to.Send(b)
	l.count(func(n *LegSummary) {
		if err != nil {
			n.Unsent++
			n.Error = err.Error()
			return
		}
		n.Sent++
		n.Bytes += uint64(len(b))
	})
	l.tell(err)
}

func (l *line) sendFEC(it item) {
	err := l.fec[it.kind].Send(it.rtp)
	if err == nil {
		l.count(func(n *LegSummary) { n.FEC++ })
	}
	l.tell(err)
}

// tell logs that sending fails, once a second at most.
func (l *line) tell(err error) {
	const every = time.Second
	if err == nil {
		return
	}
	l.failed++
	if time.Since(l.logged) < every {
		return
	}
	l.log.Warn().Err(err).Int("datagrams", l.failed).Msg("not sent")
	l.failed, l.logged = 0, time.Now()
}

func (l *line) count(change func(*LegSummary)) {
	l.mu.Lock()
	change(&l.n)
	l.mu.Unlock()
}

func (l *line) summary() LegSummary {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}
