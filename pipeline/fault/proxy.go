package fault

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// ProxyConfig says between whom a proxy stands.
type ProxyConfig struct {
	Listen string // HOST:PORT of TCP
	To     string
	Logger zerolog.Logger
}

// Proxy hands TCP connections on to a store or an origin.
type Proxy struct {
	cfg  ProxyConfig
	quit context.CancelFunc
	ctx  context.Context //nolint:containedctx // of its connections: from Start to Stop
	wg   sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener // nil: connections are refused
	mode     *mode
	open     map[net.Conn]bool
}

var _ Target = (*Proxy)(nil)

// mode is what is done to connections. over is closed with its end.
type mode struct {
	fault Fault
	over  chan struct{}

	mu    sync.Mutex // of those below
	spent time.Time  // until when the bytes of a slow one are used up
	rnd   *rand.Rand
}

// NewProxy makes a proxy that does not listen yet.
func NewProxy(cfg ProxyConfig) *Proxy {
	return &Proxy{cfg: cfg, open: map[net.Conn]bool{}, mode: &mode{over: make(chan struct{})}}
}

// Start listens, and hands on from then.
func (p *Proxy) Start(context.Context) error {
	p.ctx, p.quit = context.WithCancel(context.Background())
	return p.listen()
}

func (p *Proxy) listen() error {
	l, err := net.Listen("tcp", p.cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	p.mu.Lock()
	p.listener = l
	p.mu.Unlock()
	p.wg.Go(func() { p.accept(l) })
	return nil
}

// Addr is where it listens.
func (p *Proxy) Addr() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener == nil {
		return ""
	}
	return p.listener.Addr().String()
}

func (p *Proxy) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		if !p.keep(conn) {
			_ = conn.Close()
			continue
		}
		p.wg.Go(func() {
			defer p.drop(conn)
			p.serve(conn)
		})
	}
}

// keep notes an open connection, unless the proxy ends.
func (p *Proxy) keep(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil {
		return false
	}
	p.open[conn] = true
	return true
}

func (p *Proxy) drop(conn net.Conn) {
	_ = conn.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, conn)
}

// dropAll ends all connections.
func (p *Proxy) dropAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.open {
		if t, ok := conn.(*net.TCPConn); ok {
			_ = t.SetLinger(0) // a reset, as of a machine that is away
		}
		_ = conn.Close()
	}
}

func (p *Proxy) now() *mode {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mode
}

// set begins a mode; the one before is over.
func (p *Proxy) set(f Fault) {
	m := &mode{fault: f, over: make(chan struct{}), rnd: rand.New(rand.NewPCG(f.Seed, 0))}
	p.mu.Lock()
	before := p.mode
	p.mode = m
	p.mu.Unlock()
	close(before.over)
}

// Do changes what happens to connections for a time.
func (p *Proxy) Do(ctx context.Context, f Fault) (string, error) {
	what := "connections to " + p.cfg.To
	switch f.Kind {
	case Slow:
		what += fmt.Sprintf(", %d bytes a second", f.Rate)
	case Hang, Break:
	case Fail:
		p.set(f)
		p.dropAll() // those who come again get the answer
		pause(ctx, f.For)
		p.set(Fault{})
		return what, nil
	case Refuse, Region:
		return what, p.refuse(ctx, f.For)
	default:
		return "", unknown{f.Kind, "a proxy"}
	}
	p.set(f)
	pause(ctx, f.For)
	p.set(Fault{})
	return what, nil
}

// refuse closes the address for a time.
func (p *Proxy) refuse(ctx context.Context, d time.Duration) error {
	p.mu.Lock()
	l := p.listener
	p.listener = nil
	p.mu.Unlock()
	if l == nil {
		return errors.New("it does not listen")
	}
	address := p.cfg.Listen
	p.cfg.Listen = l.Addr().String() // the same port again, also where the system had chosen it
	_ = l.Close()
	p.dropAll()
	pause(ctx, d)
	err := p.listen()
	p.cfg.Listen = address
	return err
}

// Stop ends the proxy and its connections.
func (p *Proxy) Stop() {
	if p.quit == nil {
		return
	}
	p.quit()
	p.mu.Lock()
	if p.listener != nil {
		_ = p.listener.Close()
	}
	p.mu.Unlock()
	p.dropAll()
	p.wg.Wait()
}
