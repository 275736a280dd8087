//go:build e2e

package e2e

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// pace sends a TS file as RTP in the time that it is long, without looking into it: jumps and wraps stay in it.
func pace(t testing.TB, file string, length time.Duration, port int) (wait func()) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	const size = 7 * 188
	stop := make(chan struct{})
	var once sync.Once
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer conn.Close()
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		begun := time.Now()
		pkt := make([]byte, 12+size)
		for n := 0; len(b) > 0; {
			for due := int(float64(len(b)+n*size) * float64(time.Since(begun)) / float64(length) / size); n < due && len(b) > 0; n++ {
				pkt[0], pkt[1] = 0x80, 33
				binary.BigEndian.PutUint16(pkt[2:], uint16(n))
				binary.BigEndian.PutUint32(pkt[4:], uint32(time.Since(begun).Seconds()*90000))
				c := copy(pkt[12:], b)
				_, _ = conn.Write(pkt[:12+c])
				b = b[c:]
			}
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	t.Cleanup(func() { once.Do(func() { close(stop) }); <-done })
	return func() { <-done }
}

// join writes TS files one after the other.
func join(t testing.TB, files ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "joined.ts")
	var all []byte
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	if err := os.WriteFile(name, all, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestWrapOfTheSourceClockIsNotSeen(t *testing.T) {
	t.Parallel()
	port := freePort(t, "udp")
	s := newStation(t, rtpInput(port))
	// 2^33/90000 s is 95443.7 s: crossed ten seconds into the clip.
	pace(t, clip(t, 30, "25", "-output_ts_offset", "95433"), 30*time.Second, port)()
	s.wait("the last segments", 20*time.Second, segments(12))
	s.wantWhole()
	s.stop()
	wantConsecutive(t, s.frameNumbers("v180", 0))
}

func TestJumpOfTheSourceClockIsNotSeen(t *testing.T) {
	t.Parallel()
	for _, jump := range []string{"3600", "-3600"} {
		t.Run(jump+" s", func(t *testing.T) {
			port := freePort(t, "udp")
			s := newStation(t, rtpInput(port))
			base := "10000"
			there := map[string]string{"3600": "13600", "-3600": "6400"}[jump]
			file := join(t, clip(t, 15, "25", "-output_ts_offset", base), clip(t, 15, "25", "-output_ts_offset", there))
			pace(t, file, 30*time.Second, port)()
			s.wait("the last segments", 20*time.Second, segments(11))
			s.wantWhole()
			s.stop()
			numbers := s.frameNumbers("v180", 0)
			for len(numbers) > 1 && numbers[1] == numbers[0] {
				numbers = numbers[1:]
			}
			cut := 0
			for i := 1; i < len(numbers); i++ {
				switch {
				case numbers[i] == numbers[i-1]+1:
				case numbers[i-1] == 374 && numbers[i] == 0:
					cut++
				default:
					t.Errorf("picture %d shows frame %d after %d", i, numbers[i], numbers[i-1])
				}
			}
			if cut != 1 {
				t.Errorf("%d clean cuts from the last frame before the jump to the first one after, want 1", cut)
			}
		})
	}
}

var (
	dateLine = regexp.MustCompile(`#EXT-X-PROGRAM-DATE-TIME:(\S+)`)
	kLine    = regexp.MustCompile(`v180/(\d+)\.m4s`)
)

// wantDatesOnGrid fails unless each segment's date is its number times the segment length.
func (s *station) wantDatesOnGrid(length time.Duration) {
	s.t.Helper()
	_, playlist := s.get("/ch/v180.m3u8")
	var date time.Time
	n := 0
	for line := range strings.Lines(string(playlist)) {
		if m := dateLine.FindStringSubmatch(line); m != nil {
			var err error
			if date, err = time.Parse(time.RFC3339, m[1]); err != nil {
				s.t.Fatal(err)
			}
		}
		if m := kLine.FindStringSubmatch(line); m != nil && !date.IsZero() {
			k, _ := strconv.ParseInt(m[1], 10, 64)
			if want := time.UnixMilli(k * length.Milliseconds()); !date.Equal(want) {
				s.t.Errorf("segment %d is dated %v, want %v", k, date, want)
			}
			date = time.Time{}
			n++
		}
	}
	if n == 0 {
		s.t.Errorf("no dated segment in the playlist:\n%.500s", playlist)
	}
}
