package control_test

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"

	"onair/pipeline/control"
)

func TestStateHasNoNullLists(t *testing.T) {
	h := site(t, "", &fake{status: control.Status{Channel: "news", State: control.Waiting,
		Inputs: []control.Input{{Name: "main", Program: &control.Program{}}}, Runs: []control.Run{{}}}})
	var got map[string]any
	if err := json.NewDecoder(ask(h, "GET", "/api/v1/channels/news").Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	for name, v := range got {
		if v == nil && name != "grid" && name != "webhook" && name != "twin" {
			t.Errorf("%s is null", name)
		}
	}
	if in := got["inputs"].([]any)[0].(map[string]any); in["legs"] == nil || in["program"].(map[string]any)["streams"] == nil {
		t.Errorf("null list in %v", in)
	}
	if run := got["runs"].([]any)[0].(map[string]any); run["command"] == nil {
		t.Errorf("null list in %v", run)
	}
}

func TestStateShowsTheNewestEventsAndStaleness(t *testing.T) {
	f := &fake{status: full("news"), stale: errors.New("newest media is 9 s old")}
	f.status.Events = make([]control.Event, 1000)
	f.status.Events[0].Message = "newest"
	var got control.List
	if err := json.NewDecoder(ask(site(t, "", f), "GET", "/api/v1/channels").Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	st := got.Channels[0]
	if len(st.Events) != 100 || st.Events[0].Message != "newest" {
		t.Errorf("%d events, first %q", len(st.Events), st.Events[0].Message)
	}
	if st.Stale != "newest media is 9 s old" {
		t.Errorf("stale %q", st.Stale)
	}
}

func TestUnprintableStateIsAnErrorNotAHalfAnswer(t *testing.T) {
	f := &fake{status: full("news")}
	f.status.Runs[0].Speed = math.NaN()
	r := ask(site(t, "", f), "GET", "/api/v1/channels/news")
	if got := text(t, r); r.StatusCode != 500 || !strings.Contains(got, "cannot be printed") {
		t.Errorf("%d %s", r.StatusCode, got)
	}
}

func TestInputIsSwitchedByThoseWhoMay(t *testing.T) {
	ok := body(`{"name":"backup"}`)
	from := func(addr string) func(*http.Request) { return func(r *http.Request) { r.RemoteAddr = addr } }
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	old := func(r *http.Request) { r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.0", 1, 0 }
	for _, c := range []struct {
		name, token string
		edit        []func(*http.Request)
		code        int
		want        string
	}{
		{"from loopback", "", []func(*http.Request){ok}, 200, `"channel":"news"`},
		{"from IPv6 loopback", "", []func(*http.Request){ok, from("[::1]:9"), host("[::1]:8080")}, 200, ""},
		{"from mapped loopback", "", []func(*http.Request){ok, from("[::ffff:127.0.0.1]:9"), host("127.0.0.1")}, 200, ""},
		{"from elsewhere", "", []func(*http.Request){ok, from("192.0.2.7:9")}, 403, "loopback"},
		{"from an unknown peer", "", []func(*http.Request){ok, from("@")}, 403, "loopback"},
		{"forwarded", "", []func(*http.Request){ok, header("X-Forwarded-For", "192.0.2.7")}, 403, "X-Forwarded-For"},
		{"forwarded, said as the standard has it", "", []func(*http.Request){ok, header("Forwarded", "for=1")}, 403, "Forwarded"},
		{"through a proxy that tells", "", []func(*http.Request){ok, header("Via", "1.1 edge")}, 403, "Via"},
		{"as a proxy that tells nothing asks", "", []func(*http.Request){ok, old}, 403, "HTTP/1.0"},
		{"foreign name of loopback", "", []func(*http.Request){ok, host("evil.example:8080")}, 403, "evil.example"},
		{"page of another site", "", []func(*http.Request){ok, header("Origin", "https://evil.example")}, 403, "another site"},
		{"page of another site, with token", "s3cret",
			[]func(*http.Request){ok, header("Authorization", "Bearer s3cret"), header("Sec-Fetch-Site", "cross-site")}, 403, "another site"},
		{"our own page", "", []func(*http.Request){ok, header("Origin", "http://localhost:8080"), header("Sec-Fetch-Site", "same-origin")}, 200, ""},
		{"with token, from elsewhere, forwarded", "s3cret",
			[]func(*http.Request){ok, from("192.0.2.7:9"), header("X-Forwarded-For", "1"), header("Authorization", "bearer s3cret")}, 200, ""},
		{"loopback does not replace the token", "s3cret", []func(*http.Request){ok}, 401, "api_token"},
		{"wrong token", "s3cret", []func(*http.Request){ok, header("Authorization", "Bearer s3cre")}, 401, "api_token"},
		{"token in the wrong scheme", "s3cret", []func(*http.Request){ok, header("Authorization", "Basic s3cret")}, 401, "api_token"},
		{"no such input", "", []func(*http.Request){body(`{"name":"x"}`)}, 404, "no such input"},
		{"no name", "", []func(*http.Request){body(`{}`)}, 400, "name is missing"},
		{"unknown field", "", []func(*http.Request){body(`{"input":"main"}`)}, 400, "not as asked for"},
		{"not JSON", "", []func(*http.Request){body(`name=main`)}, 400, "not as asked for"},
		{"nothing", "", []func(*http.Request){body(``)}, 400, "not as asked for"},
		{"more behind", "", []func(*http.Request){body(`{"name":"main"}{}`)}, 400, "more follows"},
		{"junk behind", "", []func(*http.Request){body(`{"name":"main"}]`)}, 400, "not as asked for"},
		{"a form", "", []func(*http.Request){header("Content-Type", "text/plain"), body(`{"name":"main"}`)}, 415, "application/json"},
		{"too long", "", []func(*http.Request){body(`{"name":"` + strings.Repeat("x", 5000) + `"}`)}, 413, "4096"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fake{status: full("news")}
			r := ask(site(t, c.token, f), "POST", "/api/v1/channels/news/input", c.edit...)
			if got := text(t, r); r.StatusCode != c.code || !strings.Contains(got, c.want) {
				t.Errorf("%d %s, want %d and %q", r.StatusCode, got, c.code, c.want)
			}
			if asked := len(f.asked) > 0; asked != (c.code == 200) {
				t.Errorf("channel was asked: %v", f.asked)
			}
			if r.StatusCode == 401 && r.Header.Get("WWW-Authenticate") == "" {
				t.Error("401 without a challenge")
			}
		})
	}
}

func TestChannelThatCannotSwitchSaysWhy(t *testing.T) {
	f := &fake{status: full("news"), refuse: errors.New("backup receives nothing")}
	r := ask(site(t, "", f), "POST", "/api/v1/channels/news/input", body(`{"name":"backup"}`))
	if got := text(t, r); r.StatusCode != 409 || !strings.Contains(got, "backup receives nothing") {
		t.Errorf("%d %s", r.StatusCode, got)
	}
}

func TestTokenIsNowhereShown(t *testing.T) {
	h := site(t, "s3cret", &fake{status: full("news")})
	for _, path := range []string{"/", "/api/v1/channels", "/metrics"} {
		if strings.Contains(text(t, ask(h, "GET", path)), "s3cret") {
			t.Errorf("%s shows the token", path)
		}
	}
}
