// Package live is an HLS channel whose segments of 400 ms are always there, for tests of who watches one.
package live

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"onair/pkg/fmp4"
)

// length of a segment.
const length = 400 * time.Millisecond

// Channel is on air until the test ends.
type Channel struct {
	URL string // of the multivariant playlist

	init  []byte
	begun time.Time
	away  atomic.Bool
}

// Start puts a channel on air.
func Start(t testing.TB) *Channel {
	t.Helper()
	c := &Channel{init: Init(t), begun: time.Now()}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.URL = server.URL + "/index.m3u8"
	return c
}

// Init is an initialization of H.264.
func Init(t testing.TB) []byte {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	file, err := os.Open(filepath.Join(filepath.Dir(here), "../../pkg/fmp4/testdata/h264.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // only read
	header, err := fmp4.NewReader(file).Header()
	if err != nil {
		t.Fatal(err)
	}
	init, err := header.Init()
	if err != nil {
		t.Fatal(err)
	}
	return init
}

// Off has everything answered with 503, or ends that.
func (c *Channel) Off(away bool) { c.away.Store(away) }

// ServeHTTP answers a player.
func (c *Channel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c.away.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	switch name := strings.TrimPrefix(r.URL.Path, "/"); name {
	case "index.m3u8":
		_, _ = fmt.Fprint(w, "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n")
	case "v.m3u8":
		first := 100 + int64(time.Since(c.begun)/length)
		const head = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:%d\n#EXT-X-MAP:URI=\"init.mp4\"\n"
		_, _ = fmt.Fprintf(w, head, first)
		for k := first; k < first+8; k++ {
			_, _ = fmt.Fprintf(w, "#EXTINF:0.4,\n%d.m4s\n", k)
		}
	case "init.mp4":
		_, _ = w.Write(c.init)
	default:
		var k uint64
		_, _ = fmt.Sscanf(name, "%d.m4s", &k)
		b, err := fmp4.Segment{BaseTime: k * 400, Samples: []fmp4.Sample{{Duration: 400, Data: []byte{1}}}}.Marshal()
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		_, _ = w.Write(b)
	}
}
