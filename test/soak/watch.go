package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Times of the watcher.
const (
	sampleEvery = 5 * time.Second
	verifyFor   = time.Minute
)

// measure is one look at the process. Numbers as metrics give them.
type measure struct {
	at                         time.Duration
	cpu, ended                 float64 // seconds so far, of the process and of its children that have ended
	rss                        float64 // MB
	goroutines, files, objects float64
	restarts, slate            float64
}

// watcher takes samples of the process, and lets `onair verify` look at its output all the time.
type watcher struct {
	b         *bench
	samples   []measure
	good, bad int // viewings
}

// sample takes a sample again and again until ctx ends.
func (w *watcher) sample(ctx context.Context) {
	out, err := os.Create(filepath.Join(w.b.dir, "samples.tsv"))
	if err != nil {
		w.b.check.broken("samples", err.Error())
		return
	}
	defer func() { _ = out.Close() }()
	fmt.Fprintln(out, "seconds\tcpu\trss_MB\tgoroutines\topen_files\tobjects\trestarts\tslate_seconds\tchildren_cpu")
	for pause(ctx, sampleEvery) == nil {
		m, err := w.measure(ctx)
		if err != nil {
			if ctx.Err() == nil && !w.b.onair.over() {
				w.b.check.broken("no sample", err.Error())
			}
			continue
		}
		w.samples = append(w.samples, m)
		fmt.Fprintf(out, "%.0f\t%.2f\t%.1f\t%.0f\t%.0f\t%.0f\t%.0f\t%.1f\t%.2f\n", m.at.Seconds(), m.cpu, m.rss,
			m.goroutines, m.files, m.objects, m.restarts, m.slate, m.ended)
	}
}

// ticks is the unit of times in /proc/PID/stat: it is 100 on every Linux that Go runs on.
const ticks = 100

func (w *watcher) measure(ctx context.Context) (m measure, err error) {
	m.at = time.Since(w.b.journal.began)
	proc := fmt.Sprintf("/proc/%d/", w.b.onair.cmd.Process.Pid)
	stat, err := os.ReadFile(proc + "stat")
	if err != nil {
		return m, err
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	number := func(i int) float64 { n, _ := strconv.ParseFloat(fields[i], 64); return n }
	m.cpu, m.ended = (number(11)+number(12))/ticks, (number(13)+number(14))/ticks
	m.rss = number(21) * float64(os.Getpagesize()) / (1 << 20)
	m.objects = count(filepath.Join(w.b.dir, "origin"))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.b.url+"/metrics", nil)
	if err != nil {
		return m, err
	}
	return m, answer(req, func(body io.Reader) error {
		for lines := bufio.NewScanner(body); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), " ")
			name, _, _ = strings.Cut(name, "{")
			to := map[string]*float64{
				"onair_goroutines": &m.goroutines, "onair_process_open_fds": &m.files,
				"onair_channel_run_restarts_total": &m.restarts, "onair_channel_slate_seconds_total": &m.slate,
			}[name]
			if to != nil {
				*to, _ = strconv.ParseFloat(value[strings.LastIndexByte(value, ' ')+1:], 64)
			}
		}
		return nil
	})
}

// count is how many files there are in a folder.
func count(dir string) (n float64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "anchors" {
			return fs.SkipDir // one more for each jump of a clock, up to a hundred for each input
		}
		if err == nil && !d.IsDir() {
			n++
		}
		return nil // what goes meanwhile is not counted
	})
	return n
}

// verify runs one viewing after the other; what one that failed has found is kept.
func (w *watcher) verify(ctx context.Context) {
	for n := 1; ctx.Err() == nil; n++ {
		cmd := exec.CommandContext(ctx, w.b.cfg.program, "verify", w.b.url+"/"+channelName+"/", "--for", verifyFor.String())
		out, err := cmd.CombinedOutput()
		switch {
		case ctx.Err() != nil: // it was not finished
		case err == nil:
			w.good++
		default:
			w.bad++
			name := fmt.Sprintf("verify.failed.%d", n)
			w.b.journal.note("VERIFY", "failed, see "+name+" (after: "+w.b.journal.cause()+")")
			_ = os.WriteFile(filepath.Join(w.b.dir, name), out, 0o644)
		}
		if pause(ctx, time.Second) != nil {
			return
		}
	}
}
