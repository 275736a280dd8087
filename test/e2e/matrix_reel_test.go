//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"onair/pkg/testpicture"
	"onair/pkg/tick"
)

// What the pictures of a part look like, instead of a moving one with its number.
const (
	blackPart = "black"
	stillPart = "still"
)

// part is a stretch of a source: pictures that carry their number, and a tone.
type part struct {
	at, seconds int    // in the stream
	first       int    // number of its first picture; numbers count in 1/25 s at every rate
	look        string // of the pictures
	mute        bool
	rate        int    // 0: 25
	size        [2]int // zero: that of the rendition
	args        string // of FFmpeg
}

// Pictures of the channel under test.
const (
	reelWidth, reelHeight = 320, 180
	reelRate              = 25
)

// make makes (once) the part as a TS.
func (p part) make(t testing.TB) []byte {
	t.Helper()
	making.Lock()
	defer making.Unlock()
	if p.rate == 0 {
		p.rate = reelRate
	}
	if p.size[0] == 0 {
		p.size = [2]int{reelWidth, reelHeight}
	}
	name := filepath.Join(clips, "part-"+strings.NewReplacer("/", "_", " ", "").Replace(fmt.Sprint(p))+".ts")
	if b, err := os.ReadFile(name); err == nil {
		return b
	}
	sound := "sine=f=440:r=48000"
	if p.mute {
		sound = "anullsrc=r=48000:cl=mono"
	}
	cmd := exec.Command("ffmpeg", strings.Fields(fmt.Sprintf("-hide_banner -loglevel error -f rawvideo -pix_fmt yuv420p -s %dx%d -r %d "+
		"-i pipe:0 -f lavfi -i %s -t %d -c:v libx264 -preset ultrafast -bf 0 -g %d -b:v 800k -c:a aac -b:a 96k %s -muxdelay 0 -muxpreload 0 "+
		"-output_ts_offset %d -f mpegts %s", p.size[0], p.size[1], p.rate, sound, p.seconds, p.rate, p.args, 10+p.at, name))...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	p.paint(t, in)
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("making %+v: %v\n%s", p, err, errs.String())
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (p part) paint(t testing.TB, to io.Writer) {
	t.Helper()
	painter, err := testpicture.New(testpicture.Config{Width: p.size[0], Height: p.size[1]})
	if err != nil {
		t.Fatal(err)
	}
	frame := make([]byte, painter.Size())
	for i := range p.size[0] * p.size[1] {
		frame[i] = 16
	}
	for i := p.size[0] * p.size[1]; i < len(frame); i++ {
		frame[i] = 128
	}
	for i := range p.seconds * p.rate {
		switch n := p.first + i*reelRate/p.rate; p.look {
		case blackPart:
		case stillPart:
			paintNumber(painter, frame, p.first)
		default:
			paintNumber(painter, frame, n)
		}
		if _, err := to.Write(frame); err != nil {
			return // FFmpeg has all that it wants
		}
	}
}

func paintNumber(p *testpicture.Painter, frame []byte, n int) {
	p.Paint(frame, int64(n), tick.Tick(n)*tick.Second/reelRate)
}

// Places in the reels: when what happens in them begins, when it ends, and their length.
const (
	reelFault = 30
	reelOver  = 40
	reelEnd   = 105
)

// Numbers of the first pictures of sources.
const (
	anewFirst   = 5000  // of a sender that has begun anew
	backupFirst = 20000 // of the backup
)

// plain is a reel of which nothing is to be said.
func plain(t testing.TB) []byte { return part{seconds: reelEnd}.make(t) }

// passing is a reel in which something is otherwise for ten seconds.
func passing(p part) func(testing.TB) []byte {
	return func(t testing.TB) []byte {
		p.at, p.seconds, p.first = reelFault, reelOver-reelFault, reelFault*reelRate
		if p.look == stillPart {
			p.first--
		}
		after := part{at: reelOver, seconds: reelEnd - reelOver, first: reelOver * reelRate}
		return bytes.Join([][]byte{part{seconds: reelFault}.make(t), p.make(t), after.make(t)}, nil)
	}
}

// lasting is a reel in which something is otherwise from an instant on.
func lasting(p part) func(testing.TB) []byte {
	return func(t testing.TB) []byte {
		p.at, p.seconds, p.first = reelFault, reelEnd-reelFault, reelFault*reelRate
		return append(bytes.Clone(part{seconds: reelFault}.make(t)), p.make(t)...)
	}
}

// mutedTrack is a reel whose track of sound is not there for ten seconds.
func mutedTrack(t testing.TB) []byte {
	name := filepath.Join(t.TempDir(), "whole.ts")
	if err := os.WriteFile(name, plain(t), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(withoutPID(t, name, 0x101, reelFault, reelOver))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
