package dash

import (
	"bytes"
	"strconv"

	"onair/pkg/presentation"
)

// writer makes one manifest.
type writer struct {
	s         *presentation.Snapshot
	timelines []timeline // in the order of their elements
}

// timeline is the content of one SegmentTimeline. It is written beside the MPD library, which would make an object of
// each of the thousands of segments in a long window (audio durations alternate) and encode it by reflection.
type timeline struct {
	segs  []presentation.Segment
	scale int64
}

const (
	timelineOpen   = "<SegmentTimeline>"
	timelineClose  = "</SegmentTimeline>"
	entryIndent    = "\n          "
	templateIndent = "\n        "
)

// splice fills the timelines in where the library has written them empty.
func (w *writer) splice(doc []byte) []byte {
	size := len(doc) + 1
	for _, t := range w.timelines {
		size += 64 + len(t.segs)*24
	}
	out := make([]byte, 0, size)
	for _, t := range w.timelines {
		i := bytes.Index(doc, []byte(timelineOpen+timelineClose))
		if i < 0 {
			break // cannot be: each has its element
		}
		out = append(append(out, doc[:i]...), timelineOpen...)
		out = t.append(out)
		out = append(append(out, templateIndent...), timelineClose...)
		doc = doc[i+len(timelineOpen+timelineClose):]
	}
	return append(append(out, doc...), '\n')
}

// append writes exact durations, runs of equal ones together. Only the first has its time: in a Period there are no
// holes.
func (t timeline) append(out []byte) []byte {
	start := t.segs[0].Start.Units(t.scale)
	first := strconv.AppendInt([]byte(`t="`), start, 10)
	first = append(first, `" `...)
	run, length := int64(0), int64(0)
	flush := func() {
		out = append(append(append(out, entryIndent...), "<S "...), first...)
		out = strconv.AppendInt(append(out, `d="`...), length, 10)
		if run > 1 {
			out = strconv.AppendInt(append(out, `" r="`...), run-1, 10)
		}
		out = append(out, `"/>`...)
		first = nil
	}
	for i := range t.segs {
		end := t.segs[i].End.Units(t.scale)
		if run > 0 && end-start != length {
			flush()
			run = 0
		}
		run, length, start = run+1, end-start, end
	}
	flush()
	return out
}
