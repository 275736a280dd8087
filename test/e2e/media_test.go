//go:build e2e

package e2e

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"onair/pipeline/control"
)

// small is a channel that costs little: one rung and one sound.
const small = `channel: ch
http: "%[1]s"
inputs:
%[2]s
video:
  - {name: v180, size: 320x180, bitrate: 300k}
audio:
  - {name: a1, bitrate: 96k, channels: 2, language: eng}
segment: 2s
gop: 1s
window: 5m
preset: ultrafast
start: wait
outputs:
  - dir: %[3]s
`

// newSmall starts a channel "ch" of small with the given inputs (YAML list items).
func newSmall(t testing.TB, inputs string) *station {
	t.Helper()
	return newStationOf(t, small, inputs)
}

// mediaWait is how long a file is sent before its expectation must be met. A picture that is declared but absent is
// waited for 10 s, and then three segments of 2 s are needed.
const mediaWait = 40 * time.Second

// media is one capture, and what is expected of a channel that receives it again and again.
type media struct {
	file    string
	length  time.Duration // of one pass
	scheme  string        // of the leg; default udp
	options string        // of the input, as YAML lines
	channel string        // of the channel, as YAML lines
	bytes   int           // of a datagram; default 7*188
	short   bool          // is in the list that takes a minute
	tiny    bool          // too short to be looped as it is: onair send carries its clock on

	video, audio string // what must be recognized of the source; empty: not looked at
	reason       string // what the input's error or an event must say; empty: three segments must come
}

// captures are sent as they are: their clocks jump back at the end of each pass, which is one more thing to survive.
var captures = []media{
	{file: "aac-latm-tiny.ts", tiny: true, audio: "aac_latm"},
	{
		file: "ac3-384k-only-4prog-pat.ts", length: ms(7968), channel: "frame_rate: 25\n", audio: "ac3", short: true,
	},
	{
		file: "ac3-384k-only-4prog-pat.ts", length: ms(7968),
		reason: "the picture that its programme announces does not come: the channel waits for it",
	},
	{file: "ac3-576-h264-seg0.ts", length: ms(2624), video: "h264 720x576 25", audio: "ac3"},
	{
		file: "avsync-flash-beep-720p30-aac.ts", length: ms(30023), video: "h264 1280x720 30",
		audio: "aac", scheme: "rtp",
	},
	{
		file: "cea608-cea708-bbb-2398-heaac.ts", length: ms(28779), video: "h264 256x192 24000/1001",
		audio: "aac", scheme: "rtp",
	},
	{file: "cea608-multichannel-cc1-cc3.ts", length: ms(6039), video: "h264 360x240 30000/1001", scheme: "rtp"},
	{file: "cea608-sintel-h264-aac.ts", length: ms(10119), video: "h264 400x170 24", audio: "aac", scheme: "rtp"},
	{
		file: "corrupt-satellite-1080i-scte35pid-multilang.ts", length: ms(2100), reason: "no programme map (PMT)",
		short: true,
	},
	{
		file: "dvbt-1080i25-h264-3xeac3-dvbsub-clear.ts", length: ms(1906), video: "h264 1920x1080 25 interlaced",
		audio: "eac3",
	},
	{
		file: "dvbt-arte-hls-1080i25-h264-4xeac3-dvbsub", length: ms(20249), video: "h264 1920x1080 25 interlaced",
		audio: "eac3", scheme: "rtp",
	},
	{file: "hevc-main10-360p30-video-only.ts", length: 12 * time.Second, video: "hevc 640x360 30"},
	{file: "hevc-obs-360p30-aac.ts", length: ms(2027), video: "hevc 640x360 30", audio: "aac", scheme: "rtp"},
	{file: "id3-pid-bipbop-truncated-tail.ts", length: ms(60894), video: "h264 416x234 30000/1001", audio: "aac"},
	{file: "junk-between-packets.ts", tiny: true, video: "mpeg2video 640x426 30000/1001"},
	{
		file: "m2ts-192byte-mpeg2-mp2.ts", length: ms(2010), bytes: 7 * 192,
		video: "mpeg2video 320x240 25", audio: "mp2", short: true,
	},
	{file: "missing-dts-1080p60.ts", length: ms(2001), video: "h264 1920x1080 60"},
	{
		file: "mpeg2-576i25-mp2.ts", length: ms(3336), video: "mpeg2video 720x576 25 interlaced",
		audio: "mp2", short: true,
	},
	{
		file: "mpts-2prog-1080i25-h264-ac3-dvbsub.ts", length: ms(3050), video: "h264 1920x1080 25 interlaced",
		audio: "ac3", scheme: "rtp",
	},
	{
		file: "mpts-2prog-1080i25-h264-ac3-dvbsub.ts", length: ms(3050), options: "    program: 8810\n",
		video: "h264 1920x1080 25 interlaced", audio: "ac3", short: true,
	},
	{
		file: "mpts-2prog-1080i25-h264-ac3-dvbsub.ts", length: ms(3050), options: "    program: 4711\n",
		reason: "program 4711 is not in this stream",
	},
	{
		file: "no-pcr-pid1fff-576p25-h264-aac.ts", length: ms(12002), video: "h264 1024x576 25",
		audio: "aac", short: true,
	},
	{file: "one-packet-stuffed-pes.ts", length: ms(40), bytes: 188, reason: "no programme association table"},
	{file: "pat-pmt-in-the-middle.ts", tiny: true, video: "h264 864x480 30000/1001", audio: "aac"},
	{file: "portrait-720x1280.ts", length: time.Second, video: "h264 720x1280 30"},
	{file: "pts-pcr-wrap-1fps.ts", length: 20 * time.Second, bytes: 188, video: "h264 128x72"},
	{
		file: "scte35-80s-splice-insert-no-cuei.ts", length: ms(80067), video: "h264 640x360 30",
		audio: "aac", scheme: "rtp",
	},
	{file: "scte35-mpeg2-splice-insert-out-in.ts", tiny: true, video: "mpeg2video 640x426 30000/1001", audio: "mp2"},
	{file: "t2mi-only-no-psi.ts", length: time.Second, reason: "no programme association table", short: true},
	{
		file: "teletext-only-av-declared-but-absent.ts", length: 10 * time.Second,
		reason: "neither picture nor sound of programme 4006 comes",
		short:  true,
	},
	{file: "truncated-30-packets.ts", tiny: true, video: "h264 1920x1080 24"},
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// name tells captures apart.
func (m media) name() string {
	extra := strings.ReplaceAll(strings.TrimSpace(m.options+m.channel), ": ", "=")
	return strings.TrimSpace(strings.TrimSuffix(m.file, ".ts") + " " + extra)
}

// read is the capture's bytes: a file, or a folder's files one after the other.
func (m media) read(t testing.TB, folder string) []byte {
	t.Helper()
	files := []string{filepath.Join(folder, m.file)}
	if !strings.HasSuffix(m.file, ".ts") {
		files, _ = filepath.Glob(filepath.Join(files[0], "*.ts"))
	}
	var all []byte
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	if len(all) == 0 {
		t.Fatalf("%s is empty", m.file)
	}
	return all
}

// loop sends bytes over and over, each pass in the time that it is long, as datagrams of size bytes (with an RTP header
// if rtp is set) to a port, until the test ends or stop is called.
func loop(t testing.TB, b []byte, pass time.Duration, size int, rtp bool, port int) (stop func()) {
	t.Helper()
	conn, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	quit, done := make(chan struct{}), make(chan struct{})
	var once sync.Once
	stop = func() {
		once.Do(func() { close(quit) })
		<-done
	}
	rate := float64(len(b)) / pass.Seconds() // bytes per second
	go func() {
		defer close(done)
		defer conn.Close()
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		begun, sent, seq := time.Now(), 0, uint16(0)
		for rest := b; ; {
			for due := int(rate * time.Since(begun).Seconds()); sent < due; seq++ {
				if len(rest) == 0 {
					rest = b
				}
				n := min(size, len(rest))
				var pkt []byte
				if rtp {
					pkt = binary.BigEndian.AppendUint16([]byte{0x80, 33}, seq)
					pkt = binary.BigEndian.AppendUint32(pkt, uint32(time.Since(begun).Seconds()*90000))
					pkt = append(pkt, 0, 0, 0, 1)
				}
				_, _ = conn.Write(append(pkt, rest[:n]...)) // nobody may be listening yet
				rest, sent = rest[n:], sent+n
			}
			select {
			case <-quit:
				return
			case <-tick.C:
			}
		}
	}()
	t.Cleanup(stop)
	return stop
}

// outcome is a line of the table.
type outcome struct{ file, result, reason string }

func TestCaptures(t *testing.T) {
	folder := os.Getenv("ONAIR_MEDIA")
	if folder == "" {
		t.Skip("ONAIR_MEDIA names no folder with captures")
	}
	long := os.Getenv("ONAIR_LONG") != ""
	var mu sync.Mutex
	var table []outcome
	t.Run("all", func(t *testing.T) {
		for _, m := range captures {
			if !long && !m.short {
				continue
			}
			t.Run(m.name(), func(t *testing.T) {
				t.Parallel()
				row := m.play(t, filepath.Join(folder, "ts"))
				mu.Lock()
				defer mu.Unlock()
				table = append(table, row)
			})
		}
	})
	slices.SortFunc(table, func(a, b outcome) int { return strings.Compare(a.file, b.file) })
	var text strings.Builder
	text.WriteString("file | result | reason\n--- | --- | ---\n")
	for _, row := range table {
		fmt.Fprintf(&text, "%s | %s | %s\n", row.file, row.result, row.reason)
	}
	t.Logf("what came of each file:\n%s", &text)
	if name := os.Getenv("ONAIR_MEDIA_TABLE"); name != "" {
		if err := os.WriteFile(name, []byte(text.String()), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// play sends one capture to a channel of its own, and judges what comes out.
func (m media) play(t *testing.T, folder string) outcome {
	b := m.read(t, folder)
	scheme, size := m.scheme, m.bytes
	if scheme == "" {
		scheme = "udp"
	}
	if size == 0 {
		size = 7 * 188
	}
	port := freePort(t, "udp")
	input := fmt.Sprintf("  - name: main\n    legs: [\"%s://127.0.0.1:%d\"]\n%s", scheme, port, m.options)
	s := newStationOf(t, small+m.channel, input)
	if !eventually(10*time.Second, func() bool { return s.status().Channel != "" }) {
		t.Fatal("the program does not answer")
	}
	begun := time.Now()
	if m.tiny {
		to := fmt.Sprintf("%s://127.0.0.1:%d", scheme, port)
		command(t, program, "send", "--loop", filepath.Join(folder, m.file), "--to", to)
	} else {
		loop(t, b, m.length, size, scheme == "rtp", port)
	}
	var st control.Status
	met := eventually(mediaWait, func() bool {
		st = s.status()
		if m.reason != "" {
			return strings.Contains(complaint(st), m.reason)
		}
		return st.Segments >= 3
	})
	took := time.Since(begun).Round(100 * time.Millisecond)
	out := outcome{file: m.name(), result: "refused", reason: complaint(st)}
	if st.Segments > 0 {
		out.result, out.reason = "on air", recognized(st)
	}
	out.result += fmt.Sprintf(" after %v", took)
	switch {
	case !met && m.reason != "":
		t.Errorf("not said within %v: %q; segments %d, it says: %s", mediaWait, m.reason, st.Segments, complaint(st))
	case !met:
		t.Errorf("%d segments within %v; it says: %s", st.Segments, mediaWait, complaint(st))
	case m.reason != "" && st.Segments > 0:
		t.Errorf("%d segments of something that cannot be on air", st.Segments)
	}
	got := recognized(st)
	for _, want := range []string{m.video, m.audio} {
		if !strings.Contains(got, want) {
			t.Errorf("recognized %q, want %q in it", got, want)
		}
	}
	if !met {
		out.result = "FAILED: " + out.result
	}
	s.wantCalm()
	return out
}

// TestClockThatJumpsAllTheTime loops a fraction of a second as it is: nothing can come of it, but nothing may grow
// either, and the log must not be flooded.
func TestClockThatJumpsAllTheTime(t *testing.T) {
	t.Parallel()
	whole, err := os.ReadFile(clip(t, 30, "25"))
	if err != nil {
		t.Fatal(err)
	}
	for _, length := range []time.Duration{100 * time.Millisecond, 700 * time.Millisecond} {
		t.Run(length.String(), func(t *testing.T) {
			t.Parallel()
			part := whole[:int(float64(len(whole))*float64(length)/float64(30*time.Second))/188*188]
			port := freePort(t, "udp")
			s := newSmall(t, fmt.Sprintf("  - name: main\n    legs: [\"udp://127.0.0.1:%d\"]\n", port)).answering()
			stop := loop(t, part, length, 7*188, false, port)
			s.outlast(5 * time.Second)
			before := s.weigh()
			s.outlast(15 * time.Second)
			stop()
			if n := strings.Count(s.log.String(), "\n"); n > 100 {
				t.Errorf("%d lines of log", n)
			}
			good(t, "udp", port)
			s.wantOn(3)
			s.wantLight(before)
		})
	}
}

// wantCalm fails if the log tells of a panic.
func (s *station) wantCalm() {
	s.t.Helper()
	for _, bad := range []string{"panic:", "goroutine 1 [", "runtime error", "fatal error:"} {
		if strings.Contains(s.log.String(), bad) {
			s.t.Errorf("the log holds %q", bad)
		}
	}
}

// complaint is what the channel says of what is wrong.
func complaint(st control.Status) string {
	var all []string
	for _, in := range st.Inputs {
		if in.Error != "" {
			all = append(all, in.Error)
		}
		for _, l := range in.Legs {
			if l.Error != "" && !slices.Contains(all, l.Error) {
				all = append(all, "leg: "+l.Error)
			}
		}
	}
	for _, e := range slices.Backward(st.Events) {
		if e.Level != control.Info && e.Stage != "channel" && !slices.Contains(all, e.Message) {
			all = append(all, e.Message)
		}
	}
	return strings.Join(all, "; ")
}

// recognized is what the channel took the first input's source for.
func recognized(st control.Status) string {
	if len(st.Inputs) == 0 {
		return ""
	}
	in := st.Inputs[0]
	text := "no picture"
	if v := in.Video; v != nil {
		text = fmt.Sprintf("%s %dx%d %s", v.Codec, v.Width, v.Height, v.Rate)
		if v.Interlaced {
			text += " interlaced"
		}
	}
	if in.Program != nil {
		text += fmt.Sprintf("; programme %d:", in.Program.Number)
		for _, s := range in.Program.Streams {
			if s.Kind == "audio" {
				text += " " + s.Codec
			}
		}
	}
	return text
}
