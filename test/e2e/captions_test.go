//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// captionsOf are the caption data of a file's pictures in the order of their showing: a hash for each picture that has any.
func captionsOf(t testing.TB, file string) []string {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "error", "-f", "lavfi", "-i", "movie="+file+"[out+subcc]", "-select_streams", "s",
		"-show_packets", "-show_data_hash", "md5", "-show_entries", "packet=data_hash", "-of", "csv=p=0").Output()
	if err != nil {
		t.Fatalf("captions of %s: %v", file, err)
	}
	return strings.Fields(string(out))
}

// captionsIn are those of a rendition.
func (s *station) captionsIn(rendition string) []string {
	s.t.Helper()
	file := filepath.Join(s.dir, rendition+".mp4")
	if err := os.WriteFile(file, s.media(rendition, 0), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return captionsOf(s.t, file)
}

// stretch is how many of got, from its first on, follow each other in want.
func stretch(got, want []string) int {
	most := 0
	for at := range want {
		n := 0
		for n < len(got) && at+n < len(want) && got[n] == want[at+n] {
			n++
		}
		most = max(most, n)
	}
	return most
}

func TestCaptions(t *testing.T) {
	folder := os.Getenv("ONAIR_MEDIA")
	if folder == "" {
		t.Skip("ONAIR_MEDIA names no folder with captures")
	}
	const rungs = "video:\n  - {name: v180, size: 320x180, bitrate: 300k}\n  - {name: v90, size: 160x90, bitrate: 100k}\n"
	for _, c := range []struct {
		name, file, channel string
		length              time.Duration
		hls                 []string // INSTREAM-ID
		dash                []string
		short               bool
	}{
		{
			"CC1", "cea608-sintel-h264-aac.ts", rungs, 10119 * time.Millisecond, []string{"CC1"}, []string{"cea-608:2015\" value=\"CC1=und\""}, true,
		},
		{
			"two channels and six services", "cea608-cea708-bbb-2398-heaac.ts", rungs, 28779 * time.Millisecond,
			[]string{"CC1", "CC3", "SERVICE1", "SERVICE2", "SERVICE3", "SERVICE4", "SERVICE5", "SERVICE6"},
			[]string{"cea-608:2015\" value=\"CC1=und;CC3=und\"", "cea-708:2015\" value=\"1=lang:und;2=lang:und;"}, false,
		},
		{
			"at a higher rate", "cea608-cea708-bbb-2398-heaac.ts", "frame_rate: 30000/1001\n" + rungs, 28779 * time.Millisecond,
			[]string{"CC1", "CC3", "SERVICE1", "SERVICE2", "SERVICE3", "SERVICE4", "SERVICE5", "SERVICE6"}, nil, false,
		},
		{"removed by a lower rate", "cea608-multichannel-cc1-cc3.ts", "frame_rate: 25\n" + rungs, 6039 * time.Millisecond, nil, nil, false},
		{
			"not in HEVC", "cea608-sintel-h264-aac.ts",
			"video:\n  - {name: v180, size: 320x180, bitrate: 300k, codec: hevc}\n  - {name: v90, size: 160x90, bitrate: 100k}\n",
			10119 * time.Millisecond, []string{"CC1"}, nil, false,
		},
		{"none", "", rungs, 12 * time.Second, nil, nil, true},
	} {
		if !c.short && !long {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			port := freePort(t, "udp")
			file := filepath.Join(folder, "ts", c.file)
			if c.file == "" {
				file = numbered(t, 12, "25")
			}
			s := newRungs(t, port, "", c.channel)
			s.onAir(file, c.length, port, 3)
			s.wantDeclared(c.hls, c.dash, strings.Contains(c.channel, "hevc"))
			s.stop()
			s.wantVerified()
			for _, r := range []string{"v180", "v90"} {
				got, want := s.captionsIn(r), captionsOf(t, file)
				switch hevc := r == "v180" && strings.Contains(c.channel, "hevc"); {
				case hevc || c.hls == nil:
					if len(got) != 0 {
						t.Errorf("%s: %d pictures have captions, want none", r, len(got))
					}
				case len(got) < 90 || stretch(got, want) != len(got):
					t.Errorf("%s: of the captions of %d pictures the first %d are those of the source in their order", r, len(got), stretch(got, want))
				default:
					t.Logf("%s: the captions of %d pictures, each of the source's once", r, len(got))
				}
			}
		})
	}
}

// wantDeclared fails unless both manifests name these captions and no others. In a channel with a rendition that has none,
// the others' are declared all the same, and nothing is for it.
func (s *station) wantDeclared(hls, dash []string, mixed bool) {
	s.t.Helper()
	_, index := s.get("/ch/index.m3u8")
	_, mpd := s.get("/ch/manifest.mpd")
	var got []string
	declared, none, variants := 0, 0, 0
	for line := range strings.Lines(string(index)) {
		if _, rest, ok := strings.Cut(line, `INSTREAM-ID="`); ok {
			id, _, _ := strings.Cut(rest, `"`)
			got = append(got, id)
		}
		if strings.HasPrefix(line, "#EXT-X-STREAM-INF:") {
			variants++
			if strings.Contains(line, `CLOSED-CAPTIONS="cc"`) {
				declared++
			}
			if strings.Contains(line, "CLOSED-CAPTIONS=NONE") {
				none++
			}
		}
	}
	if !slices.Equal(got, hls) {
		s.t.Errorf("HLS declares %v, want %v", got, hls)
	}
	wantDeclared, wantNone := variants, 0
	switch {
	case hls == nil:
		wantDeclared, wantNone = 0, variants
	case mixed:
		wantDeclared = variants - 1
	}
	if declared != wantDeclared || none != wantNone || variants == 0 {
		s.t.Errorf("of %d variants %d have captions and %d say NONE:\n%s", variants, declared, none, index)
	}
	for _, d := range dash {
		if !strings.Contains(string(mpd), d) {
			s.t.Errorf("DASH lacks %s:\n%.3000s", d, mpd)
		}
	}
	if hls == nil && strings.Contains(string(mpd), "cea-") {
		s.t.Errorf("DASH declares captions:\n%.3000s", mpd)
	}
}
