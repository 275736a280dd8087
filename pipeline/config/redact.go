package config

import (
	"net/url"
	"regexp"
	"strings"

	"onair/pkg/leg"
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
	// address is a URL with its scheme.
	address = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*)://\S*`)
	// begun is one that goes to the end of the text.
	begun = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*)://[^\s?&]*[?&]\S*$`)
	// userinfo is the name and password before the host of a URL.
	userinfo = regexp.MustCompile(`(://)[^/?#\s]*@`)
)

// Redact hides what is secret in text that may be or hold a URL: user information, the stream key of RTMP, and the
// value of any option named like a passphrase, password, secret, token or key; of a leg also that of an option which no
// leg has, for it may be one of these, misspelt. The rest stays as it is, also where the URL is malformed.
func Redact(s string) string {
	s = userinfo.ReplaceAllString(s, "${1}"+hidden+"@")
	s = options(streamKey.ReplaceAllString(s, "${1}"+hidden+"${2}"))
	return address.ReplaceAllStringFunc(s, func(m string) string {
		at := strings.IndexAny(m, "?&")
		if scheme, _, _ := strings.Cut(m, "://"); at < 0 || othersName(scheme) {
			return m
		}
		return m[:at] + misspelt(m[at:])
	})
}

// RedactTyped is Redact for what somebody wrote where a URL was wanted: nothing that follows a secret option's name on
// its line is shown, for where the secret ends is not known when it was not escaped. The same holds for a misspelt one.
func RedactTyped(s string) string {
	lines := strings.SplitAfter(Redact(s), "\n")
	for i, line := range lines {
		for _, at := range named.FindAllStringIndex(line, -1) {
			if name := line[at[0] : at[1]-1]; !secret(name) && !(inLeg(line[:at[0]]) && !leg.IsOption(name)) {
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

// streamID is the option whose value has names of its own.
const streamID = "streamid="

// misspelt hides the values of options that no leg has.
func misspelt(s string) string {
	return option.ReplaceAllStringFunc(s, func(m string) string {
		name, value, _ := strings.Cut(m, "=")
		switch {
		case name+"=" == streamID:
			return m
		case !leg.IsOption(name):
			return name + "=" + hidden
		}
		return name + "=" + misspelt(value)
	})
}

// inLeg tells whether what follows a text is the name of a leg's option.
func inLeg(before string) bool {
	m := begun.FindStringSubmatch(before)
	if m == nil || othersName(m[1]) {
		return false
	}
	return !strings.HasPrefix(m[0][strings.LastIndexAny(m[0], "?&")+1:], streamID)
}

// othersName tells whether the options of a scheme's URLs are named by those who are called, so that any is right.
func othersName(scheme string) bool {
	switch strings.ToLower(scheme) {
	case "http", "https", "rtsp", "rtsps", "s3":
		return true
	}
	return false
}

// hideLeg is what is shown of a text that should be a leg, for whose scheme RedactTyped looks.
func hideLeg(s string) string {
	const some = string(leg.SRT) + "://"
	if strings.Contains(s, "://") {
		return s
	}
	return strings.TrimPrefix(RedactTyped(some+s), some)
}

// secret tells whether an option of that name has a value that nobody may see.
func secret(name string) bool {
	plain, err := url.QueryUnescape(name)
	if err != nil {
		plain = name
	}
	return secretName.MatchString(plain)
}
