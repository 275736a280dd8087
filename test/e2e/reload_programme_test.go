//go:build e2e

package e2e

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"onair/pipeline/control"
)

// twoProgrammes is a stream of numbered pictures with two languages (440 and 880 Hz) beside red ones with one (660 Hz).
func twoProgrammes(t testing.TB, seconds int) string {
	return made(t, "two-programmes", "-i "+clip(t, seconds, "25")+" -f lavfi -i color=red:s=640x360:r=25:d="+fmt.Sprint(seconds)+
		tones(seconds, 880, 660)+" -map 0:v -map 0:a -map 2 -map 1 -map 3 -c copy -c:v:1 libx264 -preset:v:1 ultrafast -g:v:1 25"+
		" -c:a:1 aac -c:a:2 aac -metadata:s:a:0 language=eng -metadata:s:a:1 language=deu"+
		" -program program_num=1:st=0:st=1:st=2 -program program_num=2:st=3:st=4")
}

// note is how long a pitch is heard, in Hz; silence has 0.
type note struct {
	hz     int
	tenths int // of a second
}

// pitches are the notes of a rendition's first channel one after the other.
func (s *station) pitches(rendition string) (notes []note) {
	s.t.Helper()
	const rate, window = 48000, 4800
	raw := decode(s.t, s.media(rendition, 0), "-f", "s16le", "-ac", "1")
	var last int16
	for at, n, rises := 0, 0, 0; at+2 <= len(raw); at += 2 {
		v := int16(binary.LittleEndian.Uint16(raw[at:]))
		if last < 0 && v >= 0 {
			rises++
		}
		last = v
		if n++; n < window {
			continue
		}
		hz := (rises*rate/window + 50) / 110 * 110 // all of them are multiples of that
		n, rises = 0, 0
		if len(notes) == 0 || notes[len(notes)-1].hz != hz {
			notes = append(notes, note{hz: hz})
		}
		notes[len(notes)-1].tenths++
	}
	return notes
}

// melody is what of notes sounds for a second or more, in Hz.
func melody(notes []note) (out []int) {
	for _, n := range notes {
		if n.tenths >= 10 && n.hz > 0 && (len(out) == 0 || out[len(out)-1] != n.hz) {
			out = append(out, n.hz)
		}
	}
	return out
}

// TestReloadOfTracksAndProgramme: another language is heard from a boundary on, no frame missing; another programme of
// the stream is shown instead, without a gap; one that the stream does not have is refused.
func TestReloadOfTracksAndProgramme(t *testing.T) {
	t.Parallel()
	port := freePort(t, "udp")
	to := fmt.Sprintf("rtp://127.0.0.1:%d", port)
	s := newStation(t, fmt.Sprintf("  - name: main\n    legs: [%q]\n    #choice", to)).answering()
	command(t, program, "send", twoProgrammes(t, 60), "--to", to)
	s.wait("segments", 30*time.Second, segments(3))
	s.rewrite("#choice", "audio: [deu] #choice")
	s.applied("inputs[0].audio")
	s.wait("a run with the other track", 20*time.Second, func(st control.Status) bool {
		return len(st.Runs) == 1 && st.Runs[0].Reason == "other audio tracks in the channel's file"
	})
	s.wantOn(2)
	s.rewrite("#choice", "\n    program: 3 #choice")
	if code, body := s.reload(); code != http.StatusConflict || !strings.Contains(body, "program 3 is not in the stream that comes: it has 1, 2") {
		t.Errorf("%d %s", code, body)
	}
	shown := s.wantOn(1).Segments
	s.rewrite("program: 3", "program: 2")
	s.applied("inputs[0].program")
	s.wait("the other programme", 20*time.Second, func(st control.Status) bool {
		return st.Inputs[0].Program != nil && st.Inputs[0].Program.Number == 2
	})
	st := s.wantOn(4)
	if st.RunRestarts != 0 || st.Renditions[0].Gaps+st.Renditions[0].Holes != 0 {
		t.Errorf("%d restarts, %d gaps, %d holes", st.RunRestarts, st.Renditions[0].Gaps, st.Renditions[0].Holes)
	}
	s.stop()
	s.wantOnGrid("v180", 3600)
	s.wantOnGrid("a1", 1024)
	numbers := s.frameNumbers("v180", 0)
	began := slices.IndexFunc(numbers, func(n int) bool { return n > 0 }) // red pictures have no number
	red := began + slices.Index(numbers[began:], 0)
	if red < max(began, int(shown)*50-50) {
		t.Fatalf("of %d pictures the first of the other programme is number %d, after %d segments", len(numbers), red, shown)
	}
	end := red
	for numbers[end-1] == numbers[end-2] { // the last one is held until the other programme begins
		end--
	}
	wantConsecutive(t, numbers[:end])
	if end < red-75 || slices.Max(numbers[red:]) != 0 {
		t.Errorf("the last picture is shown %d times, then %v", red-end, numbers[red:])
	}
	if notes := s.pitches("a1"); !slices.Equal(melody(notes), []int{440, 880, 660}) {
		t.Errorf("notes %v", notes)
	}
}
