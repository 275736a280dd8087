package encode

import (
	"slices"
	"strconv"

	"onair/pkg/ladder"
	"onair/pkg/mpegts"
)

// captionLook finds out which captions are in use in the pictures that pass.
type captionLook struct {
	pid       uint16
	found     *mpegts.Captions // nil: no pictures
	announced []mpegts.CaptionService
}

// lookForCaptions looks at the first video track of a programme.
func lookForCaptions(p mpegts.Program) *captionLook {
	l := &captionLook{}
	if i := slices.IndexFunc(p.Streams, func(s mpegts.Stream) bool { return s.Kind == mpegts.Video }); i >= 0 {
		s := p.Streams[i]
		l.pid, l.found, l.announced = s.PID, mpegts.NewCaptions(s.Codec), mpegts.AnnouncedCaptions(s.Descriptors)
	}
	return l
}

// before looks at the packets that go to write.
func (l *captionLook) before(write func([]byte) (int, error)) func([]byte) (int, error) {
	return func(b []byte) (int, error) {
		for at := 0; l.found != nil && at+mpegts.Size <= len(b); at += mpegts.Size {
			if p := mpegts.Packet(b[at : at+mpegts.Size]); p.PID() == l.pid {
				l.found.Push(p)
			}
		}
		return write(b)
	}
}

// services are the captions in use, with the languages that the programme announces. Pictures that carry nothing but
// padding yet are taken for what is announced, else for the channel that nearly every captioned service has.
// present is that ffprobe has found some.
func (l *captionLook) services(present bool) []ladder.Caption {
	var stats mpegts.CaptionStats
	if l.found != nil {
		stats = l.found.Stats()
	}
	if stats.Pictures == 0 && !present {
		return nil
	}
	var out []ladder.Caption
	add := func(channel string) {
		c := ladder.Caption{Channel: channel}
		for _, a := range l.announced {
			if a.Channel == channel {
				c.Language = a.Language
			}
		}
		out = append(out, c)
	}
	for _, channel := range stats.Channels {
		add(channel)
	}
	for _, n := range stats.Services {
		add("SERVICE" + strconv.Itoa(n))
	}
	if len(out) == 0 {
		for _, a := range l.announced {
			add(a.Channel)
		}
	}
	if len(out) == 0 {
		add("CC1")
	}
	return out
}
