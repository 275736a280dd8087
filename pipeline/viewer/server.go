package viewer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync/atomic"
)

// mostBody bounds an object that is read, in bytes.
const mostBody = 64 << 20

// server is where a viewer plays from. Its connections are its own.
type server struct {
	base      *url.URL
	client    *http.Client
	transport *http.Transport
	requests  atomic.Int64
	bytes     atomic.Int64
}

// object is what was asked for, or why it did not come.
type object struct {
	body []byte
	err  error
}

func newServer(address string) (*server, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the address is not http or https")
	}
	if !strings.HasSuffix(u.Path, ".m3u8") && !strings.HasSuffix(u.Path, ".mpd") {
		return nil, errors.New("the address is neither of a playlist nor of an MPD")
	}
	jar, err := cookiejar.New(nil) // an edge may hand out its token so
	if err != nil {
		return nil, err
	}
	t := &http.Transport{MaxIdleConnsPerHost: 4, ForceAttemptHTTP2: true}
	return &server{
		base: u, transport: t,
		client: &http.Client{
			Transport: t, Jar: jar, Timeout: answerTime,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

func (s *server) close() { s.transport.CloseIdleConnections() }

// shown is the address without what may be secret.
func (s *server) shown() string {
	u := *s.base
	if u.User != nil {
		u.User = url.User("***")
	}
	if u.RawQuery != "" {
		u.RawQuery = "***"
	}
	if rest, ok := strings.CutPrefix(u.Path, "/t/"); ok { // an edge's token is part of the path
		if _, after, found := strings.Cut(rest, "/"); found {
			u.Path = "/t/***/" + after
		}
	}
	u.RawPath = ""
	return strings.ReplaceAll(u.String(), "%2A%2A%2A", "***")
}

// get asks for an object of the channel's folder. A token in the query belongs to each of them.
func (s *server) get(ctx context.Context, name string) object {
	u, err := s.base.Parse(name)
	if err != nil {
		return object{err: failure{NoPlaylist, "an address in it is none"}}
	}
	if u.RawQuery == "" {
		u.RawQuery = s.base.RawQuery
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return object{err: failure{NoPlaylist, "an address in it is none"}}
	}
	req.Header.Set("User-Agent", "onair-drill")
	s.requests.Add(1)
	res, err := s.client.Do(req)
	if err != nil {
		kind := kindOf(err)
		var at *url.Error
		if errors.As(err, &at) {
			err = at.Err
		}
		return object{err: failure{kind, name + ": " + err.Error()}}
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, mostBody))
	s.bytes.Add(int64(len(body)))
	switch {
	case res.StatusCode != http.StatusOK:
		return object{err: failure{fmt.Sprintf("http %d", res.StatusCode), name + ": " + res.Status}}
	case err != nil && kindOf(err) == TimeOut || errors.Is(err, context.DeadlineExceeded):
		return object{err: failure{TimeOut, name + ": no end of the answer"}}
	case err != nil:
		return object{err: failure{BrokenOff, name + ": " + err.Error()}}
	}
	return object{body: body}
}
