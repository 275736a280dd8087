package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Names of the channel and of files.
const (
	channelName = "soak"
	channelFile = "channel.yaml"
	backupClip  = "backup.ts"
)

// What the legs do all the time.
const (
	usualLoss = 0.01 // of each, and never on both
	skew      = 30 * time.Millisecond
)

// What a channel encodes: one light rung where faults are what counts, three else.
const (
	lightVideo = "  - {name: v144, size: 256x144, bitrate: 250k}\n"
	fullVideo  = "  - {name: v540, size: 960x540, bitrate: 2M}\n  - {name: v360, size: 640x360, bitrate: 800k}\n" +
		"  - {name: v216, size: 384x216, bitrate: 300k}\n"
)

const channelText = `channel: soak
http: "127.0.0.1:%[1]d"
inputs:
  - name: main
    legs: ["%[2]s"]
  - name: backup
    legs: ["srt://127.0.0.1:%[3]d?mode=listener&latency=120"]
failover: {return_after: 5s, black: 2s}
frame_rate: 25
video:
%[4]saudio:
  - {name: a1, bitrate: 96k}
preset: ultrafast
window: 1m
outputs: [{dir: %[5]s}]
`

// legs are the addresses that the main input listens at.
func (b *bench) legs() []string {
	return []string{fmt.Sprintf("127.0.0.1:%d", b.cfg.port+10), fmt.Sprintf("127.0.0.1:%d", b.cfg.port+20)}
}

func (b *bench) srt() string { return fmt.Sprintf("srt://127.0.0.1:%d?latency=120", b.cfg.port+30) }

func (b *bench) writeChannel() error {
	video := fullVideo
	if b.cfg.faults {
		video = lightVideo
	}
	legs := "rtp://" + strings.Join(b.legs(), `", "rtp://`)
	text := fmt.Sprintf(channelText, b.cfg.port, legs, b.cfg.port+30, video, filepath.Join(b.dir, "origin"))
	return os.WriteFile(filepath.Join(b.dir, channelFile), []byte(text), 0o644)
}

// clipSeconds is how long a clip is. The programme may turn black at the end of one.
const clipSeconds = 10

// makeClips makes the clips, that of the backup too.
func makeClips(ctx context.Context, dir string, light bool) (*clips, error) {
	var c clips
	size, rate := "1280x720", 9000
	if light {
		size, rate = "384x216", 1200
	}
	for _, x := range []struct {
		name, picture, sound string
		to                   *[]byte
	}{
		{"main.ts", "testsrc2=s=" + size + ":r=25", "sine=f=440:r=48000", &c.main},
		{"black.ts", "color=black:s=" + size + ":r=25", "anullsrc=r=48000:cl=mono", &c.dark},
		{backupClip, "testsrc=s=" + size + ":r=25", "sine=f=880:r=48000", new([]byte)},
	} {
		name := filepath.Join(dir, x.name)
		args := fmt.Sprintf("-hide_banner -loglevel error -nostdin -f lavfi -i %s -f lavfi -i %s -t %d "+
			"-c:v libx264 -preset ultrafast -g 25 -pix_fmt yuv420p "+
			"-b:v %[4]dk -minrate %[4]dk -maxrate %[4]dk -bufsize %[4]dk -x264-params nal-hrd=cbr -c:a aac "+
			"-b:a 96k -f mpegts -muxrate %[5]dk %[6]s", x.picture, x.sound, clipSeconds, rate, rate*5/4, name)
		if out, err := exec.CommandContext(ctx, "ffmpeg", strings.Fields(args)...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("making a clip: %w\n%s", err, out)
		}
		var err error
		if *x.to, err = os.ReadFile(name); err != nil {
			return nil, err
		}
	}
	return &c, nil
}

// clips are the programme, and the same black and mute.
type clips struct {
	main, dark []byte

	mu    sync.Mutex
	black bool // the next round is
}

// next is the clip for the next round.
func (c *clips) next() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.black {
		c.black = false
		return c.dark
	}
	return c.main
}

// darken makes the next round black and mute.
func (c *clips) darken() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.black = true
}

// process is a program that was started.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// begin starts a program whose output goes to the end of a file.
func begin(log, name string, args ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(name, args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, out.Close())
	}
	go func() {
		_ = p.cmd.Wait()
		_ = out.Close()
		close(p.done)
	}()
	return p, nil
}

func (p *process) over() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// stop asks the program to end, and ends it when it has not after 15 s.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(15 * time.Second):
		p.kill()
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// backup is the sender of the backup input.
type backup struct {
	program, clip, to, log string
	sender                 *process
}

// bring starts the sender.
func (b *backup) bring() (err error) {
	b.sender, err = begin(b.log, b.program, "send", b.clip, "--loop", "--to", b.to)
	return err
}

// lose kills it.
func (b *backup) lose() {
	if b.sender != nil {
		b.sender.kill()
		b.sender = nil
	}
}
