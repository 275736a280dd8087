// Package send sends a contribution feed: a transport stream, paced by its own clock, to several destinations with
// identical datagrams, each of which may lose, delay and reorder them on purpose.
package send

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/rs/zerolog"

	"onair/pkg/leg"
	"onair/pkg/mpegts"
	"onair/pkg/pace"
	"onair/pkg/tick"
)

const (
	perDatagram = 7                     // transport packets: 1316 bytes, what fits an Ethernet frame (ST 2022-2 §6)
	payloadType = 33                    // MP2T (RFC 3551 §6)
	lead        = 20 * time.Millisecond // by which the legs have a datagram before it is due, and up to twice that
	tooLate     = 2 * time.Second       // what is less is made up for
	greeting    = 3 * time.Second       // for SRT connections to stand before the start
)

// Leg is one destination.
type Leg struct {
	URL leg.URL
	Impairment
}

// Config says what is sent where.
type Config struct {
	Source    Source
	Legs      []Leg
	Exclusive bool           // no datagram is dropped on all legs
	Seed      uint64         // of all that is left to chance; 0: another one each time
	For       time.Duration  // of the stream's time; 0: to its end
	Columns   int            // of the FEC matrix (ST 2022-1) for rtp legs, sent to their ports +2 and +4; 0: no FEC
	Rows      int            // of that matrix
	RTPInSRT  bool           // SRT legs carry RTP like the others, not bare transport packets
	DropLog   io.Writer      // gets a line for each datagram that is dropped; nil: nobody wants to know
	Log       zerolog.Logger // zero: silent
}

// Sender sends one stream once.
type Sender struct {
	c     Config
	im    *Impairer
	lines []*line
	head  rtp.Header
	clock uint32 // RTP time of the stream's start
	fec   *protector
	drops *bufio.Writer

	start   time.Time // of the stream's time 0
	timer   *time.Timer
	pending []byte // the datagram that is being filled
	at      tick.Tick

	mu sync.Mutex
	n  Summary
}

// New checks the configuration. It opens nothing.
func New(c Config) (*Sender, error) {
	if c.Source == nil || len(c.Legs) == 0 {
		return nil, errors.New("a sender needs a source and a destination")
	}
	if c.Seed == 0 {
		c.Seed = rand.Uint64() >> 11 // passes through JSON unharmed
	}
	s := &Sender{c: c}
	var impairments []Impairment
	for i, l := range c.Legs {
		impairments = append(impairments, l.Impairment)
		shown := l.URL.Redacted()
		s.lines = append(s.lines, &line{
			url: l.URL, bare: !carriesRTP(l.URL, c.RTPInSRT), queue: make(chan item, queueLimit), n: LegSummary{URL: shown},
			log: c.Log.With().Int("leg", i+1).Str("url", shown).Logger(),
		})
	}
	var err error
	if s.fec, err = newProtector(s); err != nil {
		return nil, err
	}
	if s.im, err = NewImpairer(impairments, group2022(s.lines), c.Exclusive, c.Seed); err != nil {
		return nil, err
	}
	chance := rand.New(rand.NewPCG(c.Seed, 1<<32))
	s.head = rtp.Header{Version: 2, PayloadType: payloadType, SSRC: chance.Uint32()}
	s.head.SequenceNumber = uint16(chance.Uint32())
	s.clock = chance.Uint32()
	s.n = Summary{Seed: c.Seed, SSRC: s.head.SSRC, FirstSequence: s.head.SequenceNumber}
	return s, nil
}

func carriesRTP(u leg.URL, inSRT bool) bool {
	return u.Scheme == leg.RTP || u.Scheme == leg.SRT && inSRT
}

// group2022 are the legs that carry the same RTP packets (ST 2022-7), or all if none carries RTP.
func group2022(lines []*line) []int {
	var with, all []int
	for i, l := range lines {
		all = append(all, i)
		if !l.bare {
			with = append(with, i)
		}
	}
	if len(with) > 0 {
		return with
	}
	return all
}

// Run sends the stream to its end or that of ctx, which is no error. It fails if a destination cannot be opened, the
// source fails, or nothing at all could be sent to one of the destinations. It may be called once.
func (s *Sender) Run(ctx context.Context) error {
	if s.c.DropLog != nil {
		s.drops = bufio.NewWriter(s.c.DropLog)
		fmt.Fprintln(s.drops, "# leg\tdatagram\tsequence\tcause")
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	if err := s.open(running); err != nil {
		return err
	}
	var sending sync.WaitGroup
	s.greet(running)
	for _, l := range s.lines {
		sending.Go(func() { l.run(running) })
	}
	err := s.send(running)
	for _, l := range s.lines {
		l.finish()
	}
	sending.Wait()
	if s.drops != nil {
		err = errors.Join(err, s.drops.Flush())
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = nil
	}
	return errors.Join(err, s.mute())
}

// open opens all destinations or none.
func (s *Sender) open(ctx context.Context) error {
	for i, l := range s.lines {
		to, err := open(ctx, l.url)
		if err != nil {
			for _, before := range s.lines[:i] {
				before.close()
			}
			return fmt.Errorf("destination %d (%s): %w", i+1, l.url, err)
		}
		l.to = to
		if err := s.fec.open(ctx, l); err != nil {
			for _, opened := range s.lines[:i+1] {
				opened.close()
			}
			return fmt.Errorf("destination %d (%s), FEC: %w", i+1, l.url, err)
		}
	}
	return nil
}

// greet waits for SRT connections: for those that are called at most as long as a call takes, for callers without end
// if there is nobody else to send to.
func (s *Sender) greet(ctx context.Context) {
	listening := true
	for _, l := range s.lines {
		listening = listening && l.url.Mode == leg.Listener
	}
	if !listening {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, greeting)
		defer cancel()
	}
	for _, l := range s.lines {
		l.to.Ready(ctx)
	}
}

// send takes the source's packets to its end.
func (s *Sender) send(ctx context.Context) error {
	s.timer = time.NewTimer(0)
	defer s.timer.Stop()
	pacer := pace.New(func(p mpegts.Packet, at tick.Tick) error { return s.packet(ctx, p, at) })
	err := s.c.Source.Run(ctx, pacer.Push)
	if err == nil {
		err = pacer.Flush()
	}
	if err == nil && len(s.pending) > rtpHeader {
		err = s.dispatch(ctx)
	}
	if errors.Is(err, errEnough) {
		err = nil
	}
	return err
}

// packet puts a packet into the datagram, and sends that when it is full.
func (s *Sender) packet(ctx context.Context, p mpegts.Packet, at tick.Tick) error {
	if s.c.For > 0 && at >= tick.FromDuration(s.c.For) {
		return errEnough
	}
	if s.pending == nil {
		s.pending = make([]byte, rtpHeader, rtpHeader+perDatagram*mpegts.Size)
		s.at = at
	}
	s.pending = append(s.pending, p...)
	if len(s.pending) < cap(s.pending) {
		return nil
	}
	return s.dispatch(ctx)
}

// dispatch waits until the datagram is nearly due and hands it to the legs.
func (s *Sender) dispatch(ctx context.Context) error {
	d := datagram{s.at, s.pending}
	s.pending = nil
	s.begin(d.at)
	if due := s.start.Add(d.at.Duration()); time.Until(due) > 2*lead {
		wait(ctx, s.timer, due.Add(-lead))
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.head.Timestamp = s.clock + uint32(d.at.Units(90_000))
	if _, err := s.head.MarshalTo(d.rtp); err != nil {
		return fmt.Errorf("rtp header: %w", err)
	}
	fates := s.im.Next(d.at)
	for i, f := range fates {
		s.lines[i].put(d, f, s.start)
		s.note(i, f)
	}
	if err := s.fec.protect(d, fates); err != nil {
		return err
	}
	s.count(d)
	s.head.SequenceNumber++
	return nil
}

// begin starts the stream's time with its first datagram, and moves it when the sender is much too late.
func (s *Sender) begin(at tick.Tick) {
	if s.start.IsZero() {
		s.start = time.Now().Add(s.c.Source.Margin())
		return
	}
	if late := time.Since(s.start.Add(at.Duration())); late > tooLate {
		s.start = s.start.Add(late + s.c.Source.Margin())
		s.mu.Lock()
		s.n.Slips++
		s.mu.Unlock()
		s.c.Log.Warn().Dur("late", late).Msg("sending went on later: the source or this host was too slow")
	}
}

// note writes a dropped datagram down.
func (s *Sender) note(legIndex int, f Fate) {
	if s.drops == nil || f.Cause == Sent {
		return
	}
	fmt.Fprintf(s.drops, "%d\t%d\t%d\t%s\n", legIndex+1, s.n.Datagrams, s.head.SequenceNumber, f.Cause)
}

func (s *Sender) count(d datagram) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n.Datagrams++
	s.n.Packets += uint64((len(d.rtp) - rtpHeader) / mpegts.Size)
	s.n.Seconds = float64(d.at.FloorMs()) / 1000
	if s.im.Everywhere() {
		s.n.Everywhere++
	}
}
