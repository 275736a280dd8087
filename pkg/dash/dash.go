// Package dash writes a presentation as an MPD (ISO/IEC 23009-1, live profile) and reads period ids back.
package dash

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/Eyevinn/dash-mpd/mpd"

	"onair/pkg/presentation"
	"onair/pkg/tick"
)

// FileName is the name of the manifest, and the URL in its UTCTiming: players resolve it against the manifest's own.
const FileName = "manifest.mpd"

const (
	utcHead = "urn:mpeg:dash:utc:http-head:2014"

	// The media timeline is POSIX time: epoch 0, leap seconds not counted.
	availabilityStart = "1970-01-01T00:00:00Z"

	// minBuffer: @bandwidth is no lower than the encoder's bucket rate, whose buffer is one second (23009-1 §5.3.5.4).
	minBuffer = 2 * tick.Second

	// delaySegments and delayExtra are how far behind real time players stay: a segment is being made, one may be on its
	// way, a third is the reserve; the extra is for encoding and writing.
	delaySegments = 3
	delayExtra    = 2 * tick.Second
)

// ErrEmpty tells that nothing playable is listed: an MPD without a Period is not valid.
var ErrEmpty = errors.New("nothing playable is listed")

// MPD is the manifest. Every stretch of segments in which the same tracks have media is a Period; what lies between is
// missing. Period time is media time is POSIX time in every Period: presentationTimeOffset equals the Period's start.
func MPD(s *presentation.Snapshot) ([]byte, error) {
	stretches := s.Stretches()
	if len(stretches) == 0 {
		return nil, fmt.Errorf("mpd of channel %q: %w", s.Channel(), ErrEmpty)
	}
	grid := s.Grid()
	m := mpd.NewMPD(mpd.DYNAMIC_TYPE)
	m.Profiles = mpd.PROFILE_LIVE
	m.AvailabilityStartTime = availabilityStart
	m.PublishTime = mpd.ConvertToDateTimeMS(s.Published().FloorMs())
	m.MinimumUpdatePeriod = span(grid.T)
	m.MinBufferTime = span(minBuffer)
	m.TimeShiftBufferDepth = span(tick.Tick(s.Size()) * grid.T)
	m.SuggestedPresentationDelay = span(delaySegments*grid.T + delayExtra)
	m.MaxSegmentDuration = span(s.Longest())
	w := &writer{s: s}
	for i, st := range stretches {
		p, err := w.period(stretches, i)
		if err != nil {
			return nil, fmt.Errorf("mpd of channel %q, period %d: %w", s.Channel(), st.ID, err)
		}
		m.AppendPeriod(p)
	}
	m.UTCTimings = []*mpd.DescriptorType{mpd.NewDescriptor(utcHead, FileName, "")}
	var b bytes.Buffer
	if _, err := m.Write(&b, "  ", true); err != nil {
		return nil, fmt.Errorf("mpd of channel %q: %w", s.Channel(), err)
	}
	return w.splice(b.Bytes()), nil
}

// span is a duration rounded up to the millisecond, which is what the MPD library prints.
func span(t tick.Tick) *mpd.Duration {
	return ms((t + tick.Millisecond - 1).FloorMs())
}

func ms(v int64) *mpd.Duration { return mpd.Ptr(mpd.Duration(time.Duration(v) * time.Millisecond)) }
