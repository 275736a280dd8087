package ffmpeg

import (
	"bytes"
	"strconv"
	"strings"
)

// Progress is one report of -progress.
type Progress struct {
	Frame      int64   // frames that the first video encoder has taken
	FPS        float64 // frames a second since the start
	OutTimeUs  int64   // microseconds: time of the newest packet, on FFmpeg's clock (since base)
	Speed      float64 // media seconds per second since the start; 0 while unknown
	DupFrames  int64
	DropFrames int64
	End        bool // the last report of a run
}

// ProgressReader collects the lines of -progress into reports. Its zero value is ready.
type ProgressReader struct {
	line []byte
	now  Progress
}

// maxProgressLine bounds what is kept of a line, in bytes.
const maxProgressLine = 256

// Push takes what was read from the pipe, in pieces of any size, and calls report for each report that is complete.
func (r *ProgressReader) Push(b []byte, report func(Progress)) {
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		end := i
		if i < 0 {
			end = len(b)
		}
		r.line = append(r.line, b[:min(end, maxProgressLine-len(r.line))]...)
		if i < 0 {
			return
		}
		r.take(string(r.line), report)
		r.line, b = r.line[:0], b[i+1:]
	}
}

// take reads one line; "progress=" ends a report. Lines that make no sense ("N/A", keys of other versions) are skipped.
func (r *ProgressReader) take(line string, report func(Progress)) {
	key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
	if !ok {
		return
	}
	value = strings.TrimSpace(value)
	n, _ := strconv.ParseInt(value, 10, 64)
	switch key {
	case "frame":
		r.now.Frame = n
	case "fps":
		r.now.FPS, _ = strconv.ParseFloat(value, 64)
	case "out_time_us":
		r.now.OutTimeUs = n
	case "dup_frames":
		r.now.DupFrames = n
	case "drop_frames":
		r.now.DropFrames = n
	case "speed":
		r.now.Speed, _ = strconv.ParseFloat(strings.TrimSuffix(value, "x"), 64)
	case "progress":
		r.now.End = value == "end"
		report(r.now)
		r.now = Progress{}
	}
}
