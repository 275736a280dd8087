package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"onair/pkg/fmp4"
	"onair/pkg/store"
	"onair/pkg/tick"
)

// A power cut takes the end of files that the system had not written to the disk yet; Linux does that at an age of
// 30 s, in rounds of 5 s. Only segments of the time before the end can be cut short, so only those are read: a window
// of hours is too much to read at a start.
const (
	cutWithin = 40 * tick.Second
	leastLook = 3               // numbers, however long they are
	lookFor   = 2 * time.Second // a slow store must not hold up the start: the rest is taken for whole then
)

// findCut reads the newest segments, and notes those that are not whole: they are gaps then.
func (p *Publisher) findCut(ctx context.Context, f *found) {
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	for _, short := range p.newestSegments(f) {
		name := f.objects[short].Name
		o, err := p.cfg.Store.Get(ctx, name)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = fmp4.Whole(o.Body)
		}
		if err == nil {
			continue
		}
		f.cut[short] = true
		if !errors.Is(err, store.ErrNotFound) {
			f.cutShort = append(f.cutShort, fmt.Sprintf("%s is not whole, as a power cut or a copy that was broken off leaves "+
				"a file: it becomes a gap: %v", name, err))
		}
	}
}

// newestSegments are those of the last cutWithin that are not empty, newest first.
func (p *Publisher) newestSegments(f *found) []string {
	grid := p.cfg.Presentation.Grid
	future := grid.K(p.cfg.Now() + farAhead)
	numbers := map[string]int64{}
	var names []string
	newest := int64(0)
	for short, info := range f.objects {
		track, file, _ := strings.Cut(short, "/")
		k, err := strconv.ParseInt(strings.TrimSuffix(file, ".m4s"), 10, 64)
		if err != nil || k > future || info.Size == 0 || f.strange(p, track) {
			continue
		}
		names, numbers[short], newest = append(names, short), k, max(newest, k)
	}
	last := newest - max(leastLook, int64((cutWithin+grid.T-1)/grid.T))
	names = slices.DeleteFunc(names, func(short string) bool { return numbers[short] <= last })
	slices.SortFunc(names, func(a, b string) int {
		if d := numbers[b] - numbers[a]; d != 0 {
			return int(d)
		}
		return strings.Compare(a, b)
	})
	return names
}
