package flv

import (
	"bytes"
	"errors"
	"fmt"

	"onair/pkg/mpegts"
	"onair/pkg/tick"
	"onair/pkg/tsmux"
)

// Limits of the wait for the second stream, where the publisher does not say whether there is one.
const (
	longestWait = 1000    // ms
	mostWaiting = 4 << 20 // bytes
)

const per90k = 90 // 1/90 000 s in a millisecond

// Muxer makes MPEG-TS of the messages of one publisher after another, in the order in which they come. Continuity
// counters go on over publishers and changes of their streams. It is for one goroutine at a time.
type Muxer struct {
	out          func([]byte)
	counters     map[uint16]uint8 // the next one, by PID
	clock        tick.Unwrapper   // 32 bits of milliseconds: 49.7 days
	video, audio stream
	ts           *tsmux.Muxer // nil: not known yet of which streams
	waiting      []unit
	size         int  // bytes that wait
	silent, dark bool // the publisher has announced that there is no sound, no picture
}

// stream is what is known of video or audio.
type stream struct {
	codec  mpegts.Codec // "": none has come
	config []byte       // as it came
	sets   [][]byte     // video: the parameter sets
	fresh  bool         // they have not been muxed yet
	length int          // video: bytes of the length of a NAL unit
	index  int          // of the track
	beat   beat         // audio
}

// unit is a message with its time in ms.
type unit struct {
	at    int64
	video bool
	Tag
}

// NewMuxer returns a muxer; out gets whole packets of 188 bytes, valid during the call.
func NewMuxer(out func(packets []byte)) *Muxer {
	return &Muxer{out: out, counters: map[uint16]uint8{}, clock: tick.Unwrapper{Bits: 32}}
}

// Begin forgets the publisher before.
func (m *Muxer) Begin() {
	*m = Muxer{out: m.out, counters: m.counters, clock: tick.Unwrapper{Bits: 32}}
}

// put gives out what was muxed, with counters that go on.
func (m *Muxer) put(packets []byte) {
	for b := packets; len(b) >= mpegts.Size; b = b[mpegts.Size:] {
		p := mpegts.Packet(b[:mpegts.Size])
		pid := p.PID()
		if p.HasPayload() {
			m.counters[pid]++
		}
		mpegts.SetCC(p, m.counters[pid]-1)
	}
	m.out(packets)
}

// Announce tells what the publisher's metadata promise, so that nothing is waited for that does not come. A stream that
// comes all the same is taken.
func (m *Muxer) Announce(video, audio bool) { m.dark, m.silent = !video && audio, video && !audio }

// Video takes a video message with its timestamp in ms. After an error the next message may be given.
func (m *Muxer) Video(timestamp uint32, body []byte) error {
	t, err := Video(body)
	if err != nil || t.Content == Nothing {
		return err
	}
	if t.Content == Config {
		return m.configureVideo(t)
	}
	if m.video.codec != t.Codec {
		return errors.New("a picture came before its codec's configuration")
	}
	return m.take(unit{m.clock.Unwrap(uint64(timestamp)), true, t})
}

// Audio takes an audio message with its timestamp in ms. After an error the next message may be given.
func (m *Muxer) Audio(timestamp uint32, body []byte) error {
	t, err := Audio(body)
	switch {
	case err != nil || t.Content == Nothing:
		return err
	case t.Content == Config:
		return m.configureAudio(t)
	case len(t.Data) == 0: // ffmpeg ends with such a one
		return nil
	case m.audio.codec != t.Codec && (t.Codec == mpegts.AAC || t.Codec == mpegts.Opus):
		return errors.New("sound came before its codec's configuration")
	case m.audio.codec != t.Codec:
		m.setAudio(t.Codec, nil)
	}
	return m.take(unit{m.clock.Unwrap(uint64(timestamp)), false, t})
}

// configureVideo takes new parameter sets: within a codec they go out with the next key frame.
func (m *Muxer) configureVideo(t Tag) error {
	p, err := Configuration(t.Codec, t.Data)
	if err != nil {
		return err
	}
	if m.video.codec == t.Codec && bytes.Equal(m.video.config, t.Data) {
		return nil
	}
	if m.video.codec != t.Codec {
		m.ts = nil
	}
	s := stream{codec: t.Codec, config: bytes.Clone(t.Data), fresh: true, length: p.LengthSize, index: m.video.index}
	for _, set := range p.Sets {
		s.sets = append(s.sets, bytes.Clone(set))
	}
	m.video = s
	return nil
}

func (m *Muxer) configureAudio(t Tag) error {
	if len(t.Data) == 0 {
		return fmt.Errorf("%w: the configuration of %s", ErrCut, t.Codec)
	}
	if m.audio.codec != t.Codec || !bytes.Equal(m.audio.config, t.Data) {
		m.setAudio(t.Codec, bytes.Clone(t.Data))
	}
	return nil
}

func (m *Muxer) setAudio(codec mpegts.Codec, config []byte) {
	m.audio = stream{codec: codec, config: config}
	m.audio.beat.frame(codec, config)
	m.ts = nil
}

// take muxes a unit, or keeps it until it is known which streams there are.
func (m *Muxer) take(u unit) error {
	if m.ts == nil && !m.ready(u) {
		u.Data = bytes.Clone(u.Data)
		m.waiting, m.size = append(m.waiting, u), m.size+len(u.Data)
		return nil
	}
	var errs error
	if m.ts == nil {
		errs = m.open()
		for _, w := range m.waiting {
			errs = errors.Join(errs, m.write(w))
		}
		m.waiting, m.size = nil, 0
	}
	return errors.Join(errs, m.write(u))
}

// ready tells whether there is nothing more to wait for.
func (m *Muxer) ready(u unit) bool {
	both := (m.video.codec != "" || m.dark) && (m.audio.codec != "" || m.silent)
	first := u.at
	if len(m.waiting) > 0 {
		first = m.waiting[0].at
	}
	return both || m.size > mostWaiting || u.at-first >= longestWait || u.at < first-longestWait
}

// open begins a transport stream of the streams that are known; the video is the first.
func (m *Muxer) open() error {
	var tracks []tsmux.Track
	if m.video.codec != "" {
		tracks = append(tracks, tsmux.Track{Codec: m.video.codec, Params: m.video.sets})
	}
	if m.audio.codec != "" {
		m.audio.index = len(tracks)
		track := tsmux.Track{Codec: m.audio.codec, Config: m.audio.config}
		if track.Codec == mpegts.Opus {
			track.Config, track.Channels = nil, opusChannels(m.audio.config)
		}
		tracks = append(tracks, track)
	}
	ts, err := tsmux.New(tracks, m.put)
	if err != nil && len(tracks) > 1 { // rather a picture without sound than nothing
		m.audio.index = len(tracks)
		var errPicture error
		ts, errPicture = tsmux.New(tracks[:1], m.put)
		err = errors.Join(err, errPicture)
	}
	m.ts = ts
	return err
}

// write muxes a unit.
func (m *Muxer) write(u unit) error {
	if m.ts == nil {
		return nil // that it could not be opened was told
	}
	if !u.video {
		if u.Codec != m.audio.codec {
			return nil // from before a change
		}
		return m.ts.Write(m.audio.index, tsmux.Unit{PTS: m.audio.beat.at(u.at), Data: [][]byte{u.Data}})
	}
	nals, err := tsmux.AVCC(u.Data, m.video.length)
	if err != nil {
		return err
	}
	if u.Key && m.video.fresh {
		nals = append(append([][]byte{}, m.video.sets...), nals...)
		m.video.fresh = false
	}
	return m.ts.Write(m.video.index, tsmux.Unit{
		PTS: (u.at + int64(u.Offset)) * per90k, DTS: u.at * per90k, HasDTS: true, Data: nals,
	})
}
