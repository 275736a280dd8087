package hls

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/grafov/m3u8"

	"onair/pkg/ladder"
	"onair/pkg/presentation"
)

// Names of the rendition groups.
const (
	audioGroup   = "audio"
	captionGroup = "cc"
)

// firstBitrate is that of the rung to be listed first, which players start with (Apple's authoring rule 1.32).
const firstBitrate = 2_000_000

// Multivariant is the multivariant playlist: a variant for each video track, all with the group of audio tracks; in an
// audio-only channel a variant for each audio track.
func Multivariant(s *presentation.Snapshot) ([]byte, error) {
	offered := s.Offered()
	video, audio := split(offered)
	if len(video)+len(audio) == 0 {
		return nil, errors.New("multivariant playlist: no tracks")
	}
	for _, t := range offered {
		if t.Codecs == "" || t.Peak <= 0 {
			return nil, fmt.Errorf("multivariant playlist: codecs or bandwidth of track %q are not known yet", t.Name)
		}
	}
	p := m3u8.NewMasterPlaylist()
	p.SetIndependentSegments(true)
	p.SetVersion(versionMap)
	captions := captionGroups(video)
	media := mediaTags(audio, captions, len(video) > 0)
	if media.buf.Len() > 0 {
		p.SetCustomTag(media)
	}
	if bytes.Contains(media.buf.Bytes(), []byte(`INSTREAM-ID="SERVICE`)) {
		p.SetVersion(versionService)
	}
	for _, t := range order(video) {
		p.Append(MediaName(t.Name), nil, videoVariant(t, audio, captions))
	}
	if len(video) == 0 {
		appendAudioOnly(p, audio)
	}
	return finish(p), nil
}

// finish takes out PROGRAM-ID, which m3u8 always writes and which was removed in version 6 of the protocol, and ends
// the tags that m3u8 has no fields for.
func finish(p *m3u8.MasterPlaylist) []byte {
	return bytes.ReplaceAll(p.Encode().Bytes(), []byte(":PROGRAM-ID=0,"), []byte(":"))
}

func split(tracks []presentation.Track) (video, audio []presentation.Track) {
	for _, t := range tracks {
		if t.Kind == ladder.Video {
			video = append(video, t)
		} else {
			audio = append(audio, t)
		}
	}
	return video, audio
}

// order puts the rung nearest to 2 Mb/s first; the others follow, highest bitrate first.
func order(video []presentation.Track) []presentation.Track {
	out := slices.Clone(video)
	slices.SortStableFunc(out, func(a, b presentation.Track) int { return int(b.Average - a.Average) })
	best := 0
	for i, t := range out {
		if distance(t) < distance(out[best]) {
			best = i
		}
	}
	if len(out) > 0 {
		first := out[best]
		out = slices.Insert(slices.Delete(out, best, best+1), 0, first)
	}
	return out
}

func distance(t presentation.Track) int64 { return max(t.Average-firstBitrate, firstBitrate-t.Average) }

// videoVariant sums up the track and the dearest audio that can play with it.
func videoVariant(t presentation.Track, audio []presentation.Track, captions [][]ladder.Caption) m3u8.VariantParams {
	v := m3u8.VariantParams{
		Codecs:     t.Codecs,
		Resolution: strconv.Itoa(t.Width) + "x" + strconv.Itoa(t.Height),
		Captions:   captionAttribute(t, captions),
	}
	if !t.Rate.IsZero() {
		v.FrameRate = float64(t.Rate.Num) / float64(t.Rate.Den)
	}
	peak, average := t.Peak, t.Average
	if len(audio) > 0 {
		v.Audio = audioGroup
		v.Codecs = codecs(append([]presentation.Track{t}, audio...))
		p, a := dearest(audio)
		peak, average = peak+p, average+a
	}
	v.Bandwidth, v.AverageBandwidth = bits(peak), bits(average)
	return v
}

func dearest(tracks []presentation.Track) (peak, average int64) {
	for _, t := range tracks {
		peak, average = max(peak, t.Peak), max(average, t.Average)
	}
	return peak, average
}

// bits clamps to what m3u8 holds: 4.2 Gb/s.
func bits(v int64) uint32 { return uint32(min(max(v, 0), math.MaxUint32)) }

// codecs lists every format once, in the tracks' order.
func codecs(tracks []presentation.Track) string {
	var out []string
	for _, t := range tracks {
		if !slices.Contains(out, t.Codecs) {
			out = append(out, t.Codecs)
		}
	}
	return strings.Join(out, ",")
}

// appendAudioOnly adds the variants of a channel without video. Tracks of one language are rungs of a ladder; tracks of
// several languages are a group that one variant, the default's, refers to.
func appendAudioOnly(p *m3u8.MasterPlaylist, audio []presentation.Track) {
	if grouped(audio, false) {
		first := audio[defaultAudio(audio)]
		peak, average := dearest(audio)
		p.Append(MediaName(first.Name), nil, m3u8.VariantParams{
			Bandwidth: bits(peak), AverageBandwidth: bits(average), Codecs: codecs(audio), Audio: audioGroup,
		})
		return
	}
	for _, t := range audio {
		p.Append(MediaName(t.Name), nil, m3u8.VariantParams{
			Bandwidth: bits(t.Peak), AverageBandwidth: bits(t.Average), Codecs: t.Codecs,
		})
	}
}

// grouped tells that the audio tracks are alternatives of one group: always beside video.
func grouped(audio []presentation.Track, withVideo bool) bool {
	if withVideo {
		return len(audio) > 0
	}
	return slices.ContainsFunc(audio, func(t presentation.Track) bool { return t.Language != audio[0].Language })
}

func defaultAudio(audio []presentation.Track) int {
	return max(0, slices.IndexFunc(audio, func(t presentation.Track) bool { return t.Default }))
}
