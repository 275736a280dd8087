package ffmpeg

import (
	"fmt"
	"regexp"
	"strings"
)

// Exit is how an FFmpeg ended.
type Exit struct {
	Code   int    // exit status; -1 when a signal ended it
	Signal string // name of that signal, "killed" for SIGKILL; empty when it exited
	Asked  bool   // we had asked it to
}

// causes are things that FFmpeg says on its way out, and what they mean.
var causes = []struct {
	said *regexp.Regexp
	mean string
}{
	{regexp.MustCompile(`(?i)cannot allocate memory|malloc of size \d+ failed`), "FFmpeg ran out of memory"},
	{regexp.MustCompile(`(?i)no space left on device`), "a disk is full"},
	{regexp.MustCompile(`(?i)unknown encoder '([^']+)'`),
		"this FFmpeg was built without an encoder that the ladder names"},
	{regexp.MustCompile(`(?i)no such filter: '([^']+)'`), "this FFmpeg was built without a filter that is needed"},
	{regexp.MustCompile(`(?i)(cannot load (libcuda|nvcuda|libnvidia-encode)|no (nvenc )?capable devices found|` +
		`no va display|failed to initiali[sz]e vaapi|error initiali[sz]ing an mfx session|device creation failed)`),
		"the hardware encoder cannot be opened"},
	{regexp.MustCompile(`(?i)matches no streams|stream map '.*' matches no`),
		"a track of the source that was chosen did not come"},
	{regexp.MustCompile(`(?i)(error initializing output stream|error while opening encoder)`),
		"an encoder refuses its parameters"},
	{regexp.MustCompile(`(?i)cannot determine format of input stream|could not find codec parameters|` +
		`output file .* does not contain any stream`), "no decodable track came"},
	{regexp.MustCompile(`(?i)invalid data found when processing input`), "the feed could not be decoded"},
	{regexp.MustCompile(`(?i)option not found|unrecognized option|error splitting the argument list`),
		"this FFmpeg does not know an option that is needed"},
}

// Explain says in one sentence why an FFmpeg ended, with its own last words where they help.
func Explain(exit Exit, tail []string) string {
	switch {
	case exit.Asked:
		return "stopped as asked"
	case exit.Signal == "killed":
		return "FFmpeg was killed from outside (out of memory, or by hand)"
	case exit.Signal != "":
		return "FFmpeg crashed (" + exit.Signal + ")" + words(tail)
	case exit.Code == 0:
		return "FFmpeg ended: its feed ended"
	case exit.Code == 255:
		return "FFmpeg was interrupted from outside"
	}
	for i := len(tail) - 1; i >= 0; i-- {
		for _, c := range causes {
			if c.said.MatchString(tail[i]) {
				return c.mean + ": " + shorten(tail[i])
			}
		}
	}
	return fmt.Sprintf("FFmpeg failed with status %d%s", exit.Code, words(tail))
}

func words(tail []string) string {
	if len(tail) == 0 {
		return ""
	}
	return ": " + shorten(tail[len(tail)-1])
}

// address is how FFmpeg marks who speaks: "[libx264 @ 0x55f66c5a3dc0] ".
var address = regexp.MustCompile(` @ 0x[0-9a-f]+\]`)

func shorten(line string) string {
	line = address.ReplaceAllString(strings.TrimSpace(line), "]")
	if len(line) > 200 {
		line = strings.ToValidUTF8(line[:200], "") + "..."
	}
	return line
}
