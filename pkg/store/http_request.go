package store

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
)

const (
	mostHops   = 4       // redirects that are followed
	mostReason = 1 << 10 // bytes of an answer that says why not
)

// request is what a server is asked.
type request struct {
	method  string
	name    string // below the store's URL; empty: that itself
	query   url.Values
	body    []byte
	header  http.Header
	patient bool // the answer may take as long as the context
}

// answer is what it says.
type answer struct {
	status int
	header http.Header
	length int64 // of the body, as the server tells it; -1: it does not
	body   []byte
}

// well tells whether what was asked is done (RFC 9110 §15.3).
func (a answer) well() bool {
	switch a.status {
	case http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent:
		return true
	}
	return false
}

// do asks the server, wherever on its host it has moved to.
func (h *HTTP) do(ctx context.Context, r request) (answer, error) {
	asking := ctx
	if !r.patient {
		var done func()
		asking, done = answerSoon(ctx)
		defer done()
	}
	at := h.base
	at.Path += r.name
	at.RawQuery = r.query.Encode()
	for hop := 0; ; hop++ {
		a, err := h.once(asking, r, at.String())
		if err != nil {
			return a, noAnswer(asking, err)
		}
		next, moved := elsewhere(&at, a)
		if !moved || hop == mostHops {
			return a, nil
		}
		at = *next
	}
}

// elsewhere is where an answer sends who asks, if it may be followed: to the same host, which knows the credentials
// already, and not from TLS to what others can read. The method stays what it is, whatever browsers do after a 301.
func elsewhere(at *url.URL, a answer) (*url.URL, bool) {
	switch a.status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, false
	}
	next, err := at.Parse(a.header.Get("Location"))
	if err != nil || next.Hostname() != at.Hostname() || next.Scheme != at.Scheme && next.Scheme != "https" {
		return nil, false
	}
	next.User = nil
	return next, true
}

// once asks at one address.
func (h *HTTP) once(ctx context.Context, r request, at string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, at, bytes.NewReader(r.body))
	if err != nil {
		return answer{}, err
	}
	maps.Copy(req.Header, h.always)
	maps.Copy(req.Header, r.header)
	res, err := h.client.RoundTrip(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	a := answer{status: res.StatusCode, header: res.Header, length: res.ContentLength}
	if r.method == http.MethodGet && a.well() {
		a.body, err = readAll(res)
		return a, err
	}
	// Whatever it says is read to its end where that is near, so that the connection can be used again.
	a.body, err = io.ReadAll(io.LimitReader(res.Body, mostReason))
	_, _ = io.CopyN(io.Discard, res.Body, mostReason)
	if a.well() {
		return a, err
	}
	return a, nil
}

// readAll reads the body of an answer, which may not be larger than an object can be.
func readAll(res *http.Response) ([]byte, error) {
	tooLarge := fmt.Errorf("the answer has more than the %d bytes that are allowed", mostBody)
	if res.ContentLength > mostBody {
		return nil, tooLarge
	}
	if res.ContentLength >= 0 {
		body := make([]byte, res.ContentLength)
		_, err := io.ReadFull(res.Body, body)
		return body, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, mostBody+1))
	if len(body) > mostBody {
		return nil, tooLarge
	}
	return body, err
}
