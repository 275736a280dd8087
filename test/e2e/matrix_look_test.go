//go:build e2e

package e2e

import (
	"math"
	"time"

	"onair/pkg/testpicture"
)

// Kinds of sources that a picture's number tells.
const (
	ofMain = iota
	ofAnew
	ofBackup
	ofNone
)

// slot is what one slot of the grid shows.
type slot struct {
	k     int64 // segment
	of    int
	n     int     // number of the picture
	luma  float64 // mean
	error float64 // mean distance from the picture that was sent
	slate bool    // its segment has the slate's brand
}

// source tells what a number belongs to.
func source(n int) int {
	const most = reelEnd * reelRate
	switch {
	case n < most:
		return ofMain
	case n >= anewFirst && n < anewFirst+most:
		return ofAnew
	case n >= backupFirst && n < backupFirst+most:
		return ofBackup
	}
	return ofNone
}

// look takes what the pictures and the sound show, from two segments before the fault on.
func (x *trial) look(o *outcomes) {
	first := x.from.Add(-2*matrixTarget).UnixMilli() / matrixTarget.Milliseconds()
	slots := x.slots(first)
	usual := math.MaxFloat64 // error of pictures that nothing has happened to
	for _, s := range slots {
		if s.k <= first+1 && s.of != ofNone {
			usual = min(usual, s.error)
		}
	}
	count := map[*float64]int{}
	last := slot{of: ofNone}
	for _, s := range slots {
		switch {
		case s.of == ofNone && s.luma < 20:
			count[&o.black]++
		case s.of == ofNone && s.slate:
			count[&o.slate]++
		case s.of == ofNone || s.error > 3*usual+3:
			count[&o.damaged]++
		case s.of == last.of && s.n == last.n:
			count[&o.held]++
		case s.of == ofBackup:
			count[&o.backup]++
		case s.of == last.of && s.n > last.n+1:
			count[&o.missing] += s.n - last.n - 1
		}
		if s.of != ofNone {
			last = s
		}
		if listed := x.listing.media[s.k]; o.recovery == 0 && (s.of == ofMain || s.of == ofAnew) && s.n >= x.mark && !listed.IsZero() {
			o.recovery = listed.Sub(x.to)
		}
	}
	for to, n := range count {
		*to = float64(n) / reelRate
	}
	o.silent = x.silence(first)
}

// slots reads the picture from a segment on.
func (x *trial) slots(first int64) (out []slot) {
	const w, h = reelWidth, reelHeight
	painter, err := testpicture.New(testpicture.Config{Width: w, Height: h, Gray: true})
	if err != nil {
		x.t.Fatal(err)
	}
	var of []int64
	media := x.mediaIf("v180", func(k int64, _ bool) bool {
		if k >= first {
			of = append(of, k)
		}
		return k >= first
	})
	raw := decode(x.t, media, "-fps_mode", "passthrough", "-vf", "format=gray", "-f", "rawvideo")
	each := int(matrixTarget.Seconds()) * reelRate
	after, err := testpicture.New(testpicture.Config{Width: x.row.scaled * w, Height: x.row.scaled * h, Gray: true})
	if x.row.scaled > 1 && err != nil {
		x.t.Fatal(err)
	}
	want := make([]byte, w*h)
	for i := 0; len(raw) >= w*h; raw, i = raw[w*h:], i+1 {
		s := slot{k: of[min(i/each, len(of)-1)], of: ofNone}
		s.slate = isSlate(x.segmentBytes("v180", s.k))
		for j, v := range raw[:w*h] {
			raw[j] = byte(16 + int(v)*219/255) // as it is coded
			s.luma += float64(v) / (w * h)
		}
		if r, ok := testpicture.Read(testpicture.Luma{Pix: raw[:w*h], Width: w, Height: h}); ok {
			s.n, s.of = int(r.Number), source(int(r.Number))
			if x.row.scaled > 1 && s.of == ofMain && s.n >= x.mark {
				paintScaled(after, want, s.n, x.row.scaled)
			} else {
				paintNumber(painter, want, s.n)
			}
			for j, v := range raw[:w*h] {
				s.error += math.Abs(float64(v)-float64(want[j])) / (w * h)
			}
		}
		out = append(out, s)
	}
	return out
}

// paintScaled paints a picture that is scaled down to the one of the channel.
func paintScaled(p *testpicture.Painter, to []byte, n, scale int) {
	const w, h = reelWidth, reelHeight
	large := make([]byte, p.Size())
	paintNumber(p, large, n)
	for y := range h {
		for x := range w {
			sum := 0
			for i := range scale * scale {
				sum += int(large[(y*scale+i/scale)*w*scale+x*scale+i%scale])
			}
			to[y*w+x] = byte(sum / (scale * scale))
		}
	}
}

// silence is for how long there is no tone from a segment on.
func (x *trial) silence(first int64) float64 {
	raw := decode(x.t, x.mediaIf("a1", func(k int64, _ bool) bool { return k >= first }), "-ac", "1", "-f", "s16le")
	const window = 2 * 480 // 10 ms
	quiet := 0
	for ; len(raw) >= window; raw = raw[window:] {
		loud := false
		for i := 0; i < window; i += 2 {
			v := int16(raw[i]) | int16(raw[i+1])<<8
			loud = loud || v > 1000 || v < -1000
		}
		if !loud {
			quiet++
		}
	}
	return (time.Duration(quiet) * 10 * time.Millisecond).Seconds()
}
