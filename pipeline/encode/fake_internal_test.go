package encode

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"onair/pkg/fmp4"
	"onair/pkg/mpegts"
)

// fakeEnv makes this test binary an FFmpeg or an ffprobe; fakeDir is where it remembers what it has done once.
const (
	fakeEnv = "ENCODE_FAKE"
	fakeDir = "ENCODE_FAKE_DIR"
)

// Orders to the fake FFmpeg: the last byte of a video packet.
const (
	crashAlways = 'p'
	crashOnce   = 'c'
	stallOnce   = 's'
	quitOnce    = 'q'
	blindOnce   = 'b' // no picture comes out any more, the sound goes on
	slowOnce    = 'w' // pictures come out at a fifth of their rate from here on
)

func TestMain(m *testing.M) {
	switch os.Getenv(fakeEnv) {
	case "ffmpeg":
		if err := newFakeFFmpeg(os.Args[1:]).run(os.Stdin); err != nil {
			fmt.Fprintln(os.Stderr, err)
			syscall.Exit(1)
		}
	case "probe":
		fakeProbe()
	case "probe at the end":
		fakeProbeAtTheEnd(0)
	case "probe slowly":
		fakeProbeAtTheEnd(40)
	case "probe fails":
		fmt.Fprintln(os.Stderr, "Invalid data found when processing input")
		syscall.Exit(1)
	case "probe hangs":
		select {}
	default:
		goleak.VerifyTestMain(m)
	}
}

// fakeProbe reads some of its input and finds one picture.
func fakeProbe() {
	if _, err := io.CopyN(io.Discard, os.Stdin, 20*mpegts.Size); err != nil {
		syscall.Exit(1)
	}
	fmt.Printf(`{"streams":[{"index":0,"id":"0x%x","codec_type":"video","codec_name":"h264","width":640,"height":360,`+
		`"r_frame_rate":"25/1","avg_frame_rate":"25/1","pix_fmt":"yuv420p","field_order":"progressive"}]}`, videoPID)
}

// fakeProbeAtTheEnd reads all of its input, and makes out its picture and the sound of more than so many packets.
func fakeProbeAtTheEnd(dull int) {
	b, err := io.ReadAll(os.Stdin)
	if err != nil {
		syscall.Exit(1)
	}
	sounds, rate := 0, 0
	for ; len(b) >= mpegts.Size; b = b[mpegts.Size:] {
		if mpegts.Packet(b[:mpegts.Size]).PID() == audioPID {
			sounds++
		}
	}
	if sounds > dull {
		rate = 48_000
	}
	fmt.Printf(`{"streams":[{"index":0,"id":"0x%x","codec_type":"video","codec_name":"h264","width":640,"height":360,`+
		`"r_frame_rate":"25/1","avg_frame_rate":"25/1","pix_fmt":"yuv420p","field_order":"progressive"},`+
		`{"index":1,"id":"0x%x","codec_type":"audio","codec_name":"aac","sample_rate":"%d","channels":2}]}`,
		videoPID, audioPID, rate)
}

// fakeFFmpeg does what FFmpeg does with the arguments of a run, without coding: every frame's data is the number of the
// source frame that it shows, and the input's letter.
type fakeFFmpeg struct {
	pipes    []*os.File // of the pictures, then of the sound
	pictures int
	heads    [][]byte
	hangs    int // pipe that gives nothing after a while; -1: none
	slow     bool
	ration   int64    // from an order on a picture comes out only for every so many; 0: for each
	next     [2]int64 // frame slot, counted from PTS 0
	n, n0    int64
	gop      int64
	shown    []byte
	delayed  [][]byte // the last frames stay inside until the end of the feed
	out      int64
	made     int64 // by the frame grid
	skip     int64 // so many of these are cut off
	limit    int64 // and all after so many, up to which the last one is repeated; 0: none
}

var fakeArgs = regexp.MustCompile(`start_time=([0-9.]+)(?:.*start_pts=([0-9]+))?.*mod\(n\+([0-9]+),([0-9]+)\)`)

var fakeStill = regexp.MustCompile(`tpad=stop=[0-9]+:stop_mode=clone,trim=start_frame=([0-9]+):end_frame=([0-9]+)`)

func newFakeFFmpeg(args []string) *fakeFFmpeg {
	m := fakeArgs.FindStringSubmatch(strings.Join(args, " "))
	if m == nil {
		fmt.Fprintln(os.Stderr, "unexpected arguments:", args)
		syscall.Exit(1)
	}
	seconds, _ := strconv.ParseFloat(m[1], 64)
	samples, _ := strconv.ParseInt(m[2], 10, 64)
	n0, _ := strconv.ParseInt(m[3], 10, 64)
	gop, _ := strconv.ParseInt(m[4], 10, 64)
	f := &fakeFFmpeg{
		n0: n0, gop: gop, next: [2]int64{int64(seconds*25 + 0.5), (samples + 1023) / 1024},
	}
	f.outputs(args)
	if m := fakeStill.FindStringSubmatch(strings.Join(args, " ")); m != nil {
		f.skip, _ = strconv.ParseInt(m[1], 10, 64)
		f.limit, _ = strconv.ParseInt(m[2], 10, 64)
	}
	return f
}

// fakeFault is what goes wrong: "KIND BITRATE" for the picture of that bitrate, "slow PRESET" for all presets but that.
const fakeFault = "ENCODE_FAKE_FAULT"

// outputs opens the pipes, and lets go wrong what is to go wrong.
func (f *fakeFFmpeg) outputs(args []string) {
	f.hangs = -1
	kind, which, _ := strings.Cut(os.Getenv(fakeFault), " ")
	f.slow = kind == "slow" && !slices.Contains(args, which)
	for i, a := range args {
		switch {
		case a == "-c:v", a == "-c:a":
			n := len(f.pipes)
			f.pipes = append(f.pipes, os.NewFile(uintptr(3+n), "pipe"))
			if a == "-c:v" {
				f.pictures++
			}
			f.heads = append(f.heads, initOf(map[string]string{"-c:v": "h264", "-c:a": "aac"}[a]))
		case a == "-b:v" && args[i+1] == which:
			f.fault(kind, len(f.pipes)-1)
		}
	}
}

func (f *fakeFFmpeg) fault(kind string, pipe int) {
	switch kind {
	case "open":
		fmt.Fprintf(os.Stderr, "Error initializing output stream %d:0 -- Error while opening encoder for it\n", pipe)
		syscall.Exit(1)
	case "garbage":
		f.heads[pipe] = bytes.Repeat([]byte{0xff}, 1000)
	case "hang":
		f.hangs = pipe
	case "fat":
		fat := bytes.Repeat([]byte("fat"), 50<<20)
		fmt.Fprintln(os.Stderr, "took", len(fat))
	}
}

// initOf is what comes before the first fragment of a fixture.
func initOf(name string) []byte {
	b, err := os.ReadFile(filepath.Join("..", "..", "pkg", "fmp4", "testdata", name+".mp4"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		syscall.Exit(1)
	}
	return b[:bytes.Index(b, []byte("moof"))-4]
}

func (f *fakeFFmpeg) run(feed io.Reader) error {
	in := bufio.NewReader(feed)
	pkt := make(mpegts.Packet, mpegts.Size)
	for {
		if _, err := io.ReadFull(in, pkt); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		times, ok := mpegts.PESTimes(pkt.Payload())
		if !ok {
			continue
		}
		var err error
		if pkt.PID() == videoPID {
			f.obey(pkt)
			err = f.picture(int64(times.PTS+1800)/3600, pkt[pictureAt:pictureAt+5])
		} else {
			err = f.sound(int64(times.PTS) * 48_000 / 90_000 / 1024)
		}
		if err != nil {
			return err
		}
	}
	for f.made < f.limit && f.shown != nil {
		if err := f.frame(); err != nil {
			return err
		}
	}
	for len(f.delayed) > 0 {
		if err := f.flush(); err != nil {
			return err
		}
	}
	return nil
}

// obey carries out the order in a packet.
func (f *fakeFFmpeg) obey(pkt mpegts.Packet) {
	order := pkt[mpegts.Size-1]
	if order != crashAlways && order != 0xff {
		name := filepath.Join(os.Getenv(fakeDir), fmt.Sprintf("%c%x", order, pkt[pictureAt:pictureAt+5]))
		if file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL, 0o600); err != nil {
			return
		} else if err := file.Close(); err != nil {
			return
		}
	}
	switch order {
	case crashAlways, crashOnce:
		fmt.Fprintln(os.Stderr, "ordered to crash")
		syscall.Exit(134)
	case stallOnce:
		fmt.Fprintln(os.Stderr, "ordered to stall")
		select {}
	case quitOnce:
		syscall.Exit(0)
	case blindOnce:
		f.ration = 1 << 62
	case slowOnce:
		f.ration = 5
	}
}

// picture fills the frame grid up to a slot, as the fps filter does.
func (f *fakeFFmpeg) picture(slot int64, content []byte) error {
	if f.shown == nil {
		f.shown = bytes.Clone(content)
	}
	for f.next[0] <= slot {
		if f.next[0] == slot {
			f.shown = bytes.Clone(content)
		}
		if err := f.frame(); err != nil {
			return err
		}
	}
	f.shown = bytes.Clone(content)
	return nil
}

// frame shows what is shown in the next slot.
func (f *fakeFFmpeg) frame() error {
	at := f.next[0]
	f.next[0]++
	if f.made++; f.made <= f.skip || f.limit > 0 && f.made > f.limit {
		return nil
	}
	sync := f.n == 0 || (f.n+f.n0)%f.gop == 0
	b, err := fragment(uint64(at)*3600, 3600, sync, f.shown)
	if err != nil {
		return err
	}
	f.n++
	f.delayed = append(f.delayed, b)
	if len(f.delayed) > 3 && !(f.slow && f.n%2 == 0) && (f.ration == 0 || f.n%f.ration == 0) {
		return f.flush()
	}
	return nil
}

func (f *fakeFFmpeg) flush() error {
	b := f.delayed[0]
	f.delayed = f.delayed[1:]
	f.out++
	for i := range f.pictures {
		if i == f.hangs && f.out > 50 {
			continue
		}
		if err := f.write(i, b); err != nil {
			return err
		}
	}
	return nil
}

func (f *fakeFFmpeg) sound(until int64) error {
	if len(f.pipes) == f.pictures {
		return nil
	}
	for ; f.next[1] < until; f.next[1]++ {
		b, err := fragment(uint64(f.next[1])*1024, 1024, true, []byte("sound"))
		if err != nil {
			return err
		}
		if err := f.write(len(f.pipes)-1, b); err != nil {
			return err
		}
	}
	return nil
}

func (f *fakeFFmpeg) write(pipe int, b []byte) error {
	_, err := f.pipes[pipe].Write(append(f.heads[pipe], b...))
	f.heads[pipe] = nil
	return err
}

func fragment(at uint64, duration uint32, sync bool, data []byte) ([]byte, error) {
	s := fmp4.Segment{Sequence: 1, BaseTime: at, Samples: []fmp4.Sample{{Duration: duration, Sync: sync, Data: data}}}
	return s.Marshal()
}

// pictureAt is where in a video packet the number of the source frame and the input's letter are.
const pictureAt = 100

func picture(letter byte, n int) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(n)), letter)
}
