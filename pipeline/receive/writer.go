package receive

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Writer may push objects. It proves who it is by one of user and password, token and certificate; without any of them
// by its address alone.
type Writer struct {
	Name        string
	User        string
	Password    string
	Token       string
	Certificate string         // common or DNS name in its certificate, which the server has verified
	Channels    []string       // that it may write to; empty: all
	Allow       []netip.Prefix // that it may come from; empty: anywhere
}

// admit finds the writer that a request is from, and whether it may write to a channel; empty: to any.
func (rc *Receiver) admit(r *http.Request, channel string) (*Writer, error) {
	known := false
	for i := range rc.cfg.Writers {
		w := &rc.cfg.Writers[i]
		if !w.is(r) {
			continue
		}
		known = true
		if w.from(r) && (channel == "" || w.may(channel)) {
			return w, nil
		}
	}
	if known {
		return nil, refusal{http.StatusForbidden, causeForbidden,
			"these credentials, or this address, may not write there: see writers in the origin's file"}
	}
	return nil, refusal{http.StatusUnauthorized, causeCredentials,
		"no credentials that are known here: see writers in the origin's file"}
}

// is tells whether a request has the writer's credentials.
func (w *Writer) is(r *http.Request) bool {
	switch {
	case w.Token != "":
		token, ok := bearer(r)
		return ok && equal(token, w.Token)
	case w.User != "":
		user, password, ok := r.BasicAuth()
		right := equal(password, w.Password) // whoever the user is: how long it takes tells nothing
		return equal(user, w.User) && right && ok
	case w.Certificate != "":
		return w.presents(r)
	}
	return true
}

// presents tells whether the connection has the writer's certificate.
func (w *Writer) presents(r *http.Request) bool {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return false
	}
	leaf := r.TLS.VerifiedChains[0][0]
	return leaf.Subject.CommonName == w.Certificate || slices.Contains(leaf.DNSNames, w.Certificate)
}

// bearer is the token of a request (RFC 6750 §2.1).
func bearer(r *http.Request) (string, bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), ok && strings.EqualFold(scheme, "Bearer")
}

// equal takes the same time for all texts.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// from tells whether a request comes from where the writer may be.
func (w *Writer) from(r *http.Request) bool {
	if len(w.Allow) == 0 {
		return true
	}
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	address := at.Addr().Unmap().WithZone("")
	return slices.ContainsFunc(w.Allow, func(p netip.Prefix) bool { return p.Contains(address) })
}

func (w *Writer) may(channel string) bool {
	return len(w.Channels) == 0 || slices.Contains(w.Channels, channel)
}
