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
	// The begins of frames as FFmpeg writes them.
	latm := func(config ...byte) []byte {
		return append(append([]byte{0x56, 0xE1, 0x28, 0x20, 0}, config...), 0xFF, 0xFF)
	}
	stereo := latm(0x11, 0x90, 0x1F, 0xE7, 0xF9)
	for name, c := range map[string]struct {
		codec mpegts.Codec
		a, b  []byte
		same  bool
	}{
		"aac, same":                {mpegts.AAC, adts(3, 2), adts(3, 2), true},
		"aac, other channels":      {mpegts.AAC, adts(3, 2), adts(3, 6), false},
		"aac, other rate":          {mpegts.AAC, adts(3, 2), adts(4, 2), false},
		"latm, same":               {mpegts.AACLATM, stereo, latm(0x11, 0x90, 0x1F, 0xA6, 0xF0), true},
		"latm, other channels":     {mpegts.AACLATM, stereo, latm(0x11, 0x88, 0x1F, 0xE6, 0xA6), false},
		"latm, surround":           {mpegts.AACLATM, stereo, latm(0x11, 0xB0, 0x1F, 0xE7, 0xFB), false},
		"latm, other rate":         {mpegts.AACLATM, stereo, latm(0x12, 0x10, 0x1F, 0xE7, 0xFA), false},
		"latm, with sbr":           {mpegts.AACLATM, stereo, latm(0x2B, 0x11, 0x88, 0, 0), false},
		"latm, version 1":          {mpegts.AACLATM, latm1(0x11, 0x90), latm1(0x11, 0x90), true},
		"latm, version 1, rate":    {mpegts.AACLATM, latm1(0x11, 0x90), latm1(0x12, 0x10), false},
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
	if s := mpegts.SoundShape(mpegts.AACLATM, []byte{0x56, 0xE1, 0x28, 0xA0, 0, 0x11, 0x90, 0x1F}); s != 0 {
		t.Errorf("a frame of LATM without a configuration has shape %x", s)
	}
	for _, junk := range [][]byte{nil, {0xFF}, {1, 2, 3, 4, 5, 6, 7, 8}} {
		for _, c := range []mpegts.Codec{mpegts.AAC, mpegts.AC3, mpegts.EAC3, mpegts.MP2, mpegts.AACLATM} {
			if s := mpegts.SoundShape(c, junk); s != 0 {
				t.Errorf("%s: junk %x has shape %x", c, junk, s)
			}
		}
	}
}

// latm1 is the begin of a frame of LATM whose configuration has audioMuxVersion 1: before the AudioSpecificConfig stand
// 0 1 0, a value of 8 bits, 1 + 6 + 4 + 3 bits and another value of 8 bits, in all 37.
func latm1(config ...byte) []byte {
	head := []byte{0b0100_0111, 0b1111_1100, 0, 0, 0b0001_0000}
	for _, c := range config {
		head[len(head)-1] |= c >> 5
		head = append(head, c<<3)
	}
	return append([]byte{0x56, 0xE0, 0x40}, append(head, 0xFF, 0xFF)...)
}

func FuzzSoundShape(f *testing.F) {
	f.Add([]byte{0x56, 0xE1, 0x28, 0x20, 0, 0x11, 0x90, 0x1F, 0xE7, 0xF9})
	f.Add([]byte{0x56, 0xE1, 0x28, 0x47, 0xFC, 0, 0, 0x10, 0xFF, 0xFF})
	f.Add([]byte{0x0B, 0x77, 0, 0, 0x1C, 0x40, 0xE0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, c := range []mpegts.Codec{mpegts.AAC, mpegts.AACLATM, mpegts.AC3, mpegts.EAC3, mpegts.MP2} {
			s := mpegts.SoundShape(c, b)
			if longer := mpegts.SoundShape(c, append(b[:len(b):len(b)], 0)); s != 0 && longer != s {
				t.Errorf("%s: shape %x, with a byte more %x", c, s, longer)
			}
		}
	})
}
