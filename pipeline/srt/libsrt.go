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

static int onair_connect(SRTSOCKET s, void *address, int size, int *reason) {
	if (srt_connect(s, address, size) != SRT_ERROR) return 0;
	int error = srt_getlasterror(NULL);
	*reason = srt_getrejectreason(s);
	return -error;
}

static int onair_alive(SRTSOCKET s) {
	SRT_SOCKSTATUS state = srt_getsockstate(s);
	return state > 0 && state < SRTS_BROKEN;
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

// connect calls a listener and waits for its answer.
func connect(socket int, to netip.AddrPort) error {
	var reason C.int
	raw := sockaddr(to)
	n := C.onair_connect(C.SRTSOCKET(socket), unsafe.Pointer(unsafe.SliceData(raw)), C.int(len(raw)), &reason)
	if n == 0 {
		return nil
	}
	if text := refusal(int(reason)); text != "" {
		return errors.New(text)
	}
	return failure(int(-n))
}

// interrupt closes a socket of which another goroutine may be inside receive, send or connect, which then return.
func interrupt(socket int) { C.srt_close(C.SRTSOCKET(socket)) }

// alive tells whether a socket exists and has neither failed nor been closed.
func alive(socket int) bool { return C.onair_alive(C.SRTSOCKET(socket)) != 0 }

// failure turns libsrt's error number into an error. The usual ones are ready-made.
func failure(number int) error {
	switch C.SRT_ERRNO(number) {
	case C.SRT_ETIMEOUT, C.SRT_EASYNCRCV, C.SRT_EASYNCSND:
		return ErrTimeout
	case C.SRT_ECONNLOST, C.SRT_ENOCONN, C.SRT_EINVSOCK, C.SRT_ESCLOSED:
		return ErrClosed
	case C.SRT_ENOSERVER:
		return errors.New("nobody answers at this address")
	}
	return fmt.Errorf("srt: %s", C.GoString(C.srt_strerror(C.int(number), 0)))
}

// refusal says why a listener refused, in a user's words; "" when it did not.
func refusal(reason int) string {
	switch reason {
	case C.SRT_REJ_UNKNOWN, C.SRT_REJ_TIMEOUT, C.SRT_REJ_SYSTEM:
		return ""
	case C.SRT_REJ_BADSECRET:
		return "refused: the passphrases differ"
	case C.SRT_REJ_UNSECURE:
		return "refused: only one side has a passphrase"
	case C.SRT_REJ_PEER:
		return "refused by the listener without a reason"
	case int(Unauthorized):
		return "refused: not authorised (1401)"
	case int(Forbidden):
		return "refused: this address may not send here (1403)"
	case int(NotFound):
		return "refused: the listener does not know this stream id (1404)"
	case int(BadMode):
		return "refused: the stream id asks for another mode (1405)"
	case int(Conflict):
		return "refused: another sender is connected (1409)"
	}
	if reason < C.SRT_REJ_E_SIZE {
		return "refused: " + C.GoString(C.srt_rejectreason_str(C.int(reason)))
	}
	return fmt.Sprintf("refused: code %d", reason)
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
