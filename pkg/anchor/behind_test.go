package anchor_test

import (
	"testing"

	"onair/pkg/anchor"
	"onair/pkg/tick"
)

// A source that plays a short clip over and over steps back at each end: by more in the pictures than in the sound, which
// must not stay behind on the old clock.
func TestShortStepsBackTakeAllStreamsAlong(t *testing.T) {
	for name, back := range map[string]struct{ video, audio int64 }{
		"both more than half a second": {150_000, 85_000},
		"sound by less":                {150_000, 40_000},
	} {
		t.Run(name, func(t *testing.T) {
			table := anchor.NewTable()
			clock := anchor.NewClock(table, nil, nil)
			clock.SetGrid(frame)
			now := epoch()
			video, audio := int64(9_000_000), int64(8_990_000)
			var v, a anchor.Place
			for i := range 400 {
				if i == 100 {
					video, audio = video-back.video, audio-back.audio
				}
				v = clock.Push(anchor.Stamp{Stream: 0, Ref: true, PTS: uint64(video), DTS: uint64(video), Arrival: now})
				a = clock.Push(anchor.Stamp{Stream: 1, PTS: uint64(audio), DTS: uint64(audio), Arrival: now})
				now, video, audio = now+frame, video+frame90, audio+frame90
			}
			if v.Gen != 2 || a.Gen != v.Gen {
				t.Errorf("picture in generation %d, sound in %d, want both in 2", v.Gen, a.Gen)
			}
			at, _ := table.Map(a.Gen, a.PTS)
			if behind := now - at; behind > 3*tick.Second {
				t.Errorf("sound lies %v behind its arrival", behind.Duration())
			}
		})
	}
}

// lags is how far each of the newest n pictures lies behind its arrival.
func (f *feed) lags(n int) []tick.Tick {
	var out []tick.Tick
	for _, p := range f.places[len(f.places)-n:] {
		at, _ := f.table.Map(p.Gen, p.PTS)
		out = append(out, p.arrival-at)
	}
	return out
}

func TestAHaltedSourceIsKnownByItsOwnTime(t *testing.T) {
	for name, halt := range map[string]tick.Tick{"3 s": 3 * tick.Second, "10 s": 10 * tick.Second, "30 s": 30 * tick.Second} {
		t.Run(name, func(t *testing.T) {
			f := newFeed(t, noon, 5000)
			f.frames(100)
			f.now += halt
			f.frames(30)
			if lag := f.lags(1)[0]; lag > 2*frame {
				t.Errorf("still %v behind", lag.Duration())
			}
			f.now += halt // and again
			f.frames(30)
			if g := f.places[len(f.places)-1].Gen; g != 3 {
				t.Errorf("generation %d after two halts, want 3", g)
			}
		})
	}
}

func TestWhatAPathHadHeldBackIsNoHaltedSource(t *testing.T) {
	for name, pace := range map[string]func(i int) tick.Tick{ // between two pictures
		"at once":             func(int) tick.Tick { return 0 },
		"at three times":      func(int) tick.Tick { return frame / 3 },
		"slowly, then faster": func(i int) tick.Tick { return max(0, 2*frame-tick.Tick(i)*frame/12) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFeed(t, noon, 5000)
			f.frames(100)
			held := f.now + 4*tick.Second
			for i := 0; held > f.now || i == 0; i++ {
				f.now = held
				f.video()
				held, f.pts = held+pace(i), f.pts+frame90
				if f.now-noon <= tick.Tick(f.pts-5000)*tick.Per90k+frame {
					break // it has caught up
				}
				f.now = held - 1
			}
			f.frames(100)
			if g := f.places[len(f.places)-1].Gen; g != 1 {
				t.Errorf("generation %d", g)
			}
		})
	}
}

func TestAFeedThatFallsBehindWithoutASilenceIsWaitedFor(t *testing.T) {
	f := newFeed(t, noon, 5000)
	f.frames(100)
	for range 60 { // 5 s in 2.4 s
		f.frames(1)
		f.now += frame
	}
	f.frames(60)
	if g := f.places[len(f.places)-1].Gen; g != 1 {
		t.Errorf("generation %d after less than 5 s", g)
	}
}

func epoch() tick.Tick { return 1_700_000_000 * tick.Second }
