package control

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// guard decides who may change anything.
type guard struct {
	token string
}

// forwarded are the headers by which proxies tell that a request is not from the peer itself.
var forwarded = []string{
	"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Server", "X-Real-Ip",
}

// wrap lets a request pass that carries the token, or, where there is none, comes from this host itself. A web page of
// another site is refused in both cases: a browser on this host must not become its hand.
func (g guard) wrap(next http.HandlerFunc) http.HandlerFunc {
	var cross http.CrossOriginProtection
	return func(w http.ResponseWriter, r *http.Request) {
		if err := cross.Check(r); err != nil {
			refuse(w, http.StatusForbidden, "a page of another site may not do this")
			return
		}
		if g.token != "" {
			if !g.authorized(r) {
				w.Header().Set("WWW-Authenticate", `Bearer realm="onair"`)
				refuse(w, http.StatusUnauthorized, "this needs api_token as bearer token")
				return
			}
		} else if why := notLocal(r); why != "" {
			refuse(w, http.StatusForbidden, why+": without api_token this is for the host itself only")
			return
		}
		next(w, r)
	}
}

// authorized compares in constant time; the hash hides the length too.
func (g guard) authorized(r *http.Request) bool {
	scheme, got, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	have, want := sha256.Sum256([]byte(strings.TrimSpace(got))), sha256.Sum256([]byte(g.token))
	return strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare(have[:], want[:]) == 1
}

// notLocal says why a request may come from elsewhere; empty: it is from this host and meant for it. The Host header
// counts because a foreign name that was made to resolve to 127.0.0.1 passes every other check.
func notLocal(r *http.Request) string {
	for _, name := range forwarded {
		if _, ok := r.Header[name]; ok {
			return "the request was forwarded (" + name + ")"
		}
	}
	if !r.ProtoAtLeast(1, 1) {
		return "the request is HTTP/1.0, as proxies send it"
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !peer.Addr().Unmap().IsLoopback() {
		return "the request is not from a loopback address"
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	addr, err := netip.ParseAddr(host)
	if err == nil && addr.Unmap().IsLoopback() || strings.EqualFold(host, "localhost") {
		return ""
	}
	return "the request is for host " + `"` + host + `", not localhost`
}
