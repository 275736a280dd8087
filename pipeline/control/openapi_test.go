package control_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"onair/pipeline/control"
)

// load reads docs/openapi.yaml and checks that it is a right OpenAPI document.
func load(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("../../docs/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err = doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return doc
}

// check holds an answer against what the document says of that path, method and code.
func check(t *testing.T, doc *openapi3.T, path, method string, r *http.Response) {
	t.Helper()
	op := doc.Paths.Value(path).GetOperation(method)
	answer := op.Responses.Status(r.StatusCode)
	if answer == nil {
		t.Fatalf("%s %s: %d is not documented", method, path, r.StatusCode)
	}
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	media := answer.Value.Content[kind]
	if media == nil {
		t.Fatalf("%s %s: %d as %q is not documented", method, path, r.StatusCode, kind)
	}
	if kind != "application/json" {
		return
	}
	var v any
	if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
		t.Fatal(err)
	}
	if err := media.Schema.Value.VisitJSON(v, openapi3.MultiErrors(), openapi3.EnableFormatValidation()); err != nil {
		t.Errorf("%s %s: %d: %v", method, path, r.StatusCode, err)
	}
}

func TestAnswersAreAsDocumented(t *testing.T) {
	doc := load(t)
	empty := &fake{status: control.Status{Channel: "empty", State: control.Waiting, Lock: control.Alone, Inputs: []control.Input{{Name: "main",
		State: control.InputWaiting, Lock: control.NoLock}}}}
	stuck := &fake{status: full("stuck"), refuse: errors.New("nothing there"), stale: errors.New("old")}
	news := &fake{status: full("news"), events: control.Events{Began: noon, First: 3, Last: 12, Events: full("news").Events}}
	h := site(t, "", news, empty, stuck)
	const one, input, events = "/api/v1/channels/{channel}", "/api/v1/channels/{channel}/input", "/api/v1/channels/{channel}/events"
	const reload = "/api/v1/channels/{channel}/reload"
	switching := func(channel, request string, edit ...func(*http.Request)) *http.Response {
		return ask(h, "POST", "/api/v1/channels/"+channel+"/input", append(edit, body(request))...)
	}
	for _, c := range []struct {
		name, path, method string
		code               int
		answer             *http.Response
	}{
		{"list", "/api/v1/channels", "GET", 200, ask(h, "GET", "/api/v1/channels")},
		{"full channel", one, "GET", 200, ask(h, "GET", "/api/v1/channels/news")},
		{"empty channel", one, "GET", 200, ask(h, "GET", "/api/v1/channels/empty")},
		{"no channel", one, "GET", 404, ask(h, "GET", "/api/v1/channels/x")},
		{"switched", input, "POST", 200, switching("news", `{"name":"main"}`)},
		{"bad request", input, "POST", 400, switching("news", `{}`)},
		{"reloaded", reload, "POST", 200, ask(h, "POST", "/api/v1/channels/news/reload")},
		{"reload refused", reload, "POST", 409, ask(h, "POST", "/api/v1/channels/stuck/reload")},
		{"reload without token", reload, "POST", 401, ask(site(t, "x", empty), "POST", "/api/v1/channels/empty/reload")},
		{"reload from elsewhere", reload, "POST", 403, ask(h, "POST", "/api/v1/channels/news/reload", header("Via", "x"))},
		{"no token", input, "POST", 401, ask(site(t, "x", empty), "POST", "/api/v1/channels/empty/input", body(`{}`))},
		{"forwarded", input, "POST", 403, switching("news", `{"name":"main"}`, header("Via", "x"))},
		{"no input", input, "POST", 404, switching("news", `{"name":"x"}`)},
		{"cannot", input, "POST", 409, switching("stuck", `{"name":"main"}`)},
		{"too long", input, "POST", 413, switching("news", `{"name":"`+strings.Repeat("x", 5000)+`"}`)},
		{"a form", input, "POST", 415, switching("news", `{}`, header("Content-Type", "text/html"))},
		{"events", events, "GET", 200, ask(h, "GET", "/api/v1/channels/news/events?after=3&limit=7&level=warning")},
		{"no events", events, "GET", 200, ask(h, "GET", "/api/v1/channels/empty/events")},
		{"bad query", events, "GET", 400, ask(h, "GET", "/api/v1/channels/news/events?limit=x")},
		{"events of no channel", events, "GET", 404, ask(h, "GET", "/api/v1/channels/x/events")},
		{"metrics", "/metrics", "GET", 200, ask(h, "GET", "/metrics")},
		{"alive", "/healthz", "GET", 200, ask(h, "GET", "/healthz")},
		{"not ready", "/readyz", "GET", 503, ask(h, "GET", "/readyz")},
		{"ready", "/readyz", "GET", 200, ask(site(t, ""), "GET", "/readyz")},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.answer.StatusCode != c.code {
				t.Fatalf("%d, want %d", c.answer.StatusCode, c.code)
			}
			check(t, doc, c.path, c.method, c.answer)
		})
	}
}

// schemas are the Go types behind the schemas of the API.
var schemas = map[string]any{
	"List": control.List{}, "Problem": control.Problem{}, "Switch": control.Switch{}, "Status": control.Status{},
	"Grid": control.Grid{}, "Event": control.Event{}, "Events": control.Events{}, "Webhook": control.Webhook{}, "Input": control.Input{}, "Program": control.Program{},
	"Stream": control.Stream{}, "Picture": control.Picture{}, "TS": control.TS{}, "Spool": control.Spool{}, "Check": control.Check{}, "Content": control.Content{},
	"Leg": control.Leg{}, "SRT": control.SRT{}, "Run": control.Run{}, "Rendition": control.Rendition{}, "Store": control.Store{},
	"Twin": control.Twin{},
}

func TestEverySchemaHasTheFieldsOfItsType(t *testing.T) {
	doc := load(t)
	for name, v := range schemas {
		s := doc.Components.Schemas[name]
		if s == nil {
			t.Errorf("no schema %s", name)
			continue
		}
		var have, want []string
		for p := range s.Value.Properties {
			have = append(have, p)
		}
		for f := range reflect.TypeOf(v).Fields() {
			tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			want = append(want, tag)
		}
		required := slices.Clone(s.Value.Required)
		slices.Sort(have)
		slices.Sort(want)
		slices.Sort(required)
		if !slices.Equal(have, want) || !slices.Equal(required, want) {
			t.Errorf("%s\nproperties %v\nrequired   %v\nGo type    %v", name, have, required, want)
		}
		if a := s.Value.AdditionalProperties.Has; a == nil || *a {
			t.Errorf("%s allows fields that are not documented", name)
		}
	}
}

// TestPageIsTestedWithWhatTheAPIPrints keeps the sample that the page's own tests use. -update writes it anew.
func TestPageIsTestedWithWhatTheAPIPrints(t *testing.T) {
	const path = "../../web/src/status.sample.json"
	var out bytes.Buffer
	answer := text(t, ask(site(t, "", &fake{status: full("news")}), "GET", "/api/v1/channels/news"))
	if err := json.Indent(&out, []byte(answer), "", "  "); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, out.Bytes()) {
		t.Errorf("%s is not what the API prints: write it with -update", path)
	}
}
