package config_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"onair/pipeline/config"
	"onair/pkg/leg"
	"onair/pkg/tick"
)

const (
	referenceFile = "../../docs/channel.yaml"
	referenceDoc  = "../../docs/config.md"
	originFile    = "../../docs/origin.yaml"
	originDoc     = "../../docs/origin.md"
	drillPlan     = "../../docs/drill.yaml"
	drillDoc      = "../../docs/drill.md"
)

// entry is one key of the reference: where it is, the value there and the comment above it.
type entry struct {
	path, value, text string
	leftOut           bool
}

var keyLine = regexp.MustCompile(`^( *)(#?)(- )?([a-z0-9_]+):(?: (.*))?$`)

// readReference reads the keys with their comments. Comments of later items of a list repeat nothing and are left alone.
func readReference(t *testing.T, file string) (intro []string, entries []entry) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var comment []string
	type parent struct {
		indent int
		path   string
	}
	var parents []parent
	seen := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimRight(line, "\n")
		m := keyLine.FindStringSubmatch(line)
		switch {
		case strings.HasPrefix(strings.TrimSpace(line), "# "):
			comment = append(comment, strings.TrimPrefix(strings.TrimSpace(line), "# "))
		case m != nil:
			indent := len(m[1]) + len(m[3])
			for len(parents) > 0 && parents[len(parents)-1].indent >= indent {
				parents = parents[:len(parents)-1]
			}
			path := m[4]
			if n := len(parents); n > 0 && m[3] != "" {
				parents[n-1].path = strings.TrimSuffix(parents[n-1].path, "[]") + "[]"
			}
			if n := len(parents); n > 0 {
				path = parents[n-1].path + "." + path
			}
			parents = append(parents, parent{indent, path})
			if !seen[path] {
				entries = append(entries, entry{path, m[5], strings.Join(comment, " "), m[2] != ""})
			}
			seen[path] = true
			comment = nil
		case line == "" || line == "#":
			if len(entries) == 0 {
				intro = append(intro, strings.Join(comment, " "))
			}
			comment = nil
		}
	}
	return intro, entries
}

// schema lists every key that the loader knows.
func schema(t reflect.Type, path string) []string {
	for t.Kind() == reflect.Slice {
		t, path = t.Elem(), path+"[]"
	}
	own := t.PkgPath() == reflect.TypeFor[config.Channel]().PkgPath()
	single := []reflect.Type{reflect.TypeFor[config.Size](), reflect.TypeFor[config.Selector](), reflect.TypeFor[config.Span]()}
	if t.Kind() != reflect.Struct || !own || slices.Contains(single, t) {
		return nil
	}
	var out []string
	for i := range t.NumField() {
		tag := t.Field(i).Tag.Get("yaml")
		if tag == "" || tag == "-" {
			continue
		}
		at := strings.TrimPrefix(path+"."+tag, ".")
		out = append(out, at)
		out = append(out, schema(t.Field(i).Type, at)...)
	}
	return out
}

// TestReferenceIsComplete: every key is in the reference with a comment, and nothing else is.
func TestReferenceIsComplete(t *testing.T) {
	t.Parallel()
	_, entries := readReference(t, referenceFile)
	found := map[string]bool{}
	for _, e := range entries {
		found[e.path] = true
		if e.text == "" {
			t.Errorf("%s has no comment", e.path)
		}
	}
	want := map[string]bool{}
	for _, path := range schema(reflect.TypeFor[config.Channel](), "") {
		want[path] = true
	}
	// A store's kinds are told at the outputs.
	for _, key := range []string{"s3", "http", "user", "password", "token", "ca", "cert", "key", "pipeline", "cmaf", "shared"} {
		delete(want, "timeline."+key)
	}
	for _, key := range []string{"dir", "s3", "user", "password", "token", "ca", "cert", "key", "pipeline", "cmaf", "shared"} {
		delete(want, "twin."+key)
	}
	if !maps.Equal(found, want) {
		t.Errorf("reference has\n%v\nloader knows\n%v", slices.Sorted(maps.Keys(found)), slices.Sorted(maps.Keys(want)))
	}
}

// TestReferenceShowsTheDefaults: the reference loads, and as the same channel as a file with only what has no default.
func TestReferenceShowsTheDefaults(t *testing.T) {
	t.Parallel()
	reference, err := config.Load(referenceFile, environment)
	if err != nil {
		t.Fatal(err)
	}
	short := filepath.Join(t.TempDir(), "short.yaml")
	err = os.WriteFile(short, []byte(`
channel: news
inputs:
  - {name: main, legs: ["rtp://239.0.0.1:5000?interface=eth0&source=10.1.1.1", "rtp://239.0.1.1:5000?interface=eth1"]}
  - name: backup
    legs: ["srt://0.0.0.0:9000?mode=listener&latency=200&passphrase=${SRT_PASSPHRASE}&streamid=news"]
video: [{name: v720, size: 1280x720, bitrate: 3M}, {name: v360, size: 640x360, bitrate: 800k}]
timeline: {dir: ./shared}
outputs: [{dir: ./origin}]
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defaults, err := config.Load(short, environment)
	if err != nil {
		t.Fatal(err)
	}
	a, b := reflect.ValueOf(reference).Elem(), reflect.ValueOf(defaults).Elem()
	for i := range a.NumField() {
		field := a.Type().Field(i)
		if !field.IsExported() || field.Name == "File" {
			continue
		}
		left, right := a.Field(i).Interface(), b.Field(i).Interface()
		if list, ok := left.([]config.Input); ok { // an empty list of tracks is the same as none
			for j := range list {
				list[j].Audio = nil
			}
		}
		if !reflect.DeepEqual(left, right) {
			t.Errorf("%s: reference %+v, default %+v", field.Name, left, right)
		}
	}
	if len(reference.Warnings) > 0 {
		t.Errorf("the reference has warnings: %v", reference.Warnings)
	}
}

// needed are the keys that have no default.
var needed = []string{
	"channel", "inputs", "inputs[].name", "inputs[].legs", "video[].name", "video[].size", "video[].bitrate", "audio[].name",
	"outputs",
}

// TestReferenceDoc keeps docs/config.md the same as the comments of the reference.
func TestReferenceDoc(t *testing.T) {
	t.Parallel()
	intro, entries := readReference(t, referenceFile)
	var b strings.Builder
	fmt.Fprintf(&b, "# The channel file\n\n<!-- Made from docs/channel.yaml: go test ./pipeline/config -update -->\n\n")
	b.WriteString(strings.NewReplacer("# and", "`#` and", "${NAME}", "`${NAME}`").Replace(strings.Join(intro, "\n\n")))
	b.WriteString("\n\nThe file itself, to copy from: [channel.yaml](channel.yaml). `onair check FILE` tells what a file means.\n\n")
	b.WriteString("| key | default | what it is |\n|---|---|---|\n")
	for _, e := range entries {
		value := ""
		switch {
		case slices.Contains(needed, e.path):
			value = "needed"
		case e.path == "outputs[].dir" || e.path == "timeline.dir": // one of several: an example, not a default
		case e.leftOut:
			value = "left out"
		case e.value != "":
			value = "`" + e.value + "`"
		case e.path == "video" || e.path == "timeline":
			value = "left out"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", e.path, value, strings.ReplaceAll(e.text, "|", `\|`))
	}
	golden(t, referenceDoc, b.String())
}

// TestReferenceHasEveryKindOfValue guards the schema walk above against new types that it would not look into.
func TestReferenceHasEveryKindOfValue(t *testing.T) {
	t.Parallel()
	for _, typ := range []reflect.Type{reflect.TypeFor[leg.URL](), reflect.TypeFor[tick.Rate]()} {
		if got := schema(typ, "x"); got != nil {
			t.Errorf("%v has keys %v", typ, got)
		}
	}
}

// TestReadmeExamplesLoad: a channel file that the README shows can be used as it is.
func TestReadmeExamplesLoad(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^( *)```yaml\n(.*?)^ *```").FindAllStringSubmatch(string(b), -1)
	if len(blocks) == 0 {
		t.Fatal("no example found")
	}
	for _, m := range blocks {
		text := strings.ReplaceAll("\n"+m[2], "\n"+m[1], "\n")
		file := write(t, "readme.yaml", text)
		if _, err := config.Load(file, environment); strings.Contains(text, "channel:") && err != nil {
			t.Errorf("%v\n%s", err, text)
		}
		if _, err := config.LoadDrill(file, environment); strings.Contains(text, "viewers:") {
			if err != nil {
				t.Errorf("%v\n%s", err, text)
			}
			continue
		}
		if _, err := config.LoadOrigin(file, environment); !strings.Contains(text, "channel:") && err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
}

// TestOriginReference: every key of an origin's file is in its reference with a comment, and the values are the defaults.
func TestOriginReference(t *testing.T) {
	t.Parallel()
	intro, entries := readReference(t, originFile)
	found := map[string]bool{}
	for _, e := range entries {
		found[e.path] = true
		if e.text == "" {
			t.Errorf("%s has no comment", e.path)
		}
	}
	want := map[string]bool{}
	for _, path := range schema(reflect.TypeFor[config.Origin](), "") {
		want[path] = true
	}
	for _, key := range []string{"http", "user", "password", "token", "ca", "cert", "key", "pipeline", "cmaf", "shared"} {
		delete(want, "store."+key) // of channels' outputs
	}
	if !maps.Equal(found, want) {
		t.Errorf("reference has\n%v\nloader knows\n%v", slices.Sorted(maps.Keys(found)), slices.Sorted(maps.Keys(want)))
	}
	reference, err := config.LoadOrigin(originFile, environment)
	if err != nil {
		t.Fatal(err)
	}
	short := write(t, "short.yaml", "store: {dir: ./origin}\nwriters: [{name: west, user: west, password: \"${PASSWORD}\"}]\n")
	defaults, err := config.LoadOrigin(short, environment)
	if err != nil {
		t.Fatal(err)
	}
	defaults.File, defaults.Warnings = reference.File, reference.Warnings
	reference.Writers[0].Channels = nil
	if !reflect.DeepEqual(reference, defaults) {
		t.Errorf("reference %+v, default %+v", reference, defaults)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# The file of an origin\n\n<!-- Made from docs/origin.yaml: go test ./pipeline/config -update -->\n\n")
	b.WriteString(strings.ReplaceAll(strings.Join(intro, "\n\n"), "${NAME}", "`${NAME}`"))
	b.WriteString("\n\nThe file itself, to copy from: [origin.yaml](origin.yaml). `onair origin --check FILE` reads a file and tells " +
		"what is wrong with it.\n\n| key | default | what it is |\n|---|---|---|\n")
	for _, e := range entries {
		value := ""
		switch {
		case slices.Contains([]string{"store", "writers", "writers[].name"}, e.path):
			value = "needed"
		case e.leftOut || e.path == "writers[].user" || e.path == "writers[].password":
			value = "left out"
		case e.path != "store.dir" && e.value != "":
			value = "`" + e.value + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", e.path, value, strings.ReplaceAll(e.text, "|", `\|`))
	}
	golden(t, originDoc, b.String())
}

// TestOriginFiles holds what is refused, and what is warned of, against the texts beside the files.
func TestOriginFiles(t *testing.T) {
	t.Parallel()
	for _, path := range files(t, "origin") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			o, err := config.LoadOrigin(path, environment)
			text := ""
			if err != nil {
				text = err.Error()
			} else if len(o.Warnings) > 0 {
				text = "warnings only\n" + config.Problems(o.Warnings).Error()
			}
			golden(t, strings.TrimSuffix(path, ".yaml")+".txt", strings.ReplaceAll(text, filepath.Dir(path)+"/", "")+"\n")
			if strings.Contains(text, "topsecret") {
				t.Errorf("a secret is shown: %s", text)
			}
		})
	}
}
