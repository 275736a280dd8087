package dash_test

import (
	"slices"
	"testing"

	"onair/pkg/dash"
)

func TestReadPeriods(t *testing.T) {
	w := window(t, config(pal(), video("v720", 1280, 720, 3e6), audio("a1", "en", 128e3)))
	for n := range int64(12) {
		if n != 9 {
			list(t, w, k0+n)
		}
	}
	got, err := dash.ReadPeriods(manifest(t, w.Snapshot()))
	if want := []int64{k0, k0 + 10}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	for _, bad := range []string{
		"", "<MPD", `<MPD profiles="x"><Period id="x1"/></MPD>`, `<MPD profiles="x"><Period id="P-1"/></MPD>`,
	} {
		if got, err := dash.ReadPeriods([]byte(bad)); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

func FuzzReadPeriods(f *testing.F) {
	w := window(f, config(pal(), video("v720", 1280, 720, 3e6), audio("a1", "en", 128e3)))
	list(f, w, k0)
	list(f, w, k0+2)
	f.Add(manifest(f, w.Snapshot()))
	f.Fuzz(func(t *testing.T, data []byte) {
		ids, err := dash.ReadPeriods(data)
		if err == nil && slices.ContainsFunc(ids, func(id int64) bool { return id < 0 }) {
			t.Error(ids)
		}
	})
}
