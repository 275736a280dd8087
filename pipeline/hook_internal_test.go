package pipeline

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"onair/pipeline/config"
	"onair/pipeline/control"
)

// hooked is a channel that only has events and a webhook.
func hooked(t *testing.T, url string) *Channel {
	t.Helper()
	c := &Channel{
		cfg: ChannelConfig{Version: "v1"}, file: &config.Channel{Name: "news", Webhook: config.Hook(url)}, log: zerolog.Nop(),
		rehook: make(chan renewedHook, 1),
	}
	c.events = &events{log: zerolog.Nop(), now: time.Now, wake: c.wakeHook}
	if err := c.newHook(c.file, 0); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEventsReachTheWebhookAsTheAPIHasThem(t *testing.T) {
	var mu sync.Mutex
	var got []control.Event
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m struct {
			Channel string
			Events  []control.Event
		}
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &m); err != nil || m.Channel != "news" || r.Header.Get("User-Agent") != "onair/v1" {
			t.Errorf("%s: %v", body, err)
		}
		mu.Lock()
		defer mu.Unlock()
		got = append(got, m.Events...)
	}))
	defer s.Close()
	c := hooked(t, s.URL)
	for i := range 150 {
		if i == 100 {
			defer c.startHook()()
		}
		c.events.of("ingest", "main")("warning", fmt.Sprint(i))
	}
	end := time.Now().Add(10 * time.Second)
	for st := c.hookStatus(); st.Delivered < 150 || st.Queue > 0; st = c.hookStatus() {
		if time.Now().After(end) {
			t.Fatalf("%+v", st)
		}
		time.Sleep(time.Millisecond)
	}
	mu.Lock()
	defer mu.Unlock()
	for i, want := range c.events.find(control.EventQuery{Limit: 1000}).Events {
		if got[i].Seq != want.Seq || got[i].Message != want.Message || got[i].Input != "main" || !got[i].Time.Equal(want.Time) {
			t.Fatalf("event %d is %+v, want %+v", i, got[i], want)
		}
	}
}

func TestWebhookThatCannotBeReachedHoldsNobodyUp(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server see that its client has gone
		<-r.Context().Done()
	}))
	defer s.Close()
	c := hooked(t, s.URL+"/s3cret")
	end := c.startHook()
	began := time.Now()
	for range 5000 {
		c.events.add("run", "info", "x")
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("5000 events took %v", took)
	}
	st := c.hookStatus()
	if st.Queue == 0 || st.Queue > keepEvents || strings.Contains(fmt.Sprint(st), "s3cret") {
		t.Errorf("%+v", st)
	}
	began = time.Now()
	end()
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("the end took %v", took)
	}
	if last := c.events.newest(1)[0]; last.Stage != "run" {
		t.Errorf("its trouble became an event: %+v", last)
	}
}

// TestEventsGoWhereTheNewerFileSays: what comes after the change goes to the new address, signed or not as it says, and
// what waits for one that cannot be reached as well.
func TestEventsGoWhereTheNewerFileSays(t *testing.T) {
	var mu sync.Mutex
	got := map[string][]string{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m struct{ Events []control.Event }
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &m); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, ev := range m.Events {
			got[r.URL.Path] = append(got[r.URL.Path], ev.Message)
		}
		if r.URL.Path == "/down" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer s.Close()
	c := hooked(t, "")
	end := c.startHook()
	was := c.file
	told := func(path, want string) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
			mu.Lock()
			all := strings.Join(got[path], " ")
			mu.Unlock()
			if strings.Contains(all, want) {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s got %q, want %q", path, all, want)
			}
		}
	}
	c.events.add("run", "info", "zero")
	for _, step := range []struct{ path, event string }{{"/one", "first"}, {"/down", "second"}, {"/two", "third"}} {
		is := &config.Channel{Name: "news", Webhook: config.Hook(s.URL + step.path)}
		old := c.hook.Load()
		c.changeHook(was, is)
		was = is
		for c.hook.Load() == old {
			time.Sleep(time.Millisecond)
		}
		c.events.add("run", "info", step.event)
		told(step.path, step.event)
	}
	told("/two", "second third")
	c.changeHook(was, &config.Channel{Name: "news"})
	for c.hookStatus() != nil {
		time.Sleep(time.Millisecond)
	}
	c.events.add("run", "info", "last")
	end()
	mu.Lock()
	defer mu.Unlock()
	if all := fmt.Sprint(got); strings.Contains(all, "zero") || strings.Contains(all, "last") || len(got["/one"]) != 1 {
		t.Errorf("%v", got)
	}
}

func TestChannelWithoutWebhook(t *testing.T) {
	c := hooked(t, "")
	defer c.startHook()()
	c.events.add("run", "info", "x")
	if st := c.hookStatus(); st != nil {
		t.Errorf("%+v", st)
	}
}
