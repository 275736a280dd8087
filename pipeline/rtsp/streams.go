package rtsp

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpac3"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpfragmented"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtph264"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtph265"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpmpeg1audio"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpmpeg4audio"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"onair/pkg/mpegts"
	"onair/pkg/tsmux"
)

// stream is one stream of a session that is taken.
type stream struct {
	media  *description.Media
	format format.Format
	track  tsmux.Track
	// decoder makes what cuts packets into units; several packets make a unit, and some hold several frames.
	decoder func() (decode, error)
	// flush is the payload that makes a decoder give what it has of a picture; nil for sound.
	flush []byte

	decode decode
	open   bool   // a unit is under way
	stamp  uint32 // of that unit
	time   int64  // of that unit
	next   uint16 // sequence number
	sender uint32 // SSRC
	going  bool   // next and sender are known
	gap    bool   // packets of the unit under way are missing
	early  []*rtcp.SenderReport
}

// decode takes the next packet and returns a whole unit, errMore, or what is wrong.
type decode func(*rtp.Packet) ([][]byte, error)

// errMore says that a unit is not complete yet.
var errMore = errors.New("more packets are needed")

// choose takes from a session the streams that can be muxed, the video first. The error says why there is none, left
// what is not taken.
func choose(desc *description.Session) (taken []*stream, left []string, err error) {
	var sound []*stream
	for _, m := range desc.Medias {
		if m.IsBackChannel {
			continue
		}
		s, why := fromMedia(m)
		switch {
		case s == nil:
			left = append(left, why)
		case len(taken)+len(sound) == tsmux.MaxTracks:
			left = append(left, "more than can be muxed")
		case m.Type == description.MediaTypeVideo:
			taken = append(taken, s)
		default:
			sound = append(sound, s)
		}
	}
	taken = append(taken, sound...)
	if len(taken) == 0 {
		return nil, left, fmt.Errorf("none of its streams can be used (%s): needed are H.264, H.265, AAC, MPEG audio, "+
			"AC-3 or Opus", strings.Join(left, ", "))
	}
	for _, s := range taken {
		if s.isTS() {
			return []*stream{s}, left, nil // has everything in it
		}
	}
	return taken, left, nil
}

// fromMedia takes the first usable format of a media.
func fromMedia(m *description.Media) (*stream, string) {
	var names []string
	for _, f := range m.Formats {
		s := &stream{media: m, format: f}
		if err := s.describe(); err != nil {
			names = append(names, err.Error())
			continue
		}
		return s, ""
	}
	if len(names) == 0 {
		names = []string{"a media without formats"}
	}
	return nil, strings.Join(names, ", ")
}

func (s *stream) isTS() bool {
	_, ok := s.format.(*format.MPEGTS)
	return ok
}

// describe finds out how a format is cut and muxed.
func (s *stream) describe() error {
	switch f := s.format.(type) {
	case *format.H264:
		sps, pps := f.SafeParams()
		s.track = tsmux.Track{Codec: mpegts.H264, Params: present(sps, pps)}
		s.flush = []byte{9, 0xF0} // an access unit delimiter
		s.decoder = maker(f.CreateDecoder, rtph264.ErrMorePacketsNeeded, rtph264.ErrNonStartingPacketAndNoPrevious)
	case *format.H265:
		vps, sps, pps := f.SafeParams()
		s.track = tsmux.Track{Codec: mpegts.HEVC, Params: present(vps, sps, pps)}
		s.flush = []byte{35 << 1, 1, 0x50}
		s.decoder = maker(f.CreateDecoder, rtph265.ErrMorePacketsNeeded, rtph265.ErrNonStartingPacketAndNoPrevious)
	case *format.MPEG4Audio:
		return s.describeAAC(f)
	case *format.MPEG4AudioLATM:
		return s.describeLATM(f)
	case *format.MPEG1Audio:
		s.track = tsmux.Track{Codec: mpegts.MP2}
		s.decoder = maker(f.CreateDecoder, rtpmpeg1audio.ErrMorePacketsNeeded,
			rtpmpeg1audio.ErrNonStartingPacketAndNoPrevious)
	case *format.AC3:
		s.track = tsmux.Track{Codec: mpegts.AC3}
		s.decoder = maker(f.CreateDecoder, rtpac3.ErrMorePacketsNeeded, rtpac3.ErrNonStartingPacketAndNoPrevious)
	case *format.Opus:
		s.track = tsmux.Track{Codec: mpegts.Opus, Channels: f.ChannelCount}
		s.decoder = func() (decode, error) {
			d, err := f.CreateDecoder()
			if err != nil {
				return nil, err
			}
			return func(p *rtp.Packet) ([][]byte, error) {
				frame, err := d.Decode(p)
				return [][]byte{frame}, err
			}, nil
		}
	case *format.MPEGTS:
	default:
		return errors.New(name(s.media, f))
	}
	return s.check()
}

// name is what a format is called by itself or by the session description.
func name(m *description.Media, f format.Format) string {
	if g, ok := f.(*format.Generic); ok {
		return strings.TrimSpace(string(m.Type) + " " + g.RTPMap())
	}
	return f.Codec()
}

// check finds out whether the muxer takes the track.
func (s *stream) check() (err error) {
	if s.isTS() {
		return nil
	}
	if _, err = tsmux.New([]tsmux.Track{s.track}, func([]byte) {}); err == nil {
		s.decode, err = s.decoder()
	}
	return err
}

func (s *stream) describeAAC(f *format.MPEG4Audio) error {
	if f.Config == nil {
		return errors.New("AAC without its configuration")
	}
	config, err := f.Config.Marshal()
	if err != nil {
		return fmt.Errorf("AAC: %w", err)
	}
	s.track = tsmux.Track{Codec: mpegts.AAC, Config: config}
	s.decoder = maker(f.CreateDecoder, rtpmpeg4audio.ErrMorePacketsNeeded, errMore)
	return s.check()
}

func (s *stream) describeLATM(f *format.MPEG4AudioLATM) error {
	s.track = tsmux.Track{Codec: mpegts.AACLATM}
	if !f.CPresent {
		if f.StreamMuxConfig == nil {
			return errors.New("AAC in LATM without its configuration")
		}
		config, err := f.StreamMuxConfig.Marshal()
		if err != nil {
			return fmt.Errorf("AAC in LATM: %w", err)
		}
		s.track.Config = config
	}
	s.decoder = func() (decode, error) {
		d, err := f.CreateDecoder()
		if err != nil {
			return nil, err
		}
		return func(p *rtp.Packet) ([][]byte, error) {
			element, err := d.Decode(p)
			if errors.Is(err, rtpfragmented.ErrMorePacketsNeeded) {
				err = errMore
			}
			return [][]byte{element}, err
		}, nil
	}
	return s.check()
}

// decoder is what the decoders of most formats have in common.
type decoder interface {
	Decode(*rtp.Packet) ([][]byte, error)
}

// maker makes the constructor of a format's decoder one of ours; more and early are its own words for a unit that is
// not complete, and for packets of one whose beginning was before our time.
func maker[D decoder](create func() (D, error), more, early error) func() (decode, error) {
	return func() (decode, error) {
		d, err := create()
		if err != nil {
			return nil, err
		}
		return func(p *rtp.Packet) ([][]byte, error) {
			unit, err := d.Decode(p)
			if errors.Is(err, more) || errors.Is(err, early) {
				err = errMore
			}
			return unit, err
		}, nil
	}
}

// present leaves out what is empty.
func present(sets ...[]byte) (out [][]byte) {
	for _, s := range sets {
		if len(s) > 0 {
			out = append(out, s)
		}
	}
	return out
}
