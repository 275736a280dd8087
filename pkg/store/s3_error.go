package store

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"

	"github.com/minio/minio-go/v7"
)

// s3Hints say whose fault a code of the server is, and what to do.
var s3Hints = map[string]string{
	"NoSuchBucket": "make the bucket, or name one that there is in the channel file",

	"AccessDenied": "the credentials do not suffice: they need s3:PutObject, s3:GetObject, s3:DeleteObject and, for the " +
		"bucket, s3:ListBucket",
	"InvalidAccessKeyId":    wrongKeys,
	"SignatureDoesNotMatch": wrongKeys,
	"InvalidToken":          wrongKeys,
	"ExpiredToken":          "the credentials have expired, renew them",

	"RequestTimeTooSkewed": "the clock of this host, or of the server, is wrong",

	"AuthorizationHeaderMalformed": wrongRegion,
	"PermanentRedirect":            wrongRegion,
	"TemporaryRedirect":            wrongRegion,
	"InvalidRegion":                wrongRegion,
	"IllegalLocationConstraint":    wrongRegion,

	"SlowDown":           "the destination asks for fewer requests",
	"ServiceUnavailable": "the destination is overloaded",
	"InternalError":      "the destination's own fault",
	"XMinioStorageFull":  isFull,
	"QuotaExceeded":      isFull,
	"NotImplemented":     "the server does not know what an S3 server has to know for this, use another one",
	"InvalidArgument":    "the server does not understand the request",
	"EntityTooLarge":     "the server takes no objects of this size",
	"MethodNotAllowed":   "the server does not allow it: is the endpoint that of an S3 server?",
}

const (
	wrongKeys = "the destination does not know these credentials: see AWS_ACCESS_KEY_ID, the profile and the " +
		"credentials file"
	wrongRegion = "the bucket is in another region: set region= in the channel file"
	isFull      = "the destination is full, make room"
)

// missing turns the server's ways to say "no such object" into ErrNotFound. A bucket that is missing is another thing.
func (s *S3) missing(doing string, err error) error {
	code := minio.ToErrorResponse(err)
	if code.StatusCode == http.StatusNotFound && code.Code != "NoSuchBucket" {
		return fmt.Errorf("%s: %w", doing, ErrNotFound)
	}
	return s.explain(doing, err)
}

// explain says whose fault a failure is and what to do; nil stays nil.
func (s *S3) explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	code := minio.ToErrorResponse(err)
	away := code.StatusCode == 0 || code.StatusCode >= http.StatusInternalServerError
	hint := s3Hints[code.Code]
	switch {
	case hint != "":
	case code.StatusCode == 0:
		hint = connectionHint(err)
	case code.StatusCode == http.StatusForbidden:
		hint = s3Hints["AccessDenied"]
	case code.StatusCode == http.StatusInsufficientStorage:
		hint = isFull
	case away:
		hint = s3Hints["InternalError"]
	}
	if hint != "" {
		hint = ": " + hint
	}
	err = fmt.Errorf("store %s: %s: %w%s", s, doing, err, hint)
	if away {
		return awayError{err}
	}
	return err
}

// awayError is an error that is ErrAway as well, and does not say so: what it says tells more.
type awayError struct{ error }

// Unwrap gives the error without that.
func (e awayError) Unwrap() error { return e.error }

// Is tells that it is ErrAway.
func (e awayError) Is(target error) bool { return target == ErrAway }

// connectionHint says what it means that a server could not be asked; empty: it was, or nothing can be said.
func connectionHint(err error) string {
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var other x509.HostnameError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: is the destination up, and its address right?"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no way to the destination's network"
	case errors.As(err, &dns):
		return "the destination's name is not known: see the address and this host's resolver"
	case errors.As(err, &unknown), errors.As(err, &invalid), errors.As(err, &other):
		return "the destination's certificate is not trusted here: see SSL_CERT_FILE, its names and its end"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE):
		return "the destination broke the connection off"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, errNoAnswer), errors.Is(err, syscall.ETIMEDOUT):
		return "the destination did not answer in time"
	}
	return ""
}
