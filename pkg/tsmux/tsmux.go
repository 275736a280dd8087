// Package tsmux puts access units of video and audio into an MPEG transport stream (ISO/IEC 13818-1) of one programme.
package tsmux

import (
	"bytes"
	"errors"
	"fmt"

	ts "github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"

	"onair/pkg/mpegts"
)

// MaxTracks is how many tracks a programme map of one packet has room for.
const MaxTracks = 16

// maxAudio is how many bytes of sound fit one PES packet, whose length has 16 bits.
const maxAudio = 60_000

// Track describes one stream to be muxed.
type Track struct {
	Codec mpegts.Codec // H264, HEVC, AAC, AACLATM, MP2 (any layer of MPEG-1 audio), AC3 or Opus
	// Params are the parameter sets that the stream keeps outside of its pictures: SPS and PPS, with HEVC VPS too, as NAL
	// units without start code. Those that come within the stream take their place.
	Params [][]byte
	// Config is the AudioSpecificConfig of AAC (ISO/IEC 14496-3 §1.6.2.1). With AACLATM it is the StreamMuxConfig of
	// elements that come without one (§1.7.3.1); nothing where they bring it themselves.
	Config []byte
	// Channels is how many Opus has.
	Channels int
}

// Unit is what is presented at one instant: an access unit of video, or frames of audio one after another.
type Unit struct {
	PTS int64 // in 1/90 000 s, not wrapped; of the first frame
	DTS int64 // likewise, video only
	// HasDTS tells whether DTS is known. Otherwise it is found out from the pictures.
	HasDTS bool
	// Data are the NAL units of a picture, without start codes (see AnnexB and AVCC), or whole frames of audio: AAC
	// without ADTS header.
	Data [][]byte
}

// Stats counts since New.
type Stats struct {
	Units   uint64 // written
	Packets uint64 // of 188 bytes
	Guessed uint64 // access units whose DTS could only be guessed: pictures were lost, or the stream does not tell
	Jumps   uint64 // breaks of the time base, signalled by discontinuity_indicator
}

// Muxer makes the stream. It is for one goroutine.
type Muxer struct {
	out    func([]byte)
	writer ts.Writer
	buffer bytes.Buffer // what the writer wrote
	batch  []byte       // what goes out
	tracks []track
	tables [2]packet // PAT and programme map as the writer made them
	cc     map[uint16]uint8
	pulse  pulse
	stats  Stats
}

type packet [mpegts.Size]byte

// track is a stream at work.
type track struct {
	out   *ts.Track
	write func(*ts.Writer, *ts.Track, int64, [][]byte) error // audio
	video *pictures
}

// New makes a muxer of 1 to MaxTracks tracks; out gets whole packets of 188 bytes, one or more at a time, valid during
// the call. The error says which track cannot be muxed, and why. The PIDs are 256 and up, in the order of the tracks.
func New(tracks []Track, out func(packets []byte)) (*Muxer, error) {
	if len(tracks) == 0 || len(tracks) > MaxTracks {
		return nil, fmt.Errorf("%d tracks: 1 to %d can be muxed", len(tracks), MaxTracks)
	}
	m := &Muxer{out: out, cc: map[uint16]uint8{}}
	for i, t := range tracks {
		made, err := newTrack(t)
		if err != nil {
			return nil, fmt.Errorf("track %d: %w", i, err)
		}
		made.out.PID = firstPID + uint16(i)
		m.tracks = append(m.tracks, made)
		m.writer.Tracks = append(m.writer.Tracks, made.out)
	}
	m.writer.W = &m.buffer
	if err := m.writer.Initialize(); err != nil {
		return nil, fmt.Errorf("muxing: %w", err)
	}
	return m, m.prime()
}

const firstPID = 256

// ErrNoPicture tells that an access unit held no picture. Its parameter sets are kept all the same: some senders give
// them one of their own.
var ErrNoPicture = errors.New("an access unit without a picture")

// newTrack finds out how a track is written.
func newTrack(t Track) (track, error) {
	switch t.Codec {
	case mpegts.H264:
		return track{out: &ts.Track{Codec: &ts.CodecH264{}}, video: newPictures(avc{}, t.Params)}, nil
	case mpegts.HEVC:
		return track{out: &ts.Track{Codec: &ts.CodecH265{}}, video: newPictures(hevc{}, t.Params)}, nil
	case mpegts.AAC:
		return newAAC(t.Config)
	case mpegts.AACLATM:
		return newLATM(t.Config)
	case mpegts.MP2:
		return track{out: &ts.Track{Codec: &ts.CodecMPEG1Audio{}}, write: (*ts.Writer).WriteMPEG1Audio}, nil
	case mpegts.AC3:
		return track{out: &ts.Track{Codec: &ts.CodecAC3{}}, write: writeAC3}, nil
	case mpegts.Opus:
		if t.Channels < 1 || t.Channels > 8 {
			return track{}, fmt.Errorf("opus with %d channels: 1 to 8 can be muxed", t.Channels)
		}
		return track{out: &ts.Track{Codec: &ts.CodecOpus{ChannelCount: t.Channels}}, write: (*ts.Writer).WriteOpus}, nil
	}
	return track{}, fmt.Errorf("%s cannot be muxed: what can is h264, hevc, aac, mp2, mp3, ac3 and opus", t.Codec)
}

// prime makes the first video track the one that carries the clock: with the writer that is the first one written to.
func (m *Muxer) prime() error {
	for i, t := range m.tracks {
		if t.video == nil {
			continue
		}
		m.pulse.pid = m.tracks[i].out.PID
		if err := t.video.write(&m.writer, t.out, 0, 0, t.video.kind.key()); err != nil {
			return fmt.Errorf("muxing: %w", err)
		}
		m.collect(m.pulse.pid)
		m.batch = m.batch[:0]
		return nil
	}
	return nil
}

// Write muxes one unit of a track. What comes before it in decoding order must have been written before. After an error
// nothing of the unit is in the stream, and the next may be written.
func (m *Muxer) Write(index int, u Unit) error {
	if index < 0 || index >= len(m.tracks) {
		return fmt.Errorf("there is no track %d", index)
	}
	t := &m.tracks[index]
	m.batch, u.DTS = m.batch[:0], m.decodeAt(t, u)
	var err error
	if t.video != nil {
		err = t.writeVideo(&m.writer, u)
	} else {
		err = t.writeAudio(&m.writer, u)
	}
	if err != nil {
		m.buffer.Reset()
		return err
	}
	if m.pulse.pid == 0 {
		m.pulse.pid = t.out.PID
	}
	m.beat(t.out.PID, u.DTS)
	m.collect(t.out.PID)
	m.stats.Units++
	m.stats.Packets += uint64(len(m.batch) / mpegts.Size)
	m.out(m.batch)
	return nil
}

// Stats returns the counts so far.
func (m *Muxer) Stats() Stats { return m.stats }

// decodeAt prepares the pictures of a unit and finds its DTS.
func (m *Muxer) decodeAt(t *track, u Unit) int64 {
	switch {
	case t.video == nil:
		return u.PTS
	case !t.video.take(u.Data):
		return 0
	case u.HasDTS:
		return min(u.DTS, u.PTS)
	}
	dts, known := t.video.decodeAt(u.PTS)
	if !known {
		m.stats.Guessed++
	}
	return dts
}

func (t *track) writeVideo(w *ts.Writer, u Unit) error {
	if len(t.video.unit) == 0 {
		return ErrNoPicture
	}
	return t.video.write(w, t.out, u.PTS&maxTime, u.DTS&maxTime, t.video.unit)
}

func (t *track) writeAudio(w *ts.Writer, u Unit) error {
	size := 0
	for _, frame := range u.Data {
		if len(frame) == 0 {
			return errors.New("an empty frame of sound")
		}
		size += len(frame)
	}
	if size == 0 || size > maxAudio {
		return fmt.Errorf("%d bytes of sound at once: 1 to %d can be muxed", size, maxAudio)
	}
	return t.write(w, t.out, u.PTS&maxTime, u.Data)
}

// collect takes what the writer wrote: its tables are kept, its packets of a PID go out with a continuity counter of
// ours and without the writer's clock.
func (m *Muxer) collect(pid uint16) {
	for m.buffer.Len() >= mpegts.Size {
		p := mpegts.Packet(m.buffer.Next(mpegts.Size))
		switch p.PID() {
		case mpegts.PIDPAT:
			copy(m.tables[0][:], p)
		case pid:
			unclock(p)
			m.put(p)
		default:
			copy(m.tables[1][:], p)
		}
	}
	m.buffer.Reset()
}

// put appends a packet, counted.
func (m *Muxer) put(p mpegts.Packet) {
	pid := p.PID()
	if p.HasPayload() {
		m.cc[pid]++
	}
	mpegts.SetCC(p, m.cc[pid]-1)
	m.batch = append(m.batch, p...)
}
