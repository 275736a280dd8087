package main

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
	usualLoss  = 0.01 // of each leg, and never on all of them
	heavyLoss  = 0.1  // of all legs alike
	skew       = 30 * time.Millisecond
)

// feed sends the programme to the legs of the main input, and does to it what a fault asks for.
type feed struct {
	clips [2][]byte // the programme, and the same black and mute
	legs  []string
	end   context.CancelFunc
	wg    sync.WaitGroup

	mu     sync.Mutex
	silent []time.Time // until when each leg is
	lossy  time.Time   // until when a tenth is lost
	black  int         // rounds of the clip that come black
	base   uint64      // of the clocks, 1/90 000 s
}

func newFeed(clips [2][]byte, legs []string) *feed {
	return &feed{clips: clips, legs: legs, silent: make([]time.Time, len(legs))}
}

// datagram is one of a leg, and when it is due.
type datagram struct {
	due  time.Time
	data []byte
}

// sender is the feed between a start and a stop: its clocks and numbers are its own.
type sender struct {
	f         *feed
	base      uint64
	begun     time.Time
	queues    []chan datagram
	packets   []byte
	sequence  uint16
	timestamp uint32
	source    uint32
}

// start begins to send, with a new clock, number and source.
func (f *feed) start(ctx context.Context) {
	ctx, f.end = context.WithCancel(ctx)
	s := &sender{
		f: f, base: rand.Uint64(), begun: time.Now(),
		sequence: uint16(rand.Uint32()), timestamp: rand.Uint32(), source: rand.Uint32(),
	}
	for i, leg := range f.legs {
		queue := make(chan datagram, 8)
		s.queues = append(s.queues, queue)
		f.wg.Go(func() { f.leg(ctx, i, leg, queue) })
	}
	f.wg.Go(func() { s.send(ctx) })
}

// stop ends the sender as if it was killed.
func (f *feed) stop() {
	f.end()
	f.wg.Wait()
}

// send repeats the clip with clocks that go on.
func (s *sender) send(ctx context.Context) {
	rounds := loop.New()
	paced := pace.New(func(p mpegts.Packet, at tick.Tick) error { return s.take(ctx, p, at) })
	for ctx.Err() == nil {
		if _, err := rounds.Round(bytes.NewReader(s.f.clip()), paced.Push); err != nil {
			return
		}
		rounds.Again()
	}
}

// clip is the one for the next round.
func (f *feed) clip() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.black > 0 {
		f.black--
		return f.clips[1]
	}
	return f.clips[0]
}

// take gathers packets, and gives every datagram to the legs.
func (s *sender) take(ctx context.Context, p mpegts.Packet, at tick.Tick) error {
	s.f.mu.Lock()
	base := s.base + s.f.base
	s.f.mu.Unlock()
	s.packets = append(s.packets, p...)
	mine := mpegts.Packet(s.packets[len(s.packets)-mpegts.Size:])
	mpegts.Rewrite(mine, func(raw uint64) uint64 { return raw + base })
	if len(s.packets) < inDatagram*mpegts.Size {
		return nil
	}
	data := binary.BigEndian.AppendUint16([]byte{0x80, 33}, s.sequence)
	data = binary.BigEndian.AppendUint32(data, s.timestamp+uint32(tick.MulDiv(int64(at), 1, int64(tick.Per90k))))
	data = binary.BigEndian.AppendUint32(data, s.source)
	d := datagram{s.begun.Add(at.Duration()), append(data, s.packets...)}
	s.packets = s.packets[:0]
	s.sequence++
	lucky, lost := s.f.chance(len(s.queues))
	for i, q := range s.queues {
		if lost || i == lucky {
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

// chance tells which leg loses the next datagram, -1 for none, or whether all of them do.
func (f *feed) chance(legs int) (leg int, all bool) {
	f.mu.Lock()
	lossy := time.Now().Before(f.lossy)
	f.mu.Unlock()
	leg = -1
	if rand.Float64() < usualLoss*float64(legs) {
		leg = rand.IntN(legs)
	}
	return leg, lossy && rand.Float64() < heavyLoss
}

// leg sends what is due to one leg, the later ones behind the first.
func (f *feed) leg(ctx context.Context, i int, to string, queue <-chan datagram) {
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
			timer.Reset(time.Until(d.due.Add(time.Duration(i) * skew)))
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

func (f *feed) isCut(leg int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Now().Before(f.silent[leg])
}

// cut makes legs silent for a time.
func (f *feed) cut(d time.Duration, legs ...int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range legs {
		f.silent[i] = time.Now().Add(d)
	}
}

// lose makes a part of everything get lost for a time.
func (f *feed) lose(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lossy = time.Now().Add(d)
}

// jump moves the clocks.
func (f *feed) jump(by time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.base += uint64(int64(by / time.Millisecond * 90))
}

// darken makes the next round of the clip black and mute.
func (f *feed) darken() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.black = 1
}

// junk sends bytes of no sense to all legs, every other datagram with the header of RTP.
func (f *feed) junk(n int) error {
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
				data[0], data[1] = 0x80, 33
			}
			_, err := conn.Write(data[:1+rand.IntN(len(data))])
			failed = errors.Join(failed, err)
		}
		failed = errors.Join(failed, conn.Close())
	}
	return failed
}
