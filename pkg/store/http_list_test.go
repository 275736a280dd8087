package store_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"onair/pkg/store"
	"onair/test/weborigin"
)

// TestHTTPWithoutAList: what answers anything but a listing has none, which is another thing than to be away.
func TestHTTPWithoutAList(t *testing.T) {
	t.Parallel()
	answer := func(status int, kind, body string) func(http.Handler) http.Handler {
		return func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", kind)
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
			})
		}
	}
	for name, c := range map[string]struct {
		wrap func(http.Handler) http.Handler
		none bool // the server has no listing
		away bool
	}{
		"as nginx":        {weborigin.Plain, true, false},
		"a page":          {answer(200, "text/html", "<html>"), true, false},
		"other json":      {answer(200, "application/json", `{"objects":[]}`), true, false},
		"not found":       {answer(404, "text/plain", "no"), true, false},
		"not implemented": {answer(501, "text/plain", "no"), true, false},
		"who are you":     {answer(401, "text/plain", "no"), false, false},
		"own fault":       {answer(500, "text/plain", "no"), false, true},
		"broken":          {answer(200, store.ListType, `{"objects":[`), false, false},
		"no end":          {answer(200, store.ListType, `{"objects":[],"more":true}`), false, false},
		"again":           {answer(200, store.ListType, `{"objects":[{"name":"a"},{"name":"a"}]}`), false, false},
		"for ever":        {answer(200, store.ListType, `{"objects":[{"name":"a"}],"more":true}`), false, false},
		"below nothing":   {answer(200, store.ListType, `{"objects":[{"name":"a","size":-1}]}`), false, false},
	} {
		list, err := openHTTP(t, fakeHTTP(t, c.wrap).URL).List(t.Context(), "")
		if err == nil || errors.Is(err, store.ErrNoList) != c.none || errors.Is(err, store.ErrAway) != c.away {
			t.Errorf("%s: %v, %v", name, list, err)
		}
	}
}

// TestHTTPListLeavesOthersNamesOut: what lies there and is no name here.
func TestHTTPListLeavesOthersNamesOut(t *testing.T) {
	t.Parallel()
	server := fakeHTTP(t, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", store.ListType+"; charset=utf-8")
			_, _ = io.WriteString(w, `{"objects":[{"name":".hidden"},{"name":"a/../b"},{"name":"c","size":3}]}`)
		})
	})
	list, err := openHTTP(t, server.URL).List(t.Context(), "")
	if err != nil || len(list) != 1 || list[0].Name != "c" || list[0].Size != 3 {
		t.Errorf("%v, %v", list, err)
	}
}

// FuzzParseList: whatever a server answers, what is listed is in order, has names that can be asked for, and goes on.
func FuzzParseList(f *testing.F) {
	f.Add([]byte(`{"objects":[{"name":"a/1.m4s","size":3,"modified":"2026-01-02T03:04:05Z"},{"name":"b"}],"more":true}`), "a", "")
	f.Add([]byte(`{"objects":[{"name":"a","size":-3}]}`), "", "a")
	f.Add([]byte(`{"more":true}`), "", "")
	f.Fuzz(func(t *testing.T, body []byte, prefix, after string) {
		page, err := store.ParseList(body)
		if err != nil {
			return
		}
		infos, last, err := page.Infos(prefix, after)
		if err != nil {
			return
		}
		if page.More && last <= after {
			t.Errorf("goes on after %q as after %q", last, after)
		}
		previous := after
		for _, i := range infos {
			if store.CheckName(i.Name) != nil || i.Name <= previous || i.Name > last || i.Size < 0 || !strings.HasPrefix(i.Name, prefix) {
				t.Errorf("%s after %q, up to %q", fmt.Sprint(i), previous, last)
			}
			previous = i.Name
		}
	})
}

// FuzzParseHTTP: what is read names the same place when it is written and read again, and can be opened.
func FuzzParseHTTP(f *testing.F) {
	f.Add("https://user:pass@origin.example:8443/live/tv")
	f.Add("http://[::1%25lo]/a%20b/")
	f.Add("http://origin.example/a/../b?x#y")
	f.Add("http://[::%25\xe7]")
	f.Add("http://h\xe7st/")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := store.ParseHTTP(text)
		if err != nil {
			return
		}
		again, err := store.ParseHTTP(c.String())
		if err != nil || again.String() != c.String() {
			t.Errorf("%q is %+v, then %+v, %v", text, c, again, err)
		}
		if _, err := store.NewHTTP(c); err != nil {
			t.Errorf("%q was read, and is refused: %v", text, err)
		}
	})
}
