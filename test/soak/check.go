package main

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	lookEvery = 250 * time.Millisecond // at the media playlists
	lookAt    = 4                      // every such look is also one at the multivariant playlist and the MPD
	margin    = time.Second            // on 1.5 target durations: a look, and a machine that is busy
)

// checker looks at all playlists, and counts what may not be.
type checker struct {
	url     string
	state   string // URL of the channel in the API
	dir     string
	journal *journal
	client  *http.Client
	tags    map[string]string // ETags of what was read
	lists   map[string]*list

	mu      sync.Mutex
	kinds   map[string]int // faults
	wrong   map[string]int // by rule
	gaps    map[string]int // by fault
	kept    time.Time      // when keep was last done
	looks   int
	longest time.Duration // between two listings, of the first rendition
	after   string        // the fault before
}

func newChecker(url, dir string, j *journal) *checker {
	return &checker{
		url: url + "/" + channelName, state: url + "/api/v1/channels/" + channelName, dir: dir, journal: j,
		client: &http.Client{Timeout: 5 * time.Second},
		tags:   map[string]string{}, lists: map[string]*list{},
		kinds: map[string]int{}, wrong: map[string]int{}, gaps: map[string]int{},
	}
}

// broken counts and tells one thing that may not be.
func (c *checker) broken(rule, more string) {
	c.mu.Lock()
	c.wrong[rule]++
	c.mu.Unlock()
	c.keep()
	c.journal.note("BROKEN: "+rule, more+" (after: "+c.journal.cause()+")")
}

// keep keeps the channel's state, once in a while: what was going on as something was found.
func (c *checker) keep() {
	c.mu.Lock()
	due := time.Since(c.kept) > 5*time.Second
	if due {
		c.kept = time.Now()
	}
	c.mu.Unlock()
	if !due {
		return
	}
	resp, err := c.client.Get(c.state)
	if err != nil {
		return // the journal has what was found
	}
	defer func() { _ = resp.Body.Close() }()
	if body, err := io.ReadAll(resp.Body); err == nil {
		name := filepath.Join(c.dir, "state."+time.Now().UTC().Format("150405")+".json")
		_ = os.WriteFile(name, body, 0o644)
	}
}

// count counts a fault.
func (c *checker) count(fault string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kinds[fault]++
}

// get reads an object; nil and 200 is one that has not changed.
func (c *checker) get(ctx context.Context, name string) (body []byte, status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/"+name, nil)
	if err != nil {
		return nil, 0, err
	}
	if tag := c.tags[name]; tag != "" {
		req.Header.Set("If-None-Match", tag)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusNotModified {
		return nil, http.StatusOK, nil
	}
	body, err = io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode == http.StatusOK {
		c.tags[name] = resp.Header.Get("ETag")
	}
	return body, resp.StatusCode, err
}

// onAir waits for everything to be there.
func (c *checker) onAir(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for pause(ctx, lookEvery) == nil {
		index, status, err := c.get(ctx, "index.m3u8")
		if err != nil || status != http.StatusOK {
			continue
		}
		_, status, err = c.get(ctx, "manifest.mpd")
		if err != nil || status != http.StatusOK {
			continue
		}
		for _, name := range playlists(string(index)) {
			c.lists[name] = &list{name: name, c: c, entries: map[int64]entry{}, first: len(c.lists) == 0}
		}
		c.tags = map[string]string{}
		return len(c.lists) > 1
	}
	return false
}

// playlists are the media playlists that a multivariant one names, the one of the first variant first.
func playlists(index string) (names []string) {
	var sound []string
	for line := range strings.Lines(index) {
		line = strings.TrimSpace(line)
		if _, uri, ok := strings.Cut(line, `URI="`); ok && strings.HasPrefix(line, "#EXT-X-MEDIA:") {
			uri, _, _ = strings.Cut(uri, `"`)
			sound = append(sound, uri)
		}
		if line != "" && line[0] != '#' {
			names = append(names, line)
		}
	}
	return append(names, sound...)
}

// run looks again and again until ctx ends.
func (c *checker) run(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			for _, l := range c.lists {
				l.late(time.Now())
			}
			return
		case <-ticker.C:
		}
		for name, l := range c.lists {
			body := c.look(ctx, name)
			if body != nil {
				l.read(string(body), time.Now())
			}
		}
		if n%lookAt == 0 {
			c.look(ctx, "index.m3u8")
			c.manifest(c.look(ctx, "manifest.mpd"))
		}
		c.mu.Lock()
		c.looks++
		c.mu.Unlock()
	}
}

// look reads one playlist; nil is one that is as it was, or is not there.
func (c *checker) look(ctx context.Context, name string) []byte {
	body, status, err := c.get(ctx, name)
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		c.broken("no answer", name+": "+err.Error())
		return nil
	case status != http.StatusOK:
		c.broken("status", fmt.Sprintf("%s: %d %.200s", name, status, body))
		return nil
	}
	return body
}

// manifest fails on an MPD that cannot be read or names nothing.
func (c *checker) manifest(body []byte) {
	if body == nil {
		return
	}
	var mpd struct {
		Type   string `xml:"type,attr"`
		Period []struct {
			ID    string     `xml:"id,attr"`
			Start string     `xml:"start,attr"`
			Set   []struct{} `xml:"AdaptationSet"`
		} `xml:"Period"`
	}
	err := xml.Unmarshal(body, &mpd)
	if err == nil && (mpd.Type != "dynamic" || len(mpd.Period) == 0 || len(mpd.Period[0].Set) == 0) {
		err = fmt.Errorf("type %q, %d periods", mpd.Type, len(mpd.Period))
	}
	if err != nil {
		c.broken("MPD", err.Error())
	}
}
