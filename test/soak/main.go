// Soak keeps a channel on air for long, does it harm on the way, and watches that viewers cannot tell and that nothing
// grows. scripts/soak builds what it needs and starts it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"onair/test/feed"
)

// shortest is the span below which nothing can be said of growth.
const shortest = 10 * time.Minute

// config is what the command line says.
type config struct {
	span    time.Duration
	faults  bool          // of all kinds, instead of a killed encoder from time to time
	every   time.Duration // between the beginnings of two faults
	seed    uint64
	short   bool // a span that is too short to judge growth is allowed
	dir     string
	port    int
	program string
}

func main() { os.Exit(run()) }

func run() int {
	var c config
	flag.DurationVar(&c.span, "span", time.Hour, "how long, 10m at least")
	flag.BoolVar(&c.faults, "faults", false, "faults of all kinds, instead of a killed encoder every five minutes")
	flag.DurationVar(&c.every, "every", 0, "time between two faults (default 20s, 5m without --faults)")
	flag.Uint64Var(&c.seed, "seed", 0, "of the faults; 0: another one each time")
	flag.BoolVar(&c.short, "short", false, "allow a shorter span; growth is shown and not judged")
	flag.StringVar(&c.dir, "dir", ".cache/soak", "folder for samples, logs and output; it is emptied")
	flag.IntVar(&c.port, "port", 18650, "first of the ports")
	flag.StringVar(&c.program, "program", "bin/onair", "the program")
	flag.Parse()
	if c.span < shortest && !c.short {
		fmt.Fprintf(os.Stderr, "soak: %v is too short, %v at least (or --short)\n", c.span, shortest)
		return 2
	}
	if c.every == 0 {
		c.every = 5 * time.Minute
		if c.faults {
			c.every = 20 * time.Second
		}
	}
	if c.seed == 0 {
		c.seed = uint64(time.Now().UnixNano()) % 1_000_000
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	good, err := soak(ctx, c)
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
	}
	if err != nil || !good {
		return 1
	}
	return 0
}

// bench is everything that takes part.
type bench struct {
	cfg     config
	dir     string
	url     string
	journal *journal
	onair   *process
	feed    *feed.Feed
	clips   *clips
	backup  *backup
	check   *checker
	watch   *watcher
	rnd     *rand.Rand
}

// soak runs the whole thing and tells whether all was well.
func soak(ctx context.Context, c config) (good bool, err error) {
	b, err := set(ctx, c)
	if err != nil {
		return false, err
	}
	defer b.journal.close()
	ctx, cancel := context.WithTimeout(ctx, c.span)
	defer cancel()
	if err := b.start(ctx); err != nil {
		return false, err
	}
	defer b.onair.stop()
	defer b.backup.lose()
	defer b.feed.Stop()
	if !b.check.onAir(ctx) {
		return false, errors.New("the channel is not on air after a minute, see " + filepath.Join(b.dir, "onair.log"))
	}
	b.journal.note("on air", "")
	ctx, cancel = context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	for _, part := range []func(context.Context){b.check.run, b.watch.sample, b.watch.verify} {
		wg.Go(func() { part(ctx) })
	}
	wg.Go(func() {
		<-b.onair.done
		cancel()
	})
	b.harm(ctx)
	<-ctx.Done()
	died := b.onair.over()
	b.onair.stop()
	wg.Wait()
	if died {
		return false, errors.New("onair is gone, see " + filepath.Join(b.dir, "onair.log"))
	}
	return b.report(os.Stdout), nil
}

// set makes the folder, the clips and the channel file.
func set(ctx context.Context, c config) (*bench, error) {
	dir, err := filepath.Abs(c.dir)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return nil, err
	}
	b := &bench{cfg: c, dir: dir, url: fmt.Sprintf("http://127.0.0.1:%d", c.port)}
	b.rnd = rand.New(rand.NewPCG(c.seed, 0))
	if b.journal, err = newJournal(filepath.Join(dir, "faults.log")); err != nil {
		return nil, err
	}
	b.journal.note("seed", fmt.Sprint(c.seed))
	if err := b.writeChannel(); err != nil {
		return nil, err
	}
	if b.clips, err = makeClips(ctx, dir, c.faults); err != nil {
		return nil, err
	}
	b.feed = feed.New(b.legs(), b.clips.next)
	b.feed.Loss, b.feed.Skew = usualLoss, skew
	b.backup = &backup{
		program: c.program, clip: filepath.Join(dir, backupClip), to: b.srt(), log: filepath.Join(dir, "send.log"),
	}
	b.check = newChecker(b.url, dir, b.journal)
	b.watch = &watcher{b: b}
	return b, nil
}

// start starts the channel and what it receives.
func (b *bench) start(ctx context.Context) (err error) {
	log := filepath.Join(b.dir, "onair.log")
	b.onair, err = begin(log, b.cfg.program, "run", "--log-format", "json", filepath.Join(b.dir, channelFile))
	if err != nil {
		return err
	}
	b.feed.Start(ctx)
	return b.backup.bring()
}
