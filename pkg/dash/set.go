package dash

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/Eyevinn/dash-mpd/mpd"

	"onair/pkg/ladder"
	"onair/pkg/presentation"
)

// What sets carry.
const (
	roleMain  = "main"
	scheme608 = "urn:scte:dash:cc:cea-608:2015"
	scheme708 = "urn:scte:dash:cc:cea-708:2015"
)

// set is an AdaptationSet: tracks between which a player may switch.
type set struct {
	id     uint32
	main   bool
	tracks []presentation.Track
}

func (g set) has(name string) bool {
	return slices.ContainsFunc(g.tracks, func(t presentation.Track) bool { return t.Name == name })
}

// group puts tracks into sets: video of one codec and picture rate family, audio of one codec, language and channel
// count. The sets and their ids depend on the tracks that the channel had then alone, so they are the same in every
// update, and in every Period until it gets others.
func group(tracks []presentation.Track) []set {
	var out []set
	var keys []string
	main := mainAudio(tracks)
	for i, t := range tracks {
		key := setKey(t)
		n := slices.Index(keys, key)
		if n < 0 {
			n = len(out)
			keys = append(keys, key)
			out = append(out, set{id: cmp.Or(t.Set, uint32(n+1)), main: t.Kind == ladder.Video})
		}
		out[n].main = out[n].main || i == main
		out[n].tracks = append(out[n].tracks, t)
	}
	return out
}

func setKey(t presentation.Track) string {
	codec, _, _ := strings.Cut(t.Codecs, ".")
	if t.Kind == ladder.Video {
		return fmt.Sprintf("video %s %d", codec, timescale(t))
	}
	return fmt.Sprintf("audio %s %s %d %d", t.Codecs, ladder.LanguageTag(t.Language), t.Channels, timescale(t))
}

func mainAudio(tracks []presentation.Track) int {
	isAudio := func(t presentation.Track) bool { return t.Kind == ladder.Audio }
	if i := slices.IndexFunc(tracks, func(t presentation.Track) bool { return isAudio(t) && t.Default }); i >= 0 {
		return i
	}
	return slices.IndexFunc(tracks, isAudio)
}

func timescale(t presentation.Track) int64 {
	if t.Kind == ladder.Audio {
		return cmp.Or(t.Timescale, t.SampleRate, 48_000)
	}
	return cmp.Or(t.Timescale, t.Rate.Timescale())
}

// adaptationSet describes the tracks of g that the stretch has; nil if it has none.
func (w *writer) adaptationSet(g set, present map[string]presentation.Track, st presentation.Stretch,
) (*mpd.AdaptationSetType, error) {
	a := mpd.NewAdaptationSet()
	a.Id = mpd.Ptr(g.id)
	a.SegmentAlignment = true
	a.StartWithSAP = 1
	role := roleMain
	if !g.main {
		role = "alternate"
	}
	a.Roles = []*mpd.DescriptorType{mpd.NewRole(role)}
	for _, t := range g.tracks {
		t, ok := present[t.Name]
		if !ok {
			continue
		}
		if t.Codecs == "" || t.Init == "" || t.Peak <= 0 {
			return nil, fmt.Errorf("codecs, init or bandwidth of track %q are not known yet", t.Name)
		}
		r := representation(t)
		if a.SegmentTemplate == nil || a.SegmentTemplate.Initialization != initialization(t) {
			tmpl, err := w.template(t, st)
			if err != nil {
				return nil, err
			}
			if a.SegmentTemplate == nil {
				a.SegmentTemplate = tmpl
				describe(a, t)
			} else {
				r.SegmentTemplate = tmpl
			}
		}
		a.AppendRepresentation(r)
	}
	if a.SegmentTemplate == nil {
		return nil, nil //nolint:nilnil // no such set in this stretch is no error
	}
	return a, nil
}

// describe sets what all tracks of the set have in common.
func describe(a *mpd.AdaptationSetType, t presentation.Track) {
	a.ContentType = mpd.RFC6838ContentTypeType(t.Kind.String())
	a.MimeType = t.Kind.String() + "/mp4"
	if t.Kind == ladder.Audio {
		a.Lang = ladder.LanguageTag(t.Language)
		return
	}
	a.Accessibilities = captions(t.Captions)
}

func representation(t presentation.Track) *mpd.RepresentationType {
	r := mpd.NewRepresentation()
	r.Id = t.Name
	r.Bandwidth = uint32(min(t.Peak, math.MaxUint32))
	r.Codecs = t.Codecs
	if t.Kind == ladder.Audio {
		if t.SampleRate > 0 {
			r.AudioSamplingRate = mpd.Ptr(mpd.UIntVectorType(strconv.FormatInt(t.SampleRate, 10)))
		}
		if c := layout(t.Channels); c > 0 {
			r.AudioChannelConfigurations = []*mpd.DescriptorType{
				mpd.NewDescriptor(mpd.AUDIO_CHANNEL_CONFIGURATION_CICP, strconv.Itoa(c), ""),
			}
		}
		return r
	}
	r.Width, r.Height = uint32(t.Width), uint32(t.Height)
	r.Sar = "1:1"
	if !t.Rate.IsZero() {
		r.FrameRate = mpd.FrameRateType(t.Rate.String())
	}
	return r
}

func initialization(t presentation.Track) string { return "$RepresentationID$/" + t.Init }

// layout is the CICP channel configuration (ISO/IEC 23091-3) of the usual layout with that many channels; 0 if there
// is none.
func layout(channels int) int {
	switch channels {
	case 1, 2, 3, 4, 5, 6:
		return channels
	case 8:
		return 12
	}
	return 0
}

// captions declares CEA-608 channels and CEA-708 services in the video (SCTE 214-1).
func captions(all []ladder.Caption) []*mpd.DescriptorType {
	var cc, svc []string
	for _, c := range all {
		lang := cmp.Or(c.Language, "und")
		if c.Is608() {
			cc = append(cc, c.Channel+"="+lang)
		} else {
			svc = append(svc, strings.TrimPrefix(c.Channel, "SERVICE")+"=lang:"+lang)
		}
	}
	var out []*mpd.DescriptorType
	if len(cc) > 0 {
		out = append(out, mpd.NewDescriptor(scheme608, strings.Join(cc, ";"), ""))
	}
	if len(svc) > 0 {
		out = append(out, mpd.NewDescriptor(scheme708, strings.Join(svc, ";"), ""))
	}
	return out
}
