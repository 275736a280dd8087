package rtmp

import (
	"net/url"
	"strings"

	"onair/pkg/leg"
)

// caller is what the other side has said of itself.
type caller struct {
	app      string // what it connects to, without query
	written  string // the same with the slashes that it wrote
	queries  []string
	proof    *proof // by the dialogue; nil: none
	commands int
}

// connect takes application and tcUrl of the connect command. Credentials may stand in the query of either.
func (c *caller) connect(app, tcURL string) {
	app, query, _ := strings.Cut(app, "?")
	c.app, c.written = strings.Trim(app, "/"), app
	_, more, _ := strings.Cut(tcURL, "?")
	c.queries = append(c.queries, query, more)
}

// path is application and stream key together, with the name that is published; its query may hold credentials too.
func (c *caller) path(name string) string {
	name, query, _ := strings.Cut(name, "?")
	c.queries = append(c.queries, query)
	return c.app + "/" + strings.Trim(name, "/")
}

// knows tells whether the caller has proved to know the credentials that a URL demands, or given them as user= and
// pass= in one query.
func (c *caller) knows(u leg.URL) bool {
	if u.User == "" || c.proof.of(u) {
		return true
	}
	for _, query := range c.queries {
		user, password := "", ""
		for _, pair := range strings.Split(query, "&") {
			name, raw, _ := strings.Cut(pair, "=")
			switch name {
			case "user", "username":
				user = unescaped(raw)
			case "pass", "password":
				password = unescaped(raw)
			}
		}
		if same(user, u.User) && same(password, string(u.Password)) {
			return true
		}
	}
	return false
}

// unescaped is a value of a query; a % that is no escape stands for itself.
func unescaped(raw string) string {
	if value, err := url.PathUnescape(raw); err == nil {
		return value
	}
	return raw
}
