package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// gap counts a gap and what it is put down to.
func (c *checker) gap(playlist string, k int64) {
	cause := c.journal.cause()
	c.mu.Lock()
	c.gaps[cause]++
	c.mu.Unlock()
	c.keep()
	c.journal.note("GAP", fmt.Sprintf("%s %d (after: %s)", playlist, k, cause))
}

// listing notes how long after the one before a segment was listed.
func (c *checker) listing(took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if took > c.longest {
		c.longest, c.after = took, c.journal.cause()
	}
}

// report prints the summary, keeps it in a file, and tells whether all was well.
func (b *bench) report(out io.Writer) bool {
	c := b.check
	c.mu.Lock()
	defer c.mu.Unlock()
	var text strings.Builder
	span := time.Since(b.journal.began).Round(time.Second)
	if span < shortest {
		fmt.Fprintln(&text, "too short to judge growth")
	}
	fmt.Fprintf(&text, "soak: %v, seed %d\n\nfaults: %d\n", span, b.cfg.seed, total(c.kinds))
	tell(&text, c.kinds)
	fmt.Fprintf(&text, "\nbroken playlists: %d in %d looks\n", total(c.wrong), c.looks)
	tell(&text, c.wrong)
	fmt.Fprintf(&text, "gaps: %d\n", total(c.gaps))
	tell(&text, c.gaps)
	fmt.Fprintf(&text, "longest time between two listings: %.2f s, after: %s (allowed: %.1f s and %v)\n",
		c.longest.Seconds(), c.after, segmentMs*1.5/1000, margin)
	fmt.Fprintf(&text, "verified: %d times well, %d times not\n\n", b.watch.good, b.watch.bad)
	flat := b.watch.growth(&text, span)
	good := total(c.wrong)+total(c.gaps)+b.watch.bad == 0 && b.watch.good > 0 && (flat || span < shortest)
	fmt.Fprintf(&text, "\n%s\n", map[bool]string{true: "all well", false: "NOT WELL"}[good])
	if err := os.WriteFile(filepath.Join(b.dir, "summary.txt"), []byte(text.String()), 0o644); err != nil {
		fmt.Fprintln(&text, err)
	}
	fmt.Fprint(out, "\n"+text.String())
	return good
}

func total(m map[string]int) (n int) {
	for _, v := range m {
		n += v
	}
	return n
}

func tell(w io.Writer, m map[string]int) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(w, "  %-26s %5d\n", k, m[k])
	}
}

// growth compares the second quarter of the time with the last one.
func (w *watcher) growth(out io.Writer, span time.Duration) (flat bool) {
	early, late := w.quarter(span, 1), w.quarter(span, 3)
	if len(early) < 2 || len(late) < 2 {
		fmt.Fprintln(out, "there are no samples to compare")
		return false
	}
	flat = true
	fmt.Fprintf(out, "%-16s %12s %12s\n", "", "2nd quarter", "last quarter")
	for _, v := range []struct {
		name  string
		slack float64
		of    func(measure) float64
	}{
		{"rss_MB", 8, func(m measure) float64 { return m.rss }},
		{"goroutines", 5, func(m measure) float64 { return m.goroutines }},
		{"open_files", 5, func(m measure) float64 { return m.files }},
		{"files_in_store", 5, func(m measure) float64 { return m.objects }},
	} {
		a, b := mean(early, v.of), mean(late, v.of)
		note := ""
		if b > a*1.1+v.slack {
			flat, note = false, "GROWS"
		}
		fmt.Fprintf(out, "%-16s %12.1f %12.1f %s\n", v.name, a, b, note)
	}
	cpu := func(m measure) float64 { return m.cpu }
	a, b := rate(early, cpu), rate(late, cpu)
	note := ""
	if b > a*1.25+1 {
		flat, note = false, "GROWS"
	}
	fmt.Fprintf(out, "%-16s %11.2f%% %11.2f%% %s\n", "own_cpu", a, b, note)
	a, b = rate(early, func(m measure) float64 { return m.ended }), rate(late, func(m measure) float64 { return m.ended })
	fmt.Fprintf(out, "%-16s %11.2f%% %11.2f%% of those that have ended\n", "ffmpeg_cpu", a, b)
	last := w.samples[len(w.samples)-1]
	fmt.Fprintf(out, "runs that were replaced: %.0f; slate on air: %.0f s\n", last.restarts, last.slate)
	return flat
}

// quarter are the samples of a quarter of the time, counted from 0.
func (w *watcher) quarter(span time.Duration, n int) (out []measure) {
	for _, m := range w.samples {
		if int(m.at*4/span) == n {
			out = append(out, m)
		}
	}
	return out
}

func mean(of []measure, value func(measure) float64) (sum float64) {
	for _, m := range of {
		sum += value(m)
	}
	return sum / float64(len(of))
}

// rate is a value that counts up, in hundredths a second.
func rate(of []measure, value func(measure) float64) float64 {
	first, last := of[0], of[len(of)-1]
	return (value(last) - value(first)) / (last.at - first.at).Seconds() * 100
}
