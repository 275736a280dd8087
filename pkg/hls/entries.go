package hls

import (
	"bytes"
	"errors"
	"strconv"
	"time"

	"onair/pkg/tick"
)

// Entry is one segment that a media playlist of whoever wrote it lists.
type Entry struct {
	K             int64 // media sequence number
	URI, Init     string
	Duration      tick.Tick
	Date          tick.Tick // 0: it has none of its own
	Gap           bool
	Discontinuity bool
	First         bool // of its playlist
}

// Listing is what a media playlist says about one number.
type Listing struct {
	First, Last int64 // that are listed; Last is less than First if none is
	Has         bool  // the number is listed
	Entry       Entry
}

var errNoMedia = errors.New("it is no media playlist")

// Find looks for a number in a media playlist. Lines that are not understood are passed over.
func Find(data []byte, k int64) (Listing, error) {
	if !LookAt(data).Media {
		return Listing{}, errNoMedia
	}
	r := entryReader{wanted: k}
	for line := range bytes.Lines(data) {
		r.take(bytes.TrimSpace(line))
	}
	r.found.First, r.found.Last = r.first, r.first+r.count-1
	return r.found, nil
}

// entryReader is the state while reading.
type entryReader struct {
	wanted, first, count int64
	next                 Entry
	found                Listing
}

func (r *entryReader) take(line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	switch {
	case len(line) == 0:
	case line[0] != '#':
		r.uri(string(line))
	case string(name) == "#EXT-X-MEDIA-SEQUENCE":
		r.first = number(value, 1<<53)
	case string(name) == "#EXT-X-MAP":
		_, uri, _ := bytes.Cut(value, []byte(`URI="`))
		uri, _, _ = bytes.Cut(uri, []byte(`"`))
		r.next.Init = string(uri)
	case string(name) == gapTag:
		r.next.Gap = true
	case string(name) == "#EXT-X-DISCONTINUITY":
		r.next.Discontinuity = true
	case r.first+r.count == r.wanted: // times of the others are not looked at
		r.times(string(name), value)
	}
}

func (r *entryReader) uri(uri string) {
	e := r.next
	e.K, e.URI, e.First = r.first+r.count, uri, r.count == 0
	if e.K == r.wanted {
		r.found.Has, r.found.Entry = true, e
	}
	r.count++
	r.next = Entry{Init: e.Init}
}

func (r *entryReader) times(name string, value []byte) {
	switch name + ":" {
	case "#EXTINF:":
		text, _, _ := bytes.Cut(value, []byte(","))
		if s, err := strconv.ParseFloat(string(text), 64); err == nil && s >= 0 && s <= mostTarget {
			r.next.Duration = tick.FromDuration(time.Duration(s*1e6+0.5) * time.Microsecond)
		}
	case dateTag:
		if at, err := time.Parse(time.RFC3339Nano, string(value)); err == nil {
			r.next.Date = tick.FromTime(at)
		}
	}
}
