//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

var bandwidthLine = regexp.MustCompile(`BANDWIDTH=(\d+),AVERAGE-BANDWIDTH=(\d+).*\n(\w+)\.m3u8`)

// TestBandwidths sends a picture that is now still, now noise, and holds what comes out against what is declared (Apple's
// HLS authoring specification, 1.28 and 1.29: in a live channel the average stays within 110 %, the peak within 125 %).
func TestBandwidths(t *testing.T) {
	seconds, rungs := 16, "video:\n  - {name: h264, size: 320x180, bitrate: 400k}\n  - {name: low, size: 192x108, bitrate: 120k}\n"
	if long {
		seconds = 48
		rungs += "  - {name: hevc, size: 320x180, bitrate: 400k, codec: hevc}\n  - {name: av1, size: 320x180, bitrate: 400k, codec: av1}\n"
	}
	port := freePort(t, "udp")
	file := made(t, "noise", fmt.Sprintf("-f lavfi -i testsrc2=s=320x180:r=25:d=%d -f lavfi -i anoisesrc=r=48000:d=%[1]d:a=0.3"+
		" -vf noise=alls=90:allf=t:enable='lt(mod(t,7),4)' -c:v libx264 -preset ultrafast -g 25 -crf 20 -c:a mp2", seconds))
	s := newRungs(t, port, "", rungs)
	s.onAir(file, time.Duration(seconds)*time.Second, port, uint64(seconds/2-1))
	_, index := s.get("/ch/index.m3u8")
	s.stop()
	s.wantVerified()
	all := bandwidthLine.FindAllSubmatch(index, -1)
	if len(all) < 2 {
		t.Fatalf("no bandwidths:\n%s", index)
	}
	for _, m := range all {
		declared, _ := strconv.ParseFloat(string(m[1]), 64)
		average, _ := strconv.ParseFloat(string(m[2]), 64)
		peak, mean := s.rates(string(m[3]), "a1")
		t.Logf("%s: peak %.0f of %.0f declared (%.2f), average %.0f of %.0f (%.2f)", m[3], peak, declared, peak/declared, mean, average, mean/average)
		if peak > 1.25*declared || peak < 0.6*declared {
			t.Errorf("%s: a segment has %.0f bits a second, declared are %.0f", m[3], peak, declared)
		}
		if mean > 1.1*average || mean < 0.6*average {
			t.Errorf("%s: segments have %.0f bits a second on average, declared are %.0f", m[3], mean, average)
		}
	}
}

// rates are the dearest segment and the average of renditions played together, in bits a second. The first segment may be a
// picture that is held.
func (s *station) rates(renditions ...string) (peak, mean float64) {
	s.t.Helper()
	ks := s.numbers(renditions[0])[1:]
	for _, k := range ks {
		bits := 0.0
		for _, r := range renditions {
			info, err := os.Stat(filepath.Join(s.origin(), r, fmt.Sprintf("%d.m4s", k)))
			if err != nil {
				s.t.Fatal(err)
			}
			bits += float64(info.Size()) * 8 / 2
		}
		peak, mean = max(peak, bits), mean+bits/float64(len(ks))
	}
	return peak, mean
}
