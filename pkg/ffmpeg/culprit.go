package ffmpeg

import (
	"regexp"
	"strconv"

	"onair/pkg/ladder"
)

// blames are how FFmpeg names the output that an error is of: before version 6, since then, and of a muxer.
var blames = []*regexp.Regexp{
	regexp.MustCompile(`(?i)output stream #?(\d+):\d+`),
	regexp.MustCompile(`\[[va]ost#(\d+):\d+`),
	regexp.MustCompile(`\[out#(\d+)/`),
	regexp.MustCompile(`(?i)output file #(\d+)`),
}

// trouble is what the lines that matter say; others are warnings.
var trouble = regexp.MustCompile(`(?i)error|fail|could not|cannot|can't|invalid`)

// unknownEncoder names the encoder that this FFmpeg lacks.
var unknownEncoder = regexp.MustCompile(`(?i)unknown encoder '([^']+)'`)

// Culprit is the one of the run's renditions that the last words of an FFmpeg blame; empty if they blame none, or
// several. Output i is renditions[i], as in Plan.Outputs.
func Culprit(tail []string, renditions []ladder.Rendition) string {
	found := map[int]bool{}
	for _, line := range tail {
		if !trouble.MatchString(line) && !unknownEncoder.MatchString(line) {
			continue
		}
		for _, b := range blames {
			if m := b.FindStringSubmatch(line); m != nil {
				if i, err := strconv.Atoi(m[1]); err == nil {
					found[i] = true
				}
			}
		}
		if m := unknownEncoder.FindStringSubmatch(line); m != nil {
			for i, r := range renditions {
				if name, err := Encoder(r); err == nil && name == m[1] {
					found[i] = true
				}
			}
		}
	}
	if len(found) != 1 {
		return ""
	}
	for i := range found {
		if i < len(renditions) {
			return renditions[i].Name
		}
	}
	return ""
}

// LastWords are the newest lines of a tail in one, for an event: as many as fit into 400 characters.
func LastWords(tail []string) string {
	const most = 400
	out := ""
	for i := len(tail) - 1; i >= 0; i-- {
		line := shorten(tail[i])
		if line == "" {
			continue
		}
		if out != "" {
			line += " | "
		}
		if len(line)+len(out) > most {
			break
		}
		out = line + out
	}
	return out
}
