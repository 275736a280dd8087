package leg

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// DefaultRTSPPort is the port of RTSP where a URL has none.
const DefaultRTSPPort = 554

// Transport is how media comes over RTSP.
type Transport string

// The transports. The zero value is UDP, and TCP where no UDP comes; a publisher may then choose.
const (
	OverUDP Transport = "udp"
	OverTCP Transport = "tcp" // interleaved in the RTSP connection
)

// The options of rtsp:// legs.
var (
	rtspOptions = []option{{"mode", setMode}, {"transport", setTransport}}
	sdpOptions  = []option{{"interface", setInterface}}
)

// parseRTSP reads what follows rtsp:// of a leg: [user:password@]host[:port]/path. What a camera's address has behind a
// question mark belongs to its path, but for our own options.
func parseRTSP(rest string) (URL, error) {
	u := URL{Scheme: RTSP, Mode: Caller}
	place, query, _ := strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(place, "/")
	if i := strings.LastIndexByte(authority, '@'); i > 0 {
		if err := u.setCredentials(authority[:i]); err != nil {
			return URL{}, err
		}
		authority = authority[i+1:]
	}
	if !strings.Contains(authority[strings.LastIndexByte(authority, ']')+1:], ":") {
		authority += fmt.Sprintf(":%d", DefaultRTSPPort)
	}
	if err := u.setAddress(authority); err != nil {
		if u.User == "" && strings.Contains(path, "@") { // the address is a piece of the password
			return URL{}, errors.New("user and password: a / must be written %2F")
		}
		return URL{}, err
	}
	own, foreign := splitQuery(query)
	if err := u.setOptions(own, false); err != nil {
		return URL{}, err
	}
	if len(path)+len(foreign) > maxPath || !addressText(path+foreign) {
		return URL{}, errors.New("path: allowed are printable characters, others as %XX")
	}
	u.Path = path
	return u, u.finishRTSP(foreign)
}

// splitQuery parts our options from those of the sender's address.
func splitQuery(query string) (own, foreign string) {
	var ours, theirs []string
	for _, pair := range strings.Split(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if name == "mode" || name == "transport" {
			ours = append(ours, pair)
		} else if pair != "" {
			theirs = append(theirs, pair)
		}
	}
	return strings.Join(ours, "&"), strings.Join(theirs, "&")
}

// addressText tells what may stand in a URL as it is.
func addressText(s string) bool {
	_, err := url.PathUnescape(s)
	return err == nil && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '#' })
}

func (u *URL) finishRTSP(foreign string) error {
	addr, isAddr := u.Addr()
	everywhere := isAddr && addr.IsUnspecified()
	switch {
	case u.Multicast():
		return errors.New("rtsp does not go to a multicast group: its media may")
	case u.Mode == Caller && everywhere:
		return errors.New("rtsp needs the host of the server, or mode=listener to be published to")
	case u.Mode == Caller && foreign != "":
		u.Path += "?" + foreign
	case u.Mode == Caller:
	case !isAddr:
		return fmt.Errorf("host %q: a publisher calls an address of this host", printable(u.Host))
	case foreign != "":
		name, _, _ := strings.Cut(foreign, "=")
		return fmt.Errorf("unknown option %q: with mode=listener rtsp:// allows transport", printable(name))
	case strings.Trim(u.Path, "/") == "":
		return errors.New("a publisher needs a path: HOST:PORT/PATH?mode=listener")
	default:
		u.Path = strings.Trim(u.Path, "/")
	}
	return nil
}

func setTransport(u *URL, value string) error {
	u.Transport = Transport(value)
	if u.Transport != OverUDP && u.Transport != OverTCP {
		return fmt.Errorf("%q: allowed are udp and tcp", printable(value))
	}
	return nil
}

// hushed finds what cameras take as password in their paths.
var hushed = regexp.MustCompile(`(?i)((?:pass|pwd|token|secret|auth|key)[a-z_-]*=)[^&/]+`)

// rtspText is the redacted form of an RTSP leg.
func (u URL) rtspText() string {
	who := ""
	if u.User != "" {
		who = escape(u.User, ":/@?") + ":" + u.Password.String() + "@"
	}
	text := fmt.Sprintf("rtsp://%s%s/%s", who, u.place(), hushed.ReplaceAllString(u.Path, "$1***"))
	separator := "?"
	if strings.Contains(u.Path, "?") {
		separator = "&"
	}
	if u.Mode == Listener {
		text += separator + "mode=listener"
		separator = "&"
	}
	if u.Transport != "" {
		text += separator + "transport=" + string(u.Transport)
	}
	return text
}

// Target is the address to be asked for in RTSP, without credentials. It is not redacted.
func (u URL) Target() string { return "rtsp://" + u.place() + "/" + u.Path }

// cutSDP takes the scheme off sdp:NAME and sdp:///NAME.
func cutSDP(raw string) (string, bool) {
	const scheme = string(SDP) + ":"
	if len(raw) < len(scheme) || !strings.EqualFold(raw[:len(scheme)], scheme) {
		return "", false
	}
	return raw[len(scheme):], true
}

// parseSDP reads what follows sdp: the path of a session description, and the interface of its groups.
func parseSDP(rest string) (URL, error) {
	place, query, _ := strings.Cut(rest, "?")
	u, err := parseFile(place)
	if err != nil {
		return URL{}, err
	}
	u.Scheme = SDP
	return u, u.setOptions(query, false)
}

// sdpText is the form that parses again.
func (u URL) sdpText() string {
	text := "sdp" + strings.TrimPrefix(u.fileText(), "file")
	if u.Interface != "" {
		text += "?interface=" + escape(u.Interface, "")
	}
	return text
}
