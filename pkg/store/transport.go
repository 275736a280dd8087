package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Bounds of a connection to a store. How long a request may take as a whole is up to its context.
const (
	dialTimeout     = 2 * time.Second
	idleConnections = 16 // kept open: as many writes as a publisher has under way, and some reads
	idleConnTimeout = 90 * time.Second
	keepAlive       = 15 * time.Second
	answerTimeout   = 2 * time.Second // of an answer to a write, and of the other side's word that bytes have arrived
)

var errNoAnswer = fmt.Errorf("no answer within %v", answerTimeout)

// newTransport is what requests of a store go through. A connection whose other side is silent while something is on
// its way there is given up, so that the next try finds another one.
func newTransport() *http.Transport {
	d := &net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive, Control: func(_, _ string, c syscall.RawConn) error {
		var set error
		err := c.Control(func(fd uintptr) {
			set = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(answerTimeout.Milliseconds()))
		})
		return errors.Join(err, set)
	}}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         d.DialContext,
		TLSHandshakeTimeout: dialTimeout,
		MaxIdleConnsPerHost: idleConnections,
		IdleConnTimeout:     idleConnTimeout,
		DisableCompression:  true, // an object comes back as it was put
	}
}

// answerSoon is a context for a request that ends when the request is sent and no answer begins to come: what hangs is
// better begun anew. The caller calls done.
func answerSoon(ctx context.Context) (out context.Context, done func()) {
	out, cancel := context.WithCancelCause(ctx)
	var timer atomic.Pointer[time.Timer]
	stop := func() {
		if t := timer.Load(); t != nil {
			t.Stop()
		}
	}
	out = httptrace.WithClientTrace(out, &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) {
			timer.Store(time.AfterFunc(answerTimeout, func() { cancel(errNoAnswer) }))
		},
		GotFirstResponseByte: stop,
	})
	return out, func() {
		stop()
		cancel(nil)
	}
}

// noAnswer is the error of a request with a context of answerSoon.
func noAnswer(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errNoAnswer) {
		return errNoAnswer
	}
	return err
}
