// Package store keeps published objects: in a folder, a bucket, on an HTTP origin or in memory, behind one interface.
//
// It is an exception to the rule that building blocks touch nothing of the machine: a folder is file I/O, buckets and
// origins are requests over the network, with the goroutines of net/http.
package store

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"
)

// Errors that a caller branches on. Every other error is the destination's fault and worth a retry.
var (
	ErrNotFound = errors.New("no such object")
	ErrExists   = errors.New("object exists already")
	ErrChanged  = errors.New("the object is not the one that was read")
	ErrName     = errors.New("not an object name")
	ErrAway     = errors.New("it is away, or has a fault of its own") // of a store on a network: it may come back
)

// Object is one published object. Body is shared, not copied: neither the store nor the caller changes it after Put,
// Create or Get.
type Object struct {
	Name  string            // slash-separated, relative; see CheckName
	Body  []byte            //
	Type  string            // media type; empty: by the name's extension, see Type
	Cache string            // Cache-Control for whoever serves it; empty: none given
	Meta  map[string]string // small facts about the object: lower-case keys of a-z 0-9 -
	Tag   string            // of this version, as Get tells it for Swap; what is written needs none
}

// Info is what a store tells about an object without reading it.
type Info struct {
	Name     string
	Size     int64 // bytes
	Modified time.Time
}

// Store is a place for objects. An object is visible whole or not at all. Every method may be called from several
// goroutines.
type Store interface {
	// Put writes or replaces an object.
	Put(ctx context.Context, o Object) error
	// Create writes an object that must not exist yet, else ErrExists: of several writers exactly one wins.
	Create(ctx context.Context, o Object) error
	// Get reads an object; ErrNotFound.
	Get(ctx context.Context, name string) (Object, error)
	// List tells the objects whose names begin with prefix, in the order of their names.
	List(ctx context.Context, prefix string) ([]Info, error)
	// Delete removes an object; one that is not there is no error.
	Delete(ctx context.Context, name string) error
	// String names the store for logs and status, without secrets.
	String() string
}

// Swapper is a store in which writers that know nothing of each other can replace an object without undoing what
// another one has written (compare and swap).
type Swapper interface {
	Store
	// Swap writes an object in the place of the one with that tag, or of none if it is empty, and gives the tag of the
	// new one. ErrChanged: another one is there, or it is gone.
	Swap(ctx context.Context, o Object, tag string) (newTag string, err error)
}

// Bounds of an object's name in bytes: as a whole, and of an element. File systems have 255 for one, of which an
// unfinished file needs some.
const (
	maxName    = 512
	maxElement = 230
)

// CheckName refuses what could leave the store or collide with its own hidden files: empty, absolute or oversized
// names, empty, dotted or oversized path elements, backslashes and control characters.
func CheckName(name string) error {
	if name == "" || len(name) > maxName {
		return fmt.Errorf("%w: %q has %d bytes, 1 to %d are allowed", ErrName, clip(name), len(name), maxName)
	}
	start, begin := true, 0
	for i := range len(name) {
		c := name[i]
		if c == '/' {
			begin = i + 1
		}
		switch {
		case i-begin >= maxElement:
			return fmt.Errorf("%w: %q has an element of more than %d bytes", ErrName, clip(name), maxElement)
		case start && (c == '/' || c == '.'):
			return fmt.Errorf("%w: %q has an empty or dotted element", ErrName, name)
		case c < 0x20 || c == 0x7f || c == '\\':
			return fmt.Errorf("%w: %q has a character that is not allowed", ErrName, name)
		}
		start = c == '/'
	}
	if start {
		return fmt.Errorf("%w: %q ends in a slash", ErrName, name)
	}
	return nil
}

func clip(s string) string { return s[:min(len(s), 40)] }

// types are the media types of what a channel publishes: RFC 8216bis §4 and §3.1.2, ISO/IEC 23009-1 annex C, RFC 4337,
// and of what others push to an origin: ISO/IEC 23000-19 §5.5 and §7.3, RFC 3555.
var types = map[string]string{
	".m3u8": "application/vnd.apple.mpegurl",
	".mpd":  "application/dash+xml",
	".mp4":  "video/mp4",
	".m4s":  "video/iso.segment",
	".vtt":  "text/vtt",
	".json": "application/json",
	".ts":   "video/mp2t",
	".aac":  "audio/aac",
	".m4a":  "audio/mp4",
	".m4v":  "video/mp4",
	".init": "video/mp4",
	".cmfv": "video/mp4",
	".cmfa": "audio/mp4",
	".cmft": "application/mp4",
}

// Type is the media type that a name's extension stands for, application/octet-stream for an unknown one.
func Type(name string) string {
	if t, ok := types[path.Ext(name)]; ok {
		return t
	}
	return "application/octet-stream"
}

// checkObject is what Put and Create of every store ask first.
func checkObject(ctx context.Context, o Object) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := CheckName(o.Name); err != nil {
		return err
	}
	for k := range o.Meta {
		if k == "" || strings.Trim(k, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return fmt.Errorf("%w: metadata key %q of %s", ErrName, k, o.Name)
		}
	}
	return nil
}
