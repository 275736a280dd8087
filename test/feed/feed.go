// Package feed sends transport streams as a contribution over RTP legs, and does to it what faults ask for.
package feed

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"onair/pkg/loop"
	"onair/pkg/mpegts"
	"onair/pkg/pace"
	"onair/pkg/tick"
)

const (
	inDatagram = 7    // packets
	heavyLoss  = 0.1  // of all legs alike
	payload    = 0x21 // MPEG-2 TS
	clockPID   = 0x1F00
)

// Feed sends one stream after the other to the legs of an input, as fast as their clocks say.
type Feed struct {
	Next func() []byte // what is to be sent next, with clocks that go on; nil ends it
	Loss float64       // of each leg, and never on all of them
	Skew time.Duration // of each leg behind the one before
	Wrap time.Duration // after which the clocks of a stream that begins near 0 cross 2^33; 0: whenever

	legs  []string
	end   context.CancelFunc
	wg    sync.WaitGroup
	begun time.Time

	mu     sync.Mutex
	silent []time.Time // until when each leg is
	lossy  time.Time   // until when a tenth is lost
	base   uint64      // of the clocks, 1/90 000 s
	atKey  uint64      // what is added to it with the next picture that a decoder can begin with
}

// New makes a feed for legs at these addresses.
func New(legs []string, next func() []byte) *Feed {
	return &Feed{Next: next, legs: legs, silent: make([]time.Time, len(legs))}
}

// Once is a Next that gives each of the streams once.
func Once(streams ...[]byte) func() []byte {
	return func() []byte {
		if len(streams) == 0 {
			return nil
		}
		first := streams[0]
		streams = streams[1:]
		return first
	}
}

// datagram is one of a leg, and when it is due.
type datagram struct {
	due  time.Time
	data []byte
}

// sender is the feed between a start and a stop: its clocks and numbers are its own.
type sender struct {
	f         *Feed
	base      uint64
	begun     time.Time
	queues    []chan datagram
	packets   []byte
	sequence  uint16
	timestamp uint32
	source    uint32
}

// Start begins to send, with a new clock, number and source.
func (f *Feed) Start(ctx context.Context) {
	ctx, f.end = context.WithCancel(ctx)
	f.begun = time.Now()
	s := &sender{
		f: f, base: f.beginAt(), begun: f.begun,
		sequence: uint16(rand.Uint32()), timestamp: rand.Uint32(), source: rand.Uint32(),
	}
	for i, leg := range f.legs {
		queue := make(chan datagram, 8)
		s.queues = append(s.queues, queue)
		f.wg.Go(func() { f.leg(ctx, i, leg, queue) })
	}
	f.wg.Go(func() { s.send(ctx) })
}

func (f *Feed) beginAt() uint64 {
	if f.Wrap == 0 {
		return rand.Uint64()
	}
	return 1<<33 - uint64(f.Wrap/time.Millisecond)*90
}

// Stop ends the sending as if the sender was killed.
func (f *Feed) Stop() {
	if f.end != nil {
		f.end()
	}
	f.wg.Wait()
}

// Begun is when the newest Start was.
func (f *Feed) Begun() time.Time { return f.begun }

// send sends what Next gives.
func (s *sender) send(ctx context.Context) {
	rounds := loop.New()
	var waiting []mpegts.Packet
	paced := pace.New(func(_ mpegts.Packet, at tick.Tick) error {
		p := waiting[0]
		waiting = waiting[1:]
		return s.take(ctx, p, at)
	})
	push := func(p mpegts.Packet) error { // the clock goes on where it moves to another PID
		waiting = append(waiting, bytes.Clone(p))
		if _, _, ok := p.PCR(); ok {
			p[1], p[2] = p[1]&0xE0|clockPID>>8, clockPID&0xFF
		}
		return paced.Push(p)
	}
	for ctx.Err() == nil {
		stream := s.f.Next()
		if stream == nil {
			return
		}
		if _, err := rounds.Round(bytes.NewReader(stream), push); err != nil {
			return
		}
		rounds.Again()
	}
}

// take gathers packets, and gives every datagram to the legs.
func (s *sender) take(ctx context.Context, p mpegts.Packet, at tick.Tick) error {
	base := s.base + s.f.clocks(p)
	s.packets = append(s.packets, p...)
	mine := mpegts.Packet(s.packets[len(s.packets)-mpegts.Size:])
	mpegts.Rewrite(mine, func(raw uint64) uint64 { return raw + base })
	if len(s.packets) < inDatagram*mpegts.Size {
		return nil
	}
	data := binary.BigEndian.AppendUint16([]byte{0x80, payload}, s.sequence)
	data = binary.BigEndian.AppendUint32(data, s.timestamp+uint32(at/tick.Per90k))
	data = binary.BigEndian.AppendUint32(data, s.source)
	d := datagram{s.begun.Add(at.Duration()), append(data, s.packets...)}
	s.packets = s.packets[:0]
	s.sequence++
	unlucky, lost := s.f.chance()
	for i, q := range s.queues {
		if lost || i == unlucky {
			continue
		}
		select {
		case q <- d:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// clocks is where they have been moved to.
func (f *Feed) clocks(p mpegts.Packet) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, _, clock := p.PCR(); clock && p.RandomAccess() { // with the clock comes the picture, not the sound
		f.base, f.atKey = f.base+f.atKey, 0
	}
	return f.base
}

// chance tells which leg loses the next datagram, -1 for none, or whether all of them do.
func (f *Feed) chance() (leg int, all bool) {
	f.mu.Lock()
	lossy := time.Now().Before(f.lossy)
	f.mu.Unlock()
	leg = -1
	if rand.Float64() < f.Loss*float64(len(f.legs)) {
		leg = rand.IntN(len(f.legs))
	}
	return leg, lossy && rand.Float64() < heavyLoss
}

// leg sends what is due to one leg.
func (f *Feed) leg(ctx context.Context, i int, to string, queue <-chan datagram) {
	conn, err := net.Dial("udp", to)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case d := <-queue:
			timer.Reset(time.Until(d.due.Add(time.Duration(i) * f.Skew)))
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
			if !f.isCut(i) {
				_, _ = conn.Write(d.data) // nobody may be listening yet
			}
		}
	}
}

func (f *Feed) isCut(leg int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Now().Before(f.silent[leg])
}

// Cut makes legs, counted from 0, silent for a time.
func (f *Feed) Cut(d time.Duration, legs ...int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range legs {
		f.silent[i] = time.Now().Add(d)
	}
}

// Lose makes a tenth of everything get lost for a time.
func (f *Feed) Lose(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lossy = time.Now().Add(d)
}

// Jump moves the clocks.
func (f *Feed) Jump(by time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.base += uint64(int64(by / time.Millisecond * 90))
}

// JumpAtKey moves the clocks with the next picture that a decoder can begin with, as an encoder does that begins anew.
func (f *Feed) JumpAtKey(by time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.atKey += uint64(int64(by / time.Millisecond * 90))
}

// Junk sends n datagrams of no sense to each leg, every other one with the header of RTP.
func (f *Feed) Junk(n int) error {
	var failed error
	for _, to := range f.legs {
		conn, err := net.Dial("udp", to)
		if err != nil {
			return err
		}
		data := make([]byte, 1472)
		for k := range n {
			for i := range data {
				data[i] = byte(rand.Uint32())
			}
			if k%2 == 0 {
				data[0], data[1] = 0x80, payload
			}
			_, err := conn.Write(data[:1+rand.IntN(len(data))])
			failed = errors.Join(failed, err)
		}
		failed = errors.Join(failed, conn.Close())
	}
	return failed
}
