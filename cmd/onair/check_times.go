package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"onair/pkg/tick"
)

func (p *plan) times(out *lines) {
	g := p.grid
	out.f("grid, counted from 1970-01-01T00:00:00Z")
	switch {
	case g.Rate.IsZero():
		out.f("  segment    %s", exact(g.T))
	case p.ch.FrameRate.IsZero():
		out.f("  frames     %s a second (assumed: the file leaves it to the source)", g.Rate)
	default:
		out.f("  frames     %s a second", g.Rate)
	}
	if !g.Rate.IsZero() {
		rounded := ""
		if g.T != tick.FromDuration(p.ch.Segment) {
			rounded = fmt.Sprintf(" (%s rounded to whole frames)", short(p.ch.Segment))
		}
		out.f("  segment    %d frames, %s%s", g.Frames, exact(g.T), rounded)
		out.f("  key frame  every %d frames, %s", g.GOP, exact(tick.Tick(g.GOP)*g.Rate.Frame()))
	}
	if len(p.ch.Audio) > 0 {
		out.f("  audio      %d Hz, frames of %d samples; in a segment %s", p.audio.Rate, p.audio.Samples,
			audioPattern(g, p.audio))
	}
	out.f("  window     %s, %d segments", short(p.ch.Window), (tick.FromDuration(p.ch.Window)+g.T-1)/g.T)
}

// short is a duration without the zero minutes and seconds of its String.
func short(d time.Duration) string {
	s := d.String()
	for _, zero := range []struct{ end, drop string }{{"m0s", "0s"}, {"h0m", "0m"}} {
		if strings.HasSuffix(s, zero.end) {
			s = strings.TrimSuffix(s, zero.drop)
		}
	}
	return s
}

// exact is a span in seconds with as many digits as it takes, up to the nanosecond.
func exact(t tick.Tick) string {
	ns := t.Round(1_000_000_000)
	text := fmt.Sprintf("%d.%09d", ns/1_000_000_000, ns%1_000_000_000)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") + " s"
}

// shownPattern is the longest audio pattern that is written out.
const shownPattern = 8

// audioPattern tells how many audio frames the segments hold: the counts repeat when both grids meet again.
func audioPattern(g tick.Grid, a tick.Audio) string {
	period := tick.Common(g.T, a.Frame())
	n := int64(period / g.T)
	first := g.NextK(tick.FromTime(assumedStart))
	first += (n - first%n) % n // begin where the pattern does
	var counts []string
	for k := first; k < first+min(n, 4096); k++ {
		counts = append(counts, strconv.FormatInt(a.First(g, k+1)-a.First(g, k), 10))
	}
	switch {
	case n == 1:
		return counts[0]
	case n <= shownPattern:
		return fmt.Sprintf("%s, every %s", strings.Join(counts, " "), exact(period))
	}
	slices.Sort(counts)
	kinds := slices.Compact(slices.Clone(counts))
	return fmt.Sprintf("%s in a pattern of %d segments, %s", strings.Join(kinds, " or "), n, exact(period))
}
