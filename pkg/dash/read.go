package dash

import (
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"onair/pkg/ladder"
	"onair/pkg/presentation"
	"onair/pkg/tick"
)

// maxManifest bounds what is read.
const maxManifest = 16 << 20

// Period is what is read back of a Period: the number that it began with, and its tracks as they were described.
type Period struct {
	ID     int64
	Tracks []presentation.Track // in the order of their sets
}

type mpdDoc struct {
	XMLName   xml.Name    `xml:"MPD"`
	Published string      `xml:"publishTime,attr"`
	Periods   []periodDoc `xml:"Period"`
}

type periodDoc struct {
	ID   string   `xml:"id,attr"`
	Sets []setDoc `xml:"AdaptationSet"`
}

type setDoc struct {
	ID       string              `xml:"id,attr"`
	Kind     string              `xml:"contentType,attr"`
	Lang     string              `xml:"lang,attr"`
	Roles    []descriptorDoc     `xml:"Role"`
	Captions []descriptorDoc     `xml:"Accessibility"`
	Template *templateDoc        `xml:"SegmentTemplate"`
	Tracks   []representationDoc `xml:"Representation"`
}

type descriptorDoc struct {
	Scheme string `xml:"schemeIdUri,attr"`
	Value  string `xml:"value,attr"`
}

type templateDoc struct {
	Init  string `xml:"initialization,attr"`
	Scale int64  `xml:"timescale,attr"`
}

type representationDoc struct {
	ID        string          `xml:"id,attr"`
	Bandwidth int64           `xml:"bandwidth,attr"`
	Codecs    string          `xml:"codecs,attr"`
	Width     int             `xml:"width,attr"`
	Height    int             `xml:"height,attr"`
	Rate      string          `xml:"frameRate,attr"`
	Sampling  int64           `xml:"audioSamplingRate,attr"`
	Layout    []descriptorDoc `xml:"AudioChannelConfiguration"`
	Template  *templateDoc    `xml:"SegmentTemplate"`
}

func readDoc(data []byte) (m mpdDoc, err error) {
	if len(data) > maxManifest {
		return m, fmt.Errorf("mpd of %d bytes is too long", len(data))
	}
	if err := xml.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("reading mpd: %w", err)
	}
	return m, nil
}

// Published reads the time of publication of a manifest: the later one goes further.
func Published(data []byte) (time.Time, error) {
	m, err := readDoc(data)
	if err != nil {
		return time.Time{}, err
	}
	at, err := time.Parse(time.RFC3339Nano, m.Published)
	if err != nil {
		return at, fmt.Errorf("reading mpd: time of publication: %w", err)
	}
	return at, nil
}

// ReadPeriods reads the Periods of a manifest that MPD wrote, ascending, so that a window restored from playlists keeps
// the id of a Period whose first segment has left it, and what is told of tracks that the channel has no longer, or has
// otherwise. The MPD library only writes here: its reader does not return from some malformed documents.
func ReadPeriods(data []byte) ([]Period, error) {
	m, err := readDoc(data)
	if err != nil {
		return nil, err
	}
	var out []Period
	for _, p := range m.Periods {
		id, err := strconv.ParseInt(strings.TrimPrefix(p.ID, "P"), 10, 64)
		if err != nil || !strings.HasPrefix(p.ID, "P") || id < 0 {
			return nil, fmt.Errorf("reading mpd: period id %q is not P and a segment number", p.ID)
		}
		period := Period{ID: id}
		for _, s := range p.Sets {
			period.Tracks = append(period.Tracks, s.read()...)
		}
		out = append(out, period)
	}
	return out, nil
}

// read are the tracks of a set; one that is not described as here is left out.
func (s setDoc) read() []presentation.Track {
	var out []presentation.Track
	set, err := strconv.ParseUint(s.ID, 10, 32)
	if err != nil {
		return nil
	}
	for _, r := range s.Tracks {
		tmpl := r.Template
		if tmpl == nil {
			tmpl = s.Template
		}
		if tmpl == nil || r.ID == "" || tmpl.Scale <= 0 || r.Bandwidth <= 0 || r.Bandwidth > math.MaxUint32 {
			continue
		}
		init, ok := strings.CutPrefix(tmpl.Init, "$RepresentationID$/")
		if !ok || init == "" || strings.Contains(init, "/") || strings.Contains(r.ID, "/") {
			continue
		}
		t := presentation.Track{
			Name: r.ID, Codecs: r.Codecs, Peak: r.Bandwidth, Average: r.Bandwidth, Timescale: tmpl.Scale, Init: init,
			Set: uint32(set),
		}
		if s.describe(&t, r) {
			out = append(out, t)
		}
	}
	return out
}

// describe adds what belongs to a kind of tracks.
func (s setDoc) describe(t *presentation.Track, r representationDoc) bool {
	switch s.Kind {
	case ladder.Video.String():
		t.Kind, t.Width, t.Height, t.Captions = ladder.Video, r.Width, r.Height, readCaptions(s.Captions)
		t.Rate, _ = tick.ParseRate(r.Rate) // without one nothing was told
	case ladder.Audio.String():
		t.Kind, t.SampleRate, t.Language = ladder.Audio, r.Sampling, s.Lang
		t.Default = len(s.Roles) > 0 && s.Roles[0].Value == roleMain
		for _, l := range r.Layout {
			t.Channels, _ = strconv.Atoi(l.Value)
		}
		if t.Channels == layout(8) {
			t.Channels = 8
		}
	default:
		return false
	}
	return true
}

// readCaptions is what captions wrote.
func readCaptions(all []descriptorDoc) []ladder.Caption {
	var out []ladder.Caption
	for _, d := range all {
		for part := range strings.SplitSeq(d.Value, ";") {
			channel, lang, ok := strings.Cut(part, "=")
			switch {
			case !ok:
			case d.Scheme == scheme608:
				out = append(out, ladder.Caption{Channel: channel, Language: lang})
			case d.Scheme == scheme708:
				out = append(out, ladder.Caption{Channel: "SERVICE" + channel, Language: strings.TrimPrefix(lang, "lang:")})
			}
		}
	}
	return out
}
