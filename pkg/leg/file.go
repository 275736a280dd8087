package leg

import (
	"errors"
	"net/url"
	"strings"
)

// maxPath is the system's own limit of a path, in bytes.
const maxPath = 4095

// cutFile takes the scheme off file:NAME and file:///NAME.
func cutFile(raw string) (string, bool) {
	const scheme = string(File) + ":"
	if len(raw) < len(scheme) || !strings.EqualFold(raw[:len(scheme)], scheme) {
		return "", false
	}
	return raw[len(scheme):], true
}

// parseFile reads what follows file: a path, absolute or relative to where the program was started.
func parseFile(rest string) (URL, error) {
	u := URL{Scheme: File}
	place, query, _ := strings.Cut(rest, "?")
	if behind, found := strings.CutPrefix(place, "//"); found {
		if !strings.HasPrefix(behind, "/") {
			return URL{}, errors.New("a file is of this host: file:///absolute/path or file:relative/path")
		}
		place = behind
	}
	path, err := url.PathUnescape(place)
	switch {
	case err != nil:
		return URL{}, errors.New("path: a % must be written %25")
	case path == "" || strings.HasSuffix(path, "/"):
		return URL{}, errors.New("file: needs the path of a file")
	case len(path) > maxPath || strings.ContainsRune(path, 0):
		return URL{}, errors.New("file: that is no path")
	}
	u.Path = path
	return u, u.setOptions(query, false)
}

// fileText is the form that parses again.
func (u URL) fileText() string {
	slashes := ""
	if strings.HasPrefix(u.Path, "/") {
		slashes = "//"
	}
	return "file:" + slashes + escape(u.Path, "?")
}
