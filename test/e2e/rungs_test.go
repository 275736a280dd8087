//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"onair/pipeline/control"
	"onair/pkg/fmp4"
)

// long tells whether the tests that CI has no time for are wanted.
var long = os.Getenv("ONAIR_LONG") != ""

// making guards the clips that tests running at once may want.
var making sync.Mutex

// made makes (once) a TS of FFmpeg's arguments, which are split at spaces. Its clock begins at 10 s.
func made(t testing.TB, name, args string) string {
	t.Helper()
	making.Lock()
	defer making.Unlock()
	name = filepath.Join(clips, name+".ts")
	if _, err := os.Stat(name); err == nil {
		return name
	}
	all := append([]string{"-hide_banner", "-loglevel", "error", "-nostdin"}, strings.Fields(args)...)
	all = append(all, "-muxdelay", "0", "-muxpreload", "0", "-output_ts_offset", "10", "-f", "mpegts", name+".part")
	if out, err := exec.Command("ffmpeg", all...).CombinedOutput(); err != nil {
		t.Fatalf("making %s: %v\n%s", name, err, out)
	}
	if err := os.Rename(name+".part", name); err != nil {
		t.Fatal(err)
	}
	return name
}

// numbered is clip for tests that run at once.
func numbered(t testing.TB, seconds int, rate string, extra ...string) string {
	t.Helper()
	making.Lock()
	defer making.Unlock()
	return clip(t, seconds, rate, append([]string{"-g", "12", "-preset", "ultrafast", "-muxdelay", "0", "-muxpreload", "0"}, extra...)...)
}

// newRungs starts a channel "ch" with segments of 2 s, an RTP input at port, further lines of that input, and whatever
// else.
func newRungs(t testing.TB, port int, input, rest string) *station {
	t.Helper()
	s := newStationOf(t, "channel: ch\nhttp: %[1]q\ninputs:\n%[2]s\nsegment: 2s\ngop: 1s\nwindow: 5m\npreset: ultrafast\nstart: wait\n"+
		rest+"\noutputs:\n  - dir: %[3]s\n", rtpInput(port)+"\n"+input)
	if !eventually(10*time.Second, func() bool { return s.status().Channel != "" }) {
		t.Fatal("the program does not answer")
	}
	return s
}

// onAir plays a TS of that length into a channel until n segments are listed.
func (s *station) onAir(file string, length time.Duration, port int, n uint64) control.Status {
	s.t.Helper()
	pace(s.t, file, length, port)
	return s.wait(fmt.Sprintf("%d segments", n), length+30*time.Second, segments(n))
}

// timing is a segment grid: frames pictures at num/den per second in each segment.
type timing struct{ num, den, frames int64 }

// start is where segment k begins, in seconds.
func (g timing) start(k int64) *big.Rat {
	return new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(k), big.NewInt(g.frames*g.den)), big.NewInt(g.num))
}

// sound is the first AAC frame at or after the begin of segment k, in samples at 48 kHz.
func (g timing) sound(k int64) int64 {
	at := new(big.Rat).Mul(g.start(k), big.NewRat(48000, 1024))
	n, rest := new(big.Int).DivMod(at.Num(), at.Denom(), new(big.Int))
	if rest.Sign() != 0 {
		n.Add(n, big.NewInt(1))
	}
	return n.Int64() * 1024
}

// span is the time of segment k in a rendition.
func (g timing) span(k int64, audio bool) (from, to *big.Rat) {
	if audio {
		return big.NewRat(g.sound(k), 48000), big.NewRat(g.sound(k+1), 48000)
	}
	return g.start(k), g.start(k + 1)
}

// floorMs is an instant in whole milliseconds.
func floorMs(at *big.Rat) int64 {
	ms := new(big.Rat).Mul(at, big.NewRat(1000, 1))
	return new(big.Int).Div(ms.Num(), ms.Denom()).Int64()
}

// wantExact fails unless every rendition's segments follow each other, with every frame at its place on the grid to the
// tick, and its playlist says so to the millisecond. The timescale of pictures is that of times; for 1001 rates 90000
// is inexact.
func (s *station) wantExact(g timing, timescale int64) {
	s.t.Helper()
	s.wantExactWithSeams(g, timescale, 0)
}

// wantExactWithSeams is wantExact for a channel in which so many runs began in mid-segment: each brings a further key frame.
func (s *station) wantExactWithSeams(g timing, timescale int64, seams int) {
	s.t.Helper()
	for _, r := range s.status().Renditions {
		audio := r.Kind == "audio"
		if extra := s.wantSegments(g, timescale, r.Name, audio); extra > seams {
			s.t.Errorf("%s: %d key frames beside the grid, want %d at most", r.Name, extra, seams)
		}
		s.wantPlaylist(g, r.Name, audio)
	}
}

// wantSegments tells the number of key frames beside the grid.
func (s *station) wantSegments(g timing, timescale int64, rendition string, audio bool) (extra int) {
	s.t.Helper()
	header := s.header(rendition)
	step := uint32(1024)
	if audio {
		timescale = 48000
	} else {
		step = uint32(timescale * g.den / g.num)
	}
	if int64(header.Timescale) != timescale {
		s.t.Errorf("%s: timescale %d, want %d", rendition, header.Timescale, timescale)
	}
	ks := s.numbers(rendition)
	if len(ks) < 3 {
		s.t.Errorf("%s: %d segments", rendition, len(ks))
	}
	for i, k := range ks {
		if i > 0 && k != ks[i-1]+1 {
			s.t.Errorf("%s: segment %d after %d", rendition, k, ks[i-1])
		}
		info := s.segment(header, rendition, k)
		from, to := g.span(k, audio)
		scale := big.NewRat(timescale, 1)
		for _, is := range []struct {
			what string
			got  uint64
			want *big.Rat
		}{{"tfdt", info.BaseTime, from.Mul(from, scale)}, {"end", info.End(), to.Mul(to, scale)}} {
			if new(big.Rat).SetInt(new(big.Int).SetUint64(is.got)).Cmp(is.want) != 0 {
				s.t.Errorf("%s: %s of segment %d is %d, want %s", rendition, is.what, k, is.got, is.want.RatString())
			}
		}
		if info.Sequence != uint32(k) {
			s.t.Errorf("%s: sequence %d in segment %d", rendition, info.Sequence, k)
		}
		extra += s.wantSamples(g, info, step, fmt.Sprintf("%s segment %d", rendition, k), audio)
	}
	return extra
}

// wantSamples fails unless samples have the grid's length and key frames stand where GOPs of a second begin. It tells the
// number of those that stand elsewhere.
func (s *station) wantSamples(g timing, info fmp4.SegmentInfo, step uint32, where string, audio bool) (extra int) {
	s.t.Helper()
	for i, x := range info.Samples {
		if x.Duration != step {
			s.t.Errorf("%s: sample %d lasts %d, want %d", where, i, x.Duration, step)
		}
		if audio {
			continue
		}
		key := int64(i)%(g.frames/2) == 0
		if key && !x.Sync || x.Sync && x.PTS != x.DTS {
			s.t.Errorf("%s: sample %d is key frame: %v, shown %d after its decoding", where, i, x.Sync, x.PTS-x.DTS)
		}
		if x.Sync && !key {
			extra++
		}
	}
	return extra
}

func (s *station) wantPlaylist(g timing, rendition string, audio bool) {
	s.t.Helper()
	code, playlist := s.get("/ch/" + rendition + ".m3u8")
	for _, bad := range []string{"EXT-X-GAP", "EXT-X-DISCONTINUITY\n", "EXT-X-ENDLIST"} {
		if code != 200 || bytes.Contains(playlist, []byte(bad)) {
			s.t.Errorf("%s: playlist with status %d has %s:\n%.600s", rendition, code, bad, playlist)
		}
	}
	var date, length string
	n := 0
	for line := range strings.Lines(string(playlist)) {
		line = strings.TrimSpace(line)
		name, isSegment := strings.CutSuffix(line, ".m4s")
		switch {
		case strings.HasPrefix(line, "#EXT-X-PROGRAM-DATE-TIME:"):
			_, date, _ = strings.Cut(line, ":")
		case strings.HasPrefix(line, "#EXTINF:"):
			length = strings.TrimSuffix(strings.TrimPrefix(line, "#EXTINF:"), ",")
		case isSegment:
			k, err := strconv.ParseInt(filepath.Base(name), 10, 64)
			if err != nil {
				s.t.Fatal(err)
			}
			from, to := g.span(k, audio)
			ms := floorMs(to) - floorMs(from)
			if got, err := strconv.ParseFloat(length, 64); err != nil || int64(got*1000+0.5) != ms {
				s.t.Errorf("%s: segment %d lasts %q, want %d ms", rendition, k, length, ms)
			}
			if got, err := time.Parse(time.RFC3339, date); err != nil || got.UnixMilli() != floorMs(from) {
				s.t.Errorf("%s: segment %d is dated %q, want %v", rendition, k, date, time.UnixMilli(floorMs(from)).UTC())
			}
			date = ""
			n++
		}
	}
	if n < 3 {
		s.t.Errorf("%s: %d segments in the playlist", rendition, n)
	}
}

// header is a rendition's initialization.
func (s *station) header(rendition string) fmp4.Header {
	s.t.Helper()
	inits, _ := filepath.Glob(filepath.Join(s.origin(), rendition, "init-*.mp4"))
	if len(inits) != 1 {
		s.t.Fatalf("%d initializations of %s, want 1", len(inits), rendition)
	}
	b, err := os.ReadFile(inits[0])
	if err != nil {
		s.t.Fatal(err)
	}
	h, err := fmp4.ParseInit(b)
	if err != nil {
		s.t.Fatal(err)
	}
	return h
}

func (s *station) segment(h fmp4.Header, rendition string, k int64) fmp4.SegmentInfo {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.origin(), rendition, fmt.Sprintf("%d.m4s", k)))
	if err != nil {
		s.t.Fatal(err)
	}
	info, err := h.ParseSegment(b)
	if err != nil {
		s.t.Fatalf("%s segment %d: %v", rendition, k, err)
	}
	return info
}

// wantVerified stops the program and lets its own strict viewer look at the folder.
func (s *station) wantVerified() {
	s.t.Helper()
	if out, err := exec.Command(program, "verify", s.origin()).CombinedOutput(); err != nil {
		s.t.Errorf("verify: %v\n%.4000s", err, out)
	}
}

// stream is what ffprobe tells of a track.
type stream struct {
	Kind       string `json:"codec_type"`
	Codec      string `json:"codec_name"`
	Tag        string `json:"codec_tag_string"`
	Profile    string `json:"profile"`
	Level      int    `json:"level"`
	Width      int    `json:"width"`
	Height     int    `json:"height"`
	SAR        string `json:"sample_aspect_ratio"`
	Field      string `json:"field_order"`
	SampleRate string `json:"sample_rate"`
	Channels   int    `json:"channels"`
	Layout     string `json:"channel_layout"`
	Captions   int    `json:"closed_captions"`
	Tags       struct {
		Language string `json:"language"`
	} `json:"tags"`
}

// ffprobe reads the tracks of a URL, or of media.
func ffprobe(t testing.TB, input string, media []byte) []stream {
	t.Helper()
	cmd := exec.Command("ffprobe", "-v", "error", "-print_format", "json", "-show_streams", input)
	cmd.Stdin = bytes.NewReader(media)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	var doc struct{ Streams []stream }
	if err != nil || json.Unmarshal(out, &doc) != nil {
		t.Errorf("ffprobe %s: %v\n%s", input, err, errs.String())
	}
	return doc.Streams
}

// probed is the one track of a rendition, as ffprobe sees it in the folder.
func (s *station) probed(rendition string) stream {
	s.t.Helper()
	all := ffprobe(s.t, "pipe:0", s.media(rendition, 0))
	if len(all) != 1 {
		s.t.Fatalf("%s: %d tracks", rendition, len(all))
	}
	return all[0]
}
