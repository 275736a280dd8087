//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"onair/pipeline/control"
)

// controlStatus is the state of a channel.
type controlStatus = control.Status

// outcomes is what a fault did: one row of the table.
type outcomes struct {
	held, slate, black, damaged, missing, backup float64 // seconds of the picture
	silent                                       float64 // seconds of the sound
	gaps                                         float64 // seconds, of the rendition that has most
	discontinuities, offGrid                     int
	listing, recovery                            time.Duration
	events                                       []string
	skipped                                      string // why it was not tried
}

// listings notes when each segment of the picture is listed.
type listings struct {
	s      *station
	finish chan struct{}
	wg     sync.WaitGroup
	mu     sync.Mutex
	media  map[int64]time.Time
}

func (s *station) watchListings() *listings {
	l := &listings{s: s, finish: make(chan struct{}), media: map[int64]time.Time{}}
	l.wg.Go(func() {
		for !wait(l.finish, 40*time.Millisecond) {
			code, b := s.get("/ch/v180.m3u8")
			now := time.Now()
			if code != 200 {
				continue
			}
			l.mu.Lock()
			for k, gap := range listedIn(string(b)) {
				if _, known := l.media[k]; !known && !gap {
					l.media[k] = now
				}
			}
			l.mu.Unlock()
		}
	})
	return l
}

// reaches tells whether a segment is listed that ends behind an instant.
func (l *listings) reaches(at time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for k := range l.media {
		if (k+1)*matrixTarget.Milliseconds() >= at.UnixMilli() {
			return true
		}
	}
	return false
}

func (l *listings) end() {
	close(l.finish)
	l.wg.Wait()
}

// longest is the longest time between two listings of media.
func (l *listings) longest() (most time.Duration) {
	var times []time.Time
	for _, at := range l.media {
		times = append(times, at)
	}
	slices.SortFunc(times, time.Time.Compare)
	for i := 1; i < len(times); i++ {
		most = max(most, times[i].Sub(times[i-1]))
	}
	return most
}

// listedIn are the segments of a media playlist, and whether they are gaps.
func listedIn(playlist string) map[int64]bool {
	out, gap := map[int64]bool{}, false
	for line := range strings.Lines(playlist) {
		line = strings.TrimSpace(line)
		name, segment := strings.CutSuffix(line, ".m4s")
		switch {
		case line == "#EXT-X-GAP":
			gap = true
		case segment:
			k, _ := strconv.ParseInt(filepath.Base(name), 10, 64)
			out[k], gap = gap, false
		}
	}
	return out
}

// measure takes what the running channel tells.
func (x *trial) measure() (o outcomes) {
	o.listing = x.listing.longest()
	for _, r := range []string{"v180", "a1"} {
		_, playlist := x.get("/ch/" + r + ".m3u8")
		o.discontinuities += strings.Count(string(playlist), "#EXT-X-DISCONTINUITY\n")
		gaps := 0.0
		listed := listedIn(string(playlist))
		for _, gap := range listed {
			if gap {
				gaps += matrixTarget.Seconds()
			}
		}
		o.gaps = max(o.gaps, gaps)
		o.offGrid += x.offGrid(r, listed)
	}
	var events control.Events
	if _, b := x.get("/api/v1/channels/ch/events?limit=1000"); json.Unmarshal(b, &events) != nil {
		x.t.Errorf("events: %.300s", b)
	}
	for _, e := range events.Events {
		if e.Code != "" && e.Seq > x.heardOf && !slices.Contains(o.events, e.Code) {
			o.events = append(o.events, e.Code)
		}
	}
	return o
}

// offGrid counts what is not where it has to be: begins and ends of segments, lengths of samples, and numbers that are
// neither there nor a gap.
func (x *trial) offGrid(rendition string, listed map[int64]bool) (wrong int) {
	audio := rendition == "a1"
	grid := timing{25, 1, int64(matrixTarget.Seconds() * 25)}
	header := x.header(rendition)
	step := uint32(1024)
	if !audio {
		step = header.Timescale / 25
	}
	scale := big.NewRat(int64(header.Timescale), 1)
	at := func(want *big.Rat, is uint64) {
		if new(big.Rat).SetInt(new(big.Int).SetUint64(is)).Cmp(want.Mul(want, scale)) != 0 {
			wrong++
		}
	}
	first, last := int64(0), int64(0)
	for k, gap := range listed {
		if first == 0 || k < first {
			first = k
		}
		last = max(last, k)
		if gap {
			continue
		}
		info := x.segment(header, rendition, k)
		from, to := grid.span(k, audio)
		at(from, info.BaseTime)
		at(to, info.End())
		for _, s := range info.Samples {
			if s.Duration != step {
				wrong++
			}
		}
	}
	return wrong + int(last-first) + 1 - len(listed)
}

// judge fails the test for what a fault must not do.
func (x *trial) judge(o outcomes) {
	x.t.Helper()
	const margin = matrixTarget / 4 // of the machine that this runs on
	if o.discontinuities != 0 || o.offGrid != 0 {
		x.t.Errorf("%d discontinuities, %d things beside the grid", o.discontinuities, o.offGrid)
	}
	if o.gaps != 0 {
		x.t.Errorf("%.0f s are gaps", o.gaps)
	}
	if o.listing > matrixTarget*3/2+margin {
		x.t.Errorf("a segment was listed %v after the one before, target duration %v", o.listing, matrixTarget)
	}
	if o.recovery == 0 {
		x.t.Error("the input's pictures did not come back")
	}
	if seen := o.seen(); seen > x.row.seen {
		x.t.Errorf("something is wrong with %.2f s of the picture, %.1f s at most are expected: %s", seen, x.row.seen, o.line())
	}
	if o.silent > x.row.heard+0.1 { // a seam may take some of a wave
		x.t.Errorf("%.2f s are silent, %.1f s at most are expected", o.silent, x.row.heard)
	}
}

// seen is for how long the picture is not that of a source.
func (o outcomes) seen() float64 { return o.held + o.slate + o.black + o.damaged }

// segmentBytes is a segment as it is in the folder.
func (x *trial) segmentBytes(rendition string, k int64) []byte {
	b, err := os.ReadFile(filepath.Join(x.origin(), rendition, fmt.Sprintf("%d.m4s", k)))
	if err != nil {
		x.t.Fatal(err)
	}
	return b
}
