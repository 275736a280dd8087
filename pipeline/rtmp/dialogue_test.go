package rtmp_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	server "onair/pipeline/rtmp"
	"onair/pkg/rtmp"
)

const (
	welcome = "NetConnection.Connect.Success"
	begin   = "[ AccessManager.Reject ] : [ code=403 need auth; authmod=%s ] : "
	failed  = "[ AccessManager.Reject ] : [ authmod=%s ] : ?reason=authfailed"
)

// ask connects and hangs up.
func ask(t *testing.T, port int, app string) (code, description string) {
	t.Helper()
	c := dial(t, port)
	defer c.conn.Close()
	return c.connect(app)
}

// sender is a publisher with credentials.
type sender struct {
	t              *testing.T
	port           int
	mode           string
	user, password string
}

// challenge begins the dialogue: it returns the parameters of the challenge.
func (s sender) challenge(app string) map[string]string {
	s.t.Helper()
	code, text := ask(s.t, s.port, fmt.Sprintf("%s?authmod=%s&user=%s", app, s.mode, s.user))
	prefix := fmt.Sprintf("[ AccessManager.Reject ] : [ authmod=%s ] : ?reason=needauth&", s.mode)
	query, ok := strings.CutPrefix(text, prefix)
	if code != rejected || !ok || len(text) > 255 { // FFmpeg reads no more
		s.t.Fatalf("%q, %q", code, text)
	}
	out := map[string]string{}
	for _, pair := range strings.Split(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		out[name] = value
	}
	return out
}

// response is the query that answers a challenge.
func (s sender) response(app string, c map[string]string) string {
	const own, count = "0a1b2c3d", "00000001"
	adobe := rtmp.Adobe{Salt: c["salt"], Challenge: c["opaque"], Own: own}
	llnw := rtmp.LLNW{App: app, Nonce: c["nonce"], Own: own, Count: count}
	if s.mode == "llnw" {
		return fmt.Sprintf("?authmod=llnw&user=%s&nonce=%s&cnonce=%s&nc=%s&response=%s", s.user, c["nonce"], own, count,
			llnw.Response(c["user"], s.password))
	}
	return fmt.Sprintf("?authmod=adobe&user=%s&challenge=%s&response=%s&opaque=%s", s.user, own,
		adobe.Response(c["user"], s.password), c["opaque"])
}

// TestDialogue: publishers with the right credentials are let in, others are told the same whatever was wrong.
func TestDialogue(t *testing.T) {
	t.Parallel()
	const leg = "me:se%2Fcret"
	for _, c := range []struct {
		name, leg, auth      string
		mode, user, password string
		app                  string
		in                   bool
	}{
		{"adobe", leg, "", "adobe", "me", "se/cret", "live", true},
		{"adobe, as it stands in a URL", leg, "", "adobe", "me", "se%2Fcret", "live", true},
		{"adobe, a user who is escaped", "a%40b%20c:p@ss", "", "adobe", "a%40b%20c", "p@ss", "live", true},
		{"adobe, a user who is not", "a%40b%20c:p@ss", "", "adobe", "a@b c", "p%40ss", "live", true},
		{"adobe, slashes around", leg, "", "adobe", "me", "se/cret", "/live/", true},
		{"adobe, a wrong password", leg, "", "adobe", "me", "secret", "live", false},
		{"adobe, no such user", leg, "", "adobe", "you", "se/cret", "live", false},
		{"llnw", leg, "?auth=llnw", "llnw", "me", "se/cret", "live", true},
		{"llnw that was not offered", leg, "", "llnw", "me", "se/cret", "live", true},
		{"llnw, a wrong password", leg, "?auth=llnw", "llnw", "me", "secret", "live", false},
		{"begun by the sender", leg, "?auth=query", "adobe", "me", "se/cret", "live", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			port := freePort(t)
			d, _ := serve(t, server.NewServers(), fmt.Sprintf("rtmp://%s@127.0.0.1:%d/live/key%s", c.leg, port, c.auth))
			if c.auth != "?auth=query" {
				want := "adobe"
				if c.auth != "" {
					want = c.mode
				}
				code, text := ask(t, port, c.app)
				if code != rejected || text != fmt.Sprintf(begin, want) {
					t.Fatalf("%q, %q", code, text)
				}
			}
			s := sender{t, port, c.mode, c.user, c.password}
			query := s.response(c.app, s.challenge(c.app))
			if !c.in {
				code, text := ask(t, port, c.app+query)
				if code != rejected || text != fmt.Sprintf(failed, c.mode) {
					t.Errorf("%q, %q", code, text)
				}
				d.until(t, "it is told", func(s state) bool { return contains(s.refused, "credentials: 127.0.0.1 has wrong credentials") })
			} else {
				if got := dial(t, port).publish(c.app+query, "key"); got != started {
					t.Error(got)
				}
				d.until(t, "it begins", func(s state) bool { return s.begun == 1 && len(s.refused) == 0 })
			}
			for _, text := range d.state().refused {
				for _, secret := range []string{"se/cret", "secret", c.user} {
					if strings.Contains(text, " "+secret) {
						t.Errorf("told: %s", text)
					}
				}
			}
		})
	}
}

// TestAnswersOfAnotherChallenge: a response is good once, for the caller and the application that were asked.
func TestAnswersOfAnotherChallenge(t *testing.T) {
	t.Parallel()
	port, v := freePort(t), server.NewServers()
	d, _ := serve(t, v, fmt.Sprintf("rtmp://me:pw@127.0.0.1:%d/live/key", port))
	serve(t, v, fmt.Sprintf("rtmp://me:pw@127.0.0.1:%d/vod/key", port))
	s := sender{t, port, "adobe", "me", "pw"}
	c := s.challenge("live")
	refused := func(what, app string) {
		t.Helper()
		if code, text := ask(t, port, app); code != rejected || text != fmt.Sprintf(failed, "adobe") {
			t.Errorf("%s: %q, %q", what, code, text)
		}
	}
	refused("another application", "vod"+s.response("vod", c))
	if got := dial(t, port).publish("live"+s.response("live", c), "key"); got != started {
		t.Error(got)
	}
	refused("a second time", "live"+s.response("live", c))
	refused("one that never was", "live"+s.response("live", map[string]string{"user": "me", "salt": "1", "opaque": "2"}))
	refused("no opaque", "live?authmod=adobe&user=me&challenge=1&response=2")
	llnw := s
	llnw.mode = "llnw"
	c = s.challenge("live")
	c["nonce"] = c["opaque"]
	if code, text := ask(t, port, "live"+llnw.response("live", c)); code != rejected || text != fmt.Sprintf(failed, "llnw") {
		t.Errorf("the other dialogue: %q, %q", code, text)
	}
	c = s.challenge("live")
	you := s
	you.user = "you"
	refused("another user", "live"+you.response("live", c))
	refused("a dialogue that does not exist", "live?authmod=basic&user=me&response=pw")
	refused("a long name", "live?authmod=adobe&user="+strings.Repeat("x", 101))
	d.until(t, "all are told", func(s state) bool { return len(s.refused) == 7 && s.begun == 1 })
}

// TestWhoIsAsked: nobody where somebody without credentials may come, or with some that stand elsewhere.
func TestWhoIsAsked(t *testing.T) {
	t.Parallel()
	port, v := freePort(t), server.NewServers()
	url := "rtmp://%s127.0.0.1:%d/%s"
	closed, _ := serve(t, v, fmt.Sprintf(url, "me:pw@", port, "live/closed"))
	serve(t, v, fmt.Sprintf(url, "you:wp@", port, "live/other"))
	asked := func(app string) bool {
		t.Helper()
		code, text := ask(t, port, app)
		if code != welcome && code != rejected {
			t.Fatalf("%q, %q", code, text)
		}
		return code == rejected
	}
	if !asked("live") || !asked("live?user=me&pass=no") || asked("live?user=me&pass=pw") || asked("live?user=you&pass=wp") {
		t.Error("two with credentials")
	}
	s := sender{t, port, "adobe", "me", "pw"}
	if got := dial(t, port).publish("live"+s.response("live", s.challenge("live")), "other"); got != badName {
		t.Errorf("the credentials of another stream: %s", got)
	}
	if got := dial(t, port).publish("live"+s.response("live", s.challenge("live")), "closed"); got != started {
		t.Error(got)
	}
	closed.until(t, "it begins", func(s state) bool { return s.begun == 1 })
	serve(t, v, fmt.Sprintf(url, "", port, "live/open"))
	if asked("live") {
		t.Error("one without credentials")
	}
	if got := dial(t, port).publish("live?authmod=adobe&user=me", "open"); got != rejected {
		t.Errorf("who begins is answered %q", got)
	}
	serve(t, v, fmt.Sprintf(url, "me:pw@", port, "by/query?auth=query"))
	if asked("by") {
		t.Error("one that takes queries")
	}
}

// TestUnansweredQuestions: who is asked for credentials and does not come back with some is told, after a while.
func TestUnansweredQuestions(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	d, _ := serve(t, server.NewServers(), fmt.Sprintf("rtmp://me:pw@127.0.0.1:%d/live/key", port))
	for range 2 {
		ask(t, port, "live")
	}
	sender{t, port, "adobe", "me", "pw"}.challenge("live")
	d.until(t, "they are told", func(s state) bool { return len(s.refused) == 2 })
	if s := d.state(); !contains(s.refused, "credentials: 127.0.0.1 was asked for credentials and gave none") {
		t.Errorf("%v", s.refused)
	}
}

// TestDialoguesAreNoCalls: more publishers than may call in a second come at once, each over three connections.
func TestDialoguesAreNoCalls(t *testing.T) {
	t.Parallel()
	const many = 15
	port, v := freePort(t), server.NewServers()
	var desks []*desk
	for i := range many {
		d, _ := serve(t, v, fmt.Sprintf("rtmp://me:%s@127.0.0.1:%d/live/%d", url.PathEscape("p/w"), port, i))
		desks = append(desks, d)
	}
	senders, challenges := make([]sender, many), make([]map[string]string, many)
	for range senders {
		ask(t, port, "live")
	}
	for i := range senders {
		senders[i] = sender{t, port, "adobe", "me", "p/w"}
		challenges[i] = senders[i].challenge("live")
	}
	for i := range senders {
		if got := dial(t, port).publish("live"+senders[i].response("live", challenges[i]), fmt.Sprint(i)); got != started {
			t.Errorf("%d: %q", i, got)
		}
	}
	for _, d := range desks {
		d.until(t, "it begins", func(s state) bool { return s.begun == 1 && len(s.refused) == 0 })
	}
}
