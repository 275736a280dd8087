package fmp4_test

import (
	"errors"
	"testing"

	"onair/pkg/fmp4"
)

func TestWhole(t *testing.T) {
	file := []byte("\x00\x00\x00\x0cmoofmeta" + "\x00\x00\x00\x01mdat\x00\x00\x00\x00\x00\x00\x00\x16sample")
	if err := fmp4.Whole(file); err != nil {
		t.Fatal(err)
	}
	for n := range file {
		if n == 12 {
			continue // cut between two boxes: cannot be seen
		}
		if err := fmp4.Whole(file[:n]); !errors.Is(err, fmp4.ErrFormat) {
			t.Errorf("the first %d bytes: %v", n, err)
		}
	}
	zeros := append(append([]byte(nil), file...), make([]byte, 100)...)
	if err := fmp4.Whole(zeros); !errors.Is(err, fmp4.ErrFormat) {
		t.Errorf("the rest is zeros: %v", err)
	}
}
