package config

import (
	"net/url"
	"regexp"
	"strings"
)

// hidden stands in for a secret.
const hidden = "***"

var (
	// option is one name=value of a URL's query; a value runs to the next option or to white space.
	option = regexp.MustCompile(`([^\s?&=/]+)=([^\s&]*)`)
	// pair is one "name: value" of a YAML text.
	pair = regexp.MustCompile(`([A-Za-z_]+)(:\s+)(\S+)`)
	// secretName matches the names of options and keys whose values nobody may see.
	secretName = regexp.MustCompile(
		`(?i)passphrase|password|passwd|secret|token|credential|signature|webhook|access_?key|api_?key|` +
			`^(sig|key|pass|pwd|auth)$`)
	// named is the name of an option with its =, also where something else than & stands before it.
	named = regexp.MustCompile(`[^\s?&=/;,#"']+=`)
	// userinfo is the name and password before the host of a URL.
	userinfo = regexp.MustCompile(`(://)[^/?#\s]*@`)
)

// Redact hides what is secret in text that may be or hold a URL: user information, the stream key of RTMP, and the
// value of any option named like a passphrase, password, secret, token or key. The rest stays as it is, also where the
// URL is malformed.
func Redact(s string) string {
	s = userinfo.ReplaceAllString(s, "${1}"+hidden+"@")
	return options(streamKey.ReplaceAllString(s, "${1}"+hidden+"${2}"))
}

// RedactTyped is Redact for what somebody wrote where a URL was wanted: nothing that follows a secret option's name on
// its line is shown, for where the secret ends is not known when it was not escaped.
func RedactTyped(s string) string {
	lines := strings.SplitAfter(Redact(s), "\n")
	for i, line := range lines {
		for _, at := range named.FindAllStringIndex(line, -1) {
			if !secret(line[at[0] : at[1]-1]) {
				continue
			}
			lines[i] = line[:at[1]] + hidden
			if strings.HasSuffix(line, "\n") {
				lines[i] += "\n"
			}
			break
		}
	}
	return strings.Join(lines, "")
}

// redactYAML is RedactTyped for a text that may also hold lines of a file.
func redactYAML(s string) string {
	return pair.ReplaceAllStringFunc(RedactTyped(s), func(m string) string {
		g := pair.FindStringSubmatch(m)
		if secretName.MatchString(g[1]) {
			return g[1] + g[2] + hidden
		}
		return m
	})
}

// options hides the values of secret options, also of those within another's value, as in a structured SRT stream id.
func options(s string) string {
	return option.ReplaceAllStringFunc(s, func(m string) string {
		name, value, _ := strings.Cut(m, "=")
		if secret(name) {
			return name + "=" + hidden
		}
		return name + "=" + options(value)
	})
}

// secret tells whether an option of that name has a value that nobody may see.
func secret(name string) bool {
	plain, err := url.QueryUnescape(name)
	if err != nil {
		plain = name
	}
	return secretName.MatchString(plain)
}
