// Package leg reads the URL of one contribution path: where it is received or sent, and with which options.
package leg

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Scheme is the protocol of a leg.
type Scheme string

// The protocols that a leg can speak.
const (
	RTP Scheme = "rtp" // MPEG-TS in RTP (RFC 2250, ST 2022-2), unicast or multicast
	UDP Scheme = "udp" // bare MPEG-TS in UDP, unicast or multicast
	SRT Scheme = "srt" // MPEG-TS, or RTP with MPEG-TS, in SRT live mode

	RTMP Scheme = "rtmp" // published to us by RTMP, made MPEG-TS on arrival
	File Scheme = "file" // a file of MPEG-TS, played over and over
	RTSP Scheme = "rtsp" // pulled from a server or published to us by RTSP, made MPEG-TS on arrival
	SDP  Scheme = "sdp"  // elementary streams in RTP as a file of SDP describes them, made MPEG-TS on arrival
)

// Forms lists how a leg to be received may begin, for messages.
const Forms = "rtp://, udp://, srt://, rtsp://, rtmp://, file: or sdp:"

// Mode says who calls whom in SRT and RTSP: an RTSP caller pulls, to a listener is published.
type Mode string

// The two modes of SRT and RTSP; rendezvous is not offered.
const (
	Listener Mode = "listener"
	Caller   Mode = "caller"
)

// Limits of the options.
const (
	DefaultRTMPPort = 1935

	MinPassphrase = 10  // characters; libsrt's own limit
	MaxPassphrase = 79  // characters; what every SRT implementation accepts
	MaxStreamID   = 512 // bytes; SRT's own limit

	DefaultLatency = 120 * time.Millisecond // libsrt's own default
	MaxLatency     = 60 * time.Second
	DefaultKeyLen  = 16   // bytes: AES-128
	DefaultRTMP    = 1935 // port
	DefaultTTL     = 16   // hops of a multicast datagram: further than the site, not the world
)

// Secret is a text that is never printed: every way of formatting it gives "***". The text itself is string(s).
type Secret string

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

// GoString hides the secret.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// MarshalText hides the secret.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// URL is a parsed and validated leg.
type URL struct {
	Scheme Scheme
	Host   string // address without brackets, or a name; "" is every address of the host
	Port   uint16

	// rtp and udp
	Interface string     // network interface of a multicast group; "" lets the routing table choose
	Source    netip.Addr // the one sender of a source-specific multicast group (RFC 4607); zero: any
	FEC       FEC        // where its ST 2022-1 streams come; rtp only
	TTL       int        // hops of a multicast datagram, 1 to 255; destinations only

	// srt
	Mode       Mode
	Latency    time.Duration // whole milliseconds
	Passphrase Secret        // "": not encrypted
	KeyLen     int           // AES key length in bytes: 16, 24 or 32; 0 without a passphrase
	StreamID   string

	// rtmp, rtsp, file and sdp
	User     string // "": no credentials are demanded, or given to an RTSP server
	Password Secret
	Path     string // of the file, absolute or relative; of rtmp the application; of rtsp what follows the first slash
	Key      Secret // rtmp: the stream key
	Auth     Auth   // rtmp: how credentials come

	Transport Transport // rtsp
}

// Addr is the host as an address; ok is false for a name. An empty host is the unspecified IPv6 address, which on a
// dual-stack host stands for IPv4 too.
func (u URL) Addr() (addr netip.Addr, ok bool) {
	if u.Host == "" {
		return netip.IPv6Unspecified(), true
	}
	addr, err := netip.ParseAddr(u.Host)
	return addr, err == nil
}

// Multicast tells whether the host is a multicast group.
func (u URL) Multicast() bool {
	addr, ok := u.Addr()
	return ok && addr.IsMulticast()
}

// HostPort is host and port as net.Dial wants them.
func (u URL) HostPort() string {
	if strings.Contains(u.Host, ":") {
		return "[" + u.Host + "]:" + strconv.Itoa(int(u.Port))
	}
	return u.Host + ":" + strconv.Itoa(int(u.Port))
}

// Parse reads the URL of a leg to be received. The error says which option is wrong and what is allowed; it never
// holds a passphrase.
func Parse(raw string) (URL, error) { return parse(raw, false) }

// ParseDestination reads the URL of a leg to be sent to: as Parse, but host is needed where somebody is called, and
// ttl is allowed where source and fec are not.
func ParseDestination(raw string) (URL, error) { return parse(raw, true) }

// UnmarshalText is Parse, for decoders.
func (u *URL) UnmarshalText(b []byte) error {
	parsed, err := Parse(string(b))
	if err == nil {
		*u = parsed
	}
	return err
}

func parse(raw string, destination bool) (URL, error) {
	forms := Forms
	if destination {
		forms = "rtp://, udp:// or srt://"
	}
	if rest, ok := cutFile(raw); ok && !destination {
		return parseFile(rest)
	}
	if rest, ok := cutSDP(raw); ok && !destination {
		return parseSDP(rest)
	}
	scheme, rest, found := strings.Cut(raw, "://")
	u := URL{Scheme: Scheme(strings.ToLower(scheme))}
	switch {
	case !found:
		return URL{}, errors.New("no scheme: a leg is " + forms)
	case u.Scheme == RTMP && !destination:
		return parseRTMP(rest)
	case u.Scheme == RTSP && !destination:
		return parseRTSP(rest)
	case u.Scheme != RTP && u.Scheme != UDP && u.Scheme != SRT:
		return URL{}, fmt.Errorf("scheme %q: a leg is %s", place(scheme), forms)
	}
	address, query, _ := strings.Cut(rest, "?")
	if err := u.setAddress(strings.TrimSuffix(address, "/")); err != nil {
		return URL{}, err
	}
	if err := u.setOptions(query, destination); err != nil {
		return URL{}, err
	}
	return u, u.finish(destination)
}

// setAddress reads host and port. A leading @ is what other tools write for "receive here".
func (u *URL) setAddress(s string) error {
	s = strings.TrimPrefix(s, "@")
	if strings.ContainsAny(s, "@/") {
		return errors.New("an address is HOST:PORT, without user or path")
	}
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.HasSuffix(s, "]") {
		return fmt.Errorf("%q has no port", place(s))
	}
	port, err := strconv.ParseUint(s[i+1:], 10, 16)
	if err != nil || port == 0 {
		return fmt.Errorf("port %q: allowed are 1 to 65535", digits(s[i+1:]))
	}
	u.Port = uint16(port)
	return u.setHost(s[:i])
}

func (u *URL) setHost(host string) error {
	if inner, bracketed := strings.CutPrefix(host, "["); bracketed {
		inner, closed := strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(strings.Replace(inner, "%25", "%", 1))
		if !closed || err != nil || !addr.Is6() || strings.ContainsAny(addr.Zone(), "%/@?[] \t\r\n") {
			return fmt.Errorf("host %q is not an IPv6 address in brackets", place(host))
		}
		u.Host = addr.String()
		return nil
	}
	if strings.Contains(host, ":") {
		return fmt.Errorf("host %q: an IPv6 address needs brackets", place(host))
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" && !validName(host) {
		return fmt.Errorf("host %q is neither an address nor a name", place(host))
	}
	u.Host = host
	return nil
}

// validName accepts host names by RFC 1123; a name of digits and dots only would be a mistyped address.
func validName(s string) bool {
	letters := false
	for _, label := range strings.Split(strings.TrimSuffix(s, "."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range label {
			switch {
			case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '-', c == '_':
				letters = true
			case c < '0' || c > '9':
				return false
			}
		}
	}
	return letters && len(s) <= 253
}

// setOptions reads the query by hand: + and # stand for themselves, as in the passphrases and stream ids that SRT tools
// take, and only %XX is decoded.
func (u *URL) setOptions(query string, destination bool) error {
	seen := map[string]bool{}
	for _, pair := range strings.Split(query, "&") {
		if pair == "" {
			continue
		}
		name, raw, _ := strings.Cut(pair, "=")
		set, known := u.option(name, destination)
		if !known {
			shown := word(name)
			if seen[passphrase] {
				shown = "..." // it may be what follows a raw & in the passphrase
			}
			if names := u.names(destination); names != "" {
				return fmt.Errorf("unknown option %q: %s:// allows %s", shown, u.Scheme, names)
			}
			return fmt.Errorf("unknown option %q: %s: takes none", shown, u.Scheme)
		}
		value, err := url.PathUnescape(raw)
		if err != nil {
			return fmt.Errorf("option %s: a %% must be written %%25", name)
		}
		if seen[name] {
			return fmt.Errorf("option %s is given twice", name)
		}
		seen[name] = true
		if err := set(u, value); err != nil {
			return fmt.Errorf("option %s: %w", name, err)
		}
	}
	return nil
}
