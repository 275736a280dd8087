package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"syscall"
	"time"

	"onair/pipeline/control"
)

// fault is one kind of harm. do returns when it is over; what it is about to do it tells with say.
type fault struct {
	name string
	do   func(ctx context.Context, b *bench, say func(string, ...any)) error
}

const killed = "FFmpeg killed"

var faults = []fault{
	{"one leg cut", oneLegCut},
	{"both legs cut", bothLegsCut},
	{"sender restarted", senderRestarted},
	{"PTS jump", jump},
	{killed, signalRun(syscall.SIGKILL)},
	{"FFmpeg stopped", signalRun(syscall.SIGSTOP)},
	{"10 % loss", loss},
	{"junk datagrams", junk},
	{"SIGHUP", hup},
	{"switch by hand", switchByHand},
	{"backup lost", backupLost},
	{"everything lost", everythingLost},
	{"black and mute", black},
}

// harm does one fault after the other until ctx ends, each kind once before any comes again. There is time to get over
// the last one.
func (b *bench) harm(ctx context.Context) {
	kinds := faults
	if !b.cfg.faults {
		kinds = []fault{{killed, signalRun(syscall.SIGKILL)}}
	}
	ticker := time.NewTicker(b.cfg.every)
	defer ticker.Stop()
	end := b.journal.began.Add(b.cfg.span - 20*time.Second)
	for {
		for _, i := range b.rnd.Perm(len(kinds)) {
			select {
			case <-ctx.Done():
				return
			case now := <-ticker.C:
				if now.After(end) {
					return
				}
			}
			f := kinds[i]
			b.check.count(f.name)
			err := f.do(ctx, b, func(text string, a ...any) { b.journal.fault(f.name, fmt.Sprintf(text, a...)) })
			switch {
			case ctx.Err() != nil:
			case err != nil:
				b.check.broken("a fault could not be made", f.name+": "+err.Error())
			default:
				b.journal.note("over: "+f.name, "")
			}
		}
	}
}

// between is a random time.
func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return (least + time.Duration(r.Int64N(int64(most-least)))).Round(10 * time.Millisecond)
}

// pause waits; the end of ctx is an error.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func oneLegCut(ctx context.Context, b *bench, say func(string, ...any)) error {
	leg, d := b.rnd.IntN(len(b.legs())), between(b.rnd, 2*time.Second, 8*time.Second)
	say("leg %d for %v", leg+1, d)
	b.feed.Cut(d, leg)
	return pause(ctx, d)
}

func bothLegsCut(ctx context.Context, b *bench, say func(string, ...any)) error {
	d := between(b.rnd, 2*time.Second, 10*time.Second)
	say("for %v", d)
	b.feed.Cut(d, 0, 1)
	return pause(ctx, d)
}

func senderRestarted(ctx context.Context, b *bench, say func(string, ...any)) error {
	d := between(b.rnd, 200*time.Millisecond, 3*time.Second)
	say("after %v, with new clocks, numbers and source", d)
	b.feed.Stop()
	err := pause(ctx, d)
	b.feed.Start(ctx)
	return err
}

func jump(_ context.Context, b *bench, say func(string, ...any)) error {
	by := time.Hour
	if b.rnd.IntN(2) == 0 {
		by = -by
	}
	say("by %v", by)
	b.feed.Jump(by)
	return nil
}

// signalRun sends a signal to the FFmpeg that is on air.
func signalRun(sig syscall.Signal) func(context.Context, *bench, func(string, ...any)) error {
	return func(ctx context.Context, b *bench, say func(string, ...any)) error {
		for { // there is none for a moment where one follows another
			st, err := b.status(ctx)
			if err != nil {
				return err
			}
			for _, r := range st.Runs {
				if r.State == control.RunActive && r.PID != 0 {
					say("run %d, process %d, %v", r.ID, r.PID, sig)
					return syscall.Kill(r.PID, sig)
				}
			}
			if err := pause(ctx, 100*time.Millisecond); err != nil {
				return err
			}
		}
	}
}

func loss(ctx context.Context, b *bench, say func(string, ...any)) error {
	const d = 5 * time.Second
	say("on all legs for %v", d)
	b.feed.Lose(d)
	return pause(ctx, d)
}

func junk(_ context.Context, b *bench, say func(string, ...any)) error {
	n := 100 + b.rnd.IntN(900)
	say("%d to each leg", n)
	return b.feed.Junk(n)
}

func hup(_ context.Context, b *bench, say func(string, ...any)) error {
	say("the file has not changed")
	return b.onair.cmd.Process.Signal(syscall.SIGHUP)
}

func switchByHand(ctx context.Context, b *bench, say func(string, ...any)) error {
	d := between(b.rnd, 3*time.Second, 10*time.Second)
	say("to the backup, and back to auto after %v", d)
	err := b.choose(ctx, "backup")
	return errors.Join(err, pause(ctx, d), b.choose(ctx, "auto"))
}

func backupLost(ctx context.Context, b *bench, say func(string, ...any)) error {
	d := between(b.rnd, 2*time.Second, 10*time.Second)
	say("for %v", d)
	b.backup.lose()
	return errors.Join(pause(ctx, d), b.backup.bring())
}

func everythingLost(ctx context.Context, b *bench, say func(string, ...any)) error {
	d := between(b.rnd, 2*time.Second, 10*time.Second)
	say("both legs and the backup for %v", d)
	b.backup.lose()
	b.feed.Cut(d, 0, 1)
	return errors.Join(pause(ctx, d), b.backup.bring())
}

func black(ctx context.Context, b *bench, say func(string, ...any)) error {
	say("the next round of the clip, %d s", clipSeconds)
	b.clips.darken()
	return pause(ctx, clipSeconds*time.Second)
}

// status is the channel's state.
func (b *bench) status(ctx context.Context) (st control.Status, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+"/api/v1/channels/"+channelName, nil)
	if err != nil {
		return st, err
	}
	err = answer(req, func(body io.Reader) error { return json.NewDecoder(body).Decode(&st) })
	return st, err
}

// choose switches the input by hand.
func (b *bench) choose(ctx context.Context, input string) error {
	body := bytes.NewReader(fmt.Appendf(nil, `{"name":%q}`, input))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.url+"/api/v1/channels/"+channelName+"/input", body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	return answer(req, func(io.Reader) error { return nil })
}

// answer reads what a request is answered with.
func answer(req *http.Request, read func(io.Reader) error) error {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s: %s", req.URL.Path, resp.Status)
	}
	return read(resp.Body)
}
