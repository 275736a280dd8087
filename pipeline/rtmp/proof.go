package rtmp

import (
	"net/url"
	"strings"

	"onair/pkg/leg"
	"onair/pkg/rtmp"
)

// statement is what a caller says in the dialogue about credentials, in a query of the connect command.
type statement struct {
	mode     leg.Auth // "": it has not begun the dialogue
	user     string   // as it was written
	nonce    string   // of the challenge that it answers
	own      string   // its own challenge
	count    string   // llnw: how often it has used that
	response string   // "": it wants a challenge
}

// statement reads the first query that has one.
func (c *caller) statement() statement {
	for _, query := range c.queries {
		given := map[string]string{}
		for _, pair := range strings.FieldsFunc(query, func(r rune) bool { return r == '&' || r == '?' }) {
			name, raw, _ := strings.Cut(pair, "=")
			given[name] = raw
		}
		s := statement{mode: leg.Auth(given["authmod"]), user: given["user"], response: unescaped(given["response"])}
		switch s.mode {
		case "":
			continue
		case leg.AuthLLNW:
			s.nonce, s.own, s.count = unescaped(given["nonce"]), unescaped(given["cnonce"]), given["nc"]
		default:
			s.nonce, s.own = unescaped(given["opaque"]), unescaped(given["challenge"])
		}
		return s
	}
	return statement{}
}

// proof is a response together with the challenge that it answers.
type proof struct {
	statement
	salt string
	app  string
}

// of tells whether it proves to know the credentials that a URL demands. How long that takes says nothing about them.
func (p *proof) of(u leg.URL) bool {
	if p == nil {
		return false
	}
	plain, right := unescaped(p.user), false
	for _, user := range []string{p.user, plain} {
		for _, password := range spellings(string(u.Password)) {
			right = same(p.response, p.expected(user, password)) || right
		}
	}
	return (same(p.user, u.User) || same(plain, u.User)) && right
}

// expected is the response of who knows a password.
func (p *proof) expected(user, password string) string {
	if p.mode == leg.AuthLLNW {
		return rtmp.LLNW{App: p.app, Nonce: p.nonce, Own: p.own, Count: p.count}.Response(user, password)
	}
	return rtmp.Adobe{Salt: p.salt, Challenge: p.nonce, Own: p.own}.Response(user, password)
}

// spellings are the ways in which senders take a password out of a URL: some leave in it what had to be escaped there.
func spellings(password string) []string {
	return []string{password, url.PathEscape(password), url.QueryEscape(password)}
}
