//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"onair/pipeline/control"
	"onair/pkg/hls"
	"onair/test/bucket"
)

// sharedChannel is a channel whose only output, and whose timeline, are in a bucket that two pipelines share.
func sharedChannel(output string) string {
	return strings.Replace(oneRung, "  - dir: %[3]s\n", output+"    shared: true\n", 1)
}

// keeper holds every playlist that is written to a bucket against the one before: nothing that is listed changes, and no
// list goes back.
type keeper struct {
	t     testing.TB
	mu    sync.Mutex
	lists map[string]hls.Playlist
	last  time.Time // when a number was listed last
	pause time.Duration
}

func keep(t testing.TB, b *bucket.Server) *keeper {
	k := &keeper{t: t, lists: map[string]hls.Playlist{}}
	b.Wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/v180.m3u8") {
				k.look(b)
			}
		})
	})
	return k
}

// look compares what is there with what was.
func (k *keeper) look(b *bucket.Server) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, rendition := range []string{"v180", "a1"} {
		now, was := bucketList(k.t, b, rendition), k.lists[rendition]
		if now.First < was.First || now.First+int64(len(now.Segments)) < was.First+int64(len(was.Segments)) {
			k.t.Errorf("%s goes back: %d+%d after %d+%d", rendition, now.First, len(now.Segments), was.First, len(was.Segments))
		}
		for _, s := range was.Segments {
			if i := s.K - now.First; i >= 0 && i < int64(len(now.Segments)) && now.Segments[i] != s {
				k.t.Errorf("%s: segment %d was %+v and is %+v", rendition, s.K, s, now.Segments[i])
			}
		}
		if rendition == "v180" && len(now.Segments) > 0 && now.First+int64(len(now.Segments)) > was.First+int64(len(was.Segments)) {
			if !k.last.IsZero() {
				k.pause = max(k.pause, time.Since(k.last))
			}
			k.last = time.Now()
		}
		k.lists[rendition] = now
	}
}

// newest is the last number that a bucket lists.
func newest(t testing.TB, b *bucket.Server) int64 {
	list := bucketList(t, b, "v180")
	return list.First + int64(len(list.Segments)) - 1
}

// TestTwinsShareABucket: two pipelines publish to one bucket, and each is killed in turn while the other lives; with
// ONAIR_LONG=1 either of them at random, for ten minutes. Viewers of the bucket miss no picture, and no list ever changes
// what it said.
func TestTwinsShareABucket(t *testing.T) {
	t.Parallel()
	kills, span, seconds := 4, time.Duration(0), 120
	if long {
		span, seconds = 10*time.Minute, 1200
	}
	b := bucket.New()
	t.Cleanup(b.Close)
	kept := keep(t, b)
	file := strings.Replace(sharedChannel(s3Output(t, b)), "window: 5m", "window: 30m", 1) // all of it
	one, second, _ := newTwins(t, file, clip(t, seconds, "25"), 0)
	twins := []*station{one, second()}
	encodes := func(s *station) {
		s.wait("segments of its own", 30*time.Second, func(st control.Status) bool {
			return len(st.Renditions) > 0 && st.Renditions[0].Segments >= 2 && st.Renditions[0].LastK >= newest(t, b) && newest(t, b) > 3
		})
	}
	n := 0
	for begun := time.Now(); n < kills || time.Since(begun) < span; n++ {
		encodes(twins[0])
		encodes(twins[1])
		one := twins[n%2]
		if long {
			one = twins[rand.IntN(2)]
		}
		one.kill()
		until := newest(t, b) + 2
		if !eventually(20*time.Second, func() bool { return newest(t, b) >= until }) {
			t.Fatalf("nothing is listed after kill %d", n+1)
		}
		one.start()
	}
	encodes(twins[0])
	encodes(twins[1])
	for i, s := range twins {
		st := s.status()
		t.Logf("pipeline %d: %+v", i+1, st.Stores[0])
		if st.Stores[0].Errors != 0 || st.Inputs[0].Lock != control.Locked || !st.Stores[0].Shared {
			t.Errorf("pipeline %d: %+v, lock %s", i+1, st.Stores[0], st.Inputs[0].Lock)
		}
		s.stop()
	}
	wantWholeInBucket(t, b)
	t.Logf("%d kills, longest pause between two listings %v", n, kept.pause)
}

// wantWholeInBucket fails if a rendition has a gap or a discontinuity, or a picture is missing.
func wantWholeInBucket(t testing.TB, b *bucket.Server) {
	t.Helper()
	for _, rendition := range []string{"v180", "a1"} {
		list := bucketList(t, b, rendition)
		var media []byte
		for i, s := range list.Segments {
			if s.Gap || s.Discontinuity {
				t.Errorf("%s: %+v", rendition, s)
			}
			if i == 0 {
				init, _ := fromBucket(t, b, rendition+"/"+s.Init)
				media = append(media, init...)
			}
			body, _ := fromBucket(t, b, fmt.Sprintf("%s/%d.m4s", rendition, s.K))
			media = append(media, body...)
		}
		if rendition == "v180" {
			wantConsecutive(t, numbersIn(t, media))
		} else {
			decode(t, media, "-f", "null")
		}
	}
}
