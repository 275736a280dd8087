//go:build e2e

package e2e

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"onair/pipeline/control"
)

// lossyRelay stands between a sender of media and FEC and onair. It drops media at random, knows what it dropped, and
// what FEC went through.
type lossyRelay struct {
	mu      sync.Mutex
	rng     *rand.Rand
	left    int // media packets among which some are dropped; 0: all pass
	percent int
	last    int64
	passed  map[int64]bool
	dropped map[int64]bool
	groups  [][]int64 // what each FEC packet protects
	columns int       // FEC packets of columns
}

// newLossyRelay forwards the ports at these offsets from from to to: media at 0, FEC at others. Of the first n media
// packets it drops so many per cent.
func newLossyRelay(t *testing.T, from, to, n, percent int, offsets ...int) *lossyRelay {
	t.Helper()
	r := &lossyRelay{
		rng: rand.New(rand.NewPCG(1, uint64(n))), left: n, percent: percent, last: 1 << 20,
		passed: map[int64]bool{}, dropped: map[int64]bool{},
	}
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	for _, offset := range offsets {
		in, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: from + offset})
		if err != nil {
			t.Fatal(err)
		}
		out, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: to + offset})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { in.Close(); out.Close() })
		wg.Go(func() {
			buffer := make([]byte, 2048)
			for {
				size, err := in.Read(buffer)
				if err != nil {
					return
				}
				if b := buffer[:size]; offset > 0 && r.fec(b) || offset == 0 && r.media(b) {
					_, _ = out.Write(b)
				}
			}
		})
	}
	return r
}

// media tells whether a media packet may pass.
func (r *lossyRelay) media(b []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last += int64(int16(binary.BigEndian.Uint16(b[2:]) - uint16(r.last)))
	r.left--
	const begun = 100 // before, FEC may overtake the first media
	if r.left > 0 && len(r.passed) > begun && r.rng.IntN(100) < r.percent {
		r.dropped[r.last] = true
		return false
	}
	r.passed[r.last] = true
	return true
}

// fec notes what an FEC packet protects.
func (r *lossyRelay) fec(b []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	base := r.last + int64(int16(binary.BigEndian.Uint16(b[12:])-uint16(r.last)))
	var group []int64
	for i := range int64(b[26]) {
		group = append(group, base+i*int64(b[25]))
	}
	r.groups = append(r.groups, group)
	if b[25] > 1 {
		r.columns++
	}
	return true
}

// done tells whether no more is dropped and everything dropped lies so many packets back.
func (r *lossyRelay) done(back int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.left < -back
}

// solve finds by trying over and over how many of the dropped packets the FEC that passed can bring back.
func (r *lossyRelay) solve() (dropped, recoverable int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	have := map[int64]bool{}
	for n := range r.passed {
		have[n] = true
	}
	for again := true; again; {
		again = false
		for _, group := range r.groups {
			var missing []int64
			for _, n := range group {
				if !have[n] {
					missing = append(missing, n)
				}
			}
			if len(missing) == 1 && r.dropped[missing[0]] {
				have[missing[0]], again = true, true
				recoverable++
			}
		}
	}
	return len(r.dropped), recoverable
}

// TestFECBringsBackWhatItsCodeAllows: of the packets that the path drops, onair brings back exactly those that the FEC of
// a real sender makes it possible to, and no packet of these is missing in the programme.
func TestFECBringsBackWhatItsCodeAllows(t *testing.T) {
	t.Parallel()
	const (
		prompeg = "-hide_banner -loglevel error -nostdin -re -i FILE -map 0 -c copy -f rtp_mpegts -fec prompeg="
		toPort  = " rtp://127.0.0.1:PORT?pkt_size=1316"
		fecenc  = "-q filesrc location=FILE ! tsparse set-timestamps=true alignment=7 ! rtpmp2tpay ssrc=0 !" +
			" rtpst2022-1-fecenc name=fec columns=10 rows=5 fec.src ! udpsink host=127.0.0.1 port=PORT" +
			" fec.fec_0 ! udpsink host=127.0.0.1 port=PORT+2 async=false sync=false" +
			" fec.fec_1 ! udpsink host=127.0.0.1 port=PORT+4 async=false sync=false"
	)
	file := clip(t, 60, "25")
	for _, c := range []struct {
		name, tool    string
		columns, rows int
		percent       int
		fec           string // option of the leg; PORT+n is replaced
		args          string // FILE and PORT, PORT+n are replaced
	}{
		{"FFmpeg", "ffmpeg", 8, 4, 5, "1", prompeg + "l=8:d=4" + toPort},
		{"FFmpeg, a large matrix", "ffmpeg", 20, 5, 5, "1", prompeg + "l=20:d=5" + toPort},
		{"FFmpeg, columns alone", "ffmpeg", 5, 5, 6, "PORT+2", prompeg + "l=5:d=5" + toPort},
		{"onair itself", program, 6, 6, 8, "1", "send FILE --fec 6x6 --to rtp://127.0.0.1:PORT"},
		{"GStreamer", "gst-launch-1.0", 10, 5, 5, "1", fecenc},
		{"GStreamer, rows and columns swapped, much loss", "gst-launch-1.0", 10, 5, 20, "PORT+4,PORT+2", fecenc},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(c.tool); err != nil {
				t.Skip(err)
			}
			to := freePorts(t)
			from := freePorts(t)
			s := newStation(t, fmt.Sprintf("  - name: main\n    merge: 3s\n    legs: [\"rtp://127.0.0.1:%d?fec=%s\"]", to, ports(c.fec, to)))
			s.wait("the leg", 20*time.Second, func(st control.Status) bool {
				return len(st.Inputs) == 1 && st.Inputs[0].Legs[0].State == control.LegListening
			})
			offsets := []int{0, 2, 4}
			if c.fec == "PORT+2" {
				offsets = offsets[:2]
			}
			relay := newLossyRelay(t, from, to, 2000, c.percent, offsets...)
			command(t, c.tool, strings.Fields(ports(strings.Replace(c.args, "FILE", file, 1), from))...)
			if !eventually(40*time.Second, func() bool { return relay.done(4 * c.columns * c.rows) }) {
				t.Fatalf("the sender has not sent enough: %+v", relay.left)
			}
			dropped, _ := relay.solve()
			var in control.Input
			var leg control.Leg
			counted := eventually(10*time.Second, func() bool {
				in = s.status().Inputs[0]
				leg = in.Legs[0]
				return leg.FECRecovered+leg.FECUnrecoverable >= uint64(dropped)
			})
			_, recoverable := relay.solve() // when all FEC is there
			t.Logf("%d dropped, %d could be brought back; onair: %d lost, %d brought back, %d not, %d late; %d lost after the merge",
				dropped, recoverable, leg.Lost, leg.FECRecovered, leg.FECUnrecoverable, leg.Late, in.Lost)
			if dropped < 50 || recoverable < dropped/2 || c.percent > 5 && recoverable == dropped {
				t.Fatalf("%d dropped and %d recoverable of 2000: no test", dropped, recoverable)
			}
			if !counted || leg.Lost != uint64(dropped) || leg.FECRecovered != uint64(recoverable) ||
				leg.FECUnrecoverable != uint64(dropped-recoverable) {
				t.Errorf("counted wrongly: %+v", leg)
			}
			if in.Lost != uint64(dropped-recoverable) || leg.Late != 0 {
				t.Errorf("%d lost after the merge, %d late", in.Lost, leg.Late)
			}
			if leg.FECColumns != c.columns || leg.FECRows != c.rows || relay.columns == 0 {
				t.Errorf("a matrix of %dx%d", leg.FECColumns, leg.FECRows)
			}
			if dropped == recoverable && in.TS.Continuity != 0 {
				t.Errorf("%d continuity errors", in.TS.Continuity)
			}
		})
	}
}

// ports replaces PORT and PORT+n.
func ports(text string, port int) string {
	for _, n := range []int{2, 4} {
		text = strings.ReplaceAll(text, fmt.Sprintf("PORT+%d", n), fmt.Sprint(port+n))
	}
	return strings.ReplaceAll(text, "PORT", fmt.Sprint(port))
}

// freePorts returns an even port such that it and the next five are free.
func freePorts(t *testing.T) int {
	t.Helper()
	for {
		port := freePort(t, "udp")
		free := true
		for i := range 6 {
			c, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port+i))
			if err != nil {
				free = false
				break
			}
			c.Close()
		}
		if free {
			return port
		}
	}
}
