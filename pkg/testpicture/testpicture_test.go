package testpicture_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"onair/pkg/testpicture"
	"onair/pkg/tick"
)

func painter(t testing.TB, c testpicture.Config) *testpicture.Painter {
	t.Helper()
	p, err := testpicture.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// scaled averages a plane down by a factor.
func scaled(pix []byte, width, height, factor int) testpicture.Luma {
	w, h := width/factor, height/factor
	out := make([]byte, w*h)
	for y := range h {
		for x := range w {
			sum := 0
			for i := range factor * factor {
				sum += int(pix[(y*factor+i/factor)*width+x*factor+i%factor])
			}
			out[y*w+x] = byte(sum / (factor * factor))
		}
	}
	return testpicture.Luma{Pix: out, Width: w, Height: h}
}

func noisy(l testpicture.Luma, sigma float64, r *rand.Rand) testpicture.Luma {
	for i, v := range l.Pix {
		l.Pix[i] = byte(math.Max(0, math.Min(255, float64(v)+sigma*r.NormFloat64())))
	}
	return l
}

func TestEachPictureTellsItsNumber(t *testing.T) {
	for _, size := range [][2]int{{96, 72}, {426, 240}, {640, 360}, {854, 480}, {720, 576}, {360, 640}, {1280, 720}, {1920, 1080}} {
		t.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(t *testing.T) {
			p := painter(t, testpicture.Config{Width: size[0], Height: size[1], Gray: true})
			frame := make([]byte, p.Size())
			for _, n := range []int64{0, 1, 2, 24, 25, 0x555555, 0xAAAAAA, testpicture.Numbers - 1, testpicture.Numbers, 1 << 40} {
				p.Paint(frame, n, 0)
				got, ok := testpicture.Read(testpicture.Luma{Pix: frame, Width: size[0], Height: size[1]})
				want := testpicture.Reading{Number: uint32(n % testpicture.Numbers), Flash: p.Flash(n)}
				if !ok || got != want {
					t.Errorf("picture %d reads %+v (%v), want %+v", n, got, ok, want)
				}
			}
		})
	}
}

func TestNumberIsReadAfterScalingAndNoise(t *testing.T) {
	const w, h = 640, 360
	p := painter(t, testpicture.Config{Width: w, Height: h})
	frame := make([]byte, p.Size())
	r := rand.New(rand.NewPCG(1, 2))
	for n := range int64(300) {
		number := n * 8387 // all bits move
		p.Paint(frame, number, 0)
		for _, factor := range []int{2, 4, 8} {
			got, ok := testpicture.Read(noisy(scaled(frame[:w*h], w, h, factor), 15, r))
			if !ok || int64(got.Number) != number%testpicture.Numbers || got.Flash != p.Flash(number) {
				t.Fatalf("picture %d at 1/%d reads %+v (%v)", number, factor, got, ok)
			}
		}
	}
}

func TestPaddedRowsAreRead(t *testing.T) {
	const w, h, stride = 320, 180, 384
	p := painter(t, testpicture.Config{Width: w, Height: h, Gray: true})
	frame, padded := make([]byte, p.Size()), make([]byte, stride*h)
	p.Paint(frame, 4711, 0)
	for y := range h {
		copy(padded[y*stride:], frame[y*w:(y+1)*w])
	}
	if got, ok := testpicture.Read(testpicture.Luma{Pix: padded, Stride: stride, Width: w, Height: h}); !ok || got.Number != 4711 {
		t.Errorf("reads %+v (%v)", got, ok)
	}
}

func TestWhatIsNotOursIsNotRead(t *testing.T) {
	const w, h = 320, 180
	p := painter(t, testpicture.Config{Width: w, Height: h, Gray: true})
	a, b := make([]byte, p.Size()), make([]byte, p.Size())
	p.Paint(a, 1000, 0)
	p.Paint(b, 1007, 0)
	mixed := make([]byte, len(a))
	for i := range a {
		mixed[i] = byte((int(a[i]) + int(b[i])) / 2)
	}
	noise := make([]byte, w*h)
	r := rand.New(rand.NewPCG(3, 4))
	for i := range noise {
		noise[i] = byte(r.IntN(256))
	}
	for name, l := range map[string]testpicture.Luma{
		"two pictures mixed": {Pix: mixed, Width: w, Height: h},
		"noise":              {Pix: noise, Width: w, Height: h},
		"black":              {Pix: make([]byte, w*h), Width: w, Height: h},
		"half a plane":       {Pix: a[:w*h/2], Width: w, Height: h},
		"a stamp":            {Pix: a, Width: 16, Height: 9},
		"nothing":            {},
		"negative":           {Pix: a, Width: -w, Height: h},
		"stride too small":   {Pix: a, Stride: w - 1, Width: w, Height: h},
	} {
		if got, ok := testpicture.Read(l); ok {
			t.Errorf("%s: reads %+v", name, got)
		}
	}
}

func TestOneWrongCellIsNoticed(t *testing.T) {
	const w, h = 320, 180
	p := painter(t, testpicture.Config{Width: w, Height: h, Gray: true})
	frame := make([]byte, p.Size())
	for cell := 1; cell < 31; cell++ {
		p.Paint(frame, 123_456, 0)
		x0, y0 := cell%16*w/16, cell/16*h/12
		for y := y0; y < y0+h/12; y++ {
			for x := x0; x < x0+w/16; x++ {
				frame[y*w+x] = 16 + 235 - frame[y*w+x]
			}
		}
		if got, ok := testpicture.Read(testpicture.Luma{Pix: frame, Width: w, Height: h}); ok {
			t.Errorf("cell %d turned round: reads %+v", cell, got)
		}
	}
}

// The flash and the beep begin at the same instant in each second, at every rate.
func TestBeepBeginsWithTheFlash(t *testing.T) {
	const seconds = 20
	for _, rate := range tick.Standard {
		t.Run(rate.String(), func(t *testing.T) {
			p := painter(t, testpicture.Config{Width: 96, Height: 72, Rate: rate})
			var flashes []tick.Tick
			for n := int64(0); rate.At(n) < seconds*tick.Second; n++ {
				if p.Flash(n) && (n == 0 || !p.Flash(n-1)) {
					flashes = append(flashes, rate.At(n))
				}
			}
			beeps := testpicture.Beeps(sound(p, seconds))
			if len(flashes) != seconds || len(beeps) != seconds {
				t.Fatalf("%d flashes and %d beeps in %d s", len(flashes), len(beeps), seconds)
			}
			for i, at := range flashes {
				late := tick.FromUnits(int64(beeps[i]), testpicture.SampleRate) - at
				if late < -tick.Millisecond/10 || late > tick.Millisecond {
					t.Errorf("second %d: the beep begins %v after the flash", i, late.Duration())
				}
				if at < tick.Tick(i)*tick.Second || at >= tick.Tick(i)*tick.Second+rate.Frame() {
					t.Errorf("second %d: the flash begins at %v", i, at.Duration())
				}
			}
		})
	}
}

// sound is the left channel, made in pieces of uneven length.
func sound(p *testpicture.Painter, seconds int) []int16 {
	var out []int16
	for from := 0; from < seconds*testpicture.SampleRate; {
		n := min(1601, seconds*testpicture.SampleRate-from)
		pcm := make([]byte, n*testpicture.SampleBytes)
		p.Sound(pcm, int64(from))
		for i := range n {
			out = append(out, int16(binary.LittleEndian.Uint16(pcm[i*testpicture.SampleBytes:])))
		}
		from += n
	}
	return out
}

func TestSoundIsNeverSilentAndHasNoSteps(t *testing.T) {
	p := painter(t, testpicture.Config{Width: 96, Height: 72})
	pcm := sound(p, 3)
	const window = 480
	for from := 0; from+window <= len(pcm); from += window {
		peak := int16(0)
		for _, v := range pcm[from : from+window] {
			peak = max(peak, v)
		}
		if peak < 300 {
			t.Fatalf("silent at sample %d", from)
		}
	}
	for i := 1; i < len(pcm); i++ {
		if step := int(pcm[i]) - int(pcm[i-1]); step > 1500 || step < -1500 {
			t.Fatalf("a click of %d at sample %d", step, i)
		}
	}
}

func TestSizesThatCannotBe(t *testing.T) {
	for _, size := range [][2]int{{0, 0}, {94, 72}, {96, 70}, {641, 360}, {640, 361}, {-640, 360}, {10_000, 360}} {
		if _, err := testpicture.New(testpicture.Config{Width: size[0], Height: size[1]}); err == nil {
			t.Errorf("%dx%d is taken", size[0], size[1])
		}
	}
}

func FuzzRead(f *testing.F) {
	p := painter(f, testpicture.Config{Width: 96, Height: 72, Gray: true})
	frame := make([]byte, p.Size())
	p.Paint(frame, 77, 0)
	f.Add(frame, 96, 96, 72)
	f.Add([]byte{}, 0, 1<<30, 1<<30)
	f.Fuzz(func(t *testing.T, pix []byte, stride, width, height int) {
		testpicture.Read(testpicture.Luma{Pix: pix, Stride: stride, Width: width, Height: height})
	})
}

func BenchmarkPaint720p(b *testing.B) {
	p := painter(b, testpicture.Config{Width: 1280, Height: 720})
	frame := make([]byte, p.Size())
	b.ReportAllocs()
	n := int64(0)
	for b.Loop() {
		p.Paint(frame, n, tick.Tick(n)*tick.Second)
		n++
	}
}

func BenchmarkRead360p(b *testing.B) {
	p := painter(b, testpicture.Config{Width: 640, Height: 360, Gray: true})
	frame := make([]byte, p.Size())
	p.Paint(frame, 99, 0)
	b.ReportAllocs()
	for b.Loop() {
		testpicture.Read(testpicture.Luma{Pix: frame, Width: 640, Height: 360})
	}
}
