package main

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
)

// Of the channel: the default length of a segment, and AAC-LC.
const (
	segmentMs = 4000
	audioRate = 48000
	audioUnit = 1024
)

// entry is what a playlist says of a segment.
type entry struct {
	uri, length, init string
	gap               bool
}

// list is what has been seen of one media playlist.
type list struct {
	name     string
	first    bool // of the channel: its listings are timed for the summary
	c        *checker
	target   int
	sequence int64
	newest   int64
	at       time.Time // when the newest was seen first
	entries  map[int64]entry
}

// read takes a playlist that has changed.
func (l *list) read(text string, now time.Time) {
	if !strings.HasPrefix(text, "#EXTM3U\n") {
		l.c.broken("syntax", fmt.Sprintf("%s: %.100q", l.name, text))
		return
	}
	var e entry
	var dates []string
	k, newest := int64(-1), l.newest
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		tag, value, _ := strings.Cut(line, ":")
		switch {
		case tag == "#EXT-X-TARGETDURATION":
			l.duration(value)
		case tag == "#EXT-X-MEDIA-SEQUENCE":
			k = l.begin(value)
		case tag == "#EXT-X-DISCONTINUITY":
			l.c.broken("discontinuity", fmt.Sprintf("%s before %d", l.name, k))
		case tag == "#EXT-X-PROGRAM-DATE-TIME":
			dates = append(dates, value)
		case tag == "#EXT-X-MAP":
			e.init = value
		case tag == "#EXTINF":
			e.length = value
		case tag == "#EXT-X-GAP":
			e.gap = true
		case line != "" && line[0] != '#':
			e.uri = line
			l.segment(k, e, dates)
			newest = max(newest, k)
			e, dates, k = entry{init: e.init}, nil, k+1
		}
	}
	if newest > l.newest {
		l.late(now)
		l.newest, l.at = newest, now
	}
}

// duration fails on a target duration that changes.
func (l *list) duration(value string) {
	n, err := strconv.Atoi(value)
	if err != nil || l.target != 0 && n != l.target {
		l.c.broken("target duration", fmt.Sprintf("%s: %s, it was %d", l.name, value, l.target))
	}
	l.target = n
}

// begin fails on a media sequence number that goes back.
func (l *list) begin(value string) int64 {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < l.sequence {
		l.c.broken("media sequence", fmt.Sprintf("%s: %s after %d", l.name, value, l.sequence))
	}
	for k := l.sequence; k < n && l.sequence > 0; k++ {
		delete(l.entries, k)
	}
	l.sequence = n
	return n
}

// segment fails on one that is not named by its number, is not where the grid has it, or was another one before.
func (l *list) segment(k int64, e entry, dates []string) {
	if path.Base(e.uri) != fmt.Sprintf("%d.m4s", k) {
		l.c.broken("name", fmt.Sprintf("%s: %s has the number %d", l.name, e.uri, k))
	}
	for _, text := range dates {
		date, err := time.Parse(time.RFC3339, text)
		if want := l.begins(k); err != nil || date.UnixMilli() != want {
			l.c.broken("date off the grid", fmt.Sprintf("%s: %d is dated %s, it begins at %s", l.name, k, text,
				time.UnixMilli(want).UTC().Format("2006-01-02T15:04:05.000Z")))
		}
	}
	was, known := l.entries[k]
	switch {
	case known && was != e:
		l.c.broken("listed thing changed", fmt.Sprintf("%s %d: %+v, it was %+v", l.name, k, e, was))
	case !known && k <= l.newest:
		l.c.broken("listed thing changed", fmt.Sprintf("%s %d: %+v was not listed", l.name, k, e))
	case !known && e.gap:
		l.c.gap(l.name, k)
	}
	l.entries[k] = e
}

// begins is when a segment begins, in ms: sound with the first audio frame at or after the picture.
func (l *list) begins(k int64) int64 {
	if !strings.HasPrefix(l.name, "a") {
		return k * segmentMs
	}
	unit := (k*segmentMs*audioRate/1000 + audioUnit - 1) / audioUnit
	return unit * audioUnit * 1000 / audioRate
}

// late fails when nothing has been listed for too long.
func (l *list) late(now time.Time) {
	if l.at.IsZero() {
		return
	}
	took, limit := now.Sub(l.at), time.Duration(l.target)*time.Second*3/2
	if took > limit+margin {
		l.c.broken("late", fmt.Sprintf("%s: %d was listed %.2f s after the one before, %v are allowed", l.name, l.newest+1,
			took.Seconds(), limit))
	}
	if l.first {
		l.c.listing(took)
	}
}
