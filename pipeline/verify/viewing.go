package verify

import (
	"context"
	"crypto/sha256"
	"maps"
	"slices"
	"time"

	"onair/pkg/fmp4"
	"onair/pkg/tick"
)

func hashOf(b []byte) [sha256.Size]byte { return sha256.Sum256(b) }

// readIndex takes the multivariant playlist; a changed one may bring renditions.
func (v *viewing) readIndex(o object) {
	v.steady = false
	if !v.fetched(asIndex, o) {
		return
	}
	if v.steady = string(o.body) == v.indexBody; v.steady {
		return
	}
	m, err := readMultivariant(o.body)
	if !v.found.check(hlsSyntax, indexName, err == nil, "%v", err) {
		return
	}
	v.index, v.indexBody = m, string(o.body)
	v.checkIndex(m)
	for _, uri := range m.playlists() {
		if v.byPlaylist[uri] != nil {
			continue
		}
		t := &track{
			name: renditionName(uri), playlist: uri, inits: map[string][]byte{}, headers: map[string]*fmp4.Header{},
			media: map[int64]string{},
			gaps:  map[int64]bool{},
			read:  map[int64]facts{}, inMPD: map[int64]bool{}, mpdInits: map[string]bool{},
		}
		for _, e := range m.members {
			if e.uri == uri {
				t.member = e
			}
		}
		v.byPlaylist[uri], v.byName[t.name] = t, t
		v.tracks = append(v.tracks, t)
	}
	offered := m.playlists()
	v.tracks = slices.DeleteFunc(v.tracks, func(t *track) bool {
		if slices.Contains(offered, t.playlist) {
			return false
		}
		delete(v.byPlaylist, t.playlist) // it may come back; the manifest may still list what it had
		return true
	})
}

// readPlaylist takes a media playlist.
func (v *viewing) readPlaylist(t *track, o object) {
	t.requests++
	t.from, t.to, t.settled = 0, -1, false
	if !v.fetched(asPlaylist, o) {
		return
	}
	m, err := readMedia(o.body)
	if !v.found.check(hlsSyntax, t.playlist, err == nil, "%v", err) || len(m.entries) == 0 {
		return
	}
	v.checkMedia(t, m)
	v.checkUpdate(t, m)
	v.note(t, m, o.at)
	v.stays(t, m)
	v.window = max(v.window, m.duration())
	t.list = m
}

// note takes what a playlist lists that was not listed before.
func (v *viewing) note(t *track, m *mediaList, at time.Time) {
	before := t.list
	t.look(at, v.cfg.Interval)
	from := m.sequence
	if before != nil {
		from = before.last() + 1
		if left := m.sequence - 1; left >= before.sequence && left <= before.last() {
			if e := before.entries[left-before.sequence]; !e.gap {
				t.left = beside(t.playlist, e.uri)
			}
		}
	} else {
		t.firstK, t.changed = m.sequence, at
	}
	t.lastK = max(t.lastK, m.last())
	for _, e := range m.entries {
		if e.number < from {
			continue
		}
		if e.gap {
			t.gaps[e.number] = true
			continue
		}
		t.media[e.number] = e.uri
		if before != nil || v.kind == kindDirectory || e.number > m.last()-firstSegments {
			t.wanted = append(t.wanted, e)
		}
	}
	if before == nil || m.last() <= before.last() {
		return
	}
	took := at.Sub(t.changed) - t.blind
	v.checkCadence(t, took)
	if t.updates > 0 {
		t.longest = max(t.longest, took)
	}
	t.updates++
	t.changed, t.blind = at, 0
	if e := m.entries[len(m.entries)-1]; !e.gap && e.date != 0 {
		t.latencies = append(t.latencies, at.Sub((e.date + e.duration).Time()))
	}
}

// look notes that the playlist was looked at. What was missed because looks lay further apart than they should is no
// fault of the origin.
func (t *track) look(at time.Time, interval time.Duration) {
	if !t.looked.IsZero() {
		t.blind += max(0, at.Sub(t.looked)-2*interval)
	}
	t.looked = at
}

// checkCadence holds the time between two updates against 1.5 target durations, plus what a look every interval may
// miss.
func (v *viewing) checkCadence(t *track, took time.Duration) {
	limit := time.Duration(v.target)*1500*time.Millisecond + v.cfg.Interval
	v.found.check(hlsCadence, t.playlist, took <= limit, "nothing new for %v, 1.5 target durations are %v",
		took.Round(time.Millisecond), time.Duration(v.target)*1500*time.Millisecond)
}

// readSegments reads what is wanted, init segments first.
func (v *viewing) readSegments(ctx context.Context, from source) {
	var names []string
	for _, t := range v.tracks {
		for _, e := range t.wanted {
			init := beside(t.playlist, e.init)
			if e.init != "" && t.inits[init] == nil && !slices.Contains(names, init) {
				names = append(names, init)
			}
		}
	}
	for _, o := range fetchAll(ctx, from, names) {
		for _, t := range v.tracks {
			wants := func(e entry) bool { return e.init != "" && beside(t.playlist, e.init) == o.name }
			if slices.ContainsFunc(t.wanted, wants) && ctx.Err() == nil && v.fetched(asInit, o) {
				v.checkInit(t, o)
			}
		}
	}
	for _, t := range v.tracks {
		for len(t.wanted) > 0 && ctx.Err() == nil {
			some := t.wanted[:min(parallel, len(t.wanted))]
			t.wanted = t.wanted[len(some):]
			v.readSome(ctx, from, t, some)
		}
	}
}

func (v *viewing) readSome(ctx context.Context, from source, t *track, some []entry) {
	var names []string
	for _, e := range some {
		names = append(names, beside(t.playlist, e.uri))
	}
	for i, o := range fetchAll(ctx, from, names) {
		if ctx.Err() != nil || !v.fetched(asSegment, o) {
			continue
		}
		v.checkSegment(t, some[i], o)
		v.cachingSegment(o, t.read[some[i].number].slate)
		v.checkDate(t, some[i])
	}
}

// checkDate holds a date against the grid.
func (v *viewing) checkDate(t *track, e entry) {
	if t.header == nil || v.t == 0 || e.date == 0 {
		return
	}
	start, _ := v.span(t, e.number)
	v.found.check(hlsDateOfK, t.playlist, e.date.FloorMs() == start.FloorMs(), "the date of %d is %s, it begins at %s",
		e.number, e.date.Time().Format(time.RFC3339Nano), start.Time().Format(time.RFC3339Nano))
}

func (v *viewing) readManifest(o object) {
	if !v.fetched(asManifest, o) {
		return
	}
	m, err := readManifest(o.body)
	if v.found.check(dashSyntax, mpdName, err == nil, "%v", err) {
		v.checkManifest(m, o.body)
	}
}

// watched is the media time of the rendition of which most was read.
func (v *viewing) watched() (span tick.Tick) {
	for _, t := range v.tracks {
		span = max(span, tick.Tick(len(t.read))*v.t)
	}
	return span
}

// report sums up.
func (v *viewing) report(w *Viewer, began time.Time) Report {
	r := Report{
		Target: w.cfg.Target, Kind: v.kind, Started: began.UTC(), Seconds: time.Since(began).Seconds(),
		Findings: v.found.list(), Rules: v.found.counts(), Renditions: []Rendition{},
	}
	if s, ok := w.from.(*server); ok {
		r.Target, r.Requests, r.Bytes = redact(w.cfg.Target), s.requests.Load(), s.bytes.Load()
	}
	r.Channel = Channel{SegmentSeconds: v.t.Duration().Seconds(), TargetDuration: v.target,
		WindowSeconds: v.window.Duration().Seconds()}
	r.OK = v.found.clean() && len(v.tracks) > 0
	if v.mpd != nil {
		r.Channel.Periods = len(v.mpd.periods)
	}
	if v.index != nil {
		r.Channel.Variants = len(v.index.variants)
	}
	for _, t := range v.tracks {
		s := v.summary(t)
		r.Renditions = append(r.Renditions, s)
		r.OK = r.OK && s.Read > 0
		if r.Channel.FirstK == 0 || s.FirstK < r.Channel.FirstK {
			r.Channel.FirstK = s.FirstK
		}
		r.Channel.LastK = max(r.Channel.LastK, s.LastK)
	}
	return r
}

func (v *viewing) summary(t *track) Rendition {
	r := Rendition{
		Name: t.name, FirstK: t.firstK, LastK: t.lastK, Listed: len(t.media) + len(t.gaps),
		Read: len(t.read), Gaps: len(t.gaps),
		Updates: t.updates, Requests: t.requests, LongestUpdate: t.longest.Seconds(), DeclaredPeak: t.bandwidth,
	}
	r.Language, _ = t.member.attrs.text("LANGUAGE")
	if h := t.header; h != nil {
		r.Kind, r.Codecs = h.Kind.String(), h.CodecString()
		r.Width, r.Height, r.SampleRate, r.Channels = h.Width, h.Height, h.SampleRate, h.Channels
		if t.frame > 0 && h.Width > 0 {
			r.FrameRate = tick.Nearest(int64(h.Timescale), int64(t.frame)).String()
		}
	}
	sum := int64(0)
	for s := range maps.Values(t.read) {
		if s.slate {
			r.Slates++
		}
		sum += s.bits
		r.MeasuredPeak = max(r.MeasuredPeak, s.bits)
	}
	if v.t > 0 && len(t.read) > 0 {
		r.MeasuredPeak = tick.MulDiv(r.MeasuredPeak, int64(tick.Second), int64(v.t))
		r.MeasuredAverage = tick.MulDiv(sum/int64(len(t.read)), int64(tick.Second), int64(v.t))
	}
	if n := len(t.latencies); n > 0 {
		slices.Sort(t.latencies)
		r.Latency = &Latency{Min: t.latencies[0].Seconds(), Median: t.latencies[n/2].Seconds(),
			Max: t.latencies[n-1].Seconds()}
	}
	return r
}
