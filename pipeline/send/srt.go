package send

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"onair/pipeline/srt"
	"onair/pkg/leg"
)

// retry is how long to wait after a call that came to nothing.
const retry = time.Second

// srtLine keeps one SRT connection up: a goroutine makes it, the sender's goroutine uses and closes it.
type srtLine struct {
	url   leg.URL
	conn  *srt.Conn
	made  chan *srt.Conn // a connection that stands
	want  chan struct{}  // asks for the next one
	done  chan struct{}
	stop  context.CancelFunc
	first chan struct{} // closed when the first one stands
	told  atomic.Pointer[string]
	taken atomic.Bool // somebody is connected
}

func openSRT(ctx context.Context, u leg.URL) (destination, error) {
	d := &srtLine{
		url: u, made: make(chan *srt.Conn, 1), want: make(chan struct{}, 1),
		done: make(chan struct{}), first: make(chan struct{}),
	}
	connect := d.dial
	var listener *srt.Listener
	if u.Mode == leg.Listener {
		var err error
		if listener, err = srt.Listen(srt.ListenConfig{URL: u, Judge: d.judge, Failed: d.failed}); err != nil {
			return nil, err
		}
		connect = listener.Accept
	}
	inner, stop := context.WithCancel(ctx)
	d.stop = stop
	d.want <- struct{}{}
	go func() {
		defer close(d.done)
		d.run(inner, connect)
		if listener != nil {
			listener.Close()
		}
	}()
	return d, nil
}

func (d *srtLine) dial(ctx context.Context) (*srt.Conn, error) { return srt.Dial(ctx, d.url) }

// judge lets in one receiver at a time, with the right stream id if the URL has one.
func (d *srtLine) judge(call srt.Call) srt.Verdict {
	switch {
	case d.url.StreamID != "" && call.StreamID != d.url.StreamID:
		return srt.NotFound
	case d.taken.Load():
		return srt.Conflict
	}
	return srt.Admit
}

func (d *srtLine) failed(call srt.Call) {
	d.tell(fmt.Errorf("%s did not come through the handshake (another passphrase?)", call.Peer))
}

func (d *srtLine) tell(err error) {
	text := err.Error()
	d.told.Store(&text)
}

// run makes a connection whenever one is wanted, until ctx ends.
func (d *srtLine) run(ctx context.Context, connect func(context.Context) (*srt.Conn, error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.want:
		}
		conn, err := connect(ctx)
		for err != nil && ctx.Err() == nil {
			d.tell(err)
			select {
			case <-ctx.Done():
			case <-time.After(retry):
			}
			conn, err = connect(ctx)
		}
		if err != nil {
			return
		}
		d.taken.Store(true)
		d.told.Store(nil)
		d.made <- conn
		select {
		case <-d.first:
		default:
			close(d.first)
		}
	}
}

// Ready waits for the first connection.
func (d *srtLine) Ready(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-d.first:
	}
}

// Send gives a datagram to whoever is connected; with nobody it says why.
func (d *srtLine) Send(b []byte) error {
	if d.conn == nil {
		select {
		case d.conn = <-d.made:
		default:
			return d.nobody()
		}
	}
	_, err := d.conn.Write(b)
	if err != nil && !errors.Is(err, srt.ErrTimeout) {
		d.hangUp()
		d.want <- struct{}{}
	}
	return err
}

// nobody says why there is no connection, as far as is known.
func (d *srtLine) nobody() error {
	if told := d.told.Load(); told != nil {
		return fmt.Errorf("%w: %s", errNobody, *told)
	}
	return errNobody
}

// Linger is the time that the receiver keeps what comes, in which lost packets are repeated too.
func (d *srtLine) Linger() time.Duration {
	const more = 200 * time.Millisecond
	if d.conn == nil {
		return 0
	}
	s, err := d.conn.Stats()
	if err != nil {
		return 0
	}
	return max(d.url.Latency, s.Latency) + s.RTT + more
}

func (d *srtLine) hangUp() {
	d.conn.Close()
	d.conn = nil
	d.taken.Store(false)
}

// Close hangs up and waits for the end of what calls or listens.
func (d *srtLine) Close() {
	d.stop()
	<-d.done
	select {
	case conn := <-d.made:
		conn.Close()
	default:
	}
	if d.conn != nil {
		d.hangUp()
	}
}
