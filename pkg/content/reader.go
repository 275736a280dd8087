package content

import (
	"bytes"
	"strconv"
	"strings"

	"onair/pkg/tick"
)

// maxLine bounds what is kept of a line, in bytes.
const maxLine = 256

// maxMs is the latest time in milliseconds that is believed: that of a tick.
const maxMs = int64(1<<63-1) / int64(tick.Millisecond)

// Reader reads what FFmpeg's filters metadata and ametadata print where their time base is a millisecond, of each frame
//
//	frame:12   pts:480     pts_time:0.48
//	lavfi.black_start=0.48
//
// The time is taken from pts, which is a whole number: pts_time has six digits in all, and of a second none after some
// hours. Its zero value is ready.
type Reader struct {
	line []byte
	at   tick.Tick
	ok   bool // whether the present frame has a time
}

// Push takes what was read, in pieces of any size, and calls take for each property of a frame that has a time.
func (r *Reader) Push(b []byte, take func(at tick.Tick, key, value string)) {
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		end := i
		if i < 0 {
			end = len(b)
		}
		r.line = append(r.line, b[:min(end, maxLine-len(r.line))]...)
		if i < 0 {
			return
		}
		r.take(string(bytes.TrimSpace(r.line)), take)
		r.line, b = r.line[:0], b[i+1:]
	}
}

func (r *Reader) take(line string, take func(at tick.Tick, key, value string)) {
	if strings.HasPrefix(line, "frame:") {
		r.at, r.ok = frameTime(line)
		return
	}
	if key, value, ok := strings.Cut(line, "="); ok && r.ok && key != "" {
		take(r.at, key, value)
	}
}

// frameTime is the time in a frame's first line; there is none for a frame without PTS.
func frameTime(line string) (tick.Tick, bool) {
	for _, field := range strings.Fields(line) {
		if text, ok := strings.CutPrefix(field, "pts:"); ok {
			ms, err := strconv.ParseInt(text, 10, 64)
			return tick.Tick(ms) * tick.Millisecond, err == nil && ms <= maxMs && ms >= -maxMs
		}
	}
	return 0, false
}
