package mpegts_test

import (
	"testing"

	"onair/pkg/mpegts"
)

func TestSniffKnowsFrames(t *testing.T) {
	adts := []byte{0xFF, 0xF1, 0x4C, 0x80, 0x01, 0x3F, 0xFC, 0x00, 0x00, 0xFF, 0xF1, 0x4C} // 9 bytes, then the next
	for name, c := range map[string]struct {
		data []byte
		want mpegts.Codec
	}{
		"adts":                            {adts, mpegts.AAC},
		"adts, nothing where next begins": {append(adts[:9:9], 1, 2, 3), ""},
		"mpeg audio layer 2":              {[]byte{0xFF, 0xFD, 0x84, 0x04, 0, 0, 0, 0}, mpegts.MP2},
		"mpeg audio layer 3":              {[]byte{0xFF, 0xFB, 0x90, 0x44, 0, 0, 0, 0}, mpegts.MP2},
		"mpeg audio of no bitrate":        {[]byte{0xFF, 0xFD, 0xF4, 0x04, 0, 0, 0, 0}, ""},
		"ac-3":                            {[]byte{0x0B, 0x77, 1, 2, 0x1C, 0x40, 0x43, 0xE1}, mpegts.AC3},
		"e-ac-3":                          {[]byte{0x0B, 0x77, 1, 2, 0x30, 0x86, 0x43, 0xE1}, mpegts.EAC3},
		"latm":                            {[]byte{0x56, 0xE1, 0x50, 0x20, 0, 0, 0, 0}, mpegts.AACLATM},
		"teletext":                        {[]byte{0x10, 0x02, 0x2C, 0xF4, 0xE4, 0x15, 0x15, 0x15}, ""},
		"dvb subtitles":                   {[]byte{0x20, 0x00, 0x0F, 0x10, 0x00, 0x01, 0, 0}, ""},
		"short":                           {adts[:7], ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := mpegts.Sniff(c.data); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func FuzzSniff(f *testing.F) {
	f.Add([]byte{0xFF, 0xF1, 0x4C, 0x80, 0x01, 0x3F, 0xFC, 0x00, 0x00, 0xFF, 0xF1})
	f.Add([]byte{0x56, 0xE0, 0x05, 0x20, 0, 0, 0, 0, 0x56, 0xE1})
	f.Fuzz(func(t *testing.T, b []byte) {
		c := mpegts.Sniff(b)
		if s := (mpegts.Stream{Language: "deu"}).As(c); c != "" && (s.Type == 0 || s.Kind != mpegts.Audio) {
			t.Errorf("%q announced as %+v", c, s)
		}
	})
}
