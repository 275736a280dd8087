//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"onair/pipeline/control"
	"onair/pkg/dash"
	"onair/pkg/hls"
	"onair/pkg/testpicture"
)

// list is a media playlist in the channel's folder.
func (s *station) list(rendition string) hls.Playlist {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.origin(), rendition+".m3u8"))
	if err != nil {
		s.t.Fatal(err)
	}
	p, err := hls.ReadMedia(b)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// editions are the media that a rendition lists, each initialization with the segments that need it.
func (s *station) editions(rendition string) (out [][]byte) {
	s.t.Helper()
	init := ""
	for _, seg := range s.list(rendition).Segments {
		if seg.Gap {
			continue
		}
		names := []string{fmt.Sprintf("%d.m4s", seg.K)}
		if seg.Init != init {
			init, names, out = seg.Init, append([]string{seg.Init}, names...), append(out, nil)
		}
		for _, name := range names {
			b, err := os.ReadFile(filepath.Join(s.origin(), rendition, name))
			if err != nil {
				s.t.Fatal(err)
			}
			out[len(out)-1] = append(out[len(out)-1], b...)
		}
	}
	return out
}

// shape draws what a rendition lists: # is media, . a gap, | a discontinuity.
func (s *station) shape(rendition string) string {
	s.t.Helper()
	var b strings.Builder
	for _, seg := range s.list(rendition).Segments {
		if seg.Discontinuity {
			b.WriteByte('|')
		}
		if seg.Gap {
			b.WriteByte('.')
		} else {
			b.WriteByte('#')
		}
	}
	return b.String()
}

// seenIn are the numbers in the pictures of media of 320x180, decoded as one.
func seenIn(t testing.TB, media []byte) (out []int) {
	t.Helper()
	const w, h = 320, 180
	raw := decode(t, media, "-fps_mode", "passthrough", "-vf", "scale=320:180,format=gray", "-f", "rawvideo")
	for ; len(raw) >= w*h; raw = raw[w*h:] {
		r, ok := testpicture.Read(testpicture.Luma{Pix: raw[:w*h], Width: w, Height: h})
		if !ok {
			t.Errorf("picture %d cannot be read", len(out))
		}
		out = append(out, int(r.Number))
	}
	return out
}

// wantDiscontinuities fails unless every rendition has its discontinuities before the same numbers, which are returned.
func (s *station) wantDiscontinuities(renditions ...string) []int64 {
	s.t.Helper()
	var all [][]int64
	for _, r := range renditions {
		var at []int64
		for _, seg := range s.list(r).Segments {
			if seg.Discontinuity {
				at = append(at, seg.K)
			}
		}
		all = append(all, at)
		if !slices.Equal(at, all[0]) {
			s.t.Errorf("%s has discontinuities at %v, %s at %v", r, at, renditions[0], all[0])
		}
	}
	return all[0]
}

// wantDecodes lets FFmpeg play an HLS playlist from its begin over whatever is in it.
func (s *station) wantDecodes(file string) {
	s.t.Helper()
	cmd := exec.Command("ffmpeg", "-hide_banner", "-loglevel", "warning", "-nostdin", "-live_start_index", "0",
		"-i", filepath.Join(s.origin(), file), "-t", "16", "-f", "null", "-")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Run(); err != nil {
		s.t.Errorf("%s: %v", file, err)
	}
	for line := range strings.Lines(errs.String()) {
		if !strings.Contains(line, "duplicated MOOV") { // it does not read the new one: the segment has what it needs
			s.t.Errorf("%s: %s", file, line)
		}
	}
}

const otherLadder = "  - {name: v90, size: 160x90, bitrate: 100k}\naudio:\n  - {name: a2, bitrate: 48k, channels: 1, language: deu}"

// TestReloadOfTheLadder: at one segment a rendition gets another size, one is added, one of another language comes before
// the sound, and one is gone; no frame is missing or shown twice. What is listed stays the same when the process is killed
// after that.
func TestReloadOfTheLadder(t *testing.T) {
	t.Parallel()
	port := freePort(t, "udp")
	s := newStation(t, rtpInput(port)).answering()
	sendFor(t, 90, "--to", fmt.Sprintf("rtp://127.0.0.1:%d", port))
	s.wait("segments", 30*time.Second, segments(4))
	s.wantRefused("one of these names has to stay", "name: v360", "name: va", "name: v180", "name: vb")
	s.wantRefused("the channel is one with audio", "audio:\n  - {name: a1, bitrate: 96k, channels: 2, language: eng}", "audio: []")
	s.wantRefused("outputs[0]: needs a restart", "outputs:\n", fmt.Sprintf("outputs:\n  - dir: %s\n", s.t.TempDir()))
	s.wantRefused("frame_rate: needs a restart", "start: wait", "start: wait\nframe_rate: 50")
	first := s.inits()
	s.rewrite("  - {name: v360, size: 640x360, bitrate: 800k}\n", "", "audio:", otherLadder, "320x180", "480x270")
	s.applied("video[0].size", "video[1]", "video", "audio[0]")
	s.wait("the new ladder", 30*time.Second, func(st control.Status) bool {
		return len(st.Runs) == 1 && len(st.Renditions) == 4 && st.Renditions[1].Name == "v90" && st.Renditions[1].Segments >= 1
	})
	index := ""
	s.wait("the first segment of it", 20*time.Second, func(control.Status) bool { // the playlists are written one by one
		index = s.index()
		return strings.Contains(s.shape("v180"), "|#") && strings.Contains(index, "480x270")
	})
	if strings.Contains(index, "v360") || strings.Contains(index, "v90.m3u8") {
		t.Errorf("when the first segment is listed:\n%s", index)
	}
	s.wantOn(5)
	if index := s.index(); !strings.Contains(index, "v90.m3u8") || !strings.Contains(index, "a2.m3u8") {
		t.Errorf("later:\n%s", index)
	}
	at := s.wantDiscontinuities("v180", "v90", "a1", "a2", "v360")
	if len(at) != 1 {
		t.Fatalf("discontinuities at %v", at)
	}
	t.Logf("v180 %s, v90 %s, v360 %s, a2 %s", s.shape("v180"), s.shape("v90"), s.shape("v360"), s.shape("a2"))
	s.wantLadder(at[0])
	if st := s.status(); st.RunRestarts != 0 || st.RunsStarted != 2 || len(s.inits()) != len(first)+4 {
		t.Errorf("%d restarts, %d runs, initializations %d", st.RunRestarts, st.RunsStarted, len(s.inits()))
	}
	s.wantSameAfterAKill()
	s.stop()
	s.wantVerified()
}

// wantRefused asks for a change of the file that must be refused with a reason, and takes it back.
func (s *station) wantRefused(why string, replace ...string) {
	s.t.Helper()
	good, err := os.ReadFile(s.file)
	if err != nil {
		s.t.Fatal(err)
	}
	s.rewrite(replace...)
	if code, body := s.reload(); code != http.StatusConflict || !strings.Contains(body, why) {
		s.t.Errorf("%d %s, want %q", code, body, why)
	}
	s.write(string(good))
}

func (s *station) index() string {
	_, b := s.get("/ch/index.m3u8")
	return string(b)
}

// wantLadder holds what is published against the change at segment k.
func (s *station) wantLadder(k int64) {
	s.t.Helper()
	parts := s.editions("v180")
	if len(parts) != 2 {
		s.t.Fatalf("%d initializations of v180", len(parts))
	}
	wantConsecutive(s.t, append(seenIn(s.t, parts[0]), seenIn(s.t, parts[1])...))
	for i, want := range []int{320, 480} {
		if got := ffprobe(s.t, "pipe:0", parts[i]); len(got) != 1 || got[0].Width != want {
			s.t.Errorf("edition %d of v180 is %+v", i, got)
		}
	}
	for _, r := range []string{"v180", "a1"} {
		if shape := s.shape(r); strings.Contains(shape, ".") {
			s.t.Errorf("%s has gaps: %s", r, shape)
		}
	}
	if got := ffprobe(s.t, "pipe:0", s.editions("a2")[0]); len(got) != 1 || got[0].Channels != 1 || got[0].Tags.Language != "deu" {
		s.t.Errorf("a2 is %+v", got)
	}
	_, body := s.get("/ch/manifest.mpd")
	periods, err := dash.ReadPeriods(body)
	if err != nil || len(periods) != 2 || periods[1].ID != k {
		s.t.Fatalf("periods %+v, %v", periods, err)
	}
	for i, want := range [][]string{{"v360", "v180", "a1"}, {"v180", "v90", "a2", "a1"}} {
		var got []string
		for _, t := range periods[i].Tracks {
			got = append(got, t.Name)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			s.t.Errorf("period %d has %v, want %v", i, got, want)
		}
	}
	for _, file := range []string{"v180.m3u8", "a1.m3u8"} {
		s.wantDecodes(file)
	}
}

// wantSameAfterAKill kills the process and holds what the next one lists against what was listed.
func (s *station) wantSameAfterAKill() {
	s.t.Helper()
	s.kill()
	texts := func() map[string]string {
		out := map[string]string{}
		files, _ := filepath.Glob(filepath.Join(s.origin(), "*.m*"))
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				s.t.Fatal(err)
			}
			out[path.Base(f)] = string(b)
		}
		return out
	}
	before := texts()
	s.start()
	s.wait("segments after the restart", 40*time.Second, segments(2))
	after := texts()
	period := regexp.MustCompile(`(?s)<Period.*?</Period>`)
	for name, was := range before {
		is := after[name]
		switch {
		case name == "index.m3u8" && is != was:
			s.t.Errorf("index was\n%s\nand is\n%s", was, is)
		case strings.HasSuffix(name, ".mpd") && period.FindString(is) != period.FindString(was):
			s.t.Errorf("the first period was\n%s\nand is\n%s", period.FindString(was), period.FindString(is))
		case name != "index.m3u8" && strings.HasSuffix(name, ".m3u8") && !strings.HasPrefix(is, was):
			s.t.Errorf("%s was\n%s\nand is\n%s", name, was, is)
		}
	}
}
