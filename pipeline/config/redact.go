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

// redactYAML is Redact for a text that may also hold lines of a file.
func redactYAML(s string) string {
	return pair.ReplaceAllStringFunc(Redact(s), func(m string) string {
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
		plain, err := url.QueryUnescape(name)
		if err != nil {
			plain = name
		}
		if secretName.MatchString(plain) {
			return name + "=" + hidden
		}
		return name + "=" + options(value)
	})
}
