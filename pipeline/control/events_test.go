package control_test

import (
	"net/http"
	"strings"
	"testing"

	"onair/pipeline/control"
)

func TestEventsAreAskedForAsTheQuerySays(t *testing.T) {
	for _, c := range []struct {
		query string
		want  control.EventQuery
	}{
		{"", control.EventQuery{Newest: true, Limit: 100, Least: control.Info}},
		{"?after=0", control.EventQuery{Limit: 100, Least: control.Info}},
		{"?after=41&limit=1000&level=error", control.EventQuery{After: 41, Limit: 1000, Least: control.Error}},
		{"?level=warning&limit=1", control.EventQuery{Newest: true, Limit: 1, Least: control.Warning}},
	} {
		f := &fake{status: full("news")}
		r := ask(site(t, "", f), http.MethodGet, "/api/v1/channels/news/events"+c.query)
		if got := text(t, r); r.StatusCode != 200 || f.query != c.want || !strings.Contains(got, `"events":[]`) {
			t.Errorf("%q: %d %s, asked %+v, want %+v", c.query, r.StatusCode, got, f.query, c.want)
		}
	}
}

func TestBadQueriesForEventsSayWhatIsAllowed(t *testing.T) {
	for query, want := range map[string]string{
		"after=-1":                  "0 or more",
		"after=":                    "0 or more",
		"after=9223372036854775808": "0 or more",
		"limit=0":                   "1 to 1000",
		"limit=1001":                "1 to 1000",
		"limit=1e2":                 "1 to 1000",
		"level=debug":               "info, warning or error",
		"level=":                    "info, warning or error",
		"after=1&after=2":           "once",
		"since=1":                   "after, limit and level",
	} {
		f := &fake{status: full("news")}
		r := ask(site(t, "", f), http.MethodGet, "/api/v1/channels/news/events?"+query)
		if got := text(t, r); r.StatusCode != 400 || !strings.Contains(got, want) || f.query != (control.EventQuery{}) {
			t.Errorf("%s: %d %s, want 400 and %q", query, r.StatusCode, got, want)
		}
	}
}

func TestEventsAreOnlyRead(t *testing.T) {
	r := ask(site(t, "", &fake{status: full("news")}), http.MethodPost, "/api/v1/channels/news/events")
	if got := text(t, r); r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("%d %s, allowed %q", r.StatusCode, got, r.Header.Get("Allow"))
	}
}

func TestLevelsHaveAnOrder(t *testing.T) {
	all := []control.Level{"", control.Info, control.Warning, control.Error}
	for i, level := range all {
		for j, least := range all {
			if got := level.AtLeast(least); got != (i >= j) {
				t.Errorf("%q at least %q: %v", level, least, got)
			}
		}
	}
}
