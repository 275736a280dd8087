package verify

import (
	"encoding/xml"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"onair/pkg/tick"
)

// The parts of an MPD that a live channel uses (ISO/IEC 23009-1).
type mpdXML struct {
	XMLName      xml.Name    `xml:"urn:mpeg:dash:schema:mpd:2011 MPD"`
	Type         string      `xml:"type,attr"`
	Profiles     string      `xml:"profiles,attr"`
	Start        string      `xml:"availabilityStartTime,attr"`
	Published    string      `xml:"publishTime,attr"`
	Update       string      `xml:"minimumUpdatePeriod,attr"`
	MinBuffer    string      `xml:"minBufferTime,attr"`
	Depth        string      `xml:"timeShiftBufferDepth,attr"`
	Delay        string      `xml:"suggestedPresentationDelay,attr"`
	Presentation string      `xml:"mediaPresentationDuration,attr"`
	BaseURLs     []string    `xml:"BaseURL"`
	Periods      []periodXML `xml:"Period"`
	Timings      []schemeXML `xml:"UTCTiming"`
}

type schemeXML struct {
	Scheme string `xml:"schemeIdUri,attr"`
	Value  string `xml:"value,attr"`
}

type periodXML struct {
	ID       string   `xml:"id,attr"`
	Start    string   `xml:"start,attr"`
	Duration string   `xml:"duration,attr"`
	Sets     []setXML `xml:"AdaptationSet"`
}

type setXML struct {
	ID              string              `xml:"id,attr"`
	Content         string              `xml:"contentType,attr"`
	Mime            string              `xml:"mimeType,attr"`
	Lang            string              `xml:"lang,attr"`
	Aligned         string              `xml:"segmentAlignment,attr"`
	SAP             string              `xml:"startWithSAP,attr"`
	Template        *templateXML        `xml:"SegmentTemplate"`
	Representations []representationXML `xml:"Representation"`
}

type representationXML struct {
	ID        string       `xml:"id,attr"`
	Bandwidth int64        `xml:"bandwidth,attr"`
	Codecs    string       `xml:"codecs,attr"`
	Mime      string       `xml:"mimeType,attr"`
	Width     int          `xml:"width,attr"`
	Height    int          `xml:"height,attr"`
	Rate      string       `xml:"frameRate,attr"`
	Sampling  string       `xml:"audioSamplingRate,attr"`
	Template  *templateXML `xml:"SegmentTemplate"`
}

type templateXML struct {
	Media     string       `xml:"media,attr"`
	Init      string       `xml:"initialization,attr"`
	Number    *int64       `xml:"startNumber,attr"`
	Timescale int64        `xml:"timescale,attr"`
	Offset    uint64       `xml:"presentationTimeOffset,attr"`
	Duration  string       `xml:"duration,attr"`
	EndNumber string       `xml:"endNumber,attr"`
	Timeline  *timelineXML `xml:"SegmentTimeline"`
}

type timelineXML struct {
	S []sXML `xml:"S"`
}

type sXML struct {
	T *int64 `xml:"t,attr"`
	D int64  `xml:"d,attr"`
	R int64  `xml:"r,attr"`
	N string `xml:"n,attr"`
	K string `xml:"k,attr"`
}

// maxListed bounds the segments of a timeline: a week of 2 s segments has 302 400.
const maxListed = 400_000

// mpdSegment is one segment that an MPD lists.
type mpdSegment struct {
	number   int64 // $Number$
	time     int64 // in the template's timescale
	duration int64
	media    string // path
	init     string
}

// mpdTrack is a Representation in one period.
type mpdTrack struct {
	representationXML
	set       setXML
	timescale int64
	offset    uint64
	segments  []mpdSegment
}

// mpdPeriod is a Period.
type mpdPeriod struct {
	id       string
	start    tick.Tick
	duration tick.Tick // 0 when it is open
	tracks   []mpdTrack
}

// manifest is an MPD that has been read.
type manifest struct {
	mpdXML
	published time.Time
	update    tick.Tick
	periods   []mpdPeriod
	holes     []string // places where a timeline is not contiguous
	forbidden []string // attributes that interoperability points forbid
}

// readManifest reads an MPD of type dynamic with SegmentTimelines.
func readManifest(b []byte) (*manifest, error) {
	m := &manifest{}
	if err := xml.Unmarshal(b, &m.mpdXML); err != nil {
		return nil, err
	}
	var err error
	if m.published, err = time.Parse(time.RFC3339Nano, m.Published); err != nil {
		return nil, fmt.Errorf("publishTime %q", m.Published)
	}
	if m.Type != "dynamic" || m.Profiles == "" || m.Presentation != "" || len(m.Periods) == 0 {
		return nil, fmt.Errorf("type %q, profiles %q, mediaPresentationDuration %q, %d periods", m.Type, m.Profiles,
			m.Presentation, len(m.Periods))
	}
	for name, text := range map[string]string{"minBufferTime": m.MinBuffer, "timeShiftBufferDepth": m.Depth,
		"suggestedPresentationDelay": m.Delay} {
		if _, err := xsDuration(text); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if m.update, err = xsDuration(m.Update); err != nil {
		return nil, fmt.Errorf("minimumUpdatePeriod: %w", err)
	}
	for _, p := range m.Periods {
		out, err := m.period(p)
		if err != nil {
			return nil, fmt.Errorf("period %q: %w", p.ID, err)
		}
		m.periods = append(m.periods, out)
	}
	return m, nil
}

func (m *manifest) period(p periodXML) (mpdPeriod, error) {
	out := mpdPeriod{id: p.ID}
	var err error
	if out.start, err = xsDuration(p.Start); err != nil {
		return out, fmt.Errorf("start: %w", err)
	}
	if p.Duration != "" {
		if out.duration, err = xsDuration(p.Duration); err != nil {
			return out, fmt.Errorf("duration: %w", err)
		}
	}
	if p.ID == "" || len(p.Sets) == 0 {
		return out, fmt.Errorf("no id or no AdaptationSet")
	}
	for _, s := range p.Sets {
		for _, r := range s.Representations {
			t, err := m.track(p.ID, s, r)
			if err != nil {
				return out, fmt.Errorf("representation %q: %w", r.ID, err)
			}
			out.tracks = append(out.tracks, t)
		}
	}
	return out, nil
}

func (m *manifest) track(period string, s setXML, r representationXML) (mpdTrack, error) {
	tpl := s.Template
	if r.Template != nil {
		tpl = r.Template
	}
	switch {
	case r.ID == "" || r.Bandwidth <= 0 || r.Codecs == "" || s.Mime+r.Mime == "":
		return mpdTrack{}, fmt.Errorf("id, bandwidth %d, codecs %q or mimeType %q is missing", r.Bandwidth, r.Codecs,
			s.Mime+r.Mime)
	case tpl == nil || tpl.Timeline == nil || tpl.Timescale <= 0 || !strings.Contains(tpl.Media, "$Number$") ||
		tpl.Init == "":
		return mpdTrack{}, fmt.Errorf("no SegmentTemplate with timescale, $Number$, initialization and SegmentTimeline")
	case tpl.Offset/uint64(tpl.Timescale) >= lastSecond:
		return mpdTrack{}, fmt.Errorf("presentationTimeOffset %d at %d units a second", tpl.Offset, tpl.Timescale)
	}
	t := mpdTrack{representationXML: r, set: s, timescale: tpl.Timescale, offset: tpl.Offset}
	if t.Mime == "" {
		t.Mime = s.Mime
	}
	if tpl.Duration != "" || tpl.EndNumber != "" {
		m.forbidden = append(m.forbidden, "SegmentTemplate@duration or @endNumber beside a SegmentTimeline")
	}
	number := int64(1) // the default
	if tpl.Number != nil {
		number = *tpl.Number
	}
	return t, m.expand(&t, tpl, number, period)
}

// expand lists the segments of a timeline.
func (m *manifest) expand(t *mpdTrack, tpl *templateXML, number int64, period string) error {
	name := func(pattern string, n int64) string {
		pattern = strings.ReplaceAll(pattern, "$RepresentationID$", t.ID)
		return strings.ReplaceAll(pattern, "$Number$", strconv.FormatInt(n, 10))
	}
	next := int64(0)
	for i, s := range tpl.Timeline.S {
		if s.D <= 0 || s.R < 0 || s.R >= maxListed-int64(len(t.segments)) {
			return fmt.Errorf("entry S %d has duration %d and repeats %d", i, s.D, s.R)
		}
		if s.N != "" || s.K != "" {
			m.forbidden = append(m.forbidden, "S@n or S@k")
		}
		if s.T != nil {
			if i > 0 && *s.T != next {
				m.holes = append(m.holes, fmt.Sprintf("period %s, representation %s: S@t %d after %d", period, t.ID, *s.T, next))
			}
			next = *s.T
		}
		for range s.R + 1 {
			if next < 0 || next/t.timescale >= lastSecond || s.D/t.timescale >= lastSecond {
				return fmt.Errorf("entry S %d is at %d and lasts %d, at %d units a second", i, next, s.D, t.timescale)
			}
			t.segments = append(t.segments, mpdSegment{number, next, s.D, name(tpl.Media, number), name(tpl.Init, number)})
			next += s.D
			number++
		}
	}
	if len(t.segments) == 0 {
		return fmt.Errorf("an empty SegmentTimeline")
	}
	return nil
}

var xsDurationForm = regexp.MustCompile(`^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,9}))?S)?)?$`)

// xsDuration reads an xs:duration of days and smaller units exactly.
func xsDuration(s string) (tick.Tick, error) {
	f := xsDurationForm.FindStringSubmatch(s)
	if f == nil || strings.HasSuffix(s, "T") || s == "P" {
		return 0, fmt.Errorf("%q is no duration", s)
	}
	total := int64(0)
	for i, unit := range []int64{86_400, 3600, 60, 1} {
		if f[i+1] == "" {
			continue
		}
		n, err := strconv.ParseInt(f[i+1], 10, 64)
		if err != nil || n > 1<<40/unit {
			return 0, fmt.Errorf("%q is too long", s)
		}
		total += n * unit
	}
	if total > 1<<33 {
		return 0, fmt.Errorf("%q is too long", s)
	}
	ns, _ := strconv.ParseInt((f[5] + "000000000")[:9], 10, 64)
	return tick.Tick(total)*tick.Second + tick.FromDuration(time.Duration(ns)), nil
}
