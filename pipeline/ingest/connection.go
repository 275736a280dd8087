package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"onair/pipeline/srt"
	"onair/pkg/gate"
)

// srtCalls is how often an SRT leg may be called. An encoder that was refused calls again after a second or so.
var srtCalls = gate.Config{PerSecond: 50, PerAddress: 20}

// maxHandshakes is how many callers of an SRT leg may be between admission and the end of their handshakes.
const maxHandshakes = 4

// abrupt is how soon a caller that sends nothing goes if it has not found what it wants.
const abrupt = time.Second

// bonded is why most callers go at once: a bonded one sees only by our answer, which is that to any other, that groups
// are not taken, and gives up by itself.
const bonded = ", as bonded callers (socket groups) do: they are not taken"

// srtCaller receives by calling a listener.
type srtCaller struct{}

func (srtCaller) receive(ctx context.Context, p *path) error {
	c, err := srt.Dial(ctx, p.url)
	if err != nil {
		return err
	}
	defer c.Close()
	if !p.allowed(c.Peer().Addr()) {
		p.reject(gate.Address, c.Peer().Addr().String()+" is not in allow")
		return errors.New("the listener's address is not in allow")
	}
	p.open(Connected, c.Peer())
	p.read(ctx, c)
	return errors.New("the listener has ended the connection")
}

// srtListener receives from whoever calls. One caller at a time: while it sends, others are turned away.
type srtListener struct{}

func (s *srtListener) receive(ctx context.Context, p *path) error {
	l, err := srt.Listen(srt.ListenConfig{URL: p.url, Judge: p.judge, Failed: p.unanswered})
	if err != nil {
		return plain(err)
	}
	defer l.Close()
	p.open(Listening, netip.AddrPort{})
	end := func() {}
	defer func() { end() }()
	for {
		c, err := l.Accept(ctx)
		if err != nil {
			return err
		}
		if p.busy() { // two were admitted at once, and the other one is here already
			p.intrude(c.Peer().String())
			c.Close()
			continue
		}
		end() // the caller before is gone, or silent for long enough to be replaced
		p.open(Connected, c.Peer())
		connection, cancel := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer c.Close()
			began := time.Now()
			anything := p.read(connection, c)
			p.hungUp()
			if !anything && connection.Err() == nil && time.Since(began) < abrupt {
				p.reject(gate.Handshake, c.Peer().String()+" hung up before it sent anything"+bonded)
			}
		}()
		end = func() {
			cancel()
			<-done
		}
	}
}

// suspicion is the usual reason for a caller that does not come through the handshake, if there is one.
func (p *path) suspicion() string {
	if p.url.Passphrase == "" {
		return ""
	}
	return ": passphrase wrong or missing on one side"
}

// hungUp notes that the caller has gone.
func (p *path) hungUp() {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	p.state, p.hung, p.err = Listening, true, "the sender has hung up"
	p.srt = nil
}

// judge decides over a caller. It runs in a thread of libsrt.
func (p *path) judge(c srt.Call) srt.Verdict {
	if !p.allowed(c.Peer.Addr()) {
		p.reject(gate.Address, c.Peer.Addr().String()+" is not in allow")
		return srt.Forbidden
	}
	if !p.unhurried(c.Peer.Addr()) {
		p.reject(gate.Rate, c.Peer.Addr().String()+" calls too often")
		return srt.Overload
	}
	if c.Pending >= maxHandshakes {
		p.reject(gate.Sessions, fmt.Sprintf("%s calls while %d others are being answered", c.Peer.Addr(), c.Pending))
		return srt.Overload
	}
	verdict := match(p.url.StreamID, c.StreamID)
	switch verdict {
	case srt.Admit:
	case srt.BadMode:
		p.reject(gate.Media, c.Peer.String()+" asks to receive by its stream id, but this leg wants a sender")
		return verdict
	default:
		p.reject(gate.Name, c.Peer.String()+" has a wrong stream id")
		return verdict
	}
	if p.busy() {
		p.intrude(c.Peer.String())
		return srt.Conflict
	}
	return srt.Admit
}

// unanswered counts a caller that was admitted and did not come.
func (p *path) unanswered(c srt.Call) {
	if c.HungUp {
		p.reject(gate.Handshake, c.Peer.String()+" hung up before it was let in"+bonded)
		return
	}
	cause := gate.Handshake
	if p.url.Passphrase != "" {
		cause = gate.Credentials
	}
	p.reject(cause, "handshake with "+c.Peer.String()+" not completed"+p.suspicion())
}

// unhurried tells whether an address does not call too often.
func (p *path) unhurried(from netip.Addr) bool {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	p.in.advance()
	return p.gate.Admit(from, p.in.now)
}

// match compares a caller's stream id with the wanted one, which it may give as it is or as the resource of the
// structured form "#!::r=news,m=publish". No wanted one admits every sender.
func match(want, got string) srt.Verdict {
	resource, mode := got, "publish"
	if keys, structured := strings.CutPrefix(got, "#!::"); structured {
		for _, pair := range strings.Split(keys, ",") {
			switch key, value, _ := strings.Cut(pair, "="); key {
			case "r":
				resource = value
			case "m":
				mode = value
			}
		}
	}
	switch {
	case want != "" && got != want && resource != want:
		return srt.NotFound
	case mode == "request" && got != want:
		return srt.BadMode
	}
	return srt.Admit
}

// read takes what a connection brings until it ends or ctx does; it tells whether that was anything.
func (p *path) read(ctx context.Context, c *srt.Conn) (anything bool) {
	const statsEvery = time.Second
	defer context.AfterFunc(ctx, c.Interrupt)()
	buffer := make([]byte, longest)
	var told time.Time
	for {
		n, err := c.Read(buffer)
		if err != nil && !errors.Is(err, srt.ErrTimeout) {
			return anything
		}
		if err == nil {
			anything = true
			p.take(buffer[:n], netip.AddrPort{})
		}
		if now := time.Now(); now.Sub(told) >= statsEvery {
			told = now
			if s, err := c.Stats(); err == nil {
				p.note(s)
			}
		}
	}
}
