package fault

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// Bounds of a relay.
const (
	mostDatagram = 64 << 10
	mostWaiting  = 16_384 // datagrams of a leg that are delayed
	socketBuffer = 4 << 20
)

// LegConfig is one way on from a relay.
type LegConfig struct{ Name, Address string }

// RelayConfig says what a relay hands on.
type RelayConfig struct {
	Listen string      // HOST:PORT of UDP
	To     []LegConfig // each gets every datagram
	Logger zerolog.Logger
}

// Relay hands the datagrams of a contribution on to several addresses, each of which is a leg.
type Relay struct {
	cfg    RelayConfig
	conn   *net.UDPConn
	legs   []*relayLeg
	clocks clocks
	quit   context.CancelFunc
	wg     sync.WaitGroup
}

var _ Target = (*Relay)(nil)

// relayLeg is one way on.
type relayLeg struct {
	name  string
	conn  *net.UDPConn
	queue chan waiting
	cut   atomic.Bool
	loss  atomic.Int64 // in millionths
	delay atomic.Int64 // time.Duration
	over  atomic.Int64 // datagrams that found no place
}

// waiting is a datagram, and when it is due.
type waiting struct {
	due  time.Time
	data []byte
}

// NewRelay makes a relay that does not listen yet.
func NewRelay(cfg RelayConfig) *Relay { return &Relay{cfg: cfg} }

// Start listens, and hands on from then.
func (r *Relay) Start(context.Context) (err error) {
	defer func() {
		if err != nil {
			r.Stop()
		}
	}()
	addr, err := net.ResolveUDPAddr("udp", r.cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if r.conn, err = net.ListenUDP("udp", addr); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	_ = r.conn.SetReadBuffer(socketBuffer) // less will do as well
	for _, to := range r.cfg.To {
		addr, err := net.ResolveUDPAddr("udp", to.Address)
		if err != nil {
			return fmt.Errorf("leg %s: %w", to.Name, err)
		}
		conn, err := net.DialUDP("udp", nil, addr)
		if err != nil {
			return fmt.Errorf("leg %s: %w", to.Name, err)
		}
		r.legs = append(r.legs, &relayLeg{name: to.Name, conn: conn, queue: make(chan waiting, mostWaiting)})
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.quit = cancel
	for _, l := range r.legs {
		r.wg.Go(func() { l.run(ctx) })
	}
	r.wg.Go(r.read)
	return nil
}

// Addr is where it listens.
func (r *Relay) Addr() string { return r.conn.LocalAddr().String() }

// read takes datagrams until the socket is closed.
func (r *Relay) read() {
	buf := make([]byte, mostDatagram)
	rnd := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)) // which datagram is lost is not a matter of the plan
	for {
		n, err := r.conn.Read(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || n == 0 {
			continue // what a leg's host says of a datagram before
		}
		now := time.Now()
		data := append([]byte(nil), buf[:n]...)
		r.clocks.rewrite(data, now)
		for _, l := range r.legs {
			if l.cut.Load() || rnd.Int64N(1_000_000) < l.loss.Load() {
				continue
			}
			select {
			case l.queue <- waiting{now.Add(time.Duration(l.delay.Load())), data}:
			default:
				l.over.Add(1)
			}
		}
	}
}

// run sends what is due. The order stays, whatever the delay was.
func (l *relayLeg) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case w := <-l.queue:
			if d := time.Until(w.due); d > 0 {
				timer.Reset(d)
				select {
				case <-ctx.Done():
					return
				case <-timer.C:
				}
			}
			_, _ = l.conn.Write(w.data) // nobody may be listening: as on a network
		}
	}
}

// Do cuts legs, loses or delays datagrams, or moves the clocks.
func (r *Relay) Do(ctx context.Context, f Fault) (string, error) {
	switch f.Kind {
	case Cut, Region:
		return r.each(ctx, f, "", func(l *relayLeg, on bool) { l.cut.Store(on) })
	case Loss:
		return r.each(ctx, f, fmt.Sprintf(", %.0f %%", f.Loss*100), func(l *relayLeg, on bool) {
			l.loss.Store(map[bool]int64{true: int64(f.Loss * 1_000_000)}[on])
		})
	case Delay:
		return r.each(ctx, f, fmt.Sprintf(", %v", f.Delay), func(l *relayLeg, on bool) {
			l.delay.Store(map[bool]int64{true: int64(f.Delay)}[on])
		})
	case Jump:
		if r.clocks.jump(f.Jump); pause(ctx, jumpTime) {
			return "", nil
		}
		if !r.clocks.jumped() {
			return "", errors.New("no packet with a time stamp has come: nothing has jumped")
		}
		return fmt.Sprintf("clocks by %v", f.Jump), nil
	}
	return "", unknown{f.Kind, "a relay"}
}

// each does something to the legs that a fault is for, and undoes it after its time.
func (r *Relay) each(ctx context.Context, f Fault, how string, set func(l *relayLeg, on bool)) (string, error) {
	var legs []*relayLeg
	var names []string
	for _, l := range r.legs {
		if f.Leg == "" || f.Leg == l.name {
			legs, names = append(legs, l), append(names, l.name)
		}
	}
	if len(legs) == 0 {
		return "", fmt.Errorf("there is no leg %q", f.Leg)
	}
	for _, l := range legs {
		set(l, true)
		defer set(l, false)
	}
	pause(ctx, f.For)
	word := "leg "
	if len(names) > 1 {
		word = "legs "
	}
	return word + strings.Join(names, ", ") + how, nil
}

// Stop ends the relay.
func (r *Relay) Stop() {
	if r.quit != nil {
		r.quit()
	}
	if r.conn != nil {
		_ = r.conn.Close()
	}
	r.wg.Wait()
	for _, l := range r.legs {
		_ = l.conn.Close()
		if n := l.over.Load(); n > 0 {
			r.cfg.Logger.Warn().Str("leg", l.name).Int64("datagrams", n).Msg("more was delayed than there is room for")
		}
	}
	r.legs = nil
}
