package fmp4_test

import (
	"testing"

	"onair/pkg/fmp4"
)

func TestRefresh(t *testing.T) {
	delimiter, sequence, padding := []byte{0x12, 0}, []byte{0x0A, 2, 0, 0}, []byte{0x7A, 1, 0}
	key, inter, hidden, shown := []byte{0x32, 2, 0x10, 0}, []byte{0x32, 2, 0x30, 0}, []byte{0x32, 2, 0x00, 0}, []byte{0x1A, 1, 0x90}
	join := func(parts ...[]byte) []byte {
		var out []byte
		for _, p := range parts {
			out = append(out, p...)
		}
		return out
	}
	for _, c := range []struct {
		name, codec string
		sample      []byte
		idr, known  bool
	}{
		{"H.264 IDR behind SEI", "avc1", []byte{0, 0, 0, 1, 6, 0, 0, 0, 1, 0x65}, true, true},
		{"H.264 without IDR", "avc1", []byte{0, 0, 0, 1, 0x41}, false, true},
		{"H.264 longer than its sample", "avc1", []byte{0, 0, 0, 9, 0x65}, false, true},
		{"HEVC IDR", "hvc1", []byte{0, 0, 0, 1, 19 << 1}, true, true},
		{"HEVC CRA", "hvc1", []byte{0, 0, 0, 1, 21 << 1}, false, true},
		{"AV1 key frame", "av01", join(sequence, key), true, true},
		{"AV1 key frame behind others", "av01", join(delimiter, sequence, padding, key), true, true},
		{"AV1 key frame without sequence header", "av01", key, false, true},
		{"AV1 inter frame", "av01", join(sequence, inter), false, true},
		{"AV1 key frame that is not shown", "av01", join(sequence, hidden), false, true},
		{"AV1 frame shown again", "av01", join(sequence, shown), false, true},
		{"AV1 longer than its sample", "av01", join(sequence, []byte{0x32, 9, 0x10}), false, true},
		{"AV1 endless size", "av01", []byte{0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, false, true},
		{"AV1 with extension and nothing else", "av01", []byte{0x0E, 0}, false, true},
		{"nothing", "av01", nil, false, true},
		{"another codec", "vp09", []byte{0, 0, 0, 1, 0x65}, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if idr, known := fmp4.Refresh(c.codec, c.sample); idr != c.idr || known != c.known {
				t.Errorf("%v, %v; want %v, %v", idr, known, c.idr, c.known)
			}
		})
	}
}

func FuzzRefresh(f *testing.F) {
	f.Add("av01", []byte{0x0A, 2, 0, 0, 0x32, 2, 0x10, 0})
	f.Add("hvc1", []byte{0, 0, 0, 1, 19 << 1})
	f.Fuzz(func(_ *testing.T, codec string, b []byte) { fmp4.Refresh(codec, b) })
}
