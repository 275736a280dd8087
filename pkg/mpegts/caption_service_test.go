package mpegts_test

import (
	"slices"
	"testing"

	"onair/pkg/mpegts"
)

func TestAnnouncedCaptions(t *testing.T) {
	field1 := []byte{'e', 'n', 'g', 0x7E, 0x3F, 0xFF}
	field2 := []byte{'S', 'P', 'A', 0x7F, 0x3F, 0xFF}
	digital := []byte{'e', 'n', 'g', 0xC1, 0x7F, 0xFF}
	for _, c := range []struct {
		name string
		loop []byte
		want []mpegts.CaptionService
	}{
		{"nothing", nil, nil},
		{"another descriptor", []byte{0x0A, 4, 'e', 'n', 'g', 0}, nil},
		{
			"two fields and a service behind another descriptor",
			slices.Concat([]byte{0x0A, 4, 'e', 'n', 'g', 0, 0x86, 19, 0xE3}, field1, field2, digital),
			[]mpegts.CaptionService{{Channel: "CC1", Language: "eng"}, {Channel: "CC3", Language: "spa"}, {Channel: "SERVICE1", Language: "eng"}},
		},
		{"fewer than announced", slices.Concat([]byte{0x86, 7, 0xE3}, field1), []mpegts.CaptionService{{Channel: "CC1", Language: "eng"}}},
		{"service 0 and no language", slices.Concat([]byte{0x86, 13, 0xE2, 0, 0, 0, 0xC0, 0, 0}, []byte{0, 0, 0, 0xC2, 0, 0}), []mpegts.CaptionService{{Channel: "SERVICE2"}}},
		{"longer than the loop", []byte{0x86, 7, 0xE1, 'e', 'n', 'g'}, nil},
		{"empty", []byte{0x86, 0}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := mpegts.AnnouncedCaptions(c.loop); !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

func FuzzAnnouncedCaptions(f *testing.F) {
	f.Add([]byte{0x86, 7, 0xE1, 'e', 'n', 'g', 0xC1, 0x7F, 0xFF})
	f.Fuzz(func(t *testing.T, loop []byte) {
		for _, s := range mpegts.AnnouncedCaptions(loop) {
			if s.Channel == "" || len(s.Language) != 0 && len(s.Language) != 3 {
				t.Errorf("%+v", s)
			}
		}
	})
}
