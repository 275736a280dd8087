package leg

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// Limits of what a publisher names, in bytes.
const (
	maxApp         = 256
	maxKey         = 256
	maxCredentials = 128 // of the user and of the password
)

// Auth is how an RTMP publisher gives credentials.
type Auth string

// The ways. The zero value is AuthAdobe; with it and AuthLLNW they may also stand in the query of the server's address.
const (
	AuthAdobe Auth = "adobe" // the dialogue of FFmpeg, OBS, GStreamer and most hardware encoders
	AuthLLNW  Auth = "llnw"  // an older dialogue
	AuthQuery Auth = "query" // in the query of the stream key or the server's address; nobody is asked
)

var rtmpOptions = []option{{"auth", setAuth}}

func setAuth(u *URL, value string) error {
	switch a := Auth(value); {
	case u.User == "":
		return errors.New("needs user:password@")
	case a == AuthAdobe:
		u.Auth = ""
	case a == AuthLLNW, a == AuthQuery:
		u.Auth = a
	default:
		return fmt.Errorf("%q: allowed are adobe, llnw, query", printable(value))
	}
	return nil
}

// parseRTMP reads what follows rtmp:// of a leg that waits for a publisher:
// [user:password@]host[:port]/app/key[?auth=...].
func parseRTMP(rest string) (URL, error) {
	u := URL{Scheme: RTMP}
	place, query, _ := strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(place, "/")
	if i := strings.LastIndexByte(authority, '@'); i > 0 {
		if err := u.setCredentials(authority[:i]); err != nil {
			return URL{}, err
		}
		authority = authority[i+1:]
	}
	if !strings.Contains(authority[strings.LastIndexByte(authority, ']')+1:], ":") {
		authority += fmt.Sprintf(":%d", DefaultRTMP)
	}
	if err := u.setAddress(authority); err != nil {
		return URL{}, err
	}
	if err := u.setStream(path); err != nil {
		return URL{}, err
	}
	if err := u.setOptions(query, false); err != nil {
		return URL{}, err
	}
	addr, isAddr := u.Addr()
	switch {
	case !isAddr:
		return URL{}, fmt.Errorf("host %q: a publisher calls an address of this host", printable(u.Host))
	case addr.IsMulticast():
		return URL{}, errors.New("rtmp does not come from a multicast group")
	}
	return u, nil
}

// setCredentials reads user:password. Its errors hold neither.
func (u *URL) setCredentials(s string) error {
	user, password, both := strings.Cut(s, ":")
	user, errUser := url.PathUnescape(user)
	password, errPassword := url.PathUnescape(password)
	switch {
	case errUser != nil || errPassword != nil:
		return errors.New("user and password: a % must be written %25")
	case !both || user == "" || password == "":
		return errors.New("user and password belong together: user:password@")
	case len(user) > maxCredentials || len(password) > maxCredentials:
		return fmt.Errorf("user and password: allowed are %d characters each", maxCredentials)
	case !plainText(user) || !plainText(password):
		return errors.New("user and password: allowed are printable characters")
	}
	u.User, u.Password = user, Secret(password)
	return nil
}

// setStream reads app/key; what encoders call the stream key is behind the last slash. Its errors hold no key.
func (u *URL) setStream(path string) error {
	path = strings.Trim(path, "/")
	i := strings.LastIndexByte(path, '/')
	if i < 1 {
		return errors.New("rtmp needs application and stream key, as HOST:PORT/APP/KEY")
	}
	app, errApp := url.PathUnescape(path[:i])
	key, errKey := url.PathUnescape(path[i+1:])
	if errApp != nil || errKey != nil {
		return errors.New("path: a % must be written %25")
	}
	if len(app) > maxApp || len(key) > maxKey {
		return fmt.Errorf("application and stream key: allowed are %d and %d characters", maxApp, maxKey)
	}
	if !plainText(app+key) || strings.Contains(app+key, "?") || strings.Trim(app, "/") != app {
		return errors.New("application and stream key: allowed are printable characters without ?")
	}
	u.Path, u.Key = app, Secret(key)
	return nil
}

// plainText tells text without control characters.
func plainText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7F })
}

// rtmpText is the redacted form of an RTMP leg.
func (u URL) rtmpText() string {
	who := ""
	if u.User != "" {
		who = escape(u.User, ":/@?") + ":" + u.Password.String() + "@"
	}
	text := fmt.Sprintf("rtmp://%s%s/%s/%s", who, u.place(), escape(u.Path, "?"), u.Key)
	if u.Auth != "" {
		text += "?auth=" + string(u.Auth)
	}
	return text
}
