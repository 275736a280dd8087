// Package srt opens SRT connections in live mode as a leg's URL says: callers and listeners over libsrt.
package srt

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/haivision/srtgo"

	"onair/pkg/leg"
)

// Errors that callers tell apart.
var (
	ErrTimeout = errors.New("nothing came in time") // Read: try again
	ErrClosed  = errors.New("the connection is closed")
)

// MaxMessage is the largest message of live mode in bytes: RTP with seven TS packets fits.
const MaxMessage = 1456

const (
	connectTimeout = 3 * time.Second
	readTimeout    = time.Second // after which Read returns ErrTimeout
	writeTimeout   = time.Second
)

// Stats is what libsrt tells about a connection, counted since it began.
type Stats struct {
	RTT           time.Duration
	Latency       time.Duration // negotiated delay at the receiver
	Buffered      time.Duration // media in the receiver's buffer
	Received      uint64        // packets
	Sent          uint64        // packets, repeated ones included
	ReceiveLoss   uint64        // packets missing at first
	ReceiveDrop   uint64        // packets missing for good
	SendLoss      uint64        // packets that the receiver reported missing
	SendDrop      uint64        // packets too late to be sent
	Retransmitted uint64        // packets sent again, or received that were sent again
	Undecrypted   uint64        // packets that the key did not open
}

// Conn is a connection. Read, Write and Stats are for one goroutine; Close may be called by any, and more than once.
type Conn struct {
	socket        *srtgo.SrtSocket
	id            int
	peer          netip.AddrPort
	retransmitted uint64
	closing       sync.Once
}

// Dial calls a listener as u says. It returns when the listener has answered, after 3 s without an answer, or when ctx
// ends. The error never holds the passphrase.
func Dial(ctx context.Context, u leg.URL) (*Conn, error) {
	startup()
	to, err := resolve(ctx, u)
	if err != nil {
		return nil, err
	}
	o := options(u)
	o["conntimeo"] = strconv.FormatInt(connectTimeout.Milliseconds(), 10)
	if u.StreamID != "" {
		o["streamid"] = u.StreamID
	}
	socket := srtgo.NewSrtSocket(u.Host, u.Port, o)
	if socket == nil {
		return nil, errors.New("srt: a socket with these options cannot be made")
	}
	c := newConn(socket, to)
	if err = c.call(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// call connects without blocking a thread that ctx could not free.
func (c *Conn) call(ctx context.Context) error {
	const (
		poll    = 5 * time.Millisecond
		unclear = 40 // polls after which errUnclear is a failure
	)
	err := c.socket.SetSockOptBool(optSyncReceive, false)
	if err == nil {
		err = connect(c.id, c.peer)
	}
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for done, n := false, 0; err == nil && !done; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
			done, err = outcome(c.id)
		}
		if n++; errors.Is(err, errUnclear) && n < unclear {
			done, err = false, nil
		} else if err == nil {
			n = 0
		}
	}
	if err == nil {
		err = c.socket.SetSockOptBool(optSyncReceive, true)
	}
	if err != nil {
		return fmt.Errorf("calling %s: %w", c.peer, err)
	}
	return nil
}

func newConn(socket *srtgo.SrtSocket, peer netip.AddrPort) *Conn {
	c := &Conn{socket: socket, id: int(socket.GetSocket()), peer: peer}
	// Neither fails on a socket that exists; on one that does not, the next call tells.
	_ = socket.SetSockOptInt(optRecvTimeout, int(readTimeout.Milliseconds()))
	_ = socket.SetSockOptInt(optSendTimeout, int(writeTimeout.Milliseconds()))
	return c
}

// options are the socket options that both sides have.
func options(u leg.URL) map[string]string {
	const (
		fastest   = 100_000_000 / 8 / 1316 // packets a second of 100 Mb/s
		usual     = 8192                   // libsrt's own receive buffer in packets
		usualFlow = 25_600
		slack     = 250 * time.Millisecond
	)
	packets := max(usual, int(int64(fastest)*int64(u.Latency+slack)/int64(time.Second)))
	o := map[string]string{
		"blocking":    "1", // srtgo's own poller leaks with each connection; a thread per leg costs nothing
		"transtype":   "live",
		"latency":     strconv.FormatInt(u.Latency.Milliseconds(), 10),
		"payloadsize": strconv.Itoa(MaxMessage),
		"fc":          strconv.Itoa(max(usualFlow, packets)),
		"rcvbuf":      strconv.Itoa(packets * 1472),
		"mode":        string(u.Mode),
	}
	if u.Passphrase != "" {
		o["passphrase"] = string(u.Passphrase)
		o["pbkeylen"] = strconv.Itoa(u.KeyLen)
	}
	return o
}

// resolve finds the address of a host.
func resolve(ctx context.Context, u leg.URL) (netip.AddrPort, error) {
	if addr, ok := u.Addr(); ok {
		return netip.AddrPortFrom(addr.Unmap(), u.Port), nil
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Host)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("looking up %s: %w", u.Host, err)
	}
	return netip.AddrPortFrom(addrs[0].Unmap(), u.Port), nil
}

// Peer is the other side's address.
func (c *Conn) Peer() netip.AddrPort { return c.peer }

// Read waits for one message, at most a second: then the error is ErrTimeout. A b shorter than MaxMessage may lose the
// end of a message.
func (c *Conn) Read(b []byte) (int, error) { return receive(c.id, b) }

// Write sends b as one message; it waits at most a second for room. b is at most MaxMessage long.
func (c *Conn) Write(b []byte) (int, error) { return send(c.id, b) }

// Alive tells whether the connection stands.
func (c *Conn) Alive() bool { return alive(c.id) }

// Interrupt ends the connection; a Read or Write under way returns. Close has to follow.
func (c *Conn) Interrupt() { interrupt(c.id) }

// Close ends the connection and frees it. Read, Write and Stats must not be under way: Interrupt them first.
func (c *Conn) Close() { c.closing.Do(c.socket.Close) }

// Stats asks libsrt. The error says that the connection has ended.
func (c *Conn) Stats() (Stats, error) {
	s, err := c.socket.Stats()
	if err != nil {
		return Stats{}, ErrClosed
	}
	c.retransmitted += uint64(max(0, s.PktRcvRetrans)) // has no total
	return Stats{
		RTT:           time.Duration(s.MsRTT * float64(time.Millisecond)),
		Latency:       time.Duration(max(s.MsRcvTsbPdDelay, s.MsSndTsbPdDelay)) * time.Millisecond,
		Buffered:      time.Duration(s.MsRcvBuf) * time.Millisecond,
		Received:      uint64(s.PktRecvTotal),
		Sent:          uint64(s.PktSentTotal),
		ReceiveLoss:   uint64(s.PktRcvLossTotal),
		ReceiveDrop:   uint64(s.PktRcvDropTotal),
		SendLoss:      uint64(s.PktSndLossTotal),
		SendDrop:      uint64(s.PktSndDropTotal),
		Retransmitted: c.retransmitted + uint64(s.PktRetransTotal),
		Undecrypted:   uint64(s.PktRcvUndecryptTotal),
	}, nil
}

// scope is the index of a network interface, for link-local addresses.
func scope(zone string) uint32 {
	if zone == "" {
		return 0
	}
	if i, err := net.InterfaceByName(zone); err == nil {
		return uint32(i.Index)
	}
	n, _ := strconv.ParseUint(zone, 10, 32)
	return uint32(n)
}
