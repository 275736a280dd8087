package pipeline

import (
	"testing"
	"testing/synctest"
	"time"

	"onair/pipeline/control"
	"onair/pkg/anchor"
	"onair/pkg/store"
	"onair/pkg/tick"
	"onair/pkg/timecode"
)

// labelled pushes pictures at 25 a second with labels that begin at 10:00:00:00, source time 0, and arrive late.
func labelled(r *timecode.Reader, gen int64, late tick.Tick, from, n int) {
	for i := from; i < from+n; i++ {
		r.Picture(gen, int64(i)*3600)
		r.Label(timecode.Label{Hours: 10, Seconds: i / 25, Frames: i % 25}, ten+late+tick.Tick(i)*tick.Second/25)
	}
}

const ten = 20_000*86400*tick.Second + 36000*tick.Second // 10:00:00 of a day

func timecodeChannel() (*Channel, *input) {
	tl, _ := newTimeline(store.NewMemory())
	c := &Channel{timeline: tl}
	grid, _ := tick.NewGrid(tick.Rate{Num: 25, Den: 1}, 2*tick.Second, tick.Second)
	c.air.Store(&onAir{grid: grid})
	return c, &input{name: "main", table: anchor.NewTable(), timecode: &timed{}}
}

// TestALabelPlacesTheAnchor, however late the picture has come, and once labels have come themselves.
func TestALabelPlacesTheAnchor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, in := timecodeChannel()
		var got []anchor.Anchor
		begun := time.Now()
		labelled(&in.timecode.Reader, 1, 6*tick.Second, 0, 5) // a sender begins with a burst
		own := anchor.Anchor{Gen: 1, PTS: 2 * 3600, Tick: ten + 6*tick.Second}
		c.byTimecode(in, own, func(a anchor.Anchor) { got = append(got, a) })
		time.Sleep(100 * time.Millisecond)
		if len(got) != 0 {
			t.Fatalf("placed by five pictures: %+v", got)
		}
		labelled(&in.timecode.Reader, 1, 1300*tick.Millisecond, 5, 5)
		c.timeline.wg.Wait()
		want := anchor.Anchor{Gen: 1, PTS: 2 * 3600, Tick: ten + 2*40*tick.Millisecond, Timecode: true}
		if len(got) != 1 || got[0].Tick != want.Tick || !got[0].Timecode || got[0].PTS != want.PTS {
			t.Errorf("%+v, want %+v", got, want)
		}
		if took := time.Since(begun); took > 200*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}

// TestWithoutLabelsArrivalPlaces: what does not come is not waited for, what is of another time not used.
func TestWithoutLabelsArrivalPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, at := range map[string]struct {
			labels int
			late   tick.Tick
		}{"none": {0, 0}, "far": {20, 1600 * tick.Millisecond}, "early": {20, -1600 * tick.Millisecond}} {
			c, in := timecodeChannel()
			labelled(&in.timecode.Reader, 1, at.late, 0, at.labels)
			var got []anchor.Anchor
			begun := time.Now()
			c.byTimecode(in, anchor.Anchor{Gen: 1, Tick: ten + at.late}, func(a anchor.Anchor) { got = append(got, a) })
			c.timeline.wg.Wait()
			if len(got) != 1 || got[0].Tick != ten+at.late || got[0].Timecode || time.Since(begun) > labelsFor+50*time.Millisecond {
				t.Errorf("%s: %+v after %v", name, got, time.Since(begun))
			}
		}
	})
}

// TestLabelsMovePictures by whole slots, when two looks have found the same, and not again before that shows.
func TestLabelsMovePictures(t *testing.T) {
	const slot = tick.Second / 25
	timed := &timed{}
	for i, c := range []struct {
		off, now, settles tick.Tick
		delta             tick.Tick
		stable            bool
	}{
		{off: slot, now: 10 * tick.Second},
		{off: slot, now: 20 * tick.Second, delta: slot, stable: true, settles: 80 * tick.Second},
		{off: slot, now: 30 * tick.Second},
		{off: 0, now: 90 * tick.Second},
		{off: 0, now: 100 * tick.Second, stable: true},
		{off: -slot * 51 / 100, now: 110 * tick.Second},
		{off: -slot * 51 / 100, now: 120 * tick.Second, stable: true},
		{off: -slot * 53 / 100, now: 130 * tick.Second, delta: -slot, stable: true},
		{off: 17*slot - 9, now: 140 * tick.Second},
		{off: 17*slot - 9, now: 150 * tick.Second, delta: 17 * slot, stable: true},
		{off: 3 * slot, now: 160 * tick.Second},
		{off: 0, now: 170 * tick.Second},
	} {
		delta, stable := timed.due(c.off, c.now, slot)
		if delta != c.delta || stable != c.stable {
			t.Errorf("look %d: %v, %v", i+1, delta.Duration(), stable)
		}
		if c.settles != 0 {
			timed.settled = c.settles
		}
	}
}

// TestClocksByTimecodeAreBothRight: a clock that another one's number does not fit is locked when both are by timecode,
// and neither adopts what lies near and not on the same slot.
func TestClocksByTimecodeAreBothRight(t *testing.T) {
	for name, c := range map[string]struct {
		other  int64 // source time of the other clock at the same instant
		first  anchor.Anchor
		state  control.Lock
		stored int64
		others bool
	}{
		"far":        {first: anchor.Anchor{Gen: 1, PTS: 1 << 31, Tick: ten, Timecode: true}, state: control.Locked, stored: 2},
		"near":       {first: anchor.Anchor{Gen: 1, PTS: 1800, Tick: ten, Timecode: true}, state: control.Locked, stored: 2},
		"the same":   {first: anchor.Anchor{Gen: 1, PTS: 3600, Tick: ten + agreedFrame, Timecode: true}, state: control.Locked, stored: 1, others: true},
		"by arrival": {first: anchor.Anchor{Gen: 1, PTS: 1 << 31, Tick: ten}, state: control.Unlocked, stored: 2},
	} {
		t.Run(name, func(t *testing.T) {
			tl, _ := newTimeline(store.NewMemory())
			tl.propose("main", c.first, nobody)
			tl.wg.Wait()
			ch := &Channel{timeline: tl, now: func() tick.Tick { return ten }}
			ch.events = &events{now: time.Now}
			in := &input{name: "main", table: anchor.NewTable()}
			own := anchor.Anchor{Gen: 1, PTS: 0, Tick: ten, Timecode: c.first.Timecode}
			in.table.Open(own.Gen)
			var g agreement
			tl.propose("main", own, func(a agreement) {
				g = a
				ch.ruled(in, own, a, true)
			})
			tl.wg.Wait()
			if in.lock.state != c.state || in.lock.number != c.stored || g.others != c.others {
				t.Errorf("%+v, others %v", in.lock, g.others)
			}
			if a, ok := in.table.Anchor(1); !ok || a.Map(0) != ten || a.Timecode != c.first.Timecode {
				t.Errorf("%+v", a)
			}
		})
	}
}
