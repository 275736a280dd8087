package verify

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"path"
	"slices"
	"strings"

	"onair/pkg/fmp4"
	"onair/pkg/tick"
)

// aacFrame is the samples of an AAC-LC frame.
const aacFrame = 1024

// facts is what is kept of a segment that was read.
type facts struct {
	start, end int64 // decode time, in the track's timescale
	bits       int64
	average    int64 // AVERAGE-BANDWIDTH of its variant when it was read; 0 if it is no variant
	slate      bool
	hash       [sha256.Size]byte
	init       string
}

// span is the interval of segment k in a track: the frames that begin in [k*T, (k+1)*T).
func (v *viewing) span(t *track, k int64) (start, end tick.Tick) {
	start, end = tick.Tick(k)*v.t, tick.Tick(k+1)*v.t
	if t.header.Kind == fmp4.Audio {
		a := tick.Audio{Rate: int64(t.header.Timescale), Samples: aacFrame}
		start, end = a.At(a.Next(start)), a.At(a.Next(end))
	}
	return start, end
}

// checkInit reads an init segment.
func (v *viewing) checkInit(t *track, o object) {
	f := v.found
	if t.inits[o.name] != nil {
		return
	}
	t.inits[o.name] = o.body
	h, err := fmp4.ParseInit(o.body)
	if !f.check(mediaInit, o.name, err == nil, "%v", err) {
		return
	}
	f.check(mediaInit, o.name, slices.Contains(h.Brands, "cmfc") && slices.Contains(h.Brands, "iso6"),
		"brands %v, wanted iso6 and cmfc", h.Brands)
	f.check(mediaInit, o.name, !bytes.Contains(o.body, []byte("edts")), "it has an edit list")
	if i := bytes.Index(o.body, []byte("avcC")); i > 0 && i+8 <= len(o.body) {
		p := o.body[i+5:]
		want := fmt.Sprintf("%s.%02x%02x%02x", h.Codec, p[0], p[1], p[2])
		f.check(mediaInit, o.name, h.CodecString() == want, "codec string %s, avcC says %s", h.CodecString(), want)
	}
	t.headers[o.name], t.header = &h, &h
}

// learnGrid derives T from where segment k begins: the one span of whole ticks that explains it.
func (v *viewing) learnGrid(t *track, k, start int64) {
	if v.t > 0 || k <= 0 {
		return
	}
	at := tick.FromUnits(start, int64(t.header.Timescale))
	v.t = at / tick.Tick(k)
}

// lastSecond is the last of all times, since 1970: ticks end in the year 2384.
const lastSecond = 13_000_000_000

// expressible tells whether a time can be told in ticks.
func expressible(units uint64, timescale uint32) bool { return units/uint64(timescale) < lastSecond }

// checkSegment applies the rules for a media segment.
func (v *viewing) checkSegment(t *track, e entry, o object) {
	f := v.found
	if h := t.headers[beside(t.playlist, e.init)]; h != nil {
		t.header = h
	}
	if t.header == nil {
		return
	}
	info, err := t.header.ParseSegment(o.body)
	if !f.check(mediaSegment, o.name, err == nil, "%v", err) ||
		!f.check(mediaStart, o.name, expressible(info.End(), t.header.Timescale), "tfdt is %d at %d units a second",
			info.BaseTime, t.header.Timescale) {
		return
	}
	v.learnGrid(t, e.number, int64(info.BaseTime))
	slate := slices.Contains(info.Brands, "slat")
	is := facts{start: int64(info.BaseTime), end: int64(info.End()), bits: int64(len(o.body)) * 8, slate: slate,
		hash: sha256.Sum256(o.body), init: e.init}
	t.read[e.number] = is
	f.check(mediaSlate, o.name, !slate, "it is slate")
	f.check(mediaBrands, o.name, slices.Contains(info.Brands, "msdh") && slices.ContainsFunc(info.Brands,
		func(b string) bool { return strings.HasPrefix(b, "cmf") }),
		"styp has brands %v, wanted msdh and one of CMAF", info.Brands)
	f.check(mediaSequence, o.name, info.Sequence == uint32(e.number), "sequence number %d, K is %d", info.Sequence,
		e.number)
	v.checkTimes(t, e, o.name, info)
	v.checkNeighbours(t, e.number, o.name)
	if p := info.Prft; p != nil {
		want := fmp4.NTP(tick.FromUnits(int64(p.MediaTime), int64(t.header.Timescale)))
		f.check(mediaProducer, o.name, p.NTP>>16 == want>>16 && p.MediaTime >= info.BaseTime && p.MediaTime < info.End(),
			"NTP %x for media time %d, the timeline says %x", p.NTP, p.MediaTime, want)
	}
	if t.header.Kind == fmp4.Video {
		v.checkPicture(t, o, info)
	}
}

// checkTimes holds a segment's times against the grid, its playlist entry, and each other.
func (v *viewing) checkTimes(t *track, e entry, name string, info fmp4.SegmentInfo) {
	f, scale := v.found, int64(t.header.Timescale)
	frame := info.Samples[0].Duration
	if t.frame == 0 {
		t.frame = frame
	}
	odd := slices.IndexFunc(info.Samples, func(s fmp4.SampleInfo) bool { return s.Duration != t.frame })
	f.check(mediaLength, name, odd < 0, "sample %d does not last %d units as the others do", odd, t.frame)
	if t.header.Kind == fmp4.Audio {
		f.check(mediaLength, name, frame == aacFrame, "a frame lasts %d samples, AAC-LC has %d", frame, aacFrame)
	}
	start, end := v.span(t, e.number)
	f.check(mediaStart, name, int64(info.BaseTime) == start.Units(scale),
		"tfdt is %d, segment %d begins at %d", info.BaseTime, e.number, start.Units(scale))
	f.check(mediaLength, name, int64(info.End()) == end.Units(scale), "it ends at %d, segment %d ends at %d",
		info.End(), e.number, end.Units(scale))
	length := tick.Tick(tick.FromUnits(int64(info.End()), scale).FloorMs()-tick.FromUnits(int64(info.BaseTime),
		scale).FloorMs()) * tick.Millisecond
	f.check(hlsDuration, t.playlist, (e.duration-length).Abs() < tick.Millisecond,
		"EXTINF of %d is %v, its media lasts %v", e.number, e.duration.Duration(), length.Duration())
}

// checkNeighbours wants a segment to join those beside it, and audio to begin with its video.
func (v *viewing) checkNeighbours(t *track, k int64, name string) {
	is := t.read[k]
	if b, ok := t.read[k-1]; ok {
		v.found.check(mediaJoined, name, b.end == is.start, "it begins at %d, segment %d ends at %d", is.start, k-1, b.end)
	}
	if a, ok := t.read[k+1]; ok {
		v.found.check(mediaJoined, name, is.end == a.start, "it ends at %d, segment %d begins at %d", is.end, k+1, a.start)
	}
	for _, o := range v.tracks {
		other, ok := o.read[k]
		if !ok || o.header == nil || o.header.Kind == t.header.Kind {
			continue
		}
		video, audio, at, av := o, t, other.start, is.start
		if t.header.Kind == fmp4.Video {
			video, audio, at, av = t, o, is.start, other.start
		}
		lag := tick.FromUnits(av, int64(audio.header.Timescale)) - tick.FromUnits(at, int64(video.header.Timescale))
		frame := tick.FromUnits(aacFrame, int64(audio.header.Timescale))
		v.found.check(mediaAligned, name, lag >= 0 && lag < frame, "audio of %s begins %v after video of %s", audio.name,
			lag.Duration(), video.name)
	}
}

// checkPicture wants an instantaneous refresh at the very start.
func (v *viewing) checkPicture(t *track, o object, info fmp4.SegmentInfo) {
	s := info.Samples[0]
	idr, known := fmp4.Refresh(t.header.Codec, o.body[s.Offset:s.Offset+s.Size])
	v.found.check(mediaKey, o.name, s.Sync && s.PTS == s.DTS && (idr || !known),
		"first sample: sync %t, presented %d units after its decode time, IDR %t", s.Sync, s.PTS-s.DTS, idr)
}

func keys(set map[string]bool) []string {
	out := make([]string, 0, len(set))
	for k := range set {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// beside resolves a URI of a playlist.
func beside(playlist, uri string) string {
	if strings.Contains(uri, "://") || strings.HasPrefix(uri, "/") {
		return uri
	}
	return path.Join(path.Dir(playlist), uri)
}
