package drill

import (
	_ "embed" // the page
	"fmt"
	"html/template"
	"io"
	"strings"
)

//go:embed report.html
var page string

// lane is one row of the page's time line.
type lane struct {
	Name  string
	Marks []mark
}

// mark is something on a lane, placed in hundredths of its length.
type mark struct {
	Left, Width float64
	Class       string
	Title       string
}

// WriteHTML writes the report as a page that needs nothing else.
func (r Report) WriteHTML(w io.Writer) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"seconds": seconds, "percent": percent, "clock": clock,
		"join": func(s []string) string { return strings.Join(s, ", ") },
	}).Parse(page)
	if err != nil {
		return err
	}
	return t.Execute(w, struct {
		Report
		Verdict string
		Lanes   []lane
		Noticed float64
	}{r, r.verdict(), r.lanes(), r.Segment * noticed})
}

// lanes are the time lines: one of the faults, and one for each viewer.
func (r Report) lanes() []lane {
	faults := lane{Name: "faults"}
	viewers := map[string]*lane{}
	out := make([]lane, 0, 1+len(r.Viewers))
	out = append(out, faults)
	for _, v := range r.Viewers {
		out = append(out, lane{Name: v.Name})
		viewers[v.Name] = &out[len(out)-1]
	}
	for i, f := range r.Faults {
		if f.LeftOut != "" {
			continue
		}
		m := r.place(f.At, f.Seconds)
		m.Class, m.Title = "fault", fmt.Sprintf("%s %s %s, %s", clock(f.At), f.Fault, f.Target, seconds(f.Seconds))
		if f.Error != "" {
			m.Class, m.Title = "fault bad", m.Title+": "+f.Error
		}
		out[0].Marks = append(out[0].Marks, m)
		until := r.Seconds
		for _, next := range r.Faults[i+1:] {
			if next.LeftOut == "" {
				until = next.At
				break
			}
		}
		r.suffered(f, until, viewers)
	}
	if r.Calm.Effects != nil {
		until := r.Seconds
		if len(r.Faults) > 0 {
			until = r.Faults[0].At
		}
		r.suffered(r.Calm, until, viewers)
	}
	return out
}

// suffered marks what viewers suffered of a fault.
func (r Report) suffered(f Record, until float64, viewers map[string]*lane) {
	for _, e := range f.Effects {
		m := r.place(f.At, until-f.At)
		m.Class = "slow"
		switch {
		case e.Lost > 0 || e.Off > 0:
			m.Class = "bad"
		case e.Errors > 0:
			m.Class = "warn"
		}
		m.Title = fmt.Sprintf("after %s %s: longest pause %s, off %s, lost %s, %d errors", f.Fault, f.Target,
			seconds(e.Pause), seconds(e.Off), seconds(e.Lost), e.Errors)
		if l := viewers[e.Viewer]; l != nil {
			l.Marks = append(l.Marks, m)
		}
	}
}

func (r Report) place(at, length float64) mark {
	if r.Seconds <= 0 {
		return mark{}
	}
	return mark{Left: 100 * at / r.Seconds, Width: max(0.3, 100*length/r.Seconds)}
}
