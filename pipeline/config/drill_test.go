package config_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"onair/pipeline/config"
)

// TestDrillReference: every key of a plan is in its reference with a comment, and the values are the defaults.
func TestDrillReference(t *testing.T) {
	t.Parallel()
	intro, entries := readReference(t, drillPlan)
	found := map[string]bool{}
	for i, e := range entries {
		entries[i].path = strings.Replace(e.path, "schedule.", "schedule[].", 1)
		found[entries[i].path] = true
		if e.text == "" {
			t.Errorf("%s has no comment", e.path)
		}
	}
	want := map[string]bool{}
	for _, path := range schema(reflect.TypeFor[config.Drill](), "") {
		want[path] = true
	}
	if !maps.Equal(found, want) {
		t.Errorf("reference has\n%v\nloader knows\n%v", slices.Sorted(maps.Keys(found)), slices.Sorted(maps.Keys(want)))
	}
	reference, err := config.LoadDrill(drillPlan, environment)
	if err != nil {
		t.Fatal(err)
	}
	defaults, err := config.LoadDrill(write(t, "short.yaml", `
name: final-rehearsal
every: 30s
targets:
  - {name: pipeline-a, region: west, allow: [kill, stop, region], ready: "http://127.0.0.1:8080/readyz",
     start: [onair, run, pipeline-a.yaml], env: ["SRT_PASSPHRASE=${SRT_PASSPHRASE}"]}
  - {name: origin-a, pid_file: /run/origin-a.pid}
  - {name: pipeline-b, container: pipeline-b}
  - {name: contribution, relay: {listen: "127.0.0.1:5000", to: [{name: a1, address: "127.0.0.1:5002"}]}}
  - {name: store, proxy: {listen: "127.0.0.1:8090", to: "127.0.0.1:8081"}}
  - {name: disk-a, disk: /mnt/origin-a}
keep: [{of: [pipeline-a, pipeline-b]}]
viewers: [{name: hls, url: "http://127.0.0.1:8081/news/index.m3u8"}]
`), environment)
	if err != nil {
		t.Fatal(err)
	}
	defaults.File = reference.File
	if !reflect.DeepEqual(reference, defaults) {
		t.Errorf("reference %+v, default %+v", reference, defaults)
	}
	golden(t, drillDoc, drillText(t, intro, entries))
}

// drillNeeded are the keys of a plan that have no default.
var drillNeeded = []string{
	"name", "targets", "targets[].name", "viewers", "viewers[].name", "viewers[].url", "schedule[].at", "schedule[].fault",
	"schedule[].target", "keep[].of", "targets[].relay.listen", "targets[].relay.to", "targets[].relay.to[].name",
	"targets[].relay.to[].address", "targets[].proxy.listen", "targets[].proxy.to",
}

// drillExamples are those whose value in the reference is an example.
var drillExamples = []string{
	"targets[].region", "targets[].allow", "targets[].ready", "targets[].start", "targets[].env", "targets[].pid_file",
	"targets[].container", "targets[].disk", "every",
}

// drillText is the text about plans, with the table of their keys.
func drillText(t *testing.T, intro []string, entries []entry) string {
	t.Helper()
	prose, err := os.ReadFile("testdata/drill.md")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Drills\n\n<!-- Made from docs/drill.yaml and pipeline/config/testdata/drill.md: go test ./pipeline/config -update -->\n\n")
	b.Write(prose)
	b.WriteString("\n## The plan\n\n")
	b.WriteString(strings.ReplaceAll(strings.Join(intro, "\n\n"), "${NAME}", "`${NAME}`"))
	b.WriteString("\n\nThe file itself, to copy from: [drill.yaml](drill.yaml).\n\n| key | default | what it is |\n|---|---|---|\n")
	for _, e := range entries {
		value := ""
		switch {
		case slices.Contains(drillNeeded, e.path):
			value = "needed"
		case e.leftOut || slices.Contains(drillExamples, e.path):
			value = "left out"
		case e.value != "":
			value = "`" + e.value + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", e.path, value, strings.ReplaceAll(e.text, "|", `\|`))
	}
	return b.String()
}

// TestDrillFiles holds what is refused, and what is warned of, against the texts beside the plans.
func TestDrillFiles(t *testing.T) {
	t.Parallel()
	for _, path := range files(t, "drill") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			d, err := config.LoadDrill(path, environment)
			text := ""
			if err != nil {
				text = err.Error()
			} else if len(d.Warnings) > 0 {
				text = "warnings only\n" + config.Problems(d.Warnings).Error()
			}
			golden(t, strings.TrimSuffix(path, ".yaml")+".txt", strings.ReplaceAll(text, filepath.Dir(path)+"/", "")+"\n")
			if strings.Contains(text, "topsecret") {
				t.Errorf("a secret is shown: %s", text)
			}
		})
	}
}
