//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"onair/pipeline/control"
	"onair/pkg/hls"
	"onair/test/bucket"
)

// s3Output is an output in a bucket of a server of the test, with its keys in a file.
func s3Output(t testing.TB, b *bucket.Server) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "credentials")
	text := "[default]\naws_access_key_id = key\naws_secret_access_key = correcthorsebattery\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("  - s3: \"s3://%s/tv?endpoint=%s&path_style=1&credentials=%s\"\n", bucket.Name, b.URL, file)
}

// fromBucket reads an object of the channel as a viewer would.
func fromBucket(t testing.TB, b *bucket.Server, name string) ([]byte, http.Header) {
	t.Helper()
	resp, err := http.Get(b.URL + "/" + bucket.Name + "/tv/ch/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil, resp.Header
	}
	return body, resp.Header
}

func bucketList(t testing.TB, b *bucket.Server, rendition string) hls.Playlist {
	t.Helper()
	body, _ := fromBucket(t, b, rendition+".m3u8")
	if body == nil {
		return hls.Playlist{}
	}
	p, err := hls.ReadMedia(body)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestBucketBesideAFolder: a bucket gets what the folder gets. While its server refuses, hangs, or breaks connections
// off, the folder misses nothing; afterwards the bucket goes on, and so it does after a restart.
func TestBucketBesideAFolder(t *testing.T) {
	t.Parallel()
	b := bucket.New()
	t.Cleanup(b.Close)
	port := freePort(t, "udp")
	s := newStationOf(t, channel+s3Output(t, b), rtpInput(port)).answering()
	play(t, clip(t, 60, "25"), port)
	st := s.wait("segments in both", 40*time.Second, func(st control.Status) bool {
		return st.Segments >= 4 && len(bucketList(t, b, "v180").Segments) >= 4
	})
	s.wantInBucket(b)
	s.wantSecretHidden(st, "correcthorsebattery")
	watch := s.watchListings()
	for name, fault := range bucketFaults() {
		fault.begin(b)
		before := s.status().Stores[1]
		s.wait(name+" to be told", 20*time.Second, func(st control.Status) bool {
			return st.Stores[1].Errors > before.Errors && st.Stores[1].LastError != ""
		})
		s.wantOn(2)
		fault.end()
		b.Wrap(nil)
		after := s.status().Segments
		s.wait("the bucket after "+name, 20*time.Second, func(st control.Status) bool {
			list := bucketList(t, b, "v180").Segments
			return st.Segments > after && len(list) > 0 && !list[len(list)-1].Gap && st.Stores[1].LastError == ""
		})
	}
	if st := s.status(); st.Stores[0].Gaps != 0 || st.Stores[0].Errors != 0 || st.Renditions[0].Gaps != 0 {
		t.Errorf("the folder suffered: %+v", st.Stores[0])
	}
	if watch.end(); watch.longest() > 4*time.Second {
		t.Errorf("%v between two listings", watch.longest())
	}
	s.goesOnInBucket(b)
	if log := s.log.String(); strings.Contains(log, "correcthorsebattery") {
		t.Error("the log has a secret")
	}
}

// bucketFault is something that an S3 server does to writes; end lets go what hangs.
type bucketFault struct {
	begin func(*bucket.Server)
	end   func()
}

func bucketFaults() map[string]bucketFault {
	writes := func(b *bucket.Server, do http.HandlerFunc) {
		b.Wrap(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodPut {
					next.ServeHTTP(w, r)
					return
				}
				do(w, r)
			})
		})
	}
	hang := make(chan struct{})
	answer := func(status int, code string) bucketFault {
		return bucketFault{
			func(b *bucket.Server) {
				writes(b, func(w http.ResponseWriter, r *http.Request) { bucket.Fail(w, r, status, code) })
			}, func() {},
		}
	}
	return map[string]bucketFault{
		"errors of the server": answer(http.StatusInternalServerError, "InternalError"),
		"refusal":              answer(http.StatusForbidden, "AccessDenied"),
		"a full disk":          answer(http.StatusInsufficientStorage, "XMinioStorageFull"),
		"silence": {
			func(b *bucket.Server) {
				writes(b, func(_ http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					<-hang // and then an answer that says 200 and nothing else: it must not be believed
				})
			}, func() { close(hang) },
		},
		"cut connections": {
			func(b *bucket.Server) {
				writes(b, func(_ http.ResponseWriter, r *http.Request) {
					_, _ = io.CopyN(io.Discard, r.Body, 100)
					panic(http.ErrAbortHandler)
				})
			}, func() {},
		},
	}
}

// wantInBucket fails unless the bucket has what the folder has, with the headers of each kind, and FFmpeg reads it.
func (s *station) wantInBucket(b *bucket.Server) {
	s.t.Helper()
	for _, rendition := range []string{"v360", "v180", "a1"} {
		list := bucketList(s.t, b, rendition)
		seg := list.Segments[0]
		for _, name := range []string{seg.Init, fmt.Sprintf("%d.m4s", seg.K)} {
			theirs, head := fromBucket(s.t, b, rendition+"/"+name)
			ours, err := os.ReadFile(filepath.Join(s.origin(), rendition, name))
			if err != nil || !slices.Equal(ours, theirs) {
				s.t.Errorf("%s/%s differs: %v", rendition, name, err)
			}
			if !strings.Contains(head.Get("Cache-Control"), "immutable") {
				s.t.Errorf("%s/%s: Cache-Control %q", rendition, name, head.Get("Cache-Control"))
			}
		}
	}
	for name, want := range map[string][2]string{
		"index.m3u8":   {"application/vnd.apple.mpegurl", "max-age=10"},
		"v180.m3u8":    {"application/vnd.apple.mpegurl", "max-age=1"},
		"manifest.mpd": {"application/dash+xml", "s-maxage="},
	} {
		body, head := fromBucket(s.t, b, name)
		if body == nil || head.Get("Content-Type") != want[0] || !strings.Contains(head.Get("Cache-Control"), want[1]) {
			s.t.Errorf("%s: %d bytes, %v", name, len(body), head)
		}
	}
	for _, name := range []string{"index.m3u8", "manifest.mpd"} {
		url := b.URL + "/" + bucket.Name + "/tv/ch/" + name
		out, err := exec.Command("ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", url).
			CombinedOutput()
		if text := string(out); err != nil || strings.Count(text, "h264") < 2 || !strings.Contains(text, "aac") {
			s.t.Errorf("ffprobe %s: %v\n%s", url, err, out)
		}
	}
}

func (s *station) wantSecretHidden(st control.Status, secret string) {
	s.t.Helper()
	if _, body := s.get("/metrics"); strings.Contains(fmt.Sprint(st)+string(body), secret) {
		s.t.Error("a secret is shown")
	}
}

// goesOnInBucket restarts the program: the bucket's window goes on with the same numbers, and what was listed stays.
func (s *station) goesOnInBucket(b *bucket.Server) {
	s.t.Helper()
	s.stop()
	was := bucketList(s.t, b, "v180")
	s.start()
	last := was.First + int64(len(was.Segments)) - 1
	s.wait("the bucket after a restart", 40*time.Second, func(control.Status) bool {
		list := bucketList(s.t, b, "v180")
		return list.First+int64(len(list.Segments)) > last+3
	})
	now := bucketList(s.t, b, "v180")
	for i, seg := range was.Segments {
		at := was.First + int64(i) - now.First
		if at >= 0 && (now.Segments[at].Gap != seg.Gap || now.Segments[at].Init != seg.Init) {
			s.t.Errorf("segment %d was %+v and is %+v", seg.K, seg, now.Segments[at])
		}
	}
}

// TestTimelineInABucket: grid and anchors are in a bucket whose server is away at the start, and comes back; a restart
// finds them. A server that does not know conditional writes is refused.
func TestTimelineInABucket(t *testing.T) {
	t.Parallel()
	b := bucket.New()
	t.Cleanup(b.Close)
	var away atomic.Bool
	away.Store(true)
	b.Wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if away.Load() {
				panic(http.ErrAbortHandler)
			}
			next.ServeHTTP(w, r)
		})
	})
	port := freePort(t, "udp")
	timeline := "timeline:\n  " + strings.TrimPrefix(s3Output(t, b), "  - ")
	s := newStationOf(t, channel+timeline, rtpInput(port))
	play(t, clip(t, 60, "25"), port)
	s.wait("segments without the timeline's store", 60*time.Second, segments(2))
	away.Store(false)
	has := func(name string) func(control.Status) bool {
		return func(control.Status) bool { return slices.Contains(b.Keys(), "tv/ch/"+name) }
	}
	s.wait("the grid", 10*time.Second, has("grid.json"))
	s.wait("the anchor", 10*time.Second, has("anchors/main/1.json"))
	s.stop()
	s.start()
	s.wait("segments after a restart", 40*time.Second, segments(2))
	if n := b.Puts("tv/ch/anchors/main/1.json"); n != 1 || slices.Contains(b.Keys(), "tv/ch/anchors/main/2.json") {
		t.Errorf("the anchor was written %d times; keys %v", n, b.Keys())
	}
	s.stop()
	b.Wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("If-None-Match")
			next.ServeHTTP(w, r)
		})
	})
	s.start()
	select {
	case <-s.done:
	case <-time.After(10 * time.Second):
		t.Error("a timeline in a store that overwrites is not refused")
	}
	if !strings.Contains(s.log.String(), "If-None-Match") {
		t.Error("the log does not say why")
	}
}
