package drill

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// mostLines bounds the faults that the summary has each a line for: the file has all.
const mostLines = 40

// verdict is the first word of a report.
func (r Report) verdict() string {
	if r.OK {
		return "PASSED"
	}
	return "FAILED"
}

// WriteText prints the summary for people.
func (r Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: drill %s, %s, %s, seed %d\n\n", r.verdict(), r.Name, r.Started.Format("2006-01-02 15:04:05 UTC"),
		seconds(r.Seconds), r.Seed)
	table(&b, func(row func(...any)) {
		for _, l := range r.Limits {
			row(map[bool]string{true: "ok", false: "NOT"}[l.OK], l.Name, l.Seen, "("+l.Asked+")")
		}
	})
	fmt.Fprintf(&b, "\n99.999 %% of %s would have allowed %.4f s without a picture; there were %.3f s.\n\n",
		seconds(r.Seconds), r.Allowed, r.Off)
	table(&b, func(row func(...any)) {
		row("viewer", "availability", "off", "lost", "longest pause", "errors", "segments")
		for _, v := range r.Viewers {
			row(v.Name, percent(v.Availability), seconds(v.Off), seconds(v.Lost), seconds(v.Pause), v.Errors, v.Segments)
			for _, k := range v.Kinds {
				row("", fmt.Sprintf("%d x %s", k.Times, k.Kind))
			}
		}
	})
	b.WriteString("\n")
	table(&b, func(row func(...any)) {
		row("at", "fault", "target", "lasted", "noticed by", "longest pause", "off", "lost", "errors", "")
		for i, f := range r.Faults {
			if i == mostLines {
				row("...", fmt.Sprintf("%d more", len(r.Faults)-mostLines))
				break
			}
			r.line(row, f)
		}
	})
	b.WriteString("\n")
	table(&b, func(row func(...any)) {
		row("kind", "times", "longest pause", "off", "lost", "errors")
		for _, k := range r.Kinds {
			row(k.Fault, k.Times, seconds(k.Pause), seconds(k.Off), seconds(k.Lost), k.Errors)
		}
	})
	for _, t := range r.Targets {
		if t.Ends > 0 {
			fmt.Fprintf(&b, "\n%s has ended by itself %d times: look at its log\n", t.Name, t.Ends)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// line is a fault in the summary.
func (r Report) line(row func(...any), f Record) {
	at := clock(f.At)
	if f.LeftOut != "" {
		row(at, f.Fault, f.Target, "-", "", "", "", "", "", "left out: "+f.LeftOut)
		return
	}
	said := f.Done
	if f.Error != "" {
		said = "FAILED: " + f.Error
	}
	by := fmt.Sprintf("%d of %d", len(f.Effects), len(r.Viewers))
	row(at, f.Fault, f.Target, seconds(f.Seconds), by, seconds(f.Pause), seconds(f.Off), seconds(f.Lost), f.Errors, said)
}

// clock is a time from the beginning.
func clock(s float64) string {
	n := int(s)
	return fmt.Sprintf("%d:%02d:%02d", n/3600, n/60%60, n%60)
}

func table(w io.Writer, fill func(row func(...any))) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fill(func(cells ...any) {
		var words []string
		for _, c := range cells {
			words = append(words, fmt.Sprint(c))
		}
		fmt.Fprintln(t, strings.Join(words, "\t"))
	})
	_ = t.Flush()
}
