//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"onair/test/feed"
)

// fault is one row of the matrix.
type fault struct {
	name, how string
	legs      int    // of the main input; 0: one
	backup    bool   // there is a second input
	config    string // lines of the channel's file
	reel      func(testing.TB) []byte
	scaled    int // how much larger the pictures are after it; 0: they are not
	prepare   func(x *trial, output string)
	skip      func(testing.TB) string // why it cannot be done here
	harm      func(*trial)

	seen, heard float64 // seconds in which a viewer may see, and hear, that something is wrong
	short       bool    // is tried by scripts/test
}

// content are the conditions under which an input is left for what it shows.
const content = "failover: {return_after: 5s, black: 2s, freeze: 2s, silence: 2s}\n"

// faultTable are the faults in the order of docs/faults.md.
var faultTable = []fault{
	{name: "none", how: "nothing happens: what is to be compared with", harm: func(x *trial) { x.lasts(0) }},
	{
		name: "one leg cut", how: "the first of two legs, for 5 s", legs: 2,
		harm: func(x *trial) { x.main.Cut(5*time.Second, 0); x.lasts(5 * time.Second) },
	},
	{
		name: "all legs cut, 2 s", how: "both legs of the only input", legs: 2, short: true, seen: 12, heard: 12,
		harm: func(x *trial) { x.main.Cut(2*time.Second, 0, 1); x.lasts(2 * time.Second) },
	},
	{
		name: "all legs cut, 30 s", how: "both legs of the only input", legs: 2, seen: 40, heard: 40,
		harm: func(x *trial) { x.main.Cut(30*time.Second, 0, 1); x.lasts(30 * time.Second) },
	},
	{
		name: "all legs cut, with a backup", how: "both legs for 10 s", legs: 2, backup: true, config: content, seen: 1, heard: 1,
		harm: func(x *trial) { x.main.Cut(10*time.Second, 0, 1); x.lasts(10 * time.Second) },
	},
	{
		name: "sender restarted", how: "killed, started after 0.3 s at another port, with other clocks, numbers and SSRC", short: true, seen: 1, heard: 1,
		harm: restartSender,
	},
	{
		name: "PTS jump forward", how: "by an hour", harm: func(x *trial) { x.lasts(0); x.main.Jump(time.Hour) }, seen: 0.2, heard: 0.2,
	},
	{
		name: "PTS jump back", how: "by an hour", harm: func(x *trial) { x.lasts(0); x.main.Jump(-time.Hour) }, seen: 0.2, heard: 0.2,
	},
	{
		name: "black", how: "for 10 s; `black: 2s` and a backup", backup: true, config: content,
		reel: passing(part{look: blackPart}), harm: inReel(reelOver), seen: 5,
	},
	{
		name: "freeze", how: "for 10 s; `freeze: 2s` and a backup", backup: true, config: content,
		reel: passing(part{look: stillPart}), harm: inReel(reelOver), seen: 5,
	},
	{
		name: "mute", how: "digital silence for 10 s; `silence: 2s` and a backup", backup: true, config: content,
		reel: passing(part{mute: true}), harm: inReel(reelOver), heard: 5,
	},
	{
		name: "10 % loss", how: "on all legs for 5 s", legs: 2, seen: 7, heard: 3,
		harm: func(x *trial) { x.main.Lose(5 * time.Second); x.lasts(5 * time.Second) },
	},
	{
		name: "10 % loss, with a backup", how: "on all legs for 5 s; `errors: 10`", legs: 2, backup: true, seen: 2.5, heard: 2.5,
		config: "failover: {return_after: 5s, errors: 10}\n",
		harm:   func(x *trial) { x.main.Lose(5 * time.Second); x.lasts(5 * time.Second) },
	},
	{
		name: "codec change", how: "H.264 and AAC to MPEG-2 and MP2, by a new version of the PMT", short: true, seen: 1, heard: 1,
		reel: lasting(part{args: "-c:v mpeg2video -b:v 2M -c:a mp2 -b:a 128k -tables_version 1"}), harm: inReel(reelFault),
	},
	{
		name: "size change", how: "320x180 to 640x360, without a word in the tables", seen: 1, heard: 1,
		reel: lasting(part{size: [2]int{640, 360}}), scaled: 2, harm: inReel(reelFault),
	},
	{
		name: "frame rate change", how: "25 to 50 pictures a second", seen: 1, heard: 1,
		reel: lasting(part{rate: 50}), harm: inReel(reelFault),
	},
	{
		name: "sound vanishes and returns", how: "no packet of its PID for 10 s, the PMT as before",
		reel: mutedTrack, harm: inReel(reelOver), heard: 17,
	},
	{
		name: "new PID of sound", how: "0x101 to 0x111, by a new version of the PMT", seen: 1, heard: 1,
		reel: lasting(part{args: "-streamid 1:273 -tables_version 1"}), harm: inReel(reelFault),
	},
	{
		name: "PMT rewritten", how: "all PIDs of the programme, that of the PMT too, in a new version of PAT and PMT", seen: 1, heard: 1,
		reel: lasting(part{args: "-streamid 0:512 -streamid 1:513 -mpegts_pmt_start_pid 480 -tables_version 1"}), harm: inReel(reelFault),
	},
	{name: "FFmpeg killed", how: "SIGKILL, 0.5 s before a segment is complete", harm: signal(syscall.SIGKILL)},
	{name: "FFmpeg stopped", how: "SIGSTOP, 0.5 s before a segment is complete", harm: signal(syscall.SIGSTOP), short: true},
	{
		name: "FFmpeg out of memory", how: "it takes 300 MB more than `limits.memory: 200MiB`, 0.5 s before a segment is complete",
		config: "limits: {memory: 200MiB}\n", prepare: greedy, harm: goGreedy,
	},
	{name: "disk full", how: "no space left for 10 s on the disk of the only output", prepare: ownDisk, skip: noDisk, harm: fillDisk},
	{
		name: "disk hangs", how: "the file system of the only output is frozen for 10 s: what writes there waits",
		prepare: ownFileSystem, skip: noFileSystem, harm: freezeDisk,
	},
	{
		name: "host clock stepped forward", how: "by an hour: what the kernel answers the program is changed, the host's clock stays",
		prepare: ownClock, skip: noStepClock, harm: step(time.Hour),
	},
	{
		name: "host clock stepped back", how: "by an hour, likewise", prepare: ownClock, skip: noStepClock, harm: step(-time.Hour),
	},
}

func restartSender(x *trial) {
	anew := part{seconds: reelEnd, first: anewFirst}.make(x.t)
	x.from = time.Now()
	x.main.Stop()
	x.until(x.from.Add(300 * time.Millisecond))
	x.main.Next = feed.Once(anew)
	x.main.Start(context.Background())
	x.to, x.mark = x.main.Begun(), anewFirst
}

// greedy puts a program before FFmpeg in PATH of the channel: beside FFmpeg it takes 300 MB as soon as a file is there,
// once.
func greedy(x *trial, _ string) {
	genuine, err := exec.LookPath("ffmpeg")
	if err != nil {
		x.t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/bash\n[[ \" $* \" = *\" -progress \"* ]] && (\n"+ // that of the channel, not of its slate
		" while kill -0 $$ && ! mv %[1]s %[1]s.taken; do sleep 0.1; done\n kill -0 $$ && head -c 300M /dev/zero | tail -c 300M | sleep 30\n"+
		") <&- >&- 2>&- 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- &\nexec %[2]s \"$@\"\n", greedFile(x), genuine)
	dir := x.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ffmpeg"), []byte(script), 0o700); err != nil {
		x.t.Fatal(err)
	}
	x.env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
}

func greedFile(x *trial) string { return filepath.Join(x.dir, "greed") }

func goGreedy(x *trial) {
	x.atTheWorst()
	x.lasts(0)
	if err := os.WriteFile(greedFile(x), nil, 0o600); err != nil {
		x.t.Fatal(err)
	}
	x.wait("a run that is ended for it", 15*time.Second, func(st controlStatus) bool { return st.RunRestarts > 0 })
}
