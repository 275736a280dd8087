package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onair/pipeline/drill"
	"onair/test/live"
)

const drillPlanText = `
name: sleeper
for: 2s
settle: 20s
schedule: [{at: 200ms, fault: kill, target: sleeper}]
targets:
  - {name: sleeper, allow: [kill], start: [sleep, "1000"], restart: 10ms, env: ["PASSWORD=topsecret"], whole: 10ms}
viewers: [{name: hls, url: %q}]
limits: {pause: %s}
`

// TestDrillExitCodes: it passes, it fails, it cannot begin, it is wrong; with the files that were asked for, and no secret.
func TestDrillExitCodes(t *testing.T) {
	t.Parallel()
	address := live.Start(t).URL
	for name, c := range map[string]struct {
		plan string
		code int
		said string
	}{
		"passes":           {fmt.Sprintf(drillPlanText, address, "10s"), exitOK, "PASSED: drill sleeper"},
		"fails":            {fmt.Sprintf(drillPlanText, address, "100ms"), exitFailed, "FAILED: drill sleeper"},
		"cannot begin":     {strings.Replace(fmt.Sprintf(drillPlanText, address, "1s"), "start: [sleep", "start: [/no/such", 1), exitFailed, "nothing was done to anybody"},
		"is wrong":         {strings.Replace(fmt.Sprintf(drillPlanText, address, "1s"), "allow: [kill]", "allow: [stop]", 1), exitUsage, "schedule[0].fault"},
		"nowhere to write": {fmt.Sprintf(drillPlanText, address, "1s"), exitUsage, "report"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			plan, report, page := filepath.Join(dir, "plan.yaml"), filepath.Join(dir, "report.json"), filepath.Join(dir, "report.html")
			if err := os.WriteFile(plan, []byte(c.plan), 0o600); err != nil {
				t.Fatal(err)
			}
			if name == "nowhere to write" {
				report = filepath.Join(dir, "none", "report.json")
			}
			code, stdout, stderr := runLine("drill", "--json", report, "--html", page, plan)
			if code != c.code || !strings.Contains(stdout+stderr, c.said) || strings.Contains(stdout+stderr, "topsecret") {
				t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
			}
			if !strings.Contains(c.said, "drill sleeper") {
				return
			}
			var r drill.Report
			b, _ := os.ReadFile(report)
			text, _ := os.ReadFile(page)
			if err := json.Unmarshal(b, &r); err != nil || r.OK != (code == exitOK) || len(text) == 0 || r.Faults[0].Fault != "kill" {
				t.Errorf("%v\n%s", err, b)
			}
		})
	}
}

// TestDrillCheckTouchesNothing: it prints what could be done to whom, and the faults of the seed.
func TestDrillCheckTouchesNothing(t *testing.T) {
	t.Setenv("SRT_PASSPHRASE", "topsecret1234")
	code, stdout, stderr := runLine("drill", "--check", "--for", "5m", "../../docs/drill.yaml")
	for _, want := range []string{
		"drill final-rehearsal", "may be done: kill, stop, region", "nothing is done to it", "1 of pipeline-a, pipeline-b whole",
		"length     5m0s", "at 30s", "availability 99.999 %",
	} {
		if code != exitOK || !strings.Contains(stdout, want) {
			t.Errorf("exit %d, no %q\n%s\n%s", code, want, stdout, stderr)
		}
	}
	if strings.Contains(stdout+stderr, "topsecret") {
		t.Error(stdout, stderr)
	}
}

func runLine(args ...string) (code int, stdout, stderr string) {
	var out, errs strings.Builder
	code = run(context.Background(), args, &out, &errs)
	return code, out.String(), errs.String()
}
