package mpegts_test

import (
	"testing"

	"onair/pkg/mpegts"
)

func TestSoundShape(t *testing.T) {
	adts := func(rate, channels byte) []byte {
		return []byte{0xFF, 0xF1, 0x40 | rate<<2 | channels>>2, channels << 6, 0x20, 0, 0, 0}
	}
	ac3 := func(acmod, lfe byte) []byte {
		b := []byte{0x0B, 0x77, 0, 0, 0x1C, 0x40, acmod << 5, 0}
		at := uint(12)
		if acmod == 2 {
			at -= 2
		}
		if acmod == 7 {
			at -= 4
		}
		b[6] |= lfe << (at - 8)
		return b
	}
	mp2 := func(mode byte) []byte { return []byte{0xFF, 0xFD, 0xA4, mode << 6} }
	for name, c := range map[string]struct {
		codec mpegts.Codec
		a, b  []byte
		same  bool
	}{
		"aac, same":                {mpegts.AAC, adts(3, 2), adts(3, 2), true},
		"aac, other channels":      {mpegts.AAC, adts(3, 2), adts(3, 6), false},
		"aac, other rate":          {mpegts.AAC, adts(3, 2), adts(4, 2), false},
		"ac-3, 2.0 and 5.1":        {mpegts.AC3, ac3(2, 0), ac3(7, 1), false},
		"ac-3, with and without L": {mpegts.AC3, ac3(7, 0), ac3(7, 1), false},
		"mp2, stereo and joint":    {mpegts.MP2, mp2(0), mp2(1), true},
		"mp2, stereo and mono":     {mpegts.MP2, mp2(0), mp2(3), false},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := mpegts.SoundShape(c.codec, c.a), mpegts.SoundShape(c.codec, c.b)
			if a == 0 || b == 0 || (a == b) != c.same {
				t.Fatalf("shapes %x and %x, same wanted: %v", a, b, c.same)
			}
		})
	}
	for _, junk := range [][]byte{nil, {0xFF}, {1, 2, 3, 4, 5, 6, 7, 8}} {
		for _, c := range []mpegts.Codec{mpegts.AAC, mpegts.AC3, mpegts.EAC3, mpegts.MP2, mpegts.AACLATM} {
			if s := mpegts.SoundShape(c, junk); s != 0 {
				t.Errorf("%s: junk %x has shape %x", c, junk, s)
			}
		}
	}
}
