package ffmpeg

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"onair/pkg/ladder"
)

// firstPID is the lowest number that a selector can mean as a PID: those below are reserved, so they are indexes.
const firstPID = 0x10

// tracks chooses the source's audio track for each audio rendition, as an index into the source's tracks; -1 is
// silence.
func (p *planner) tracks() map[int]int {
	chosen := map[int]int{}
	for n, i := range p.audio {
		r := p.ch.Renditions[i]
		if chosen[i] = p.track(n, r); chosen[i] >= 0 && p.src.Audio[chosen[i]].Absent {
			chosen[i] = -1 // not another one in its place: it may be back soon
		}
	}
	return chosen
}

// track chooses for the n-th audio rendition: what the input's selectors say; without any, the track of the rendition's
// language, else the track at its index. What is not there is replaced by the first track.
func (p *planner) track(n int, r ladder.Rendition) int {
	tracks := p.src.Audio
	if len(tracks) == 0 {
		return -1
	}
	if len(p.ch.Select) > 0 {
		want := p.ch.Select[min(max(r.Source, 0), len(p.ch.Select)-1)]
		if t := find(tracks, want); t >= 0 {
			return t
		}
		p.note("audio %q is not in the source: rendition %s takes the first track, PID %d", want, r.Name, tracks[0].PID)
		return 0
	}
	if r.Language != "" && r.Language != "und" {
		if t := find(tracks, r.Language); t >= 0 {
			return t
		}
	}
	if r.Source >= 0 && r.Source < len(tracks) {
		p.mislabelled(r, tracks[r.Source])
		return r.Source
	}
	p.note("the source has %d audio tracks: rendition %s, the %d. of the channel, takes the first", len(tracks), r.Name,
		n+1)
	return 0
}

// mislabelled tells of a track that says that it is of another language than the rendition that takes it.
func (p *planner) mislabelled(r ladder.Rendition, t AudioTrack) {
	if t.Language != "" && t.Language != "und" && r.Language != "" && r.Language != "und" {
		p.note("rendition %s is declared as %q, and the source has no such track: it takes PID %d, which is %q", r.Name,
			r.Language, t.PID, t.Language)
	}
}

// find is the track that a selector means (a PID, an index or a language), or -1.
func find(tracks []AudioTrack, want string) int {
	if n, err := strconv.ParseUint(want, 0, 16); err == nil {
		if n < firstPID {
			if int(n) < len(tracks) {
				return int(n)
			}
			return -1
		}
		return slices.IndexFunc(tracks, func(t AudioTrack) bool { return t.PID == uint16(n) })
	}
	return slices.IndexFunc(tracks, func(t AudioTrack) bool { return ladder.SameLanguage(t.Language, want) })
}

// audioGraph is one filter graph per audio track in use.
func (p *planner) audioGraph(chosen map[int]int) {
	users := map[int][]int{}
	var order []int
	for _, i := range p.audio {
		t := chosen[i]
		if _, seen := users[t]; !seen {
			order = append(order, t)
		}
		users[t] = append(users[t], i)
	}
	for _, t := range order {
		p.add("-filter_complex", p.track2renditions(t, users[t]))
	}
	if _, silent := users[-1]; silent {
		p.Silence = true
		if len(p.src.Audio) == 0 {
			p.note("the source has no audio: silence is encoded")
		}
	}
}

// track2renditions is the graph of one track: its samples put on the channel's audio grid, then each rendition's
// channels.
func (p *planner) track2renditions(t int, renditions []int) string {
	pid := uint16(SilencePID)
	if t >= 0 {
		pid = p.src.Audio[t].PID
	}
	first := p.firstSample()
	var g strings.Builder
	// async=1 fills holes and cuts overlaps, never stretches (stretching makes irregular PTS); min_hard_comp: without it
	// each lost AAC frame shifts the sound by 21 ms for good; atrim: sound that is there before the start begins on the
	// audio grid. FFmpeg builds this graph anew when the channel count changes in mid-run (2.0 to 5.1 and back, with
	// every commercial), so nothing in it may fill up from the run's start (first_pts would, with silence) unless that is
	// asked for; instead asetpts moves what does not begin on the grid to the audio frame in which it begins: less than
	// 22 ms.
	convert, fill := "", ""
	if p.at.Fill {
		// first_pts counts samples of the source, and nothing of 44.1 kHz lies on a grid of 48: so it is converted before.
		convert, fill = fmt.Sprintf("aresample=%d,", p.ch.Audio.Rate), fmt.Sprintf(":first_pts=%d", first)
	}
	fmt.Fprintf(&g, "[0:i:%d]%saresample=%d:async=1:min_hard_comp=0.02%s,atrim=start_pts=%d,"+
		"asetpts=PTS-mod(STARTPTS\\,%d)", pid, convert, p.ch.Audio.Rate, fill, first, p.ch.Audio.Samples)
	if len(renditions) > 1 {
		fmt.Fprintf(&g, ",asplit=%d", len(renditions))
		for _, i := range renditions {
			fmt.Fprintf(&g, "[s%d]", i)
		}
	}
	for _, i := range renditions {
		if len(renditions) > 1 {
			fmt.Fprintf(&g, ";[s%d]", i)
		} else {
			g.WriteString(",")
		}
		fmt.Fprintf(&g, "%s,aformat=sample_fmts=fltp:sample_rates=%d:channel_layouts=%s[o%d]", mix(p.ch.Renditions[i]),
			p.ch.Audio.Rate, layout(p.ch.Renditions[i]), i)
	}
	return g.String()
}

// mix makes a rendition's channels out of the source's. The aresample is there because all that come out of one asplit
// have one layout, which would else be that of the first rendition. Levels are kept, as ITU-R BS.775 mixes, so that
// speech is as loud as in the source; what would exceed full scale then is limited, with the delay taken out again.
// Mono is the mean of that stereo: its sum would be louder.
func mix(r ladder.Rendition) string {
	const limit = "alimiter=level=0:latency=1"
	if layout(r) == "mono" {
		return "aresample,aformat=channel_layouts=stereo," + limit + ",aresample=rematrix_maxval=1"
	}
	return "aresample,aformat=channel_layouts=" + layout(r) + "," + limit
}

// firstSample is the run's first sample, counted from base: some frames before the first that is used.
func (p *planner) firstSample() int64 {
	a := p.ch.Audio
	from := p.at.Start
	if p.at.Audio != 0 {
		from = min(from, p.at.Audio)
	}
	n := a.Next(from) - lead
	return (n - a.Next(p.at.Base)) * a.Samples
}

// layout is FFmpeg's name of the channel layout of a rendition. AAC has one configuration for each of these counts.
func layout(r ladder.Rendition) string {
	switch r.WithDefaults().Channels {
	case 1:
		return "mono"
	case 6:
		return "5.1"
	case 8:
		return "7.1"
	}
	return "stereo"
}

// pids lists what the run reads.
func (p *planner) pids(chosen map[int]int) {
	if len(p.video) > 0 || p.Silence { // silence follows the pictures, even if nobody sees them
		if p.src.Video != nil {
			p.PIDs = append(p.PIDs, p.src.VideoPID)
		} else {
			p.PIDs = append(p.PIDs, p.src.Audio[0].PID)
		}
	}
	for _, t := range chosen {
		if t >= 0 {
			p.PIDs = append(p.PIDs, p.src.Audio[t].PID)
		}
	}
	slices.Sort(p.PIDs)
	p.PIDs = slices.Compact(p.PIDs)
}
