package card_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"onair/pkg/card"
)

var noon = time.Date(2026, 7, 27, 12, 34, 56, 0, time.UTC)

func drawn(t *testing.T, cfg card.Config, at time.Time) []byte {
	t.Helper()
	c, err := card.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p := bytes.Clone(c.Draw(at))
	if want := cfg.Width * cfg.Height * 3 / 2; len(p) != want {
		t.Fatalf("%d bytes, want %d", len(p), want)
	}
	return p
}

// ink is how many luma samples differ between two pictures, in the rows from top to bottom (percent).
func ink(a, b []byte, w, h, top, bottom int) int {
	n := 0
	for i := top * h / 100 * w; i < bottom*h/100*w; i++ {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

func TestACardShowsNameTextAndClock(t *testing.T) {
	for _, size := range [][2]int{{1280, 720}, {320, 180}, {360, 640}, {64, 36}} {
		w, h := size[0], size[1]
		plain := drawn(t, card.Config{Width: w, Height: h}, noon)
		named := drawn(t, card.Config{Width: w, Height: h, Title: "news"}, noon)
		full := drawn(t, card.Config{Width: w, Height: h, Title: "news", Text: "Back soon"}, noon)
		later := drawn(t, card.Config{Width: w, Height: h, Title: "news", Text: "Back soon"}, noon.Add(time.Second))
		if ink(plain, named, w, h, 20, 50) < 20 || ink(plain, named, w, h, 55, 100) != 0 {
			t.Errorf("%dx%d: the name is not where it should be", w, h)
		}
		if ink(named, full, w, h, 50, 66) < 20 || ink(named, full, w, h, 0, 45) != 0 {
			t.Errorf("%dx%d: the text is not where it should be", w, h)
		}
		if ink(full, later, w, h, 75, 98) == 0 || ink(full, later, w, h, 0, 70) != 0 {
			t.Errorf("%dx%d: the clock does not run, or something else does", w, h)
		}
	}
}

func TestLongTextStaysInThePicture(t *testing.T) {
	long := strings.Repeat("a very long name ", 40)
	for _, text := range []string{long, strings.Repeat("W", 400), "a\nb\nc\nd\ne", "\n \n", "日本語"} {
		drawn(t, card.Config{Width: 320, Height: 180, Title: text, Text: text}, noon)
	}
}

func TestAPictureStaysAsItIsBehindItsText(t *testing.T) {
	const w, h = 320, 180
	picture := bytes.Repeat([]byte{100}, w*h*3/2)
	if got := drawn(t, card.Config{Width: w, Height: h, Title: "news", Picture: picture}, noon); !bytes.Equal(got, picture) {
		t.Error("a picture without text is not shown as it is")
	}
	got := drawn(t, card.Config{Width: w, Height: h, Text: "Back soon", Picture: picture}, noon)
	if ink(picture, got, w, h, 0, 60) != 0 || ink(picture, got, w, h, 70, 100) == 0 {
		t.Error("the text is not in the lower third")
	}
}

func TestImpossibleCards(t *testing.T) {
	for _, cfg := range []card.Config{
		{}, {Width: 321, Height: 180}, {Width: 320, Height: -2}, {Width: 320, Height: 180, Picture: []byte{1}},
	} {
		if _, err := card.New(cfg); err == nil {
			t.Errorf("a card of %dx%d was made", cfg.Width, cfg.Height)
		}
	}
}

func BenchmarkDraw(b *testing.B) {
	c, err := card.New(card.Config{Width: 1280, Height: 720, Title: "news", Text: "Back soon"})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		c.Draw(noon)
	}
}
