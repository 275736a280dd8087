package rtpclock_test

import (
	"testing"

	"onair/pkg/rtpclock"
	"onair/pkg/tick"
)

const ms = tick.Millisecond

// ntp is an NTP time that many milliseconds after some instant.
func ntp(after int64) uint64 {
	at := int64(3_900_000_000_000) + after
	return uint64(at/1000)<<32 | uint64(at%1000)<<32/1000 + 1
}

func clock(t *testing.T, rates ...int) *rtpclock.Clock {
	t.Helper()
	c, err := rtpclock.New(rates...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func at(t *testing.T, c *rtpclock.Clock, i int, stamp uint32, now tick.Tick) int64 {
	t.Helper()
	got, ok := c.Time(i, stamp, now)
	if !ok {
		t.Fatalf("stream %d has no time", i)
	}
	return got
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, rates := range [][]int{nil, {90_000, 0}, {-1}} {
		if _, err := rtpclock.New(rates...); err == nil {
			t.Errorf("%v: no error", rates)
		}
	}
}

func TestStepsAreExact(t *testing.T) {
	t.Parallel()
	c := clock(t, 90_000, 48_000, 44_100)
	now := 100 * tick.Second
	first := []int64{at(t, c, 0, 0xFFFFFF00, now), at(t, c, 1, 7, now), at(t, c, 2, 0x80000000, now)}
	for i := range uint32(10_000) { // over the wrap of 32 bits, and of the sign
		now += 40 * ms
		video := at(t, c, 0, 0xFFFFFF00+3600*(i+1), now)
		sound := at(t, c, 1, 7+1920*(i+1), now)
		other := at(t, c, 2, 0x80000000+1764*(i+1), now)
		want := int64(3600) * int64(i+1)
		if video-first[0] != want || sound-first[1] != want || other-first[2] != want {
			t.Fatalf("step %d: %d %d %d, want %d", i, video-first[0], sound-first[1], other-first[2], want)
		}
	}
	if c.Stats() != (rtpclock.Stats{}) {
		t.Errorf("stats %+v", c.Stats())
	}
}

// TestPicturesOutOfOrder: timestamps of B pictures go back.
func TestPicturesOutOfOrder(t *testing.T) {
	t.Parallel()
	c := clock(t, 90_000)
	base := at(t, c, 0, 1000, tick.Second)
	for i, step := range []int64{10_800, 3600, 7200, 21_600, 14_400} {
		if got := at(t, c, 0, uint32(1000+step), tick.Second+tick.Tick(i)*40*ms); got != base+step {
			t.Errorf("%d: %d, want %d", i, got-base, step)
		}
	}
}

func TestReportsAlign(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		early   bool  // the reports come before the packets
		ahead   int64 // milliseconds that sound is sampled later than it would seem from its arrival
		aligned uint64
		refused uint64
	}{
		{"sound arrives late", false, -300, 1, 0},
		{"sound arrives early", false, 250, 1, 0},
		{"reports before packets", true, 250, 1, 0},
		{"nothing to be done", false, 0, 0, 0},
		{"reports that cannot be true", false, 3_600_000, 0, 1},
		{"a first step is taken even if small", false, 2, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k, now := clock(t, 90_000, 48_000), 50*tick.Second
			report := func() {
				k.Report(0, ntp(0), 500_000)
				k.Report(1, ntp(c.ahead), 90_000_0)
			}
			if c.early {
				report()
			}
			video, sound := at(t, k, 0, 500_000, now), at(t, k, 1, 900_000, now)
			if !c.early {
				if sound != video {
					t.Errorf("before reports sound is at %d, video at %d", sound, video)
				}
				report()
				video, sound = at(t, k, 0, 500_000, now), at(t, k, 1, 900_000, now)
			}
			want := c.ahead * 90
			if c.refused > 0 {
				want = 0
			}
			if sound-video != want {
				t.Errorf("sound is %d after video, want %d", sound-video, want)
			}
			if s := k.Stats(); s.Aligned != c.aligned || s.Refused != c.refused {
				t.Errorf("stats %+v", s)
			}
		})
	}
}

// TestDriftIsLeftUntilItMatters: after the first alignment small differences are no reason for a step.
func TestDriftIsLeftUntilItMatters(t *testing.T) {
	t.Parallel()
	c, now := clock(t, 90_000, 48_000), tick.Second
	at(t, c, 0, 0, now)
	at(t, c, 1, 0, now)
	c.Report(0, ntp(0), 0)
	c.Report(1, ntp(0), 0)
	c.Report(1, ntp(15), 0)
	if n := c.Stats().Aligned; n != 0 {
		t.Errorf("%d steps for 15 ms", n)
	}
	c.Report(1, ntp(25), 0)
	if s := c.Stats(); s.Aligned != 1 || s.Shift != 25*ms {
		t.Errorf("stats %+v, want a step of 25 ms", s)
	}
}

// TestRestart: a stream that begins anew goes on where it would be.
func TestRestart(t *testing.T) {
	t.Parallel()
	c, now := clock(t, 90_000, 48_000), tick.Second
	video, sound := at(t, c, 0, 5, now), at(t, c, 1, 5, now)
	now += 200 * ms
	if got := at(t, c, 0, 3_000_000_000, now); got != video+18_000 {
		t.Errorf("video is %d later, want 18000", got-video)
	}
	if n := c.Stats().Restarts; n != 1 {
		t.Errorf("%d restarts", n)
	}
	c.Restart(1) // another sender
	now += 200 * ms
	if got := at(t, c, 1, 77, now); got != sound+36_000 {
		t.Errorf("sound is %d later, want 36000", got-sound)
	}
	if got := at(t, c, 1, 77+480, now+10*ms); got != sound+36_900 {
		t.Errorf("sound is %d later, want 36900", got-sound)
	}
}

// TestTheFirstStreamRules: others wait for it, but not for ever.
func TestTheFirstStreamRules(t *testing.T) {
	t.Parallel()
	c, now := clock(t, 90_000, 48_000), tick.Second
	for range 19 {
		if _, ok := c.Time(1, 0, now); ok {
			t.Fatalf("sound has a time after %v without video", now-tick.Second)
		}
		now += 100 * ms
	}
	now += 200 * ms
	if _, ok := c.Time(1, 0, now); !ok {
		t.Fatal("sound has no time though there is no video")
	}
	if _, ok := c.Time(2, 0, now); ok {
		t.Error("a stream that is none has a time")
	}
	sound := at(t, c, 1, 48_000, now+tick.Second)
	if video := at(t, c, 0, 9, now+tick.Second); video != sound {
		t.Errorf("video begins %d after sound", video-sound)
	}
}

func FuzzClock(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := rtpclock.New(90_000, 44_100)
		if err != nil {
			t.Fatal(err)
		}
		now := tick.Second
		for ; len(b) >= 6; b = b[6:] {
			i, stamp := int(b[0]&1), uint32(b[1])<<24|uint32(b[2])<<16|uint32(b[3])<<8|uint32(b[4])
			now += tick.Tick(b[5]) * ms
			if b[0]&2 != 0 {
				c.Report(i, uint64(stamp)<<20, stamp)
				continue
			}
			got, ok := c.Time(i, stamp, now)
			if !ok {
				continue
			}
			if span := got - 10*90_000; span < -30*90_000 || span > 30*90_000+int64(now/(tick.Second/90_000)) {
				t.Errorf("stream %d is at %d after %v", i, span, now)
			}
		}
	})
}
