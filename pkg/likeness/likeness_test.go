package likeness_test

import (
	"strings"
	"testing"

	"onair/pkg/fmp4"
	"onair/pkg/likeness"
	"onair/pkg/tick"
)

var where = likeness.Where{"here", "there"}

// segment is one of four samples; change makes it another one.
func segment(t *testing.T, change func(*fmp4.Segment)) likeness.Segment {
	t.Helper()
	s := fmp4.Segment{Brands: []string{"msdh", "cmfs"}, Sequence: 7, BaseTime: 7000}
	for range 4 {
		s.Samples = append(s.Samples, fmp4.Sample{Duration: 1024, Sync: true, Data: []byte{1, 2, 3}})
	}
	if change != nil {
		change(&s)
	}
	body, err := s.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var h likeness.Header
	info, err := h.Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	return likeness.Segment{Header: h, Body: body, Info: info}
}

func TestSegmentsDifferInOneAspect(t *testing.T) {
	for _, c := range []struct {
		change func(*fmp4.Segment)
		aspect likeness.Aspect
		text   string
	}{
		{nil, "", ""},
		{func(s *fmp4.Segment) { s.Samples[1].Data = []byte("other bits") }, "", ""},
		{func(s *fmp4.Segment) { s.BaseTime++ }, likeness.Start, "tfdt is 7000 here and 7001 there"},
		{func(s *fmp4.Segment) { s.Sequence++ }, likeness.Sequence, "mfhd says 7 here and 8 there"},
		{func(s *fmp4.Segment) { s.Samples = s.Samples[:3] }, likeness.Samples, "4 samples here and 3 there"},
		{func(s *fmp4.Segment) { s.Samples[2].Duration++ }, likeness.Durations, "sample 2 lasts 1024 units here and 1025 there"},
		{func(s *fmp4.Segment) { s.Samples[0].CTO = 9 }, likeness.Presentation, "by 0 units here and 9 there"},
		{func(s *fmp4.Segment) { s.Samples[0].Sync = false }, likeness.RandomAccess, "here true, there false"},
	} {
		a, b := segment(t, nil), segment(t, c.change)
		v, differs := likeness.Difference(where.Segments(a, b))
		if differs != (c.aspect != "") || v.Aspect != c.aspect || !strings.Contains(v.Text, c.text) {
			t.Errorf("%v %+v, want %s: %s", differs, v, c.aspect, c.text)
		}
	}
	if a, b := segment(t, nil), segment(t, func(s *fmp4.Segment) { s.Brands = append(s.Brands, "slat") }); a.Slate() || !b.Slate() {
		t.Error("slate is known by its brand")
	}
}

func TestEntriesAndHeaders(t *testing.T) {
	plain := likeness.Entry{URI: "v/7.m4s", Duration: 2 * tick.Second, Date: 14 * tick.Second}
	for _, c := range []struct {
		change func(*likeness.Entry)
		aspect likeness.Aspect
	}{
		{func(*likeness.Entry) {}, ""},
		{func(e *likeness.Entry) { e.URI = "w/7.m4s" }, likeness.Name},
		{func(e *likeness.Entry) { e.Duration++ }, likeness.Extinf},
		{func(e *likeness.Entry) { e.Date++ }, likeness.Date},
		{func(e *likeness.Entry) { e.Date = 0 }, ""},
		{func(e *likeness.Entry) { e.Discontinuity = true }, likeness.Discontinuity},
		{func(e *likeness.Entry) { e.Discontinuity, e.First = true, true }, ""},
	} {
		other := plain
		c.change(&other)
		if v, _ := likeness.Difference(where.Entries(plain, other)); v.Aspect != c.aspect {
			t.Errorf("%+v, want %s", v, c.aspect)
		}
	}
	a, b := likeness.Header{Name: "init-1.mp4", Body: []byte("x")}, likeness.Header{Name: "init-1.mp4", Body: []byte("y")}
	b.KIDs = [][16]byte{{1}}
	if got := where.Headers(a, b); len(got) != 2 || got[0].Same || got[1].Same || got[1].Aspect != likeness.KeyID {
		t.Errorf("%+v", got)
	}
	if _, err := likeness.ReadHeader("init-1.mp4", []byte("junk")); err == nil {
		t.Error("junk is a header")
	}
}

func TestEveryAspectHasAdvice(t *testing.T) {
	for _, a := range likeness.Aspects {
		if cause, advice := a.Fault(); cause == "" || advice == "" {
			t.Errorf("%s: %q %q", a, cause, advice)
		}
	}
}
