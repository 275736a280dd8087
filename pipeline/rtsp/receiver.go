// Package rtsp receives elementary streams in RTP and makes MPEG-TS of them: pulled from RTSP servers, published to us
// by RTSP, or as a file of SDP describes them.
package rtsp

import (
	"errors"
	"sync"

	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"onair/pkg/rtpclock"
	"onair/pkg/tick"
	"onair/pkg/tsmux"
)

// Output takes what is received. Its functions may be called by several goroutines, Media never by two at once for one
// sender. All are needed.
type Output struct {
	Media   func(ts []byte)  // whole TS packets, valid during the call
	Lost    func(n int)      // RTP packets that are missing
	Damaged func(why string) // a packet or unit that could not be used
	Note    func(text string)
	Now     func() tick.Tick // the clock that arrivals are told by
}

// receiver makes a transport stream of a session's RTP packets.
type receiver struct {
	out     Output
	streams []*stream

	mu    sync.Mutex // packets of different streams come from different goroutines
	clock *rtpclock.Clock
	mux   *tsmux.Muxer // nil: the packets hold a transport stream already
}

// newReceiver chooses among a session's streams.
func newReceiver(desc *description.Session, out Output) (*receiver, error) {
	streams, left, err := choose(desc)
	if err != nil {
		return nil, err
	}
	for _, name := range left {
		out.Note("a stream is left out: " + name)
	}
	r := &receiver{out: out, streams: streams}
	if streams[0].isTS() {
		return r, nil
	}
	var tracks []tsmux.Track
	var rates []int
	for _, s := range streams {
		tracks = append(tracks, s.track)
		rates = append(rates, s.format.ClockRate())
	}
	if r.clock, err = rtpclock.New(rates...); err != nil {
		return nil, err
	}
	r.mux, err = tsmux.New(tracks, out.Media)
	return r, err
}

// index finds a stream that is taken by its media; -1: it is not.
func (r *receiver) index(m *description.Media) int {
	for i, s := range r.streams {
		if s.media == m {
			return i
		}
	}
	return -1
}

// rtp takes a packet of a stream; packets of a stream come in order.
func (r *receiver) rtp(i int, p *rtp.Packet) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.streams[i]
	if s.isTS() {
		r.out.Media(p.Payload)
		return
	}
	if p.PayloadType != s.format.PayloadType() {
		return
	}
	if s.going && p.SSRC != s.sender { // it began anew
		r.clock.Restart(i)
		s.going, s.open = false, false
		r.renew(s)
	}
	r.catchUp(i, p.SSRC)
	at, ok := r.clock.Time(i, p.Timestamp, r.out.Now())
	if !ok {
		return
	}
	lost := s.going && p.SequenceNumber != s.next
	s.next, s.sender, s.going = p.SequenceNumber+1, p.SSRC, true
	if s.open && p.Timestamp != s.stamp { // its last packet is lost, or the sender marks none
		r.finish(i, lost)
	}
	if !s.open {
		s.open, s.stamp, s.time, s.gap = true, p.Timestamp, at, false
	}
	s.gap = s.gap || lost
	unit, err := s.decode(p)
	switch {
	case errors.Is(err, errMore):
		return
	case err != nil:
		s.open = false
		r.spoilt(s, err.Error())
		return
	}
	r.write(i, unit)
}

// finish ends a unit before its last packet was seen: a picture whose packets are all there is one.
func (r *receiver) finish(i int, lost bool) {
	s := r.streams[i]
	s.open = false
	if s.flush != nil && !lost && !s.gap {
		end := &rtp.Packet{Header: rtp.Header{Marker: true, SequenceNumber: s.next - 1, Timestamp: s.stamp}, Payload: s.flush}
		if unit, err := s.decode(end); err == nil {
			r.write(i, unit)
			return
		}
	}
	r.spoilt(s, "packets of a picture or of a frame of sound are missing")
}

// spoilt gives a unit up, and what the decoder has of it.
func (r *receiver) spoilt(s *stream, why string) {
	r.out.Damaged(why)
	r.renew(s)
}

// renew makes a stream's decoder forget what it has.
func (r *receiver) renew(s *stream) {
	if d, err := s.decoder(); err == nil {
		s.decode = d
	}
}

// write muxes a unit.
func (r *receiver) write(i int, unit [][]byte) {
	s := r.streams[i]
	s.open = false
	err := r.mux.Write(i, tsmux.Unit{PTS: s.time, Data: unit})
	if err != nil && !errors.Is(err, tsmux.ErrNoPicture) {
		r.out.Damaged(err.Error())
	}
}

// rtcp takes a packet of a stream's control channel.
func (r *receiver) rtcp(i int, p rtcp.Packet) {
	report, ok := p.(*rtcp.SenderReport)
	if !ok || r.clock == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch s := r.streams[i]; {
	case s.going && s.sender == report.SSRC:
		r.clock.Report(i, report.NTPTime, report.RTPTime)
	case !s.going && len(s.early) < maxEarly:
		s.early = append(s.early, report)
	}
}

// maxEarly is how many sender reports are kept that come before the first packet.
const maxEarly = 4

// catchUp takes the reports that came before the first packet of a sender.
func (r *receiver) catchUp(i int, sender uint32) {
	s := r.streams[i]
	if s.going || len(s.early) == 0 {
		return
	}
	for _, report := range s.early {
		if report.SSRC == sender {
			r.clock.Report(i, report.NTPTime, report.RTPTime)
		}
	}
	s.early = nil
}
