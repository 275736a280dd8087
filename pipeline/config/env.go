package config

import (
	"net/url"
	"regexp"
	"strings"
)

// variable is a reference to the environment. What only begins like one is found too, so that it can be refused.
var variable = regexp.MustCompile(`\$\{([^}]*)(\}?)`)

// variableName is what POSIX allows as the name of an environment variable.
var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expand replaces every ${NAME} of a value. As the value of a URL's option a variable stands for the literal text, so
// it is escaped there: a passphrase may hold any character. The second result names what cannot be replaced.
func (r *reader) expand(s string) (string, []string) {
	if !strings.Contains(s, "${") {
		return s, nil
	}
	var missing []string
	var out strings.Builder
	last := 0
	for _, m := range variable.FindAllStringSubmatchIndex(s, -1) {
		out.WriteString(s[last:m[0]])
		last = m[1]
		name := s[m[2]:m[3]]
		if m[4] == m[5] || !variableName.MatchString(name) {
			missing = append(missing, s[m[0]:m[1]])
			continue
		}
		value, ok := r.env(name)
		if !ok {
			missing = append(missing, name)
		}
		if inOption(s[:m[0]]) || inPublished(s[:m[0]], s[m[1]:]) {
			value = strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
		}
		out.WriteString(value)
	}
	out.WriteString(s[last:])
	return out.String(), missing
}

// published begins a URL whose user information and path hold what a publisher shows.
var published = regexp.MustCompile(`(?i)^\s*rt[ms]p://`)

// inPublished tells whether what stands between before and behind is part of a user, a password or a stream key.
func inPublished(before, behind string) bool {
	if !published.MatchString(before) {
		return false
	}
	_, authority, _ := strings.Cut(before, "://")
	if strings.Contains(authority, "/") {
		return true
	}
	rest, _, _ := strings.Cut(behind, "/")
	return strings.Contains(rest, "@")
}

// inOption tells whether what follows is the value of an option in a URL's query.
func inOption(before string) bool {
	_, after, found := strings.Cut(before, "://")
	_, query, asked := strings.Cut(after, "?")
	return found && asked && strings.Contains(query[strings.LastIndexByte(query, '&')+1:], "=")
}
