// Package docs_test holds the documents of this folder against the code.
package docs_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"onair/pipeline/drill"
	"onair/pipeline/probe"
	"onair/pipeline/verify"
)

func load(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// reports are what commands print as JSON, by the prefix of their schemas.
var reports = map[string][]any{
	"Probe": {probe.Report{}}, "Verify": {verify.Report{}, verify.TwinReport{}}, "Drill": {drill.Report{}},
}

// TestReportsAreDocumentedAsTheyAre walks a report's types: each has a schema with exactly its fields, and there is no other.
func TestReportsAreDocumentedAsTheyAre(t *testing.T) {
	doc := load(t)
	for prefix, all := range reports {
		seen := map[string]bool{}
		for _, report := range all {
			compare(t, doc, prefix, reflect.TypeOf(report), seen)
		}
		for name := range doc.Components.Schemas {
			if strings.HasPrefix(name, prefix) && !seen[name] {
				t.Errorf("schema %s is of no type of the report", name)
			}
		}
	}
}

func compare(t *testing.T, doc *openapi3.T, prefix string, v reflect.Type, seen map[string]bool) {
	t.Helper()
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Slice {
		v = v.Elem()
	}
	name := prefix + v.Name()
	if v.Kind() != reflect.Struct || v.PkgPath() == "time" || seen[name] {
		return
	}
	seen[name] = true
	schema := doc.Components.Schemas[name]
	if schema == nil {
		t.Errorf("no schema %s", name)
		return
	}
	var have, want, always []string
	for p := range schema.Value.Properties {
		have = append(have, p)
	}
	for f := range v.Fields() {
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		want = append(want, tag)
		if options != "omitempty" {
			always = append(always, tag)
		}
		compare(t, doc, prefix, f.Type, seen)
	}
	required := slices.Clone(schema.Value.Required)
	slices.Sort(have)
	slices.Sort(want)
	slices.Sort(required)
	slices.Sort(always)
	if !slices.Equal(have, want) || !slices.Equal(required, always) {
		t.Errorf("%s\nproperties %v\nof Go type %v\nrequired   %v\nof Go type %v", name, have, want, required, always)
	}
}

// follow holds a real report against its schema.
func follow(t *testing.T, schema string, report any) {
	t.Helper()
	b, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err = json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	s := load(t).Components.Schemas[schema].Value
	if err = s.VisitJSON(v, openapi3.MultiErrors(), openapi3.EnableFormatValidation()); err != nil {
		t.Errorf("%s\n%v", b, err)
	}
}

func TestProbeReportsFollowTheirSchema(t *testing.T) {
	inputs := map[string][]byte{"nothing": nil, "junk": bytes.Repeat([]byte("no transport stream "), 1000)}
	if media := os.Getenv("ONAIR_MEDIA"); media != "" {
		for _, pattern := range []string{"*.ts", "*/*.ts"} {
			files, err := filepath.Glob(filepath.Join(media, "ts", pattern))
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range files[:min(3, len(files))] {
				if inputs[name], err = os.ReadFile(name); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for name, b := range inputs {
		report, err := probe.File(t.Context(), bytes.NewReader(b), filepath.Base(name), 0)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		follow(t, "ProbeReport", report)
	}
}

func TestVerifyReportsFollowTheirSchema(t *testing.T) {
	origin := func() string {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "index.m3u8"), []byte("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	a, b := origin(), origin()
	viewer, err := verify.New(verify.Config{Target: a})
	if err != nil {
		t.Fatal(err)
	}
	report, err := viewer.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	follow(t, "VerifyReport", report)
	twins, err := verify.NewTwins(verify.TwinConfig{A: a, B: b})
	if err != nil {
		t.Fatal(err)
	}
	compared, err := twins.Run(t.Context())
	if err != nil || len(compared.Findings) == 0 {
		t.Fatalf("%v, %+v", err, compared)
	}
	follow(t, "VerifyTwinReport", compared)
}
