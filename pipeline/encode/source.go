// Package encode turns an input's spool into encoded frames: runs of FFmpeg over intervals of it, and the one primitive
// that joins them, the hand-over from one run to the next at an instant of the timeline.
package encode

import (
	"slices"

	"onair/pkg/anchor"
	"onair/pkg/ffmpeg"
	"onair/pkg/fmp4"
	"onair/pkg/mpegts"
	"onair/pkg/spool"
	"onair/pkg/tick"
)

// preRoll is how much is decoded before the first wanted frame where decoding begins at a recovery point, and how much
// audio is read ahead of the first wanted sample.
const preRoll = tick.Second / 2

// patience is how long a source may go without a random access point before decoding begins anywhere.
const patience = 10 * tick.Second

// Source is one input as a run reads it: a stretch of one format.
type Source struct {
	Input  string // name
	Format uint32
	// Pictures is the first format since which the coded pictures are what they are in Format: where only the sound has
	// changed, decoding begins at a picture from before. 0 is Format.
	Pictures uint32
	Program  mpegts.Program
	Probe    ffmpeg.Source
	Select   []string // audio tracks that the input's configuration asks for, in order
	Spool    *spool.Spool
	Table    *anchor.Table

	after  uint64    // what lies before this position is not used: an absence of the input is not bridged
	bridge tick.Tick // longest absence that a run fills with the last picture; 0: any
	sound  tick.Tick // from where on sound is wanted, if that lies before the first picture that is; 0: it does not
	asOf   tick.Tick // start of the run that reads: it meets no correction of the source's clock on its way; 0: none yet
}

// Frame is one encoded access unit on the channel's timeline.
type Frame struct {
	PTS, DTS tick.Tick
	Sync     bool
	Data     []byte // owned by who gets it
	Slate    bool   // no input's: the slate, or a picture that is held
	Input    string // that the run reads, or Slate
}

// Output takes what runs produce. Frame and Header are called by one goroutine for each rendition of a run.
type Output interface {
	// Next is where media is wanted next: the earliest expected frame over the video and over the audio renditions.
	// With whole set, the start of the first segment that is not complete in every rendition. ok is false before any
	// media.
	Next(whole bool) (video, audio tick.Tick, ok bool)
	// Take hands over to a run from video and audio on: only its frames are used from there. A run of another ladder
	// than the one on air has its place at a segment's start; its frames are kept beside those of the run before, until
	// Expect settles that it takes over, or Take gives that one its place back.
	Take(run, ladder int, video, audio tick.Tick)
	// Held tells that what a run brings of that time is no picture of its own: the source begins later, and its first
	// one is held back.
	Held(from, until tick.Tick)
	Header(run int, rendition string, h fmp4.Header) error
	Frame(run int, rendition string, f Frame) error
	// Expect names the renditions that come from now on, of the run that was given its place last. The others are not
	// waited for, and are not what Next is about.
	Expect(renditions []string)
	// Done tells that a run has delivered all it will.
	Done(run int)
}

// mine tells whether an entry belongs to the stretch of input that s is.
func (s *Source) mine(e spool.Entry) bool {
	pictures := e.Video && s.Pictures != 0 && e.Format >= s.Pictures && e.Format < s.Format
	return (e.Format == s.Format || pictures) && e.Pos >= s.after
}

// at places an entry's PTS on the timeline.
func (s *Source) at(e spool.Entry) (tick.Tick, bool) {
	t, state := s.place(e)
	return t, state == anchor.Mapped
}

func (s *Source) place(e spool.Entry) (tick.Tick, anchor.State) {
	if s.asOf == 0 {
		return s.Table.Map(e.Gen, e.PTS)
	}
	return s.Table.MapAsOf(e.Gen, e.PTS, s.asOf)
}

// rejoin leaves out what lies before the newest absence of the input, or before a hole that its clock has left on the
// timeline: a source that was halted is behind until that is known.
func (s *Source) rejoin() {
	if s.bridge == 0 {
		return
	}
	var later spool.Entry
	s.Spool.Find(func(e spool.Entry) bool {
		if !s.leads(e) {
			return false
		}
		absent := later.Arrival != 0 && (later.Arrival-e.Arrival > s.bridge || s.hole(e, later))
		if !absent {
			later = e
		}
		return absent
	})
	if first, ok := s.Spool.First(s.leads); ok && later.Pos > first.Pos {
		s.after = later.Pos
	}
}

// hole tells whether between two entries more of the timeline is missing than a run fills.
func (s *Source) hole(e, later spool.Entry) bool {
	if e.Gen == later.Gen {
		return false
	}
	from, known := s.at(e)
	to, mapped := s.at(later)
	return known && mapped && to-from > s.bridge
}

// hasVideo tells whether the source has pictures to decode.
func (s *Source) hasVideo() bool { return s.Probe.Video != nil }

// leads tells whether e is an entry of the stream whose access points decide where a run may begin.
func (s *Source) leads(e spool.Entry) bool { return s.mine(e) && (e.Video || !s.hasVideo()) }

// head is the newest place on the timeline that has arrived.
func (s *Source) head() (tick.Tick, bool) {
	var at tick.Tick
	_, ok := s.Spool.Find(func(e spool.Entry) bool {
		if !s.leads(e) {
			return false
		}
		t, mapped := s.at(e)
		at = t
		return mapped
	})
	return at, ok
}

// missed tells whether what an input brings now belongs before next, where media is wanted next, because its clock has
// fallen behind: it either catches up in a moment, or is placed anew.
func (s *Source) missed(next tick.Tick) bool {
	newest, ok := s.Spool.Find(s.mappedLead)
	if !ok {
		return false
	}
	at, _ := s.at(newest)
	return newest.Arrival-at > anchor.Fit && at < next
}

// entrance is where a run reads from: the spool position, the position of the first video packet that is used, and the
// place of that one on the timeline.
type entrance struct {
	pos, video uint64
	at         tick.Tick
	late       bool // no sound comes from before the first wanted picture
	blind      bool // no random access point came for long: decoding begins anywhere

	hold  tick.Tick // for how long the last picture is to be shown; 0: it is a run as any other
	end   uint64    // position at which reading ends; 0: nowhere
	until int64     // silence goes on up to there, in 90 kHz since base
}

// enter finds the last point at or before want from which the source can be decoded, or else the first one after it.
func (s *Source) enter(want tick.Tick, now tick.Tick) (entrance, bool) {
	e, ok := s.access(want)
	blind := !ok
	if blind {
		if first, found := s.Spool.First(s.leads); found && now-first.Arrival > patience {
			e, ok = s.Spool.First(s.mappedLead)
		}
		if !ok {
			return entrance{}, false
		}
	}
	at, _ := s.at(e)
	in := entrance{pos: e.Pos, video: e.Pos, at: at, blind: blind}
	heard := max(at, want)
	if s.sound != 0 {
		heard = min(heard, s.sound)
	}
	early := heard - preRoll
	audio, found := s.Spool.First(func(e spool.Entry) bool {
		t, mapped := s.at(e)
		return s.mine(e) && !e.Video && mapped && t >= early
	})
	if found {
		in.pos = min(in.pos, audio.Pos)
	}
	from, mapped := s.at(audio)
	in.late = !found || !mapped || from > min(want, heard)-preRoll/2 || s.silent()
	return in, true
}

// silent tells whether silence stands for some of the sound, which begins with the pictures that are read.
func (s *Source) silent() bool {
	absent := func(t ffmpeg.AudioTrack) bool { return t.Absent }
	return len(s.Probe.Audio) == 0 || slices.ContainsFunc(s.Probe.Audio, absent)
}

func (s *Source) mappedLead(e spool.Entry) bool {
	_, mapped := s.at(e)
	return mapped && s.leads(e)
}

// access is the best random access point for a run that wants pictures from want on.
func (s *Source) access(want tick.Tick) (spool.Entry, bool) {
	suits := func(e spool.Entry) bool {
		if !s.leads(e) {
			return false
		}
		t, mapped := s.at(e)
		if !mapped || t > want {
			return false
		}
		return !s.hasVideo() || e.Access == mpegts.IDR || e.Access == mpegts.Recovery && t <= want-preRoll
	}
	if e, ok := s.Spool.Find(suits); ok {
		return e, true
	}
	return s.Spool.First(func(e spool.Entry) bool {
		return s.mappedLead(e) && (!s.hasVideo() || e.Access == mpegts.IDR || e.Access == mpegts.Recovery)
	})
}
