package webhook_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"onair/pipeline/webhook"
)

func upTo(from, to uint64) []uint64 {
	var out []uint64
	for ; from <= to; from++ {
		out = append(out, from)
	}
	return out
}

func TestEventsArePostedOnceAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &receiver{answer: func(int, *http.Request) (*http.Response, error) {
			time.Sleep(time.Second) // slow, so that events gather
			return status(204), nil
		}}
		r := start(t, "", to)
		for range 250 {
			r.add(1)
		}
		time.Sleep(time.Minute)
		r.add(1)
		time.Sleep(time.Minute)
		st := r.Status()
		if got := to.received(); !slices.Equal(got, upTo(1, 251)) {
			t.Fatalf("received %v", got)
		}
		if st.Delivered != 251 || st.Seen != 251 || st.Dropped != 0 || st.Failures != 0 || st.Requests > 5 {
			t.Errorf("%+v", st)
		}
	})
}

func TestTriesGetRarerUntilOneIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &receiver{began: time.Now()}
		to.answer = func(n int, _ *http.Request) (*http.Response, error) {
			switch {
			case n < 3:
				return nil, errors.New("connection refused")
			case n < 8:
				return status(503), nil
			}
			return status(200), nil
		}
		r := start(t, "", to)
		r.add(1)
		time.Sleep(20 * time.Second)
		if st := r.Status(); !strings.Contains(st.LastError, "503") || st.Delivered != 0 {
			t.Errorf("under way: %+v", st)
		}
		r.add(1) // waits with the others, and hurries nobody
		time.Sleep(time.Hour)
		seconds := func(n ...int) (out []time.Duration) {
			for _, s := range n {
				out = append(out, time.Duration(s)*time.Second)
			}
			return out
		}
		if want := seconds(0, 1, 3, 7, 15, 31, 63, 123, 183, 183); !slices.Equal(to.tried(), want) {
			t.Errorf("tried at %v, want %v", to.tried(), want)
		}
		if got := to.received(); !slices.Equal(got, upTo(1, 2)) {
			t.Errorf("received %v", got)
		}
		if st := r.Status(); st.LastError != "" || st.Failures != 8 || st.Requests != 10 || st.At.IsZero() {
			t.Errorf("%+v", st)
		}
	})
}

func TestReceiverMayAskForTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &receiver{began: time.Now()}
		to.answer = func(n int, _ *http.Request) (*http.Response, error) {
			return [...]*http.Response{status(429, "Retry-After", "30"), status(503, "Retry-After", "99999"),
				status(503, "Retry-After", "Mon, 02 Mar 2026 00:00:00 GMT"), status(200)}[n], nil
		}
		start(t, "", to).add(1)
		time.Sleep(time.Hour)
		if want := []time.Duration{0, 30 * time.Second, 90 * time.Second, 94 * time.Second}; !slices.Equal(to.tried(), want) {
			t.Errorf("tried at %v, want %v", to.tried(), want)
		}
	})
}

func TestWhatIsNeverTakenIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &receiver{answer: func(_ int, r *http.Request) (*http.Response, error) {
			return status(500), nil
		}}
		r := start(t, "", to)
		r.add(100)
		time.Sleep(9 * time.Minute)
		if st := r.Status(); st.Dropped != 0 {
			t.Fatalf("given up early: %+v", st)
		}
		time.Sleep(3 * time.Minute)
		if st := r.Status(); st.Dropped != 100 || st.Seen != 100 || !strings.Contains(st.LastError, "given up") {
			t.Fatalf("%+v", st)
		}
		to.answers(always(200))
		r.add(1)
		time.Sleep(2 * time.Minute)
		if got := to.received(); !slices.Equal(got, upTo(101, 101)) {
			t.Errorf("received %v", got)
		}
	})
}

func TestWhatIsRefusedIsDroppedAndWhatFollowsIsNot(t *testing.T) {
	for _, code := range []int{301, 307, 400, 401, 403, 404, 410, 413, 422} {
		synctest.Test(t, func(t *testing.T) {
			to := &receiver{answer: func(n int, _ *http.Request) (*http.Response, error) {
				if n == 0 {
					return status(code, "Location", "https://elsewhere.example/"), nil
				}
				return status(200), nil
			}}
			r := start(t, "", to)
			r.add(3)
			time.Sleep(time.Second)
			if st := r.Status(); st.Dropped != 3 || st.Failures != 1 || st.LastError == "" {
				t.Errorf("%d: %+v", code, st)
			}
			r.add(2)
			time.Sleep(time.Second)
			if got := to.received(); !slices.Equal(got, upTo(4, 5)) || len(to.tried()) != 2 {
				t.Errorf("%d: received %v in %d requests", code, got, len(to.tried()))
			}
		})
	}
}

func TestHangingReceiverHoldsNobodyUpAndLosesTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &receiver{answer: hang}
		r := start(t, "", to)
		r.add(1)
		time.Sleep(time.Second)
		began := time.Now()
		for range 5000 {
			r.add(1)
		}
		if time.Since(began) != 0 {
			t.Errorf("adding took %v", time.Since(began))
		}
		time.Sleep(15 * time.Second)
		if st := r.Status(); st.LastError != "no answer within 10s" || st.Failures != 1 {
			t.Errorf("%+v", st)
		}
		to.answers(always(200))
		time.Sleep(5 * time.Minute)
		want := append(upTo(1, 1), upTo(4002, 5001)...)
		if got := to.received(); !slices.Equal(got, want) {
			t.Errorf("received %d events, from %v", len(got), got[:min(3, len(got))])
		}
		if st := r.Status(); st.Dropped != 4000 || st.Delivered != 1001 || st.Seen != 5001 {
			t.Errorf("%+v", st)
		}
	})
}

func TestWhatWaitsIsPostedAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &receiver{began: time.Now(), answer: always(503)}
		r := start(t, "", to)
		r.add(1)
		time.Sleep(40 * time.Second) // between two tries that are 32 s apart
		to.answers(func(n int, _ *http.Request) (*http.Response, error) {
			if n == 7 {
				return nil, errors.New("once more")
			}
			return status(200), nil
		})
		r.events.add(150)
		began := time.Now()
		r.stop()
		<-r.ended
		if got := to.received(); !slices.Equal(got, upTo(1, 151)) {
			t.Errorf("received %v", got)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestEndIsNotHeldUp(t *testing.T) {
	for name, answer := range map[string]func(int, *http.Request) (*http.Response, error){
		"hangs": hang, "fails": always(503),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t, "", &receiver{answer: answer})
				r.add(5)
				time.Sleep(time.Second / 2)
				began := time.Now()
				r.stop()
				<-r.ended
				if took := time.Since(began); took > 2*time.Second || took < time.Second {
					t.Errorf("took %v", took)
				}
				if !strings.Contains(r.log.String(), `"events":5`) {
					t.Errorf("log %s", r.log)
				}
			})
		})
	}
}

func TestEndWithoutEventsIsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, "", &receiver{answer: always(200)})
		r.add(1)
		synctest.Wait()
		began := time.Now()
		r.stop()
		<-r.ended
		if took := time.Since(began); took != 0 {
			t.Errorf("took %v", took)
		}
	})
}

func TestTroubleIsLoggedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &receiver{answer: always(404)}
		r := start(t, "", to)
		for range 600 { // a refusal a second
			r.add(1)
			time.Sleep(time.Second)
		}
		if n := strings.Count(r.log.String(), "\n"); n != 10 {
			t.Errorf("%d lines:\n%s", n, r.log)
		}
		if !strings.Contains(r.log.String(), `"times":60`) {
			t.Errorf("the rest is not counted:\n%s", r.log)
		}
		to.answers(always(200))
		for range 5 {
			r.add(1)
			time.Sleep(time.Second)
		}
		if n := strings.Count(r.log.String(), "works again"); n != 1 {
			t.Errorf("told %d times that it works again", n)
		}
	})
}

func TestAddressesThatCannotBePostedToAreRefused(t *testing.T) {
	after := (&ring{}).After
	for _, url := range []string{"", "ftp://s3cret.example/", "http://", "https:///s3cret", "://s3cret", "http://a\x7f"} {
		_, err := webhook.New(webhook.Config{URL: url, After: after})
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := webhook.New(webhook.Config{URL: "http://localhost/"}); err == nil {
		t.Error("taken without a source")
	}
}
