//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"onair/pipeline/control"
	"onair/test/feed"
)

// matrixFile names the file that the table is written to, with every fault; without it a few faults are tried.
var matrixFile = os.Getenv("ONAIR_FAULTS")

const matrixTarget = 4 * time.Second // segment and target duration: the default

// matrixChannel is the channel of every fault: one small picture, one sound.
const matrixChannel = `channel: ch
http: "%[1]s"
inputs:
%[2]sframe_rate: 25
video:
  - {name: v180, size: 320x180, bitrate: 500k}
audio:
  - {name: a1, bitrate: 96k}
window: 5m
preset: ultrafast
outputs:
  - dir: %[3]s
`

// trial is one fault at work.
type trial struct {
	*station
	row          fault
	main, backup *feed.Feed
	listing      *listings
	from, to     time.Time // of the fault
	heardOf      uint64    // the newest event before it
	mark         int       // the first picture that the source sends after it
}

// TestFaultMatrix does to a channel what can happen to it, one fault to each, and measures what a viewer gets of it.
func TestFaultMatrix(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	done := map[string]outcomes{}
	if matrixFile != "" { // what is made on the way takes processors from what is measured
		for _, f := range faultTable {
			f.source(t)
		}
		part{seconds: reelEnd, first: backupFirst}.make(t)
		part{seconds: reelEnd, first: anewFirst}.make(t)
	}
	t.Run("faults", func(t *testing.T) {
		for _, f := range faultTable {
			if matrixFile == "" && !f.short {
				continue
			}
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				o := f.try(t)
				mu.Lock()
				defer mu.Unlock()
				done[f.name] = o
			})
		}
	})
	if matrixFile != "" {
		writeMatrix(t, matrixFile, done)
	}
}

// try does one fault.
func (f fault) try(t *testing.T) outcomes {
	if f.skip != nil {
		if why := f.skip(t); why != "" {
			return outcomes{skipped: why}
		}
	}
	x := f.set(t)
	x.wait("three segments", 50*time.Second, func(st control.Status) bool {
		return st.Segments >= 3 && slices.ContainsFunc(st.Events, func(e control.Event) bool { return e.Code == "channel_on_air" })
	})
	x.heardOf = x.status().Events[0].Seq
	x.listing = x.watchListings()
	f.harm(x)
	if x.to.IsZero() {
		x.to = time.Now()
	}
	x.until(x.to)
	x.wait("the input is on air", time.Minute, func(st control.Status) bool {
		return st.ActiveInput == "main" && len(st.Runs) == 1 && st.Runs[0].State == control.RunActive
	})
	back := time.Now()
	if !eventually(time.Minute, func() bool { return x.listing.reaches(back.Add(2 * matrixTarget)) }) {
		t.Error("nothing is listed of what the input sends when it is back")
	}
	x.listing.end()
	o := x.measure()
	x.stop()
	x.look(&o)
	x.judge(o)
	t.Logf("%s: %s", f.name, o.line())
	return o
}

// set starts the channel and what it receives.
func (f fault) set(t *testing.T) *trial {
	ports := []int{freePort(t, "udp"), freePort(t, "udp"), freePort(t, "udp")}
	x := &trial{row: f, station: &station{t: t, dir: t.TempDir(), http: fmt.Sprintf("127.0.0.1:%d", freePort(t, "tcp"))}}
	output := filepath.Join(x.dir, "origin")
	if f.prepare != nil {
		f.prepare(x, output)
	}
	inputs := rtpInput(ports[0]) + "\n"
	legs := []string{fmt.Sprintf("127.0.0.1:%d", ports[0])}
	if f.legs == 2 {
		inputs = twoLegs(ports[0], ports[1]) + "\n"
		legs = append(legs, fmt.Sprintf("127.0.0.1:%d", ports[1]))
	}
	if f.backup {
		inputs += fmt.Sprintf("  - name: backup\n    legs: [\"rtp://127.0.0.1:%d\"]\n    monitor: off\n", ports[2])
	}
	x.main = feed.New(legs, feed.Once(f.source(t)))
	x.backup = feed.New([]string{fmt.Sprintf("127.0.0.1:%d", ports[2])}, feed.Once(part{seconds: reelEnd, first: backupFirst}.make(t)))
	x.write(fmt.Sprintf(matrixChannel+f.config, x.http, inputs, output))
	x.start()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of onair:\n%s", x.log)
		}
	})
	x.answering()
	x.main.Start(context.Background())
	t.Cleanup(x.main.Stop)
	if f.backup {
		x.backup.Start(context.Background())
		t.Cleanup(x.backup.Stop)
	}
	return x
}

// source is what the main input sends.
func (f fault) source(t testing.TB) []byte {
	if f.reel == nil {
		return plain(t)
	}
	return f.reel(t)
}

// until waits for an instant.
func (x *trial) until(at time.Time) {
	<-time.After(time.Until(at))
}

// lasts notes that the fault begins now and is over after d.
func (x *trial) lasts(d time.Duration) {
	x.from = time.Now()
	x.to = x.from.Add(d)
	x.mark = x.numberAt(x.to)
}

// numberAt is the first picture that the plain reel sends from an instant on.
func (x *trial) numberAt(at time.Time) int {
	return int(at.Sub(x.main.Begun()).Seconds()*reelRate) + 1
}

// inReel is the harm that the reel does: from reelFault on, until so many seconds of it.
func inReel(over int) func(*trial) {
	return func(x *trial) {
		x.from, x.to = x.main.Begun().Add(reelFault*time.Second), x.main.Begun().Add(time.Duration(over)*time.Second)
		x.mark = over * reelRate
		if time.Now().After(x.from.Add(-time.Second)) {
			x.t.Fatal("the channel was on air too late for what its source does then")
		}
	}
}

// atTheWorst waits until a segment is nearly complete: what is lost then takes longest to be done again.
func (x *trial) atTheWorst() {
	const before = 500 * time.Millisecond
	now := time.Now()
	at := now.Truncate(matrixTarget).Add(matrixTarget - before)
	if at.Before(now) {
		at = at.Add(matrixTarget)
	}
	x.until(at)
}

// signal sends a signal to the encoder.
func signal(sig syscall.Signal) func(*trial) {
	return func(x *trial) {
		x.atTheWorst()
		st := x.wait("an encoder", 5*time.Second, func(st control.Status) bool { return len(st.Runs) == 1 && st.Runs[0].PID != 0 })
		x.lasts(0)
		if err := syscall.Kill(st.Runs[0].PID, sig); err != nil {
			x.t.Fatal(err)
		}
	}
}

// names are all faults.
func names() (out []string) {
	for _, f := range faultTable {
		out = append(out, f.name)
	}
	return out
}

// TestEveryFaultIsInTheTable: docs/faults.md has a row for each fault, and none more.
func TestEveryFaultIsInTheTable(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../docs/faults.md")
	if err != nil {
		t.Fatal(err)
	}
	if got := matrixRows(string(b)); !slices.Equal(got, names()) {
		t.Errorf("docs/faults.md has the rows\n%q\nwant\n%q\nscripts/matrix writes it", got, names())
	}
}
