package leg

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Redacted is the URL as it may be shown and logged: options in a fixed order, defaults left out, secrets hidden. It
// parses again unless there is a passphrase; a password or stream key is then the stars.
func (u URL) Redacted() string {
	switch u.Scheme {
	case RTMP:
		return u.rtmpText()
	case File:
		return u.fileText()
	case RTSP:
		return u.rtspText()
	case SDP:
		return u.sdpText()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s://%s", u.Scheme, u.place())
	separator := byte('?')
	add := func(name, value string) {
		if value == "" {
			return
		}
		b.WriteByte(separator)
		separator = '&'
		b.WriteString(name + "=" + escape(value, ""))
	}
	add("interface", u.Interface)
	if u.Source.IsValid() {
		add("source", u.Source.String())
	}
	add("fec", u.fecText())
	if u.TTL != 0 && u.TTL != DefaultTTL {
		add("ttl", strconv.Itoa(u.TTL))
	}
	if u.Scheme != SRT {
		return b.String()
	}
	add("mode", string(u.Mode))
	if u.Latency != DefaultLatency {
		add("latency", strconv.FormatInt(int64(u.Latency/time.Millisecond), 10))
	}
	add("passphrase", u.Passphrase.String())
	if u.KeyLen != 0 && u.KeyLen != DefaultKeyLen {
		add("pbkeylen", strconv.Itoa(u.KeyLen))
	}
	add("streamid", u.StreamID)
	return b.String()
}

// place is host and port as they stand in a URL: the % of a zone is encoded (RFC 6874).
func (u URL) place() string { return strings.Replace(u.HostPort(), "%", "%25", 1) }

// String is Redacted, so that no way of formatting shows a secret.
func (u URL) String() string { return u.Redacted() }

// MarshalText is Redacted, so that no encoder shows a secret.
func (u URL) MarshalText() ([]byte, error) { return []byte(u.Redacted()), nil }

// escape percent-encodes what would end a value, is not printable ASCII or is among others.
func escape(s, others string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c > '~' || c == '&' || c == '%' || strings.IndexByte(others, c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// What an error quotes of a text that came from outside is bounded, and never what may be a mistyped option with a
// secret: everything from the first character on that has no business there is left out.

// printable is a value; one that seems to hold another option is not shown.
func printable(s string) string {
	const longest = 64
	if strings.ContainsAny(s, "=&;") {
		return "..."
	}
	if len(s) > longest {
		s = s[:longest] + "..."
	}
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}

// place is what stands for a scheme, a host or an address.
func place(s string) string { return printable(leading(s, "-_.:[]%+*")) }

// word is what stands for the name of an option.
func word(s string) string { return printable(leading(s, "-_.%")) }

// digits is what stands for a port.
func digits(s string) string {
	return printable(cutAt(s, strings.IndexFunc(s, func(c rune) bool { return c < '0' || c > '9' })))
}

// leading is the part of s before the first character that is neither a letter nor a digit nor in also.
func leading(s, also string) string {
	return cutAt(s, strings.IndexFunc(s, func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune(also, c)
	}))
}

func cutAt(s string, i int) string {
	if i < 0 {
		return s
	}
	return s[:i] + "..."
}
