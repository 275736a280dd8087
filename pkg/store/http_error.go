package store

import (
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"unicode"
)

// httpHints say whose fault a status is, and what to do.
var httpHints = map[int]string{
	http.StatusBadRequest:   "the destination does not understand the request",
	http.StatusUnauthorized: "the destination does not know these credentials: see user, password, token and cert",
	http.StatusForbidden:    "the credentials do not suffice for this path, or this host's address may not write there",
	http.StatusNotFound:     noPlace, http.StatusGone: noPlace,
	http.StatusMethodNotAllowed:  "the destination takes no writes there: is the path right, and may it be written to?",
	http.StatusProxyAuthRequired: "the proxy on the way wants credentials: see HTTP_PROXY and HTTPS_PROXY",
	http.StatusConflict: "the folder is not there at the destination, which does not make it by itself (nginx: " +
		"create_full_put_path on)",
	http.StatusPreconditionFailed: "the destination wants the initialization of a track before its media",
	http.StatusRequestEntityTooLarge: "the destination takes no objects of this size: raise its limit (nginx: " +
		"client_max_body_size)",
	http.StatusUnsupportedMediaType: "the destination does not take objects of this media type",
	http.StatusTooManyRequests:      s3Hints["SlowDown"],
	http.StatusNotImplemented:       "the server does not know what an origin has to know for this, use another one",
	http.StatusServiceUnavailable:   s3Hints["ServiceUnavailable"],
	http.StatusInsufficientStorage:  isFull,
}

const noPlace = "there is nothing that takes this path at the destination: see the address"

// refused says what an answer means that is not the one that was hoped for.
func (h *HTTP) refused(doing string, a answer) error {
	hint := httpHints[a.status]
	switch {
	case hint != "":
	case a.status >= http.StatusInternalServerError:
		hint = s3Hints["InternalError"]
	case a.status >= http.StatusMultipleChoices && a.status < http.StatusBadRequest:
		hint = "it has moved to another host, which is not followed with credentials: set that address"
	default:
		hint = "this is no answer of an origin: see the address"
	}
	err := fmt.Errorf("store %s: %s: %s: %s", h, doing, a.reason(), hint)
	if a.status >= http.StatusInternalServerError || a.status == http.StatusTooManyRequests ||
		a.status == http.StatusRequestTimeout {
		return awayError{err}
	}
	return err
}

// reason is an answer's status, with the first line of what the server says about it in plain text.
func (a answer) reason() string {
	out := "HTTP " + strconv.Itoa(a.status)
	if text := http.StatusText(a.status); text != "" {
		out += " " + text
	}
	kind, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	line, _, _ := strings.Cut(strings.TrimSpace(string(a.body)), "\n")
	if kind != "text/plain" || line == "" {
		return out
	}
	const most = 160
	line = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(line[:min(len(line), most)], ""))
	return out + ` "` + line + `"`
}

// explain says whose fault it is that a server could not be asked.
func (h *HTTP) explain(doing string, err error) error {
	hint := connectionHint(err)
	var alert *net.OpError
	if errors.As(err, &alert) && alert.Op == "remote error" { // what the other side says by TLS
		hint = "the destination breaks TLS off: does it want a certificate of this side that it trusts? see cert and key"
	}
	if hint != "" {
		hint = ": " + hint
	}
	return awayError{fmt.Errorf("store %s: %s: %w%s", h, doing, err, hint)}
}
