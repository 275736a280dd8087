package publish_test

import (
	"bytes"
	"testing"
	"testing/synctest"

	"onair/pkg/store"
)

// A power cut or a hand has broken a playlist: viewers get none until it is written anew.
func TestBrokenPlaylistsAreNotServed(t *testing.T) {
	half := func(b []byte) []byte { return b[:len(b)/2] }
	random := func([]byte) []byte { return []byte("\x00\xff\x01 random") }
	empty := func([]byte) []byte { return nil }
	lines := func(b []byte) []byte { // all but the two newest segments
		for range 2 {
			b = b[:bytes.LastIndex(b, []byte("#EXT-X-PROGRAM-DATE-TIME"))]
		}
		return b
	}
	for name, c := range map[string]struct {
		object string
		bend   func([]byte) []byte
	}{
		"media cut off":                {"news/v.m3u8", half},
		"media cut off after a line":   {"news/v.m3u8", lines},
		"media of something else":      {"news/a.m3u8", random},
		"manifest cut off":             {"news/manifest.mpd", half},
		"manifest of something else":   {"news/manifest.mpd", random},
		"manifest empty":               {"news/manifest.mpd", empty},
		"multivariant cut off":         {"news/index.m3u8", half},
		"multivariant empty":           {"news/index.m3u8", empty},
		"multivariant something other": {"news/index.m3u8", random},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTestStore()
				r := start(t, s, nil)
				r.play(5)
				mustStop(t, r)
				o, err := s.Get(t.Context(), c.object)
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Put(t.Context(), store.Object{Name: o.Name, Body: c.bend(o.Body)}); err != nil {
					t.Fatal(err)
				}
				q := start(t, s, nil)
				if _, _, done := q.p.Resumed(); !done {
					t.Fatal("not read back")
				}
				if q.p.Fresh() == nil {
					t.Error("it is served")
				}
				q.play(3)
				if err := q.p.Fresh(); err != nil {
					t.Errorf("written anew: %v", err)
				}
				mustStop(t, q)
			})
		})
	}
}
