package probe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"onair/pipeline/probe"
	"onair/pkg/mpegts"
	"onair/pkg/tick"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// stream is a transport stream under construction: H.264 with PCR on pid 256, cues on pid 600.
type stream struct {
	out []byte
	cc  map[uint16]byte
}

func (s *stream) packet(pid uint16, start bool, adaptation, payload []byte) {
	p := bytes.Repeat([]byte{0xFF}, mpegts.Size)
	copy(p, []byte{0x47, byte(pid >> 8), byte(pid), 0x10 | s.cc[pid]&15})
	s.cc[pid]++
	if start {
		p[1] |= 0x40
	}
	at := 4
	if adaptation != nil {
		p[3] |= 0x20
		p[4] = byte(len(adaptation))
		at += 1 + copy(p[5:], adaptation)
	}
	copy(p[at:], payload)
	s.out = append(s.out, p...)
}

func (s *stream) tables() {
	psi, err := mpegts.PSI(mpegts.Program{Number: 7, PMTPID: 0x1000, PCRPID: 256, Streams: []mpegts.Stream{
		{PID: 256, Type: 0x1B}, {PID: 257, Type: 0x0F, Descriptors: []byte{0x0A, 4, 'd', 'e', 'u', 0}}, {PID: 600, Type: 0x86},
	}}, s.cc[0])
	if err != nil {
		panic(err)
	}
	s.cc[0]++
	s.out = append(append(s.out, psi[0][:]...), psi[1][:]...)
}

// picture adds one picture and the audio beside it, at t in 90 kHz.
func (s *stream) picture(t uint64, pcr bool, es []byte) {
	t &= 1<<33 - 1
	stamp := []byte{0x21 | byte(t>>29)&0x0E, byte(t >> 22), byte(t>>14) | 1, byte(t >> 7), byte(t<<1) | 1}
	field := []byte{0x10, byte(t >> 25), byte(t >> 17), byte(t >> 9), byte(t >> 1), byte(t<<7) | 0x7E, 0}
	if !pcr {
		field = []byte{0}
	}
	s.packet(256, true, field, slices.Concat([]byte{0, 0, 1, 0xE0, 0, 0, 0x80, 0x80, 5}, stamp, es))
	s.packet(257, true, nil, slices.Concat([]byte{0, 0, 1, 0xC0, 0, 0, 0x80, 0x80, 5}, stamp, []byte{0xFF}))
}

func (s *stream) cue(event byte) {
	b := []byte{0xFC, 0x30, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xF0, 5, 6, 0xFE, 0, 0, 0, event, 0, 0}
	b[2] = byte(len(b) + 1)
	crc := mpegts.CRC32(b)
	b = append(b, byte(crc>>24), byte(crc>>16), byte(crc>>8), byte(crc))
	s.packet(600, true, nil, append([]byte{0}, b...))
}

var (
	keyPicture = []byte{0, 0, 1, 9, 0x10, 0, 0, 1, 0x67, 0x42, 0xC0, 0x1E, 0xDA, 0x02, 0x80, 0xF6, 0xC0, 0x44, 0, 0, 3,
		0, 4, 0, 0, 3, 0, 0xC8, 0x3C, 0x58, 0xBA, 0x80,
		0, 0, 1, 6, 4, 14, 0xB5, 0, 0x31, 'G', 'A', '9', '4', 3, 0x41, 0xFF, 0xFC, 0x94, 0x20, 0xFF, 0x80, 0, 0, 1, 0x65, 0x88, 0x84, 1, 2, 3}
	otherPicture = []byte{0, 0, 1, 9, 0x30, 0, 0, 1, 0x41, 0x9A, 1, 2, 3, 4}
)

// contribution is n pictures at 25 frames a second from start, with pcr or without.
func contribution(n int, start uint64, pcr bool) *stream {
	s := &stream{cc: map[uint16]byte{}}
	s.extend(n, start, pcr)
	return s
}

func (s *stream) extend(n int, start uint64, pcr bool) {
	for i := range n {
		if i%5 == 0 {
			s.tables()
		}
		es := otherPicture
		if i%25 == 0 {
			es = keyPicture
			s.cue(byte(i / 50)) // each event comes twice
		}
		s.picture(start+uint64(i)*3600, pcr, es)
	}
}

func probeFile(t *testing.T, data []byte, span tick.Tick) probe.Report {
	t.Helper()
	r, err := probe.File(t.Context(), bytes.NewReader(data), "test.ts", span)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCleanFile(t *testing.T) {
	r := probeFile(t, contribution(250, 1<<33-90_000, true).out, 0) // wraps after a second
	if !r.Clean || !r.Usable || len(r.Problems) > 0 {
		t.Errorf("not clean: %q", r.Problems)
	}
	if r.Stream.Clock != "pcr" || r.Stream.Seconds < 9.95 || r.Stream.Seconds > 10.05 {
		t.Errorf("%v s by %s, want 10 by pcr", r.Stream.Seconds, r.Stream.Clock)
	}
	if len(r.Cues) != 1 || r.Cues[0].Cues != 10 || r.Cues[0].Distinct != 5 || r.Cues[0].PID != 600 {
		t.Errorf("cues %+v", r.Cues)
	}
	v := r.Programs[0].Streams[0]
	if v.KeyPictures != 10 || !v.Captions.Present || v.Captions.Pictures != 10 || v.Width != 640 || v.Height != 480 {
		t.Errorf("video %+v, captions %+v", v, v.Captions)
	}
	golden(t, "clean.txt", r)
}

// golden compares what people read; the JSON is compared with docs/openapi.yaml elsewhere.
func golden(t *testing.T, name string, r probe.Report) {
	t.Helper()
	var got bytes.Buffer
	if err := r.WriteText(&got); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("report\n%s\nwant\n%s", got.String(), want)
	}
}

func TestFileWithTrouble(t *testing.T) {
	noise := make([]byte, 100_000)
	r := rand.New(rand.NewPCG(3, 4))
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	jump := contribution(50, 90_000, true)
	jump.extend(50, 1<<32, true)
	lost := contribution(50, 90_000, true).out
	lost = slices.Concat(lost[:188*20], lost[188*21:])
	absent := contribution(200, 90_000, true)
	absent.out = without(absent.out, 257)
	cases := []struct {
		name   string
		data   []byte
		usable bool
		want   string // in one of the problems
	}{
		{"empty", nil, false, "no packets were found in 0 bytes"},
		{"noise", noise, false, "no packets were found in 100000 bytes"},
		{"pcr jump", jump.out, true, "2.3.b PCR_discontinuity_indicator_error: 1"},
		{"lost packet", lost, true, "1.4 Continuity_count_error: 1"},
		{"absent audio", absent.out, true, "aac audio on pid 257 is declared, but never came"},
		{"absent audio by the standard", absent.out, true, "1.6 PID_error: 1"},
		{"cut packet", contribution(50, 90_000, true).out[:188*60+10], true, "10 bytes between or after"},
		{"no tables", without(without(contribution(50, 90_000, true).out, 0), 0x1000), false, "no valid PAT"},
		{"no map", without(contribution(50, 90_000, true).out, 0x1000), false, "program 7 is announced, but no valid program map"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := probeFile(t, c.data, 0)
			if r.Clean || r.Usable != c.usable {
				t.Errorf("clean %v, usable %v", r.Clean, r.Usable)
			}
			if !slices.ContainsFunc(r.Problems, func(p string) bool { return strings.Contains(p, c.want) }) {
				t.Errorf("problems %q do not tell %q", r.Problems, c.want)
			}
			b, err := json.Marshal(r)
			if err != nil || nullList.Match(b) {
				t.Errorf("a list is null in %s (%v)", b, err)
			}
		})
	}
}

var nullList = regexp.MustCompile(`"(problems|programs|streams|cues|checks|pids|cea608|cea708)":null`)

func without(ts []byte, pid uint16) []byte {
	var out []byte
	for p := range slices.Chunk(ts, mpegts.Size) {
		if mpegts.Packet(p).PID() != pid {
			out = append(out, p...)
		}
	}
	return out
}

func TestFileWithoutPCRGoesByTimestamps(t *testing.T) {
	r := probeFile(t, contribution(250, 90_000, false).out, 0)
	if r.Stream.Clock != "pts" || r.Stream.Seconds < 9.95 || r.Stream.Seconds > 10.05 {
		t.Errorf("%v s by %s, want 10 by pts", r.Stream.Seconds, r.Stream.Clock)
	}
}

func TestSpanEndsTheAnalysisOfAFile(t *testing.T) {
	r := probeFile(t, contribution(500, 90_000, true).out, 4*tick.Second)
	if r.Stream.Seconds < 3.9 || r.Stream.Seconds > 4.1 || !r.Clean {
		t.Errorf("%v s, want 4; %q", r.Stream.Seconds, r.Problems)
	}
}

func TestReadingErrorIsNoReport(t *testing.T) {
	broken := errors.New("disk on fire")
	_, err := probe.File(t.Context(), failing{broken}, "test.ts", 0)
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := probe.File(ctx, bytes.NewReader(contribution(50, 0, true).out), "test.ts", 0); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error)       { return 0, f.err }
func (f failing) Seek(int64, int) (int64, error) { return 0, nil }

// sender is a source that has everything to say at once.
type sender struct {
	data    []byte
	a       *probe.Analysis
	now     tick.Tick
	lost    int
	failure string
	err     error
}

func (s *sender) Run(context.Context) error {
	for b := range slices.Chunk(s.data, 7*mpegts.Size) {
		s.now += 20 * tick.Millisecond
		s.a.Datagram(b, s.now, s.lost)
		s.lost = 0
	}
	return s.err
}

func (s *sender) Failure() string { return s.failure }

func TestLive(t *testing.T) {
	a := probe.New("udp://127.0.0.1:5000")
	s := &sender{data: contribution(250, 90_000, true).out, a: a, now: tick.Second, lost: 3}
	r, err := probe.Live(t.Context(), s, a, time.Second, func() tick.Tick { return s.now })
	if err != nil {
		t.Fatal(err)
	}
	if r.Stream.Clock != "arrival" || r.Network == nil || r.Network.Lost != 3 || !r.Usable || r.Clean {
		t.Errorf("%+v, network %+v", r.Stream, r.Network)
	}
	if !slices.Contains(r.Problems, "3 datagrams were lost") {
		t.Errorf("problems %q", r.Problems)
	}
}

func TestLiveThatBringsNothing(t *testing.T) {
	a := probe.New("udp://127.0.0.1:5000")
	r, err := probe.Live(t.Context(), &sender{a: a}, a, 0, func() tick.Tick { return tick.Second })
	if err != nil || r.Usable || !slices.Contains(r.Problems, "nothing was received") {
		t.Errorf("%q, error %v", r.Problems, err)
	}
}

func TestLiveThatCannotOpen(t *testing.T) {
	a := probe.New("udp://127.0.0.1:5000")
	_, err := probe.Live(t.Context(), &sender{a: a, failure: "address in use"}, a, 0, func() tick.Tick { return 0 })
	if !errors.Is(err, probe.ErrCannotOpen) || !strings.Contains(err.Error(), "address in use") {
		t.Errorf("error %v", err)
	}
	broken := errors.New("broken")
	if _, err := probe.Live(t.Context(), &sender{a: a, err: broken}, a, 0, func() tick.Tick { return 0 }); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

// TestCaptures holds every capture against what is known of it.
func TestCaptures(t *testing.T) {
	dir := os.Getenv("ONAIR_MEDIA")
	if dir == "" {
		t.Skip("ONAIR_MEDIA is not set: no captures to test against")
	}
	unusable := []string{"corrupt-satellite-1080i-scte35pid-multilang.ts", "one-packet-stuffed-pes.ts", "t2mi-only-no-psi.ts",
		"teletext-only-av-declared-but-absent.ts"}
	clean := []string{"aac-latm-tiny.ts", "ac3-576-h264-seg0.ts", "avsync-flash-beep-720p30-aac.ts", "dvbt-1080i25-h264-3xeac3-dvbsub-clear.ts",
		"m2ts-192byte-mpeg2-mp2.ts", "mpeg2-576i25-mp2.ts", "mpts-2prog-1080i25-h264-ac3-dvbsub.ts", "scte35-mpeg2-splice-insert-out-in.ts",
		"pat-pmt-in-the-middle.ts", "truncated-30-packets.ts"}
	cues := map[string][2]uint64{"scte35-80s-splice-insert-no-cuei.ts": {1, 1}, "scte35-mpeg2-splice-insert-out-in.ts": {3, 2}}
	captions := []string{"cea608-cea708-bbb-2398-heaac.ts", "cea608-multichannel-cc1-cc3.ts", "cea608-sintel-h264-aac.ts",
		"id3-pid-bipbop-truncated-tail.ts"}
	files, err := filepath.Glob(filepath.Join(dir, "ts", "*.ts"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d captures, error %v", len(files), err)
	}
	for _, path := range files {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			r := probeFile(t, data, 0)
			if r.Usable == slices.Contains(unusable, name) || r.Clean != slices.Contains(clean, name) {
				t.Errorf("usable %v, clean %v: %q", r.Usable, r.Clean, r.Problems)
			}
			var got [2]uint64
			for _, c := range r.Cues {
				got[0] += c.Cues
				got[1] += c.Distinct
			}
			if got != cues[name] {
				t.Errorf("cues %v, want %v", got, cues[name])
			}
			found := false
			for _, p := range r.Programs {
				for _, s := range p.Streams {
					found = found || (s.Captions != nil && s.Captions.Present)
				}
			}
			if found != slices.Contains(captions, name) {
				t.Errorf("captions found: %v", found)
			}
		})
	}
}

func FuzzFile(f *testing.F) {
	f.Add(contribution(6, 90_000, true).out)
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := probe.File(t.Context(), bytes.NewReader(data), "test.ts", 0)
		if err != nil {
			t.Fatal(err)
		}
		if r.Stream.Bytes != uint64(len(data)) || r.Stream.Packets*mpegts.Size+r.Stream.JunkBytes > uint64(len(data)) {
			t.Fatalf("%d bytes: %+v", len(data), r.Stream)
		}
		if _, err := json.Marshal(r); err != nil {
			t.Fatal(err)
		}
	})
}
