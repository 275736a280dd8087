//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"onair/pipeline/control"
)

// inits are the initializations in the channel's folder: name and content.
func (s *station) inits() map[string]string {
	s.t.Helper()
	files, _ := filepath.Glob(filepath.Join(s.origin(), "*", "init-*.mp4"))
	out := map[string]string{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			s.t.Fatal(err)
		}
		out[strings.TrimPrefix(f, s.origin())] = string(b)
	}
	return out
}

// record is the content of a codec's configuration box in an initialization.
func record(t testing.TB, init, box string) []byte {
	t.Helper()
	_, after, ok := strings.Cut(init, box)
	if !ok || len(after) < 16 {
		t.Fatalf("no %s in the initialization", box)
	}
	return []byte(after)
}

// codecString is what RFC 6381 says for a rendition: from the configuration box, with profile and level as ffprobe reads
// them from the bitstream.
func codecString(t testing.TB, init string, st stream) string {
	t.Helper()
	switch st.Codec {
	case "h264":
		c := record(t, init, "avcC")
		if st.Profile != "High" || st.Tag != "avc1" {
			t.Errorf("H.264 %+v", st)
		}
		return fmt.Sprintf("avc1.%02x%02x%02x", 100, c[2], st.Level)
	case "hevc":
		c := record(t, init, "hvcC")
		if st.Profile != "Main" || st.Tag != "hvc1" || c[1] != 1 || c[2] != 0x60 {
			t.Errorf("HEVC %+v, % x", st, c[:13])
		}
		constraints := strings.TrimRight(fmt.Sprintf("%X", c[6:12]), "0")
		if len(constraints)%2 != 0 {
			constraints += "0"
		}
		return fmt.Sprintf("hvc1.1.6.L%d.%s", st.Level, constraints)
	case "av1":
		if st.Profile != "Main" || st.Tag != "av01" {
			t.Errorf("AV1 %+v", st)
		}
		return fmt.Sprintf("av01.0.%02dM.08", st.Level)
	}
	return "mp4a.40.2"
}

var (
	variantLine = regexp.MustCompile(`#EXT-X-STREAM-INF:.*CODECS="([^"]*)".*\n(\w+)\.m3u8`)
	mpdCodecs   = regexp.MustCompile(`<Representation id="(\w+)"[^>]* codecs="([^"]*)"`)
)

// wantCodecs fails unless both manifests say of each rendition what its bitstream is.
func (s *station) wantCodecs() {
	s.t.Helper()
	_, index := s.get("/ch/index.m3u8")
	_, mpd := s.get("/ch/manifest.mpd")
	inits := s.inits()
	want := map[string]string{}
	for name, b := range inits {
		r := strings.Split(name, "/")[1]
		want[r] = codecString(s.t, b, s.probed(r))
	}
	for _, m := range mpdCodecs.FindAllSubmatch(mpd, -1) {
		if got := string(m[2]); got != want[string(m[1])] {
			s.t.Errorf("DASH says %s of %s, the bitstream is %s", got, m[1], want[string(m[1])])
		}
	}
	variants := variantLine.FindAllSubmatch(index, -1)
	for _, m := range variants {
		if got := string(m[1]); got != want[string(m[2])]+",mp4a.40.2" {
			s.t.Errorf("HLS says %s of %s, the bitstream is %s", got, m[2], want[string(m[2])])
		}
	}
	if n := bytes.Count(index, []byte("#EXT-X-STREAM-INF")); len(variants) != n || n+1 != len(want) {
		s.t.Errorf("%d variants, %d with codecs, of %v:\n%s", n, len(variants), want, index)
	}
	s.t.Logf("codecs: %v", want)
}

func TestCodecs(t *testing.T) {
	const seconds = 24
	port := freePort(t, "udp")
	file := numbered(t, seconds, "25")
	s := newRungs(t, port, "", "video:\n  - {name: h264, size: 320x180, bitrate: 300k}\n"+
		"  - {name: hevc, size: 320x180, bitrate: 250k, codec: hevc}\n  - {name: av1, size: 256x144, bitrate: 250k, codec: av1}\n")
	pace(t, file, seconds*time.Second, port)
	st := s.wait("two segments", 40*time.Second, segments(2))
	before := s.inits()
	if len(before) != 4 {
		t.Errorf("%d initializations, want 4", len(before))
	}
	if err := syscall.Kill(st.Runs[0].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	st = s.wait("segments after the encoder was killed", 40*time.Second, segments(st.Segments+4))
	if st.RunRestarts != 1 {
		t.Errorf("%d restarts, want 1", st.RunRestarts)
	}
	for name, b := range s.inits() {
		if before[name] != b {
			t.Errorf("%s is not what it was before", name)
		}
	}
	s.wantExact(timing{25, 1, 50}, 90000)
	s.wantManifests()
	s.wantCodecs()
	s.stop()
	s.wantVerified()
	for _, r := range []string{"h264", "hevc", "av1"} {
		s.wantSteps(r, 1)
	}
}

func TestDefaultLadder(t *testing.T) {
	const seconds = 12
	for _, c := range []struct {
		name   string
		source func(testing.TB) string
		combed bool
		want   []string
		short  bool
	}{
		{
			name: "576i anamorphic MPEG-2 and MP2", combed: true, short: true, want: []string{"v576 1024x576", "v432 768x432", "v288 512x288"},
			source: func(t testing.TB) string {
				return made(t, "sd", fmt.Sprintf("-f lavfi -i testsrc2=s=720x576:r=50:d=%d%s -vf interlace=scan=tff,setsar=64/45 -flags +ilme+ildct -top 1"+
					" -c:v mpeg2video -b:v 5M -maxrate 6M -bufsize 2M -g 12 -bf 2 -c:a mp2", seconds, tones(seconds, 440)))
			},
		},
		{
			name: "720p", want: []string{"v720 1280x720", "v540 960x540", "v360 640x360"},
			source: func(t testing.TB) string {
				return made(t, "hd", fmt.Sprintf("-f lavfi -i testsrc2=s=1280x720:r=25:d=%d%s%s", seconds, tones(seconds, 440), pictureCodec))
			},
		},
		{
			name: "portrait", want: []string{"v720 720x1280", "v540 540x960", "v360 360x640"},
			source: func(t testing.TB) string {
				return made(t, "portrait", fmt.Sprintf("-f lavfi -i testsrc2=s=720x1280:r=25:d=%d%s%s", seconds, tones(seconds, 440), pictureCodec))
			},
		},
		{
			name: "4:3 of 704 columns", combed: true, want: []string{"v480 640x480", "v360 480x360", "v240 320x240"},
			source: func(t testing.TB) string {
				return made(t, "ntsc", fmt.Sprintf("-f lavfi -i testsrc2=s=704x480:r=60000/1001:d=%d%s -vf interlace=scan=tff,setsar=10/11 -flags +ilme+ildct -top 1"+
					" -c:v mpeg2video -b:v 5M -maxrate 6M -bufsize 2M -g 12 -bf 2 -c:a ac3", seconds, tones(seconds, 440)))
			},
		},
	} {
		if !c.short && !long {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			port := freePort(t, "udp")
			file := c.source(t)
			s := newRungs(t, port, "", "")
			s.onAir(file, seconds*time.Second, port, 4)
			_, index := s.get("/ch/index.m3u8")
			st := s.status()
			s.wantCodecs()
			s.stop()
			s.wantVerified()
			var got []string
			for _, r := range st.Renditions {
				if r.Kind != control.Video {
					continue
				}
				p := s.probed(r.Name)
				got = append(got, fmt.Sprintf("%s %dx%d", r.Name, p.Width, p.Height))
				if p.SAR != "1:1" || p.Field != "progressive" {
					t.Errorf("%s: pixels of %s, %s", r.Name, p.SAR, p.Field)
				}
				if !strings.Contains(string(index), fmt.Sprintf("RESOLUTION=%dx%d", p.Width, p.Height)) {
					t.Errorf("%s: its size is not declared:\n%s", r.Name, index)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
			if !c.combed {
				return
			}
			first, _, _ := strings.Cut(c.want[0], " ")
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			before, after := combed(t, source), combed(t, s.media(first, 0))
			t.Logf("combed pictures: %.0f %% of the source's, %.0f %% of %s", before*100, after*100, first)
			if before < 0.9 || after > 0.05 {
				t.Errorf("combed are %.2f of the source's pictures and %.2f of %s", before, after, first)
			}
		})
	}
}

var idetLine = regexp.MustCompile(`Multi frame detection: TFF:\s*(\d+) BFF:\s*(\d+) Progressive:\s*(\d+) Undetermined:\s*(\d+)`)

// combed is the share of pictures that look made of two fields.
func combed(t testing.TB, media []byte) float64 {
	t.Helper()
	cmd := exec.Command("ffmpeg", "-hide_banner", "-nostdin", "-i", "pipe:0", "-map", "0:v", "-vf", "idet", "-f", "null", "-")
	cmd.Stdin = bytes.NewReader(media)
	out, err := cmd.CombinedOutput()
	m := idetLine.FindSubmatch(out)
	if err != nil || m == nil {
		t.Fatalf("idet: %v\n%.2000s", err, out)
	}
	var n [5]float64
	for i := 1; i < len(m); i++ {
		n[i], _ = strconv.ParseFloat(string(m[i]), 64)
	}
	return (n[1] + n[2]) / (n[1] + n[2] + n[3] + n[4])
}
