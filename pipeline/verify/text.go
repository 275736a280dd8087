package verify

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// WriteText prints a report for people.
func (r Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s watched in %.1f s, %d requests, %.1f MB\n", r.Target, r.Kind, r.Seconds, r.Requests,
		float64(r.Bytes)/1e6)
	fmt.Fprintf(&b,
		"segments of %.6g s, target duration %d s, numbers %d to %d, window %.0f s, %d variants, %d periods\n\n",
		r.Channel.SegmentSeconds, r.Channel.TargetDuration, r.Channel.FirstK, r.Channel.LastK,
		r.Channel.WindowSeconds, r.Channel.Variants, r.Channel.Periods)
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RENDITION\tCODECS\tFORMAT\tREAD\tGAPS\tSLATE\tkb/s\tPEAK\tDECLARED\tLONGEST UPDATE\tLATENCY")
	for _, t := range r.Renditions {
		fmt.Fprintf(table, "%s\t%s\t%s\t%d of %d\t%d\t%d\t%d\t%d\t%d\t%.2f s\t%s\n", t.Name, t.Codecs, t.format(), t.Read,
			t.Listed, t.Gaps, t.Slates,
			t.MeasuredAverage/1000, t.MeasuredPeak/1000, t.DeclaredPeak/1000, t.LongestUpdate, t.Latency)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	b.WriteByte('\n')
	writeFindings(&b, r.Findings, r.Rules)
	writeVerdict(&b, r.OK, r.Rules)
	_, err := io.WriteString(w, b.String())
	return err
}

// perRule bounds the lines that one rule gets in the text; the JSON has them all.
const perRule = 5

func writeFindings(b *strings.Builder, findings []Finding, rules []Tally) {
	lines := map[string]int{}
	for _, f := range findings {
		if lines[f.Rule]++; lines[f.Rule] > perRule {
			continue
		}
		times := ""
		if f.Count > 1 {
			times = fmt.Sprintf(" (%d times, last at %s)", f.Count, f.Last.Format(time.TimeOnly))
		}
		fmt.Fprintf(b, "%-7s %s  %s: %s%s\n", f.Severity, f.Rule, f.Object, f.Message, times)
		if f.Advice != "" && lines[f.Rule] == 1 {
			fmt.Fprintf(b, "        %s: %s\n", f.Cause, f.Advice)
		}
	}
	for _, t := range rules {
		if n := lines[t.Rule]; n > perRule {
			fmt.Fprintf(b, "        %s  broken for %d more objects\n", t.Rule, n-perRule)
		}
	}
}

func (t Rendition) format() string {
	if t.Kind == "audio" {
		return strings.TrimSpace(fmt.Sprintf("%d Hz %d ch %s", t.SampleRate, t.Channels, t.Language))
	}
	return fmt.Sprintf("%dx%d %s", t.Width, t.Height, t.FrameRate)
}

// String is "1.2 s (0.9 to 1.6)", or "-" for none.
func (l *Latency) String() string {
	if l == nil {
		return "-"
	}
	return fmt.Sprintf("%.2f s (%.2f to %.2f)", l.Median, l.Min, l.Max)
}

func writeVerdict(b *strings.Builder, ok bool, rules []Tally) {
	passed, broken, advice := 0, 0, 0
	for _, t := range rules {
		switch {
		case t.Failed == 0:
			passed++
		case t.Hard:
			broken++
		default:
			advice++
		}
	}
	verdict := "OK"
	if !ok {
		verdict = "NOT OK"
	}
	fmt.Fprintf(b, "%s: %d rules hold, %d are broken, %d that should hold do not\n", verdict, passed, broken, advice)
}
