package content_test

import (
	"strings"
	"testing"

	"onair/pkg/content"
	"onair/pkg/tick"
)

const ms = tick.Millisecond

// printed is what the filters print of a picture that turns black at 2 s and stands still from then on, until 5.2 s.
const printed = `frame:0    pts:1000    pts_time:1
onair=1
frame:1    pts:2000    pts_time:2
lavfi.black_start=2
onair=1
frame:2    pts:2600    pts_time:2.6
lavfi.freezedetect.freeze_start=2
onair=1
frame:3    pts:5000    pts_time:5
onair=1
frame:4    pts:5200    pts_time:5.2
lavfi.black_end=5.2
lavfi.freezedetect.freeze_duration=3.2
lavfi.freezedetect.freeze_end=5.2
onair=1
`

// upTo is what is known after so much was printed.
func upTo(text string, lines int) content.Content {
	w := content.Watch{FreezeLeast: 500 * ms, SilenceLeast: 500 * ms}
	var r content.Reader
	for _, line := range strings.SplitAfter(text, "\n")[:lines] {
		for _, b := range []byte(line) { // in the smallest pieces
			r.Push([]byte{b}, w.Picture)
		}
	}
	return w.Content()
}

func TestPictureIsFollowed(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		lines         int
		black, freeze tick.Tick
	}{
		"moving":                      {2, 0, 0},
		"just black":                  {5, 0, 0},
		"black and still":             {8, 600 * ms, 500 * ms},
		"longer":                      {10, 3000 * ms, 2900 * ms},
		"over":                        {15, 0, 0},
		"the line is not yet ended":   {9, 600 * ms, 500 * ms},
		"the end is not yet the last": {12, 0, 3100 * ms},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := upTo(printed, c.lines)
			if !got.Picture || got.Sound || got.Black != c.black || got.Freeze != c.freeze {
				t.Errorf("black %v, still %v, want %v and %v", got.Black.Duration(), got.Freeze.Duration(), c.black.Duration(),
					c.freeze.Duration())
			}
		})
	}
}

func TestSoundIsFollowed(t *testing.T) {
	t.Parallel()
	w := content.Watch{SilenceLeast: 500 * ms}
	w.Sound(1000*ms, "lavfi.r128.S", "-120.691")
	if c := w.Content(); !c.Sound || c.Picture || c.Loud || c.Silence != 0 {
		t.Errorf("at first: %+v", c)
	}
	w.Sound(4000*ms, "lavfi.r128.S", "-23.1")
	if c := w.Content(); !c.Loud || c.LoudnessLUFS != -23.1 {
		t.Errorf("after three seconds: %+v", c)
	}
	w.Sound(5000*ms, "lavfi.silence_start", "4.5")
	w.Sound(7000*ms, "lavfi.r128.S", "nan")
	if c := w.Content(); c.Silence != 2500*ms || c.LoudnessLUFS != content.Quietest {
		t.Errorf("silent: %+v", c)
	}
	w.Sound(7100*ms, "lavfi.silence_end", "7.1")
	if c := w.Content(); c.Silence != 0 {
		t.Errorf("silent no more: %+v", c)
	}
}

// TestAHoleBeginsAnew: what was there before a picture stayed away says nothing of how long it lasts.
func TestAHoleBeginsAnew(t *testing.T) {
	t.Parallel()
	w := content.Watch{}
	w.Picture(1000*ms, "lavfi.black_start", "1")
	w.Picture(4000*ms, "onair", "1")
	w.Picture(20_000*ms, "onair", "1")
	w.Picture(21_000*ms, "onair", "1")
	if c := w.Content(); c.Black != 1000*ms {
		t.Errorf("black for %v, want 1s: since the hole", c.Black.Duration())
	}
}

func TestFramesWithoutTimeAreLeftOut(t *testing.T) {
	t.Parallel()
	var r content.Reader
	n := 0
	r.Push([]byte("lavfi.black_start=1\nframe:0    pts:NOPTS   pts_time:NOPTS\nlavfi.black_start=1\nnonsense\n=\n"+
		"frame:1    pts:99999999999999999999 pts_time:1\na=b\n"), func(tick.Tick, string, string) { n++ })
	if n != 0 {
		t.Errorf("%d properties of frames without a time", n)
	}
}

func TestOffset(t *testing.T) {
	t.Parallel()
	const base = 1_700_000_000 * tick.Second
	for name, late := range map[string]tick.Tick{"together": 0, "sound late": 300 * ms, "sound early": -120 * ms} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var o content.Offset
			order := [...]tick.Tick{3, 1, 0, 2} // pictures are sent in another order than they are shown
			for i := range tick.Tick(250) {
				now := base + i*40*ms
				o.Push(true, 1, (i-i%4+order[i%4])*40*ms, now)
				o.Push(false, 1, i*40*ms-late, now)
			}
			got, ok := o.Value(base + 10*tick.Second)
			if !ok || (got-late).Abs() > 10*ms {
				t.Errorf("%v (%t), want %v", got.Duration(), ok, late.Duration())
			}
			if _, ok := o.Value(base + 30*tick.Second); ok {
				t.Error("it is still valid long after")
			}
			o.Push(true, 2, 0, base+11*tick.Second)
			if _, ok := o.Value(base + 11*tick.Second); ok {
				t.Error("it is still valid after the source's clock began anew")
			}
		})
	}
}

// FuzzReader: whatever is printed, nothing panics, lines stay bounded, and no condition lasts for less than nothing.
func FuzzReader(f *testing.F) {
	f.Add([]byte(printed))
	f.Add([]byte("frame:0    pts:-5 pts_time:-0.005\nlavfi.r128.S=-inf\nlavfi.silence_start=-1\nframe:1 pts:9000 \nx=y\n"))
	f.Add([]byte("frame:0 pts:9223372036854\nlavfi.black_start=0\nframe:1 pts:-9223372036854\na=b\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r, s content.Reader
		w := content.Watch{FreezeLeast: 500 * ms, SilenceLeast: 500 * ms}
		whole, pieces := 0, 0
		r.Push(b, func(at tick.Tick, key, value string) {
			whole++
			w.Picture(at, key, value)
			w.Sound(at, key, value)
			if c := w.Content(); c.Black < 0 || c.Freeze < 0 || c.Silence < 0 || c.LoudnessLUFS != c.LoudnessLUFS {
				t.Fatalf("%+v", c)
			}
		})
		for i := range b {
			s.Push(b[i:i+1], func(tick.Tick, string, string) { pieces++ })
		}
		if whole != pieces {
			t.Fatalf("%d properties at once, %d in pieces", whole, pieces)
		}
	})
}
