package srt

/*
#cgo LDFLAGS: -lsrt
#include <srt/srt.h>

// Each returns a negative error number instead of leaving it in the thread, which Go may change between two calls.
static int onair_receive(SRTSOCKET s, void *buffer, int size) {
	int n = srt_recvmsg(s, buffer, size);
	return n < 0 ? -srt_getlasterror(NULL) : n;
}

static int onair_send(SRTSOCKET s, void *buffer, int size) {
	int n = srt_sendmsg2(s, buffer, size, NULL);
	return n < 0 ? -srt_getlasterror(NULL) : n;
}

static int onair_connect(SRTSOCKET s, void *address, int size) {
	return srt_connect(s, address, size) == SRT_ERROR ? -srt_getlasterror(NULL) : 0;
}

#cgo noescape onair_receive
#cgo nocallback onair_receive
#cgo noescape onair_send
#cgo nocallback onair_send
*/
import "C"

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"unsafe"

	"github.com/haivision/srtgo"
	"golang.org/x/sys/unix"
)

// Socket options that srtgo has no names for.
const (
	optSyncReceive = C.SRTO_RCVSYN
	optSendTimeout = C.SRTO_SNDTIMEO
	optRecvTimeout = C.SRTO_RCVTIMEO
	optIPv6Only    = C.SRTO_IPV6ONLY
)

// startup prepares the library once for the life of the process, and silences its own log: what matters is told by
// errors, verdicts and statistics.
var startup = sync.OnceFunc(func() {
	srtgo.InitSRT()
	srtgo.SrtSetLogLevel(srtgo.SrtLogLevelCrit)
})

// receive reads one message into b. Nothing is allocated.
func receive(socket int, b []byte) (int, error) {
	n := int(C.onair_receive(C.SRTSOCKET(socket), unsafe.Pointer(unsafe.SliceData(b)), C.int(len(b))))
	if n < 0 {
		return 0, failure(-n)
	}
	return n, nil
}

// send writes b as one message. Nothing is allocated.
func send(socket int, b []byte) (int, error) {
	n := int(C.onair_send(C.SRTSOCKET(socket), unsafe.Pointer(unsafe.SliceData(b)), C.int(len(b))))
	if n < 0 {
		return 0, failure(-n)
	}
	return n, nil
}

// connect begins to call a listener: the socket must not block. See outcome.
func connect(socket int, to netip.AddrPort) error {
	raw := sockaddr(to)
	if n := C.onair_connect(C.SRTSOCKET(socket), unsafe.Pointer(unsafe.SliceData(raw)), C.int(len(raw))); n != 0 {
		return failure(int(-n))
	}
	return nil
}

// errUnclear is the outcome of a call that has failed, or is about to succeed: while it marks a socket as connected,
// libsrt tells for a moment that it is broken, without a reason.
var errUnclear = errors.New("nobody answers at this address")

// outcome tells what has become of connect: done with nil is a connection.
func outcome(socket int) (done bool, err error) {
	switch C.srt_getsockstate(C.SRTSOCKET(socket)) {
	case C.SRTS_CONNECTED:
		return true, nil
	case C.SRTS_INIT, C.SRTS_OPENED, C.SRTS_CONNECTING:
		return false, nil
	}
	return true, refusal(int(C.srt_getrejectreason(C.SRTSOCKET(socket))))
}

// interrupt closes a socket of which another goroutine may be inside receive, send or connect, which then return.
func interrupt(socket int) { C.srt_close(C.SRTSOCKET(socket)) }

// broken tells whether a socket has been connected and is no longer, in contrast to one that never was.
func broken(socket int) bool {
	state := C.srt_getsockstate(C.SRTSOCKET(socket))
	return state == C.SRTS_BROKEN || state == C.SRTS_CLOSING
}

// alive tells whether a socket exists and has neither failed nor been closed.
func alive(socket int) bool {
	state := C.srt_getsockstate(C.SRTSOCKET(socket))
	return state >= C.SRTS_INIT && state < C.SRTS_BROKEN
}

// failure turns libsrt's error number into an error. The usual ones are ready-made.
func failure(number int) error {
	switch C.SRT_ERRNO(number) {
	case C.SRT_ETIMEOUT, C.SRT_EASYNCRCV, C.SRT_EASYNCSND:
		return ErrTimeout
	case C.SRT_ECONNLOST, C.SRT_ENOCONN, C.SRT_EINVSOCK, C.SRT_ESCLOSED:
		return ErrClosed
	}
	return fmt.Errorf("srt: %s", C.GoString(C.srt_strerror(C.int(number), 0)))
}

// refusal says in a user's words why a call came to nothing.
func refusal(reason int) error {
	switch reason {
	case C.SRT_REJ_UNKNOWN:
		return errUnclear
	case C.SRT_REJ_TIMEOUT, C.SRT_REJ_SYSTEM:
		return errors.New("nobody answers at this address")
	case C.SRT_REJ_BADSECRET:
		return errors.New("refused: the passphrases differ")
	case C.SRT_REJ_UNSECURE:
		return errors.New("refused: only one side has a passphrase")
	case C.SRT_REJ_PEER:
		return errors.New("refused by the listener without a reason")
	case int(Unauthorized):
		return errors.New("refused: not authorised (1401)")
	case int(Overload):
		return errors.New("refused: the listener has too many calls (1402)")
	case int(Forbidden):
		return errors.New("refused: this address may not send here (1403)")
	case int(NotFound):
		return errors.New("refused: the listener does not know this stream id (1404)")
	case int(BadMode):
		return errors.New("refused: the stream id asks for another mode (1405)")
	case int(Conflict):
		return errors.New("refused: another sender is connected (1409)")
	}
	if reason < C.SRT_REJ_E_SIZE {
		return fmt.Errorf("refused: %s", C.GoString(C.srt_rejectreason_str(C.int(reason))))
	}
	return fmt.Errorf("refused: code %d", reason)
}

// sockaddr lays an address out as the kernel wants it.
func sockaddr(to netip.AddrPort) []byte {
	port := []byte{byte(to.Port() >> 8), byte(to.Port())}
	if to.Addr().Is4() {
		var raw unix.RawSockaddrInet4
		raw.Family = unix.AF_INET
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&raw.Port)), 2), port)
		raw.Addr = to.Addr().As4()
		return append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(&raw)), unsafe.Sizeof(raw))...)
	}
	var raw unix.RawSockaddrInet6
	raw.Family = unix.AF_INET6
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&raw.Port)), 2), port)
	raw.Addr = to.Addr().As16()
	raw.Scope_id = scope(to.Addr().Zone())
	return append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(&raw)), unsafe.Sizeof(raw))...)
}
