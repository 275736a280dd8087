package verify

import (
	"fmt"
	"strings"

	"onair/pkg/fmp4"
	"onair/pkg/tick"
)

// A reload changes what variants declare while they are on air: a bitrate, a size, a codec. So variants are held
// against their segments at every look, and not at the end against all that there ever was. Playlists are fetched side
// by side: what one said on two looks in a row it said throughout, and only such things are compared.

// stays notes what of a playlist has been the same since the look before.
func (v *viewing) stays(t *track, m *mediaList) {
	before := t.list
	if v.kind == kindDirectory {
		before = m
	}
	if before == nil {
		return
	}
	t.from, t.to = m.sequence, before.last()
	was, is := before.entries[len(before.entries)-1], m.entries[len(m.entries)-1]
	t.settled = !is.gap && was.init == is.init
}

// checkVariants compares what variants declare with what their playlists list.
func (v *viewing) checkVariants() {
	if v.t == 0 {
		return
	}
	for _, x := range v.index.variants {
		video, audio := v.playing(x)
		if video == nil || video.list == nil {
			continue
		}
		average, _ := x.attrs.integer("AVERAGE-BANDWIDTH")
		for _, e := range video.list.entries {
			if s, ok := video.read[e.number]; ok && s.average == 0 {
				s.average = average
				video.read[e.number] = s
			}
		}
		if v.steady {
			v.checkCodecs(x, video, audio)
			v.checkPeak(x, video, audio)
		}
	}
}

// playing is a variant's playlist, nil if there is none, and those of the sounds that it may be played with.
func (v *viewing) playing(x variant) (video *track, audio []*track) {
	video = v.byPlaylist[x.uri]
	group, _ := x.attrs.text("AUDIO")
	for _, m := range v.index.group("AUDIO", group) {
		if t := v.byPlaylist[m.uri]; t != nil && t != video {
			audio = append(audio, t)
		}
	}
	return video, audio
}

// together is what segment k takes with the dearest of the sounds.
func together(video facts, audio []*track, k int64) int64 {
	worst := int64(0)
	for _, a := range audio {
		worst = max(worst, a.read[k].bits)
	}
	return video.bits + worst
}

// checkPeak holds the dearest segment that is listed against BANDWIDTH.
func (v *viewing) checkPeak(x variant, video *track, audio []*track) {
	peak, at := int64(0), int64(0)
	for k := video.from; k <= video.to; k++ {
		if s, ok := video.read[k]; ok {
			if bits := together(s, audio, k); bits > peak {
				peak, at = bits, k
			}
		}
	}
	if peak == 0 {
		return
	}
	declared, _ := x.attrs.integer("BANDWIDTH")
	measured := tick.MulDiv(peak, int64(tick.Second), int64(v.t))
	v.found.check(hlsPeak, indexName+" "+x.uri, measured*100 <= declared*125,
		"BANDWIDTH=%d, segment %d, which is listed, took %d b/s", declared, at, measured)
}

// checkAverages holds all that was read of a variant against AVERAGE-BANDWIDTH, as it was declared when it was read.
func (v *viewing) checkAverages(watched tick.Tick) {
	r := hlsAverageIs
	if watched >= 3600*tick.Second {
		r = hlsAverage
	}
	for _, x := range v.index.variants {
		video, audio := v.playing(x)
		if video == nil || v.t == 0 {
			continue
		}
		sum, average, n := int64(0), int64(0), int64(0)
		for k, s := range video.read {
			sum, average, n = sum+together(s, audio, k), average+s.average, n+1
		}
		if n == 0 {
			continue
		}
		average /= n
		measured := tick.MulDiv(sum/n, int64(tick.Second), int64(v.t))
		v.found.check(r, indexName+" "+x.uri, measured*100 < average*110, "AVERAGE-BANDWIDTH=%d, it was %d b/s", average,
			measured)
	}
}

// checkCodecs wants CODECS to name exactly the codecs of the variant's renditions.
func (v *viewing) checkCodecs(x variant, video *track, audio []*track) {
	object := indexName + " " + x.uri
	want := map[string]bool{}
	for _, t := range append([]*track{video}, audio...) {
		if t.header == nil || !t.settled {
			return
		}
		want[t.header.CodecString()] = true
	}
	text, _ := x.attrs.text("CODECS")
	got := map[string]bool{}
	for c := range strings.SplitSeq(text, ",") {
		got[strings.TrimSpace(c)] = true
	}
	same := len(got) == len(want)
	for c := range want {
		same = same && got[c]
	}
	v.found.check(hlsCodecs, object, same, "CODECS=%q, the init segments say %v", text, keys(want))
	if h := video.header; h.Kind == fmp4.Video {
		size := fmt.Sprintf("%dx%d", h.Width, h.Height)
		v.found.check(hlsVariant, object, x.attrs["RESOLUTION"] == size, "RESOLUTION=%s, the init segment says %s",
			x.attrs["RESOLUTION"], size)
		if video.frame > 0 {
			rate := fmt.Sprintf("%.3f", float64(h.Timescale)/float64(video.frame))
			v.found.check(hlsVariant, object, x.attrs["FRAME-RATE"] == rate, "FRAME-RATE=%s, frames last 1/%s s",
				x.attrs["FRAME-RATE"], rate)
		}
	}
}
