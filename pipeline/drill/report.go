package drill

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"onair/pipeline/viewer"
)

// nines is the availability that a report compares with.
const nines = 0.99999

// Limits say what passes. Each holds for every viewer by himself.
type Limits struct {
	Lost         time.Duration
	Pause        time.Duration // 0: pauseSegments segments
	Errors       int64
	Availability float64 // 1: always
}

// pauseSegments is how many segments' time a viewer's buffer bears.
const pauseSegments = 3

// Report is what a drill has found.
type Report struct {
	OK           bool            `json:"ok"`
	Name         string          `json:"name"`
	Seed         uint64          `json:"seed"`
	Started      time.Time       `json:"started"`
	Seconds      float64         `json:"seconds"`
	Planned      float64         `json:"planned_seconds"`
	Segment      float64         `json:"segment_seconds"`
	Availability float64         `json:"availability"`      // of the viewer who had the least
	Mean         float64         `json:"mean_availability"` // over all viewers
	Off          float64         `json:"off_seconds"`       // of the viewer who had the most
	Allowed      float64         `json:"allowed_off_seconds"`
	Lost         float64         `json:"lost_seconds"`
	Pause        float64         `json:"longest_pause_seconds"`
	Errors       int64           `json:"errors"` // of all viewers
	Limits       []Limit         `json:"limits"`
	Faults       []Record        `json:"faults"`
	Calm         Record          `json:"before"` // what viewers suffered before the first fault
	Kinds        []Kind          `json:"kinds"`
	Viewers      []viewer.Totals `json:"viewers"`
	Targets      []Harmed        `json:"targets"`
}

// Limit is one thing that was asked for, and what was seen.
type Limit struct {
	Name  string `json:"name"`
	Asked string `json:"asked"`
	Seen  string `json:"seen"`
	OK    bool   `json:"ok"`
}

// Kind sums up the faults of one kind.
type Kind struct {
	Fault  string  `json:"fault"`
	Times  int     `json:"times"`
	Pause  float64 `json:"longest_pause_seconds"`
	Lost   float64 `json:"lost_seconds"`
	Off    float64 `json:"off_seconds"`
	Errors int64   `json:"errors"`
}

// Harmed sums up what happened to one target.
type Harmed struct {
	Name   string   `json:"name"`
	Region string   `json:"region"`
	Allow  []string `json:"allow"`
	Faults int      `json:"faults"`
	Ends   int      `json:"ended_by_itself"`
}

// ender is a target that may end by itself.
type ender interface{ Ends() int }

// report sums up.
func (d *Drill) report(began, now time.Time, seen []viewer.Totals) Report {
	p := d.cfg.Plan
	r := Report{
		Name: d.cfg.Name, Seed: p.Seed, Started: began.UTC().Truncate(time.Millisecond),
		Seconds: now.Sub(began).Seconds(), Planned: p.For.Seconds(), Segment: d.segment().Seconds(),
		Availability: 1, Viewers: seen,
	}
	r.Faults, r.Calm = d.record.records()
	for _, v := range seen {
		r.Availability, r.Off = min(r.Availability, v.Availability), max(r.Off, v.Off)
		r.Lost, r.Pause, r.Errors = max(r.Lost, v.Lost), max(r.Pause, v.Pause), r.Errors+v.Errors
		r.Mean += v.Availability / float64(len(seen))
	}
	r.Allowed = r.Seconds * (1 - nines)
	r.Kinds = kinds(r.Faults)
	for i, t := range p.Targets {
		h := Harmed{Name: t.Name, Region: t.Region, Allow: []string{}}
		for _, k := range t.Allow {
			h.Allow = append(h.Allow, string(k))
		}
		for _, f := range r.Faults {
			concerns := f.Target == t.Name || f.Fault == regionKind && f.Target == t.Region
			if f.LeftOut == "" && concerns && slices.Contains(h.Allow, f.Fault) {
				h.Faults++
			}
		}
		if e, ok := d.cfg.Aims[i].Target.(ender); ok {
			h.Ends = e.Ends()
		}
		r.Targets = append(r.Targets, h)
	}
	r.judge(d.cfg)
	r.round()
	return r
}

const regionKind = "region"

// kinds sums up by kind, in the order of their first coming.
func kinds(all []Record) []Kind {
	out := []Kind{}
	for _, f := range all {
		if f.LeftOut != "" {
			continue
		}
		i := slices.IndexFunc(out, func(k Kind) bool { return k.Fault == f.Fault })
		if i < 0 {
			i = len(out)
			out = append(out, Kind{Fault: f.Fault})
		}
		k := &out[i]
		k.Times, k.Errors = k.Times+1, k.Errors+f.Errors
		k.Pause, k.Lost, k.Off = max(k.Pause, f.Pause), k.Lost+f.Lost, k.Off+f.Off
	}
	return out
}

// judge holds what was seen against the limits.
func (r *Report) judge(cfg Config) {
	l := cfg.Limits
	if l.Pause == 0 {
		l.Pause = time.Duration(pauseSegments * r.Segment * float64(time.Second))
	}
	worst := int64(0)
	for _, v := range r.Viewers {
		worst = max(worst, v.Errors)
	}
	done, failed, left := 0, 0, 0
	for _, f := range r.Faults {
		switch {
		case f.LeftOut != "":
			left++
		case f.Error != "":
			failed++
		default:
			done++
		}
	}
	add := func(name, asked, seen string, ok bool) { r.Limits = append(r.Limits, Limit{name, asked, seen, ok}) }
	add("availability", "at least "+percent(l.Availability), percent(r.Availability), r.Availability >= l.Availability)
	add("timeline lost", "at most "+seconds(l.Lost.Seconds()), seconds(r.Lost), r.Lost <= l.Lost.Seconds())
	add("longest time without a new segment", "at most "+seconds(l.Pause.Seconds()), seconds(r.Pause),
		r.Pause <= l.Pause.Seconds())
	add("errors of one viewer", fmt.Sprintf("at most %d", l.Errors), fmt.Sprint(worst), worst <= l.Errors)
	add("faults that could not be done or undone", "0", fmt.Sprint(failed), failed == 0)
	if len(cfg.Plan.Schedule) > 0 {
		steps := len(cfg.Plan.Schedule)
		add("faults of the schedule", fmt.Sprint(steps), fmt.Sprint(done), done == steps)
	} else {
		add("faults", "at least 1", fmt.Sprint(done), done > 0)
	}
	add("length", seconds(r.Planned), seconds(r.Seconds), r.Seconds >= r.Planned-1)
	r.OK = !slices.ContainsFunc(r.Limits, func(x Limit) bool { return !x.OK })
}

// round takes off what is no knowledge.
func (r *Report) round() {
	for _, x := range []*float64{&r.Seconds, &r.Off, &r.Lost, &r.Pause} {
		*x = round(*x)
	}
	records := []*Record{&r.Calm}
	for i := range r.Faults {
		records = append(records, &r.Faults[i])
	}
	for _, f := range records {
		for _, x := range []*float64{&f.At, &f.Seconds, &f.Whole, &f.Pause, &f.Lost, &f.Off} {
			*x = round(*x)
		}
		for i := range f.Effects {
			e := &f.Effects[i]
			e.Pause, e.Lost, e.Off = round(e.Pause), round(e.Lost), round(e.Off)
		}
	}
	for i := range r.Viewers {
		v := &r.Viewers[i]
		v.Seconds, v.Off, v.Lost, v.Pause = round(v.Seconds), round(v.Off), round(v.Lost), round(v.Pause)
	}
	for i := range r.Kinds {
		k := &r.Kinds[i]
		k.Pause, k.Lost, k.Off = round(k.Pause), round(k.Lost), round(k.Off)
	}
	r.Allowed = math.Round(r.Allowed*1e6) / 1e6
}

func round(v float64) float64 { return math.Round(v*1000) / 1000 }

// seconds is a length for people.
func seconds(v float64) string {
	d := time.Duration(v * float64(time.Second))
	if d >= time.Minute {
		text := d.Round(time.Second).String()
		if strings.HasSuffix(text, "m0s") {
			text = strings.TrimSuffix(text, "0s")
		}
		return text
	}
	return fmt.Sprintf("%.2f s", v)
}

// percent is a part for people. It is never rounded up to what was asked for.
func percent(part float64) string {
	s := fmt.Sprintf("%.4f", math.Floor(part*1e6+1e-6)/1e4)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") + " %"
}
