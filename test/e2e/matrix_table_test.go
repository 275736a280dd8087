//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

const matrixHead = `# Faults

What a viewer gets of each fault. ` + "`./scripts/matrix`" + ` measures it and writes this file; nothing in it is written by hand.

Each fault is done to a channel of its own, the real program with the real FFmpeg: one picture of 320x180 at 25 a second, one sound,
segments of 4 s, so the target duration is 4 s and a segment has to be listed at most 6 s after the one before. The source's pictures
carry their numbers and its sound is a tone, so that what comes out can be compared with what was sent, picture by picture, from two
segments before the fault to three after the return. Where there is a backup, its pictures have other numbers, and the channel has
` + "`return_after: 5s`" + `.

Measured %s with onair %s on %s, %d cores, several channels at a time.

| column | what it is |
|---|---|
| seen | for how long the picture is not what a source has sent for that instant: the last one is held, the slate, black, or damaged (far from what was sent); then what of the input was never shown, because it did not arrive or came while something else was on air, and for how long the backup was on air, which is no fault |
| heard | for how long the sound is silent |
| GAP | seconds of EXT-X-GAP, of the rendition that has most |
| disc. | EXT-X-DISCONTINUITY in all playlists |
| off grid | segments of picture and sound that do not begin or end exactly where the grid has them, samples of a wrong length, and numbers that are neither there nor a GAP |
| listing | the longest time between two segments of the picture being listed; without a fault it is the target duration |
| recovery | from the end of the fault until a segment is listed that shows what the input has sent since; without a fault that is how long it takes until any picture is listed, a segment at most and what encoding takes |
| event log | the codes of the [events](events.md) from the fault on, in the order of their first appearance |

| fault | seen | heard | GAP | disc. | off grid | listing | recovery | event log |
|---|---|---|---|---|---|---|---|---|
`

// writeMatrix writes the table.
func writeMatrix(t *testing.T, file string, done map[string]outcomes) {
	t.Helper()
	version, err := exec.Command(program, "version").Output()
	if err != nil {
		t.Error(err)
	}
	words := strings.Fields(string(version))
	var out strings.Builder
	fmt.Fprintf(&out, matrixHead, time.Now().UTC().Format(time.DateOnly), words[min(1, len(words)-1)], processor(), runtime.NumCPU())
	for _, f := range faultTable {
		o, tried := done[f.name]
		fmt.Fprintf(&out, "| **%s**: %s | ", f.name, f.how)
		switch {
		case !tried:
			out.WriteString("the test failed before anything was measured | | | | | | | |\n")
		case o.skipped != "":
			fmt.Fprintf(&out, "not measured: %s | | | | | | | |\n", o.skipped)
		default:
			out.WriteString(o.row())
		}
	}
	if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
		t.Error(err)
	}
}

// row is the part of a row behind the fault.
func (o outcomes) row() string {
	heard, gap := "nothing", "0"
	if o.silent >= 0.05 {
		heard = seconds(o.silent) + " silent"
	}
	if o.gaps > 0 {
		gap = seconds(o.gaps)
	}
	events := "nothing"
	if len(o.events) > 0 {
		events = strings.Join(o.events, ", ")
	}
	return fmt.Sprintf("%s | %s | %s | %d | %d | %s | %s | %s |\n", o.saw(), heard, gap, o.discontinuities, o.offGrid,
		seconds(o.listing.Seconds()), seconds(o.recovery.Seconds()), events)
}

// saw is what is seen, in words.
func (o outcomes) saw() string {
	var seen, beside []string
	for _, v := range []struct {
		value float64
		what  string
		to    *[]string
	}{
		{o.held, "held", &seen}, {o.slate, "slate", &seen}, {o.black, "black", &seen}, {o.damaged, "damaged", &seen},
		{o.missing, "never shown", &beside}, {o.backup, "backup", &beside},
	} {
		if v.value > 0 {
			*v.to = append(*v.to, seconds(v.value)+" "+v.what)
		}
	}
	if len(seen) == 0 {
		seen = []string{"nothing"}
	}
	text := strings.Join(seen, ", ")
	if len(beside) > 0 {
		text += "; " + strings.Join(beside, ", ")
	}
	return text
}

func seconds(v float64) string { return fmt.Sprintf("%.2f s", v) }

// line is the row for a log.
func (o outcomes) line() string { return strings.TrimSuffix(o.row(), " |\n") }

// matrixRows are the faults that a table has a row for.
func matrixRows(text string) (out []string) {
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(line, "| **"); ok {
			name, _, _ = strings.Cut(name, "**")
			out = append(out, name)
		}
	}
	return out
}

// processor is the machine's.
func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, ok := strings.CutPrefix(lines.Text(), "model name"); ok {
			return strings.Trim(name, " \t:")
		}
	}
	return runtime.GOARCH
}
