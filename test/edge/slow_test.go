//go:build e2e

package edge_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"onair/test/edge"
)

// trickle answers with as many bytes a second, without ever pausing.
func trickle(cache string, body []byte, rate int) http.HandlerFunc {
	const pace = 20 * time.Millisecond
	piece := rate / int(time.Second/pace)
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", cache)
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		w.Header().Set("Content-Type", kind(r.URL.Path))
		if r.Method == http.MethodHead {
			return
		}
		tick := time.NewTicker(pace)
		defer tick.Stop()
		for rest := body; len(rest) > 0; <-tick.C {
			n := min(piece, len(rest))
			if _, err := w.Write(rest[:n]); err != nil {
				return
			}
			w.(http.Flusher).Flush()
			rest = rest[n:]
		}
	}
}

// slowPair is an edge before two live origins, of which some give segments slowly.
func slowPair(t *testing.T, segment string, rates map[string]int, settings ...string) (a, b *origin, p *player) {
	t.Helper()
	a, b = newOrigin(t, "a"), newOrigin(t, "b")
	for _, o := range []*origin{a, b} {
		o.live()
		if rate := rates[o.name]; rate > 0 {
			o.on("", trickle(ofMedia, payload, rate))
		} else {
			o.on("", object(ofMedia, payload))
		}
	}
	return a, b, &player{t: t, e: edge.Start(t, a.address, b.address, append(settings, "EDGE_SEGMENT="+segment)...)}
}

var payload = bytes.Repeat([]byte("onair 7 "), 8000) // 64 kB

// player asks for one segment after the other, each the first time.
type player struct {
	t *testing.T
	e *edge.Edge
	k int
}

// next is whom the next segment is from. It must be whole.
func (p *player) next() string {
	p.t.Helper()
	p.k++
	return p.from(p.k)
}

func (p *player) from(k int) string {
	p.t.Helper()
	got := get(p.t, fmt.Sprintf("%s/ch/v/%d.m4s", p.e.URL, k))
	if got.status != http.StatusOK || len(got.body) != len(payload) {
		p.t.Errorf("segment %d has %d bytes: %v", k, len(got.body), got)
	}
	return got.head.Get("X-Onair-Pipeline")
}

func (p *player) wants(from string, n int) {
	p.t.Helper()
	for range n {
		if got := p.next(); got != from {
			p.t.Fatalf("segment %d is from %s, want %s", p.k, got, from)
		}
	}
}

// until plays until a condition holds.
func (p *player) until(what string, cond func() bool) {
	p.t.Helper()
	if !eventually(40*time.Second, func() bool { p.next(); return cond() }) {
		p.t.Fatalf("%s: not so after %d segments", what, p.k)
	}
}

// mark is what the edge keeps of an origin that is slow.
type mark struct {
	Until   int64 `json:"until"`
	Penalty int64 `json:"penalty"`
	Rate    int64 `json:"rate"`
	Bytes   int   `json:"bytes"`
}

func (p *player) mark(origin string) (m mark, there bool) {
	text, err := os.ReadFile(filepath.Join(p.e.Folder, "slow", origin))
	return m, err == nil && json.Unmarshal(text, &m) == nil
}

func (p *player) put(origin string, m mark) {
	text, err := json.Marshal(m)
	if err == nil {
		err = os.WriteFile(filepath.Join(p.e.Folder, "slow", origin), text, 0o600)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *player) slow(origin string) func() bool {
	return func() bool { _, there := p.mark(origin); return there }
}

// waits is for what follows a fill: its log.
func (p *player) waits(what string, cond func() bool) {
	p.t.Helper()
	if !eventually(10*time.Second, cond) {
		p.t.Fatalf("%s: not so; the fills were\n%s", what, p.e.Log("fill.log"))
	}
}

// segments counts those that an origin was asked for.
func (o *origin) segments() (n int) {
	for _, r := range o.requests() {
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, ".m4s") {
			n++
		}
	}
	return n
}

// TestASlowOriginIsPassedOver: it costs a viewer one segment, and the others come from the other origin, whichever
// worker is asked; so do playlists.
func TestASlowOriginIsPassedOver(t *testing.T) {
	t.Parallel()
	a, _, p := slowPair(t, "8", map[string]int{"a": 13000})
	playlist := p.e.URL + "/ch/v.m3u8"
	if got := get(t, playlist); got.head.Get("X-Onair-Pipeline") != "a" {
		t.Fatal(got)
	}
	p.wants("a", 1)
	p.waits("passed over", p.slow("a"))
	begun := time.Now()
	p.wants("b", 10)
	if took := time.Since(begun); took > 4*time.Second {
		t.Errorf("ten segments took %v", took)
	}
	p.waits("the playlist is from the other", func() bool { return get(t, playlist).head.Get("X-Onair-Pipeline") == "b" })
	p.e.Kill(t)
	p.e.Restart(t)
	p.wants("b", 5)
	if n := a.segments(); n != 1 {
		t.Errorf("the slow one was asked for %d segments", n)
	}
	for log, want := range map[string]string{
		"fill.log": `"slow":"a"`, "error.log": "origin a, " + a.address + ", is passed over: 64",
	} {
		if n := len(p.e.Lines(log, want)); n != 1 {
			t.Errorf("%d lines of %s with %s", n, log, want)
		}
	}
}

// TestASlowFillCountsBeforeItEnds: others do not wait for its end to avoid that origin.
func TestASlowFillCountsBeforeItEnds(t *testing.T) {
	t.Parallel()
	a, _, p := slowPair(t, "2", nil)
	a.on("/ch/v/1000.m4s", trickle(ofMedia, payload, 4000)) // 16 s
	ended := make(chan string)
	go func() { ended <- p.from(1000) }()
	p.waits("asked", func() bool { return a.count("/ch/v/1000.m4s") == 1 })
	p.wants("a", 1) // not yet late
	p.until("others avoid it", func() bool { return p.next() == "b" })
	p.wants("b", 5)
	select {
	case <-ended:
		t.Error("the slow fill had ended before")
	default:
	}
	if from := <-ended; from != "a" {
		t.Errorf("the slow one is from %s", from)
	}
	p.waits("the note of a fill is gone", func() bool {
		notes, err := filepath.Glob(filepath.Join(p.e.Folder, "slow", "?-*"))
		return err == nil && len(notes) == 0
	})
}

// TestASlowOriginIsTriedAgain: by one fill when its time is over, however long that takes, and passed over for twice
// as long if it is still slow; one that is quick again is taken back, when it has shown so with as much as it was slow
// with.
func TestASlowOriginIsTriedAgain(t *testing.T) {
	t.Parallel()
	a, _, p := slowPair(t, "1", map[string]int{"a": 16000})
	p.wants("a", 1)
	p.waits("passed over", p.slow("a"))
	first, _ := p.mark("a")
	tried := make(chan struct{})
	var all sync.WaitGroup
	for i := range 4 { // many at once
		all.Go(func() {
			for k := 10000 * (i + 1); ; k++ {
				select {
				case <-tried:
					return
				default:
					p.from(k)
				}
			}
		})
	}
	twice := eventually(30*time.Second, func() bool { m, _ := p.mark("a"); return m.Penalty == 2*first.Penalty })
	close(tried)
	all.Wait()
	if n := a.segments(); n != 2 || !twice {
		t.Fatalf("the slow one was asked for %d segments, doubled: %v", n, twice)
	}
	small := payload[:1000]
	a.on("", func(w http.ResponseWriter, r *http.Request) { object(ofMedia, small)(w, r) })
	if !eventually(30*time.Second, func() bool {
		p.k++
		return get(t, fmt.Sprintf("%s/ch/v/%d.m4s", p.e.URL, p.k)).head.Get("X-Onair-Pipeline") == "a"
	}) {
		t.Fatal("not tried again")
	}
	if !p.slow("a")() || len(p.e.Lines("error.log", "is taken back")) > 0 {
		t.Error("taken back for a small piece")
	}
	a.on("", object(ofMedia, payload))
	p.until("taken back", func() bool { return !p.slow("a")() })
	p.wants("a", 5)
	if n := len(p.e.Lines("error.log", "origin a is taken back: 64")); n != 1 {
		t.Errorf("%d lines say that it is taken back:\n%s", n, p.e.Log("error.log"))
	}
}

// TestHowATryEnds, for each of what can come of it. A time behind the longest is that of a clock that has gone back.
func TestHowATryEnds(t *testing.T) {
	t.Parallel()
	now := time.Now().UnixMilli()
	for name, c := range map[string]struct {
		of     mark
		answer http.HandlerFunc // of a
		from   string
		want   int64 // the time it is passed over from then on; 0 is taken back
	}{
		"quick":             {mark{now, 20000, 9, 64000}, nil, "a", 0},
		"of another clock":  {mark{now + 3600000, 20000, 9, 64000}, nil, "a", 0},
		"quick, but small":  {mark{now, 20000, 9, 640000}, nil, "a", 20000},
		"slow":              {mark{now, 20000, 9, 64000}, trickle(ofMedia, payload, 13000), "a", 40000},
		"slow, the longest": {mark{now, 80000, 9, 64000}, trickle(ofMedia, payload, 13000), "a", 120000},
		"fails":             {mark{now, 20000, 9, 64000}, drop, "b", 40000},
		"has no such":       {mark{now, 20000, 9, 64000}, status(http.StatusNotFound), "b", 20000},
		"not yet":           {mark{now + 60000, 20000, 9, 64000}, nil, "b", 20000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _, p := slowPair(t, "8", nil, "EDGE_LOOK=off")
			if c.answer != nil {
				a.on("", c.answer)
			}
			p.put("a", c.of)
			p.wants(c.from, 1)
			p.waits(name, func() bool {
				m, there := p.mark("a")
				return m.Penalty == c.want && there == (c.want > 0) && len(p.e.Lines("fill.log", "/ch/v/1.m4s")) == 1
			})
			over := "b"
			if m, there := p.mark("a"); !there || m.Until <= time.Now().UnixMilli() {
				over = "a"
			}
			if name != "has no such" {
				p.wants(over, 1)
			}
		})
	}
}

// TestSlowMediaBeforeSlate: who gives slowly is still asked for what the other does not have.
func TestSlowMediaBeforeSlate(t *testing.T) {
	t.Parallel()
	_, b, p := slowPair(t, "8", map[string]int{"a": 13000})
	p.wants("a", 1)
	p.waits("passed over", p.slow("a"))
	p.wants("b", 1)
	b.on("", object(ofSlate, payload))
	p.wants("a", 1)
	b.on("", status(http.StatusNotFound))
	p.wants("a", 1)
	b.on("", object(ofMedia, payload))
	p.wants("b", 1)
}

// TestTheLessSlowOrigin is asked if both are.
func TestTheLessSlowOrigin(t *testing.T) {
	t.Parallel()
	for want, rates := range map[string]map[string]int{"a": {"a": 24000, "b": 13000}, "b": {"a": 13000, "b": 24000}} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			_, _, p := slowPair(t, "4", rates)
			p.wants("a", 1)
			p.waits("passed over", p.slow("a"))
			p.wants("b", 1)
			p.waits("passed over", p.slow("b"))
			p.wants(want, 2)
		})
	}
}

// TestTwoThinLinks: with two origins that are as slow as each other, everything comes, and all of it from one.
func TestTwoThinLinks(t *testing.T) {
	t.Parallel()
	_, _, p := slowPair(t, "4", map[string]int{"a": 26000, "b": 26000})
	p.wants("a", 1)
	p.waits("passed over", p.slow("a"))
	p.wants("b", 1)
	p.waits("passed over", p.slow("b"))
	for range 2 {
		var all sync.WaitGroup
		for range 6 {
			p.k++
			k := p.k
			all.Go(func() {
				if p.from(k) != "a" {
					t.Errorf("segment %d is from the other", k)
				}
			})
		}
		all.Wait()
	}
}

// TestWhoWasSlow: the time is charged to who answered, not to the one that failed before.
func TestWhoWasSlow(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]http.HandlerFunc{"404": status(http.StatusNotFound), "breaks off": drop} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b, p := slowPair(t, "4", map[string]int{"b": 26000}, "EDGE_LOOK=off")
			a.on("/ch/v/1.m4s", fault)
			p.wants("b", 1)
			p.waits("passed over", p.slow("b"))
			if p.slow("a")() {
				t.Error("the first one was not slow")
			}
			if n := len(p.e.Lines("fill.log", fmt.Sprintf(`"origins":"%s, %s"`, a.address, b.address))); n != 1 {
				t.Errorf("%d fills of both:\n%s", n, p.e.Log("fill.log"))
			}
			p.until("the first is asked again", func() bool { return p.next() == "a" })
		})
	}
}

// TestASlowViewer is not the origin's fault.
func TestASlowViewer(t *testing.T) {
	t.Parallel()
	a, b := newOrigin(t, "a"), newOrigin(t, "b")
	const path = "/ch/v/1.m4s"
	a.on(path, object(ofMedia, bytes.Repeat([]byte("onair 7 "), 1<<20)))
	e := edge.Start(t, a.address, b.address, "EDGE_SEGMENT=2")
	resp, err := http.Get(e.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	begun := time.Now()
	if _, err := io.CopyN(io.Discard, resp.Body, 1000); err != nil {
		t.Fatal(err)
	}
	pass(begun, 1500*time.Millisecond)
	if n, err := io.Copy(io.Discard, resp.Body); n+1000 != 8<<20 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	if !eventually(5*time.Second, func() bool { return len(e.Lines("fill.log", `,"slow":""`)) == 2 }) { // with HEAD
		t.Errorf("the fill was\n%s", e.Log("fill.log"))
	}
}
