package dash

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"onair/pkg/tick"
)

// Glance is what can be told of a manifest of whoever wrote it, without understanding all of it.
type Glance struct {
	Dynamic bool      // there will be more segments
	Listed  bool      // a timeline names the segments, so that it is written anew with each
	Longest tick.Tick // the longest that a segment may be; 0: it is not told
}

// LookAt reads as much of a manifest as a Glance has (ISO/IEC 23009-1 §5.3.1.2, §5.3.9).
func LookAt(data []byte) (Glance, error) {
	var g Glance
	if len(data) > maxManifest {
		return g, fmt.Errorf("mpd of %d bytes is too long", len(data))
	}
	d := xml.NewDecoder(bytes.NewReader(data))
	inside := false
	for {
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF) && inside:
			return g, nil
		case err != nil:
			return g, fmt.Errorf("reading mpd: %w", err)
		}
		e, ok := token.(xml.StartElement)
		switch {
		case !ok:
		case !inside && e.Name.Local != "MPD":
			return g, fmt.Errorf("reading mpd: it is %q", e.Name.Local)
		case !inside:
			inside = true
			g.Dynamic = attribute(e, "type") == "dynamic"
			g.Longest = duration(attribute(e, "maxSegmentDuration"))
		case e.Name.Local == "SegmentTemplate" && g.Longest == 0:
			g.Longest = ratio(attribute(e, "duration"), attribute(e, "timescale"))
		case e.Name.Local == "SegmentTimeline":
			g.Listed = true
			return g, nil
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// mostLength bounds what is taken for the length of a segment, in seconds.
const mostLength = 3600

// duration reads an xs:duration of hours, minutes and seconds; what is none is 0.
func duration(text string) tick.Tick {
	rest, ok := strings.CutPrefix(text, "PT")
	if !ok {
		return 0
	}
	seconds := 0.0
	for _, unit := range []struct {
		letter string
		length float64
	}{{"H", 3600}, {"M", 60}, {"S", 1}} {
		before, after, found := strings.Cut(rest, unit.letter)
		if !found {
			continue
		}
		n, err := strconv.ParseFloat(before, 64)
		if err != nil {
			return 0
		}
		seconds += n * unit.length
		rest = after
	}
	return length(seconds)
}

// ratio is a length in units of a timescale, which is 1 if it is left out.
func ratio(units, scale string) tick.Tick {
	n, err := strconv.ParseUint(units, 10, 64)
	if err != nil {
		return 0
	}
	s, err := strconv.ParseUint(scale, 10, 32)
	if err != nil || s == 0 {
		s = 1
	}
	return length(float64(n) / float64(s))
}

// length is for limits that are compared with the clock: it need not be exact.
func length(seconds float64) tick.Tick {
	if !(seconds >= 0 && seconds <= mostLength) { // nor what is no number
		return 0
	}
	return tick.Tick(seconds * float64(tick.Second))
}
