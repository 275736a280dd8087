package drill_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"onair/pipeline/drill"
	"onair/pipeline/fault"
	"onair/pipeline/viewer"
	"onair/test/live"
)

var update = flag.Bool("update", false, "write the golden files")

// victim is a target that notes what is done to it.
type victim struct {
	mu                sync.Mutex
	started, stopped  int
	done              []fault.Fault
	failing, starting error
	doing             func(ctx context.Context)
}

func (v *victim) Start(context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.started++
	return v.starting
}

func (v *victim) Do(ctx context.Context, f fault.Fault) (string, error) {
	v.mu.Lock()
	v.done = append(v.done, f)
	v.mu.Unlock()
	if v.doing != nil {
		v.doing(ctx)
	}
	return "the victim", v.failing
}

func (v *victim) Stop() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.stopped++
}

// channel is one on air; off, it answers 503.
func channel(t *testing.T) (address string, off func(bool)) {
	t.Helper()
	c := live.Start(t)
	return c.URL, c.Off
}

// steps is a drill of some steps with one victim.
func steps(t *testing.T, v *victim, address string, all ...drill.Step) drill.Config {
	t.Helper()
	return drill.Config{
		Name: "test", Settle: 20 * time.Second, Log: zerolog.Nop(),
		Plan: drill.Plan{
			For: 2 * time.Second, Schedule: all, AtOnce: 1,
			Targets: []drill.Target{{Name: "victim", Allow: []fault.Kind{fault.Kill, fault.Stop}}},
		},
		Aims:    []drill.Aim{{Name: "victim", Target: v}},
		Viewers: []drill.ViewerConfig{{Name: "hls", URL: address, Count: 2}},
		Limits:  drill.Limits{Availability: 0.99999, Pause: 5 * time.Second},
	}
}

func run(ctx context.Context, t *testing.T, cfg drill.Config) (drill.Report, error) {
	t.Helper()
	d, err := drill.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d.Run(ctx)
}

// TestADrillThatNobodyNotices passes, and does what the schedule says.
func TestADrillThatNobodyNotices(t *testing.T) {
	t.Parallel()
	address, _ := channel(t)
	v := &victim{}
	r, err := run(t.Context(), t, steps(t, v, address,
		drill.Step{At: 100 * time.Millisecond, Fault: fault.Kill, Target: "victim"},
		drill.Step{At: 300 * time.Millisecond, Fault: fault.Stop, Target: "victim", For: drill.Span{Least: time.Millisecond, Most: time.Millisecond}}))
	if err != nil || !r.OK || len(r.Faults) != 2 || len(r.Viewers) != 2 || r.Viewers[0].Segments == 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if v.started != 1 || v.stopped != 1 || len(v.done) != 2 || v.done[1].For != time.Millisecond {
		t.Errorf("%+v", v)
	}
}

// TestADrillThatHurtsFails, and tells what it was.
func TestADrillThatHurtsFails(t *testing.T) {
	t.Parallel()
	address, off := channel(t)
	v := &victim{doing: func(ctx context.Context) { off(true); <-ctx.Done() }}
	r, err := run(t.Context(), t, steps(t, v, address, drill.Step{Fault: fault.Kill, Target: "victim"}))
	if err != nil || r.OK || r.Off == 0 || r.Errors == 0 || r.Availability == 1 || len(r.Faults[0].Effects) != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestADrillEndsEarly: with everything undone, a report, and no pass.
func TestADrillEndsEarly(t *testing.T) {
	t.Parallel()
	address, _ := channel(t)
	ctx, cancel := context.WithCancel(t.Context())
	undone := false
	v := &victim{doing: func(ctx context.Context) { cancel(); <-ctx.Done(); undone = true }}
	cfg := steps(t, v, address, drill.Step{Fault: fault.Stop, Target: "victim", For: drill.Span{Least: time.Hour, Most: time.Hour}})
	cfg.Plan.For = time.Hour
	r, err := run(ctx, t, cfg)
	if err != nil || r.OK || !undone || v.stopped != 1 || len(r.Faults) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestNothingIsDoneWhereNotEverythingIsWhole: a target that cannot be started, one that is never ready, a viewer who never
// plays.
func TestNothingIsDoneWhereNotEverythingIsWhole(t *testing.T) {
	t.Parallel()
	address, off := channel(t)
	for name, change := range map[string]func(cfg *drill.Config, v *victim){
		"no such program": func(_ *drill.Config, v *victim) { v.starting = os.ErrNotExist },
		"is not ready":    func(cfg *drill.Config, _ *victim) { cfg.Aims[0].Ready = "http://127.0.0.1:1/readyz" },
		"does not play":   func(*drill.Config, *victim) { off(true) },
	} {
		v := &victim{}
		cfg := steps(t, v, address, drill.Step{Fault: fault.Kill, Target: "victim"})
		cfg.Settle = 500 * time.Millisecond
		change(&cfg, v)
		_, err := run(t.Context(), t, cfg)
		if err == nil || !strings.Contains(err.Error(), "nothing was done") || len(v.done) > 0 || v.started != 1 {
			t.Errorf("%s: %v, %+v", name, err, v)
		}
		if name != "no such program" && (v.stopped != 1 || !strings.Contains(err.Error(), name)) {
			t.Errorf("%s: %v, stopped %d times", name, err, v.stopped)
		}
	}
}

// TestAFaultThatFailsIsNoPass: who asks for harm wants to know that it was done.
func TestAFaultThatFailsIsNoPass(t *testing.T) {
	t.Parallel()
	address, _ := channel(t)
	v := &victim{failing: os.ErrPermission}
	r, err := run(t.Context(), t, steps(t, v, address, drill.Step{Fault: fault.Kill, Target: "victim"}))
	if err != nil || r.OK || r.Faults[0].Error == "" {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestAStepWaitsUntilItMayBeDone: the second one for the first one's end, and a last one in vain.
func TestAStepWaitsUntilItMayBeDone(t *testing.T) {
	t.Parallel()
	address, _ := channel(t)
	v := &victim{}
	cfg := steps(t, v, address, drill.Step{Fault: fault.Kill, Target: "victim"}, drill.Step{Fault: fault.Stop, Target: "victim"},
		drill.Step{Fault: fault.Kill, Target: "victim"})
	cfg.Aims[0].Whole = 1200 * time.Millisecond
	r, err := run(t.Context(), t, cfg)
	if err != nil || r.OK || len(r.Faults) != 3 || r.Faults[1].At < 1.2 || r.Faults[2].LeftOut == "" || len(v.done) != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}

// Sample is a report with one of everything.
func sample() drill.Report {
	kill := drill.Record{At: 30, Fault: "kill", Target: "pipeline-a", Done: "process 17", Seconds: 2.1, Whole: 44, Pause: 3.4, Effects: []drill.Effect{}}
	region := drill.Record{
		At: 60, Fault: "region", Target: "west", Done: "process 17; legs a, b", Seconds: 20, Pause: 9.5, Lost: 2, Off: 1.25, Errors: 3,
		Effects: []drill.Effect{{Viewer: "hls-1", Pause: 9.5, Lost: 2, Off: 1.25, Errors: 3}, {Viewer: "dash", Pause: 4}},
	}
	return drill.Report{
		Name: "final-rehearsal", Seed: 7, Started: time.Date(2026, 11, 30, 3, 0, 0, 0, time.UTC), Seconds: 120, Planned: 120, Segment: 2,
		Availability: 0.989583, Mean: 0.994791, Off: 1.25, Allowed: 0.0012, Lost: 2, Pause: 9.5, Errors: 3,
		Limits: []drill.Limit{
			{Name: "availability", Asked: "at least 99.999 %", Seen: "98.9583 %"},
			{Name: "timeline lost", Asked: "at most 0.00 s", Seen: "2.00 s"},
			{Name: "faults", Asked: "at least 1", Seen: "2", OK: true},
		},
		Faults: []drill.Record{
			kill, region, {At: 90, Fault: "kill", Target: "pipeline-b", LeftOut: "less would be whole than keep asks for", Effects: []drill.Effect{}},
			{At: 100, Fault: "stop", Target: "origin-a", Error: "it does not run", Effects: []drill.Effect{}},
		},
		Calm:  drill.Record{Pause: 2.1, Effects: []drill.Effect{}},
		Kinds: []drill.Kind{{Fault: "kill", Times: 1, Pause: 3.4}, {Fault: "region", Times: 1, Pause: 9.5, Lost: 2, Off: 1.25, Errors: 3}},
		Viewers: []viewer.Totals{
			{Name: "hls-1", URL: "http://edge/news/index.m3u8?***", Seconds: 120, Off: 1.25, Availability: 0.989583, Lost: 2, Pause: 9.5,
				Errors: 3, Kinds: []viewer.Count{{Kind: "gap", Times: 2}, {Kind: "http 503", Times: 1}}, Told: []string{"1m2s v180.m3u8: 503 <b>"},
				Segments: 118, Rewritten: 4, Requests: 400, Bytes: 1 << 20},
			{Name: "dash", URL: "http://edge/news/manifest.mpd", Seconds: 120, Availability: 1, Pause: 4, Kinds: []viewer.Count{},
				Told: []string{}, Segments: 120, Requests: 300, Bytes: 1 << 20},
		},
		Targets: []drill.Harmed{
			{Name: "pipeline-a", Region: "west", Allow: []string{"kill", "region"}, Faults: 2, Ends: 1}, {Name: "edge", Allow: []string{}},
		},
	}
}

// TestReportReadsWell holds the summary and the page against what they were.
func TestReportReadsWell(t *testing.T) {
	t.Parallel()
	var text, page bytes.Buffer
	r := sample()
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/report.txt", text.String())
	golden(t, "testdata/report.html", page.String())
	for _, bad := range []string{"<b>\"", "http://www", "https://", "<script", "<link", " src="} {
		if strings.Contains(page.String(), bad) {
			t.Errorf("the page has %q", bad)
		}
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}
