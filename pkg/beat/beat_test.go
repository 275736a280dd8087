package beat_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"onair/pkg/beat"
)

// Whenever they were made, those that look less often do so when the others do.
func TestTickersTickTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(7 * time.Millisecond)
		time.Sleep(beat.Next())
		first := time.Now()
		apart := func() time.Duration { return time.Since(first) % beat.Period }
		time.Sleep(3 * time.Millisecond)
		short := beat.NewTicker(beat.Period)
		time.Sleep(1001 * time.Millisecond)
		long := beat.NewTicker(4 * beat.Period)
		for range 5 {
			if <-long.Next(); apart() != 0 {
				t.Errorf("the long one ticks %v after the short one", apart())
			}
			time.Sleep(9 * time.Millisecond)
		}
		before := time.Now()
		if <-short.Next(); apart() != 0 || time.Since(before) > beat.Period {
			t.Errorf("the short one ticks %v after its time, %v after it was asked", apart(), time.Since(before))
		}
		if !beat.Wait(t.Context(), 2*beat.Period) || apart() != 0 {
			t.Errorf("the wait ends %v after a beat", apart())
		}
	})
}

// A loop that has missed ticks is not given them afterwards.
func TestMissedTicksAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ticker := beat.NewTicker(beat.Period)
		<-ticker.Next()
		time.Sleep(10*beat.Period + time.Millisecond)
		before := time.Now()
		if <-ticker.Next(); time.Since(before) != beat.Period-time.Millisecond {
			t.Errorf("a tick came after %v", time.Since(before))
		}
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if before := time.Now(); beat.Wait(ctx, time.Hour) && time.Since(before) < time.Hour/2 {
			t.Error("the wait has not ended with its context")
		}
	})
}
