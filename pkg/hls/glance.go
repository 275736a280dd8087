package hls

import (
	"bytes"
	"strconv"
	"time"

	"onair/pkg/tick"
)

// Glance is what can be told of a playlist of whoever wrote it, without understanding all of it.
type Glance struct {
	Media  bool      // it lists segments; false: other playlists, or nothing
	Ended  bool      // there will be no more segments
	Target tick.Tick // the longest that a segment may be; 0: it is not told
	Newest int64     // number of the newest segment that is no gap; -1: there is none
}

// mostTarget bounds what is taken for the length of a segment.
const mostTarget = 3600

// LookAt reads as much of a playlist as a Glance has (RFC 8216bis §4.4.2 to §4.4.4).
func LookAt(data []byte) Glance {
	g := Glance{Newest: -1}
	if !bytes.HasPrefix(data, []byte(tags[0])) {
		return g
	}
	var next int64
	gap, variants := false, false
	for line := range bytes.Lines(data) {
		line = bytes.TrimSpace(line)
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case len(line) == 0:
		case line[0] != '#':
			if !gap {
				g.Newest = next
			}
			next++
			gap = false
		case string(name) == "#EXT-X-MEDIA-SEQUENCE":
			next = number(value, 1<<53)
		case string(name) == "#EXT-X-TARGETDURATION":
			g.Media, g.Target = true, tick.FromDuration(time.Duration(number(value, mostTarget))*time.Second)
		case string(name) == gapTag:
			gap = true
		case string(name) == "#EXT-X-ENDLIST":
			g.Ended = true
		case string(name) == "#EXT-X-STREAM-INF":
			variants = true
		}
	}
	if g.Media = g.Media && !variants; !g.Media {
		g.Newest = -1
	}
	return g
}

// number is a decimal number; what is none, or more than most, is 0.
func number(text []byte, most int64) int64 {
	n, err := strconv.ParseUint(string(text), 10, 62)
	if err != nil || int64(n) > most { //nolint:gosec // it has 62 bits
		return 0
	}
	return int64(n) //nolint:gosec // likewise
}
