package rtmp

import (
	"net/url"
	"strings"

	"onair/pkg/leg"
)

// caller is what the other side has said of itself.
type caller struct {
	app      string // what it connects to, without query
	queries  []string
	commands int
}

// connect takes application and tcUrl of the connect command. Credentials may stand in the query of either.
func (c *caller) connect(app, tcURL string) {
	app, query, _ := strings.Cut(app, "?")
	c.app = strings.Trim(app, "/")
	_, more, _ := strings.Cut(tcURL, "?")
	c.queries = append(c.queries, query, more)
}

// path is application and stream key together, with the name that is published; its query may hold credentials too.
func (c *caller) path(name string) string {
	name, query, _ := strings.Cut(name, "?")
	c.queries = append(c.queries, query)
	return c.app + "/" + strings.Trim(name, "/")
}

// knows tells whether the caller has given the credentials that a URL demands, as user= and pass= in one query.
func (c *caller) knows(u leg.URL) bool {
	if u.User == "" {
		return true
	}
	for _, query := range c.queries {
		user, password := "", ""
		for _, pair := range strings.Split(query, "&") {
			name, raw, _ := strings.Cut(pair, "=")
			value, err := url.PathUnescape(raw)
			if err != nil {
				value = raw // a % that stands for itself
			}
			switch name {
			case "user", "username":
				user = value
			case "pass", "password":
				password = value
			}
		}
		if same(user, u.User) && same(password, string(u.Password)) {
			return true
		}
	}
	return false
}
