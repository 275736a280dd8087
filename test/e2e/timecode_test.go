//go:build e2e

package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"onair/pipeline/control"
)

// timecoded has GStreamer label the pictures of a clip with the time of day, off by so many frames, and encode them as
// each branch says, up to its sink.
func timecoded(t *testing.T, reel string, frames int, branches ...string) {
	t.Helper()
	pictures := filepath.Join(t.TempDir(), "pictures.y4m")
	if err := syscall.Mkfifo(pictures, 0o600); err != nil {
		t.Fatal(err)
	}
	args := fmt.Sprintf("-q filesrc location=%s ! y4mdec ! timecodestamper set=always source=rtc timecode-offset=%d ! tee name=t", pictures, frames)
	for _, b := range branches {
		args += " t. ! queue max-size-buffers=0 max-size-bytes=0 max-size-time=0 ! " + b
	}
	command(t, "gst-launch-1.0", strings.Fields(args)...)
	ffmpeg(t, "-re -i "+reel+" -map 0:v -pix_fmt yuv420p -f yuv4mpegpipe -y "+pictures)
}

// x264 is an encoder that leaves room for labels, and multiplexes to a port.
func x264(options string, port int) string {
	return "x264enc option-string=pic-struct=1" + options + " ! h264parse update-timecode=true config-interval=-1 ! " +
		fmt.Sprintf("mpegtsmux alignment=7 ! udpsink host=127.0.0.1 port=%d sync=false async=false", port)
}

// byTimecode is an input whose pictures are placed by their labels.
func byTimecode(port int) string {
	return fmt.Sprintf("  - name: main\n    legs: [\"udp://127.0.0.1:%d\"]\n    timecode: sei\n", port)
}

// TestTwinsByTimecode: two pipelines behind an encoder each, whose clocks have nothing in common, and with no store in
// common, put the same picture into the same slot because it has the same label.
func TestTwinsByTimecode(t *testing.T) {
	t.Parallel()
	ports := []int{freePort(t, "udp"), freePort(t, "udp"), freePort(t, "udp")}
	var twins []*station
	for _, port := range ports[:2] {
		twins = append(twins, newStationOf(t, oneRung, byTimecode(port)).answering())
	}
	// The second one's times begin elsewhere, and its pictures come later.
	ffmpeg(t, fmt.Sprintf("-probesize 200000 -analyzeduration 500000 -f mpegts -i udp://127.0.0.1:%d?fifo_size=100000 -map 0:v -c copy -output_ts_offset 4321 -f mpegts "+
		"udp://127.0.0.1:%d?pkt_size=1316", ports[2], ports[1]))
	timecoded(t, clip(t, 60, "25"), 0,
		x264(":nal-hrd=cbr:vbv-maxrate=2000:vbv-bufsize=2000 bitrate=2000 speed-preset=ultrafast tune=zerolatency key-int-max=25", ports[0]),
		x264(" bitrate=1500 speed-preset=superfast bframes=2 rc-lookahead=10 key-int-max=50", ports[2]))
	for _, s := range twins {
		s.wait("segments", 60*time.Second, segments(12))
		in := s.status().Inputs[0]
		if c := in.Timecode; c == nil || !c.Rules || c.OffsetMs == nil || *c.OffsetMs != 0 || c.AgeMs > 1000 {
			t.Errorf("%+v", in.Timecode)
		}
		s.wantEvent("timecode", "placed by their timecode")
	}
	a, b := twins[0], twins[1]
	if x, y := a.status().Inputs[0], b.status().Inputs[0]; x.Generation != 1 || y.Generation != 1 || x.Lock != y.Lock {
		t.Errorf("%+v\n%+v", x, y)
	}
	a.stop()
	b.stop()
	for _, rendition := range []string{"v180", "a1"} {
		common := wantInterchangeable(t, a, b, rendition)
		if len(common) < 8 {
			t.Errorf("%s: %d segments in common", rendition, len(common))
		}
		if rendition == "v180" {
			wantConsecutive(t, numbersIn(t, spliced(t, a, b, rendition, common)))
		}
	}
}

// TestTimecodeOfASlowEncoder: pictures that arrive 1.2 s after their time take over from the slate, and none is missing.
func TestTimecodeOfASlowEncoder(t *testing.T) {
	t.Parallel()
	port := freePort(t, "udp")
	s := newStationOf(t, strings.Replace(oneRung, "start: wait", "start: slate", 1), byTimecode(port)).answering()
	s.wait("the slate", 60*time.Second, segments(2))
	timecoded(t, clip(t, 60, "25"), -30, x264(" bitrate=1000 speed-preset=ultrafast tune=zerolatency key-int-max=25", port))
	s.wantEvent("timecode", "placed by their timecode")
	s.wait("the input", 60*time.Second, func(st control.Status) bool { return st.ActiveInput == "main" })
	s.wait("segments of it", 60*time.Second, segments(s.status().Segments+6))
	if c := s.status().Inputs[0].Timecode; c == nil || !c.Rules || c.OffsetMs == nil || *c.OffsetMs != 0 {
		t.Errorf("%+v", c)
	}
	if gap := s.gapped(); gap != "" {
		t.Error(gap)
	}
	wantConsecutive(t, numbersIn(t, s.media("v180", 0)))
}

// TestTimecodeOfAnotherTime: labels that are ten seconds from when pictures arrive are told, and not used.
func TestTimecodeOfAnotherTime(t *testing.T) {
	t.Parallel()
	port := freePort(t, "udp")
	s := newStationOf(t, oneRung, byTimecode(port)).answering()
	timecoded(t, clip(t, 60, "25"), -250, x264(" bitrate=1000 speed-preset=ultrafast tune=zerolatency key-int-max=25", port))
	s.wait("segments", 60*time.Second, segments(3))
	s.wantEvent("timecode", "the host's clock places them")
	if c := s.status().Inputs[0].Timecode; c == nil || c.Rules || c.OffsetMs == nil || *c.OffsetMs > -9500 || *c.OffsetMs < -10500 {
		t.Errorf("%+v", c)
	}
	wantConsecutive(t, numbersIn(t, s.media("v180", 0)))
}

// wantEvent waits for an event with that code whose message has those words.
func (s *station) wantEvent(code, words string) {
	s.t.Helper()
	s.wait("an event that says "+words, 30*time.Second, func(st control.Status) bool {
		return slices.ContainsFunc(st.Events, func(e control.Event) bool {
			return e.Code == code && strings.Contains(e.Message, words)
		})
	})
}
