package config

import "regexp"

// hidden stands in for a secret.
const hidden = "xxx"

var (
	// secretOption is a URL option whose value nobody may see; the value ends where the next option or the text does.
	secretOption = regexp.MustCompile(
		`(?i)\b([a-z_.-]*(?:passphrase|password|passwd|secret|token|access_key|signature|credential)[a-z_.-]*)([=:]\s*)[^&#\s"'\x60]+`)
	// userinfo is the name and password before the host of a URL.
	userinfo = regexp.MustCompile(`(://)[^/?#\s@"']*@`)
)

// Redact hides what is secret in text that may be or hold a URL: user information, and the value of any option named
// like a passphrase, password, secret, token or key. The rest stays as it is, also where the URL is malformed.
func Redact(s string) string {
	s = userinfo.ReplaceAllString(s, "${1}"+hidden+"@")
	return secretOption.ReplaceAllString(s, "${1}${2}"+hidden)
}
