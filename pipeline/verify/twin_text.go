package verify

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// WriteText prints a report for people.
func (r TwinReport) WriteText(w io.Writer) error {
	var b strings.Builder
	for i, o := range []TwinOutput{r.A, r.B} {
		fmt.Fprintf(&b, "%s  %s: %s, numbers %d to %d, %d requests, %.1f MB\n", sideNames[i], o.Target, o.Kind, o.FirstK,
			o.LastK, o.Requests, float64(o.Bytes)/1e6)
	}
	fmt.Fprintf(&b, "compared in %.1f s\n\n", r.Seconds)
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table,
		"RENDITION\tCODECS\tCOMPARED\tDIFFER\tONLY A\tONLY B\tGAPS\tSLATE A\tSLATE B\tMATCH\tDECODED IN TURNS")
	for _, t := range r.Renditions {
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%.3f\t%s\n", t.Name, orNone(t.Codecs), t.Compared,
			t.Differing, t.OnlyA, t.OnlyB, t.Gaps, t.SlatesA, t.SlatesB, t.MatchRatio, t.Decode)
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
