package rtmp

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"onair/pkg/gate"
	"onair/pkg/leg"
	"onair/pkg/tick"
)

// A publisher proves on connecting that it knows a password, over three connections: the first one is rejected with the
// kind of dialogue, the second one, which names the user, with a challenge, and the third one brings the response.
// Unknown users are answered like others.

const (
	patience = 10 * time.Second // from a question to its answer on the next connection
	maxOpen  = 1024             // questions without an answer: more than can be asked within patience by one address
	maxUser  = 100              // bytes of a user who is told his challenge: it comes back to him, and FFmpeg reads 255
)

// asking is how often the connections of a dialogue are not counted as calls: three of them are one.
var asking = gate.Config{PerSecond: 2 * calls.PerSecond, PerAddress: 2 * calls.PerAddress}

// question is what a caller was asked and has not answered.
type question struct {
	peer  netip.Addr
	app   string
	mode  leg.Auth
	user  string
	nonce string // "": it was told to begin
	salt  string
	until time.Time
}

// questions are those of a port.
type questions struct {
	mu   sync.Mutex
	open []question // the oldest first
}

// put adds one. It returns one that has to be given up for it.
func (q *questions) put(one question) (lost []question) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.open) >= maxOpen {
		lost = []question{q.open[0]}
		q.open = slices.Delete(q.open, 0, 1)
	}
	q.open = append(q.open, one)
	return lost
}

// take finds the question that a caller answers; nobody can answer it again.
func (q *questions) take(peer netip.Addr, app, nonce string) (question, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.IndexFunc(q.open, func(o question) bool { return o.peer == peer && o.app == app && o.nonce == nonce })
	if i < 0 {
		return question{}, false
	}
	one := q.open[i]
	q.open = slices.Delete(q.open, i, i+1)
	return one, true
}

// late takes those that nobody has answered in time.
func (q *questions) late(now time.Time) []question {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for n < len(q.open) && q.open[n].until.Before(now) {
		n++
	}
	lost := slices.Clone(q.open[:n])
	q.open = slices.Delete(q.open, 0, n)
	return lost
}

// tend tells of questions that stay without an answer, until the port is closed.
func (p *port) tend() {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case now := <-ticker.C:
			p.unanswered(p.questions.late(now))
		}
	}
}

func (p *port) unanswered(lost []question) {
	for _, q := range lost {
		why := " was asked for credentials and gave none (behind the stream key they need auth=query)"
		p.blame(q.app, gate.Credentials, q.peer.String()+why)
	}
}

// pardon gives back the call of a connection that was one of a dialogue.
func (p *port) pardon(peer netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := tick.FromTime(time.Now()); p.asking.Admit(peer, now) {
		p.gate.Forgive(peer)
	}
}

// dialogue asks for credentials where every stream that the caller may want has some that are told on connecting, and
// wherever the caller begins. nil: it may go on to publish.
func (s *session) dialogue(id float64) error {
	var locked []leg.URL
	open, mode := false, leg.AuthAdobe
	for _, st := range s.port.reached(s.caller.app) {
		switch u := st.url; {
		case u.User == "":
			open = true
			continue
		case u.Auth == leg.AuthQuery:
			open = true
		case u.Auth != "":
			mode = u.Auth
		}
		locked = append(locked, st.url)
	}
	said := s.caller.statement()
	switch {
	case len(locked) == 0, slices.ContainsFunc(locked, s.caller.knows), said.mode == "" && open:
		return nil
	case said.mode == "":
		return s.ask(id, question{mode: mode}, "")
	case said.mode != leg.AuthAdobe && said.mode != leg.AuthLLNW, len(said.user) > maxUser:
		return s.disprove(id, said, "has begun a dialogue about credentials that is not understood")
	case said.response == "":
		return s.challenge(id, said)
	}
	return s.judge(id, said, locked)
}

// challenge answers the caller who has named a user.
func (s *session) challenge(id float64, said statement) error {
	s.port.questions.take(s.peer.Addr(), s.caller.app, "")
	q := question{mode: said.mode, user: said.user, nonce: random(), salt: random()}
	if said.mode == leg.AuthLLNW {
		return s.ask(id, q, fmt.Sprintf("?reason=needauth&user=%s&nonce=%s", q.user, q.nonce))
	}
	// Some callers take challenge into their response and some opaque.
	const text = "?reason=needauth&user=%s&salt=%s&challenge=%[3]s&opaque=%[3]s"
	return s.ask(id, q, fmt.Sprintf(text, q.user, q.salt, q.nonce))
}

// random is a number for one use: senders have little room for it.
func random() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// ask rejects a connection with a question, which is no refusal.
func (s *session) ask(id float64, q question, challenge string) error {
	q.peer, q.app, q.until = s.peer.Addr(), s.caller.app, time.Now().Add(patience)
	s.port.unanswered(s.port.questions.put(q))
	s.port.pardon(s.peer.Addr())
	text := fmt.Sprintf("[ code=403 need auth; authmod=%s ]", q.mode)
	if challenge != "" {
		text = fmt.Sprintf("[ authmod=%s ]", q.mode)
	}
	if err := s.send(rejection(id, "[ AccessManager.Reject ] : "+text+" : "+challenge)); err != nil {
		return err
	}
	return errRefused
}

// judge looks at a response.
func (s *session) judge(id float64, said statement, locked []leg.URL) error {
	q, ok := s.port.questions.take(s.peer.Addr(), s.caller.app, said.nonce)
	if !ok || q.nonce == "" || q.mode != said.mode || q.user != said.user || time.Now().After(q.until) {
		return s.disprove(id, said, "answers a challenge that is not its own, or no more")
	}
	s.caller.proof = &proof{statement: said, salt: q.salt, app: s.caller.written}
	if !slices.ContainsFunc(locked, s.caller.proof.of) {
		return s.disprove(id, said, "has wrong credentials")
	}
	return nil
}

// disprove refuses who has not proved to know the credentials. Which part of them was wrong is not told.
func (s *session) disprove(id float64, said statement, why string) error {
	mode := said.mode
	if mode != leg.AuthLLNW {
		mode = leg.AuthAdobe
	}
	answer := fmt.Sprintf("[ AccessManager.Reject ] : [ authmod=%s ] : ?reason=authfailed", mode)
	return s.refuse(nil, rejection(id, answer), gate.Credentials, why)
}
