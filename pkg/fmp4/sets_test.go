package fmp4_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"testing"

	"onair/pkg/fmp4"
)

func TestWithParameterSets(t *testing.T) {
	for name, c := range map[string]struct {
		sample string
		kinds  []byte // of the NAL units that come out: their first bytes
	}{
		"h264": {"000000026501", []byte{0x67, 0x68, 0x65}},
		"hevc": {"000000022601", []byte{0x40, 0x42, 0x44, 0x26}},
		"aac":  {"0102", nil},
	} {
		b, err := os.ReadFile("testdata/" + name + ".mp4")
		if err != nil {
			t.Fatal(err)
		}
		h, err := fmp4.NewReader(bytes.NewReader(b)).Header()
		if err != nil {
			t.Fatal(err)
		}
		sample, _ := hex.DecodeString(c.sample)
		got := h.WithParameterSets(sample)
		if c.kinds == nil {
			if !bytes.Equal(got, sample) {
				t.Errorf("%s: %x", name, got)
			}
			continue
		}
		if kinds := nals(t, got); !bytes.Equal(kinds, c.kinds) {
			t.Errorf("%s: units %x, want %x", name, kinds, c.kinds)
		}
		aud := []byte{0, 0, 0, 2, 9, 0xf0}
		if name == "hevc" {
			aud[4] = 35 << 1
		}
		if kinds := nals(t, h.WithParameterSets(append(aud, sample...))); kinds[0] != aud[4] || !bytes.Equal(kinds[1:], c.kinds) {
			t.Errorf("%s: behind a delimiter units %x", name, kinds)
		}
		h.WithParameterSets(nil)
		h.WithParameterSets(aud[:5])
	}
}

// nals are the first bytes of the units in a sample.
func nals(t *testing.T, b []byte) (out []byte) {
	t.Helper()
	for len(b) > 4 {
		n := int(b[0])<<24 | int(b[1])<<16 | int(b[2])<<8 | int(b[3])
		if n == 0 || n+4 > len(b) {
			t.Fatalf("broken unit: %x", b)
		}
		out = append(out, b[4])
		b = b[4+n:]
	}
	return out
}
