package control_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"onair/pipeline/control"
)

// camera is a channel that shows its inputs.
type camera struct {
	*fake
	err error
}

func (c *camera) Thumbnail(_ context.Context, input string) ([]byte, time.Time, error) {
	if input != "main" {
		return nil, time.Time{}, fmt.Errorf("%w: %s", control.ErrNoInput, input)
	}
	return []byte("\xff\xd8jpeg"), noon, c.err
}

func TestThumbnail(t *testing.T) {
	t.Parallel()
	doc := load(t)
	c := control.Config{Channels: []control.Source{
		&camera{fake: &fake{status: full("news")}},
		&camera{fake: &fake{status: full("dark")}, err: errors.New("nothing arrives")},
		&fake{status: full("blind")},
	}}
	h, err := control.New(c)
	if err != nil {
		t.Fatal(err)
	}
	const path = "/api/v1/channels/{channel}/inputs/{input}/thumbnail.jpg"
	for name, c := range map[string]struct {
		path string
		code int
		want string
	}{
		"a picture":       {"news/inputs/main", 200, "jpeg"},
		"no such input":   {"news/inputs/x", 404, "no such input"},
		"no such channel": {"sport/inputs/main", 404, "no channel"},
		"no picture":      {"dark/inputs/main", 503, "nothing arrives"},
		"no pictures":     {"blind/inputs/main", 503, "shows no pictures"},
	} {
		t.Run(name, func(t *testing.T) {
			r := ask(h, "GET", "/api/v1/channels/"+c.path+"/thumbnail.jpg")
			if r.StatusCode != c.code {
				t.Fatalf("%d, want %d", r.StatusCode, c.code)
			}
			if r.StatusCode == http.StatusOK && (r.Header.Get("Content-Type") != "image/jpeg" ||
				r.Header.Get("Cache-Control") != "max-age=5" || r.Header.Get("Last-Modified") == "") {
				t.Errorf("headers %v", r.Header)
			}
			if r.StatusCode == http.StatusServiceUnavailable && r.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("a failure may be kept: %v", r.Header)
			}
			if r.StatusCode == http.StatusOK {
				check(t, doc, path, "GET", r)
			}
			if r.StatusCode != http.StatusOK && !strings.Contains(text(t, r), c.want) {
				t.Errorf("want %q", c.want)
			}
		})
	}
	if r := ask(h, "POST", "/api/v1/channels/news/inputs/main/thumbnail.jpg"); r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d, Allow %q", r.StatusCode, r.Header.Get("Allow"))
	}
}
