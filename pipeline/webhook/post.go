package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// SignatureHeader carries "sha256=" and the hexadecimal HMAC-SHA256 of the body under the secret (RFC 2104).
const SignatureHeader = "Onair-Signature"

// Bounds of a request.
const (
	connectIn  = 5 * time.Second
	idleFor    = 90 * time.Second
	maxHeader  = 64 << 10 // bytes of an answer
	maxDrained = 64 << 10
	maxText    = 300 // bytes of an error as it is shown
)

// transport is a connection of the webhook's own, so that nothing else ever waits for it.
func transport() http.RoundTripper {
	dialer := &net.Dialer{Timeout: connectIn}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: connectIn, IdleConnTimeout: idleFor, MaxConnsPerHost: 1, DisableCompression: true,
		MaxResponseHeaderBytes: maxHeader,
	}
}

// refused is an answer that trying again would not change.
type refused struct {
	status int
}

// Error says what was answered and what to do.
func (r refused) Error() string {
	if r.status < 400 {
		return fmt.Sprintf("it answers %d: redirects are not followed, name the new address in webhook", r.status)
	}
	return fmt.Sprintf("it answers %d %s: the events are dropped", r.status, http.StatusText(r.status))
}

// post sends a body once. wait is how long the receiver wants to be left alone.
func (h *Hook) post(ctx context.Context, body []byte) (wait time.Duration, err error) {
	limit, cancel := context.WithTimeout(ctx, answerIn)
	defer cancel()
	r, err := http.NewRequestWithContext(limit, http.MethodPost, h.cfg.URL, bytes.NewReader(body))
	if err != nil {
		return 0, errors.New("the address cannot be used")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", h.cfg.Agent)
	if h.cfg.Secret != "" {
		r.Header.Set(SignatureHeader, sign(h.cfg.Secret, body))
	}
	answer, err := h.client.Do(r)
	if err != nil {
		if limit.Err() != nil && ctx.Err() == nil {
			return 0, fmt.Errorf("no answer within %v", answerIn)
		}
		return 0, bare(err)
	}
	defer answer.Body.Close()                                           //nolint:errcheck // only read
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxDrained)) // for the connection's next use
	switch code := answer.StatusCode; {
	case code >= 200 && code < 300:
		return 0, nil
	case code >= 500, code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests:
		seconds, _ := strconv.ParseUint(answer.Header.Get("Retry-After"), 10, 16) // a date is not waited for
		return time.Duration(seconds) * time.Second, fmt.Errorf("it answers %d %s", code, http.StatusText(code))
	default:
		return 0, refused{code}
	}
}

func sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// bare is an error of a request without its URL, which net/http puts before it.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// hide takes what may be secret out of a text, which a receiver may have put there, and bounds its length.
func (h *Hook) hide(text string) string {
	password, _ := h.target.User.Password()
	for _, secret := range []string{
		h.cfg.URL, h.target.RequestURI(), h.target.EscapedPath(), h.target.Path, h.target.RawQuery, password, h.cfg.Secret,
	} {
		if len(secret) > 1 { // "/" is no secret
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	text = strings.ToValidUTF8(text, "?")
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}
