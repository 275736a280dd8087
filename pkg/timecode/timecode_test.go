package timecode_test

import (
	"testing"

	"onair/pkg/tick"
	"onair/pkg/timecode"
)

var (
	ntsc   = tick.Rate{Num: 30000, Den: 1001}
	double = tick.Rate{Num: 60000, Den: 1001}
)

func label(h, m, s, f int, drop bool) timecode.Label {
	return timecode.Label{Hours: h, Minutes: m, Seconds: s, Frames: f, Drop: drop}
}

func TestSinceMidnight(t *testing.T) {
	for _, c := range []struct {
		label  timecode.Label
		rate   tick.Rate
		pairs  bool
		frames int64 // of the rate
	}{
		{label(0, 0, 0, 0, false), tick.Rate{Num: 25, Den: 1}, false, 0},
		{label(10, 0, 1, 3, false), tick.Rate{Num: 25, Den: 1}, false, 36001*25 + 3},
		{label(10, 0, 1, 3, false), tick.Rate{Num: 50, Den: 1}, false, 36001*50 + 3},
		{label(10, 0, 1, 3, false), tick.Rate{Num: 50, Den: 1}, true, (36001*25 + 3) * 2},
		{label(0, 0, 59, 29, true), ntsc, false, 1799},
		{label(0, 1, 0, 2, true), ntsc, false, 1800}, // 00 and 01 are left out
		{label(0, 9, 59, 29, true), ntsc, false, 17981},
		{label(0, 10, 0, 0, true), ntsc, false, 17982}, // not in a tenth minute
		{label(23, 59, 59, 29, true), ntsc, false, 2589407},
		{label(0, 1, 0, 4, true), double, false, 3600},
		{label(0, 1, 0, 2, true), double, true, 3600},
		{label(1, 0, 0, 0, false), ntsc, false, 108000}, // 3603.6 s
	} {
		if got, want := c.label.SinceMidnight(c.rate, c.pairs), c.rate.At(c.frames); got != want {
			t.Errorf("%s at %s, pairs %v: %v, want %v", c.label, c.rate, c.pairs, got.Duration(), want.Duration())
		}
	}
	// ST 12-1: labels with dropped numbers are 86.4 ms shorter than a day.
	day := label(23, 59, 59, 29, true).SinceMidnight(ntsc, false) + ntsc.Frame()
	if off := 86400*tick.Second - day; off != 864*tick.Second/10000 {
		t.Errorf("a day of labels is %v short", off.Duration())
	}
}

func TestLabelText(t *testing.T) {
	if got := label(1, 2, 3, 4, true).String() + " " + label(21, 22, 23, 24, false).String(); got != "01:02:03;04 21:22:23:24" {
		t.Error(got)
	}
}

// source labels pictures in the order in which they are coded.
type source struct {
	rate   tick.Rate
	first  int64     // number of its first picture since midnight, of the labels' day
	clock  int64     // its PTS
	order  []int     // of the pictures of a group: 0, 3, 1, 2
	pairs  bool      // two pictures have a label
	drop   bool      // numbers
	skip   int       // only pictures whose number is a multiple of it are labelled; 0: all
	offset tick.Tick // of what labels say to when pictures are shown
}

func (s source) pts(n int64) int64 { return s.clock + s.rate.At(n).Round(90_000) }

func (s source) label(n int64) timecode.Label {
	n += s.first
	counted := (s.rate.Num + s.rate.Den/2) / s.rate.Den
	if s.pairs {
		n, counted = n/2, counted/2
	}
	if s.drop {
		per := counted / 30
		tens, rest := n/(17982*per), n%(17982*per)
		n += 18 * per * tens
		if rest >= 1800*per {
			n += 2 * per * ((rest-1800*per)/(1798*per) + 1)
		}
	}
	sec := n / counted
	return label(int(sec/3600%24), int(sec/60%60), int(sec%60), int(n%counted), s.drop)
}

// play pushes n pictures.
func (s source) play(r *timecode.Reader, gen, from, n int64) {
	order := s.order
	if order == nil {
		order = []int{0}
	}
	group := int64(len(order))
	for i := from; i < from+n; i++ {
		at := i/group*group + int64(order[i%group])
		r.Picture(gen, s.pts(at))
		if s.skip == 0 || at%int64(s.skip) == 0 {
			r.Label(s.label(at), tick.Tick(i+1))
		}
	}
}

func TestReaderPlaces(t *testing.T) {
	const day = 86400 * tick.Second
	midnight := 20_000 * day
	for name, s := range map[string]source{
		"25":                        {rate: tick.Rate{Num: 25, Den: 1}, first: 36000 * 25},
		"25 in another order":       {rate: tick.Rate{Num: 25, Den: 1}, first: 36000 * 25, order: []int{0, 4, 2, 1, 3}},
		"50":                        {rate: tick.Rate{Num: 50, Den: 1}, first: 36000*50 + 49},
		"50 by pairs":               {rate: tick.Rate{Num: 50, Den: 1}, first: 36000 * 50, pairs: true},
		"50 by pairs, second first": {rate: tick.Rate{Num: 50, Den: 1}, first: 36000*50 + 1, pairs: true},
		"59.94 by pairs, other order": {
			rate: double, first: 1_000_000, pairs: true, drop: true, order: []int{0, 3, 1, 2},
		},
		"29.97 drop":           {rate: ntsc, first: 1_234_567, drop: true, clock: 1<<33 - 90_000},
		"29.97 over a drop":    {rate: ntsc, first: 107_892 - 20, drop: true},
		"23.976":               {rate: tick.Rate{Num: 24000, Den: 1001}, first: 2400},
		"key frames only":      {rate: tick.Rate{Num: 25, Den: 1}, first: 36000 * 25, skip: 12},
		"a quarter of an hour": {rate: tick.Rate{Num: 25, Den: 1}, first: 36000 * 25, offset: 7 * 15 * 60 * tick.Second},
	} {
		t.Run(name, func(t *testing.T) {
			r := &timecode.Reader{}
			s.play(r, 1, 0, 60)
			want := midnight + s.rate.At(s.first+30)
			// what is asked near is off by a second, and in another zone
			got, ok := r.Place(1, s.pts(30), want+s.offset+tick.Second)
			if off := (got - want - s.offset).Abs(); !ok || off > tick.Millisecond/10 {
				t.Errorf("%v, off by %v", ok, (got - want).Duration())
			}
		})
	}
}

// TestReaderKeepsItsWord: a damaged label changes nothing, a clock that was set does.
func TestReaderKeepsItsWord(t *testing.T) {
	s := source{rate: tick.Rate{Num: 25, Den: 1}, first: 36000 * 25}
	r := &timecode.Reader{}
	s.play(r, 1, 0, 20)
	noon := 36000*tick.Second + 86400*20_000*tick.Second
	place := func(n int64) tick.Tick {
		at, ok := r.Place(1, s.pts(n), noon)
		if !ok {
			t.Fatal("not known")
		}
		return at - noon - s.rate.At(n)
	}
	r.Picture(1, s.pts(20))
	r.Label(label(3, 4, 5, 6, false), 21)
	r.Picture(1, s.pts(21))
	r.Label(label(3, 4, 75, 6, false), 22)
	if off := place(21); off != 0 {
		t.Errorf("off by %v after damaged ones", off.Duration())
	}
	s.play(r, 1, 22, 1)
	jammed := s
	jammed.first += 3
	jammed.play(r, 1, 23, 1)
	if off := place(23); off != 0 {
		t.Errorf("off by %v after one of another time", off.Duration())
	}
	jammed.play(r, 1, 24, 1)
	if off := place(24); off != s.rate.At(3) {
		t.Errorf("off by %v after two of another time, want 3 frames", off.Duration())
	}
	if l, at := r.Last(); l != jammed.label(24) || at != 25 {
		t.Errorf("last is %s, %d", l, at)
	}
}

// TestReaderOfAnotherGeneration: what was known of a clock does not hold for the next, but the rate does.
func TestReaderOfAnotherGeneration(t *testing.T) {
	s := source{rate: tick.Rate{Num: 50, Den: 1}, first: 36000 * 50}
	r := &timecode.Reader{}
	if s.play(r, 1, 0, 7); known(r, 1) {
		t.Error("known by too few")
	}
	if s.play(r, 1, 7, 3); !known(r, 1) || known(r, 2) {
		t.Error("not known by ten, or for another")
	}
	s.clock = 77
	s.play(r, 2, 10, 1)
	if known(r, 2) || known(r, 1) {
		t.Error("known by one")
	}
	if s.play(r, 2, 11, 1); !known(r, 2) {
		t.Error("not known by two")
	}
}

// TestReaderTellsHowLatePicturesAre by the least of the last ones: a sender begins with a burst.
func TestReaderTellsHowLatePicturesAre(t *testing.T) {
	s := source{rate: tick.Rate{Num: 25, Den: 1}, first: 36000 * 25}
	r := &timecode.Reader{}
	if _, ok := r.Late(1); ok {
		t.Error("known by none")
	}
	noon := 20_000*86400*tick.Second + 36000*tick.Second
	for i := range int64(40) {
		r.Picture(1, s.pts(i))
		r.Label(s.label(i), noon+s.rate.At(max(i, 30))+300*tick.Millisecond+tick.Tick(i%3)*tick.Millisecond)
	}
	if late, ok := r.Late(1); !ok || late != 300*tick.Millisecond {
		t.Errorf("%v, %v", ok, late.Duration())
	}
	if _, ok := r.Late(2); ok {
		t.Error("known of another generation")
	}
}

// TestReaderOfPairsNoMore: a source that labels each picture from now on is read so.
func TestReaderOfPairsNoMore(t *testing.T) {
	s := source{rate: tick.Rate{Num: 50, Den: 1}, first: 36000 * 50, pairs: true}
	r := &timecode.Reader{}
	s.play(r, 1, 0, 50)
	s.pairs = false
	s.play(r, 1, 50, 50)
	noon := 20_000*86400*tick.Second + 36000*tick.Second
	if at, ok := r.Place(1, s.pts(99), noon); !ok || at != noon+s.rate.At(99) {
		t.Errorf("%v, off by %v", ok, (at - noon - s.rate.At(99)).Duration())
	}
}

func known(r *timecode.Reader, gen int64) bool {
	_, ok := r.Place(gen, 0, 0)
	return ok
}

// TestReaderOfWhatDoesNotCount: labels that stand still place nothing.
func TestReaderOfWhatDoesNotCount(t *testing.T) {
	r := &timecode.Reader{}
	for i := range int64(100) {
		r.Picture(1, i*3600)
		r.Label(label(10, 0, 0, 0, false), tick.Tick(i))
	}
	if known(r, 1) {
		t.Error("known")
	}
}
