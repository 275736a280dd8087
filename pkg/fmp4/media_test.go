package fmp4_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"onair/pkg/fmp4"
)

// Files of other packagers: what they hold is known from independent tools.
func TestOtherPackagersFiles(t *testing.T) {
	dir := os.Getenv("ONAIR_MEDIA")
	if dir == "" {
		t.Skip("ONAIR_MEDIA does not name the folder of captures")
	}
	for _, c := range []struct {
		name, init, segments string
		codec                string // empty: a codec that is refused
		samples              int
		duration             float64 // seconds
	}{
		{"H.264 of 2 s", "livesim2-testpic_2s/V300/init.mp4", "livesim2-testpic_2s/V300/?.m4s", "avc1.64001e", 240, 8},
		{"AAC of 2 s", "livesim2-testpic_2s/A48/init.mp4", "livesim2-testpic_2s/A48/?.m4s", "mp4a.40.2", 375, 8},
		{"captions in SEI", "livesim2-testpic_2s/V300_with_cc1_and_cc3/init.mp4",
			"livesim2-testpic_2s/V300_with_cc1_and_cc3/?.m4s", "avc1.64001e", 240, 8},
		{"low delay", "livesim2-testpic_2s_low_delay/LD_360/init.mp4", "livesim2-testpic_2s_low_delay/LD_360/?.m4s",
			"avc1.64001e", 240, 8},
		{"emsg before moof", "dash-emsg-v0/segment_init.mp4", "dash-emsg-v0/segment_?.m4s", "avc1.f4001e", 0, 0},
		{"subtitles", "livesim2-testpic_2s/imsc1_txt_sv/init.mp4", "", "", 0, 0},
		{"AC-3", "dash-ac3/audio_und_2c_192k_ac3_init.mp4", "", "", 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			init, err := os.ReadFile(filepath.Join(dir, "cmaf", c.init))
			if err != nil {
				t.Fatal(err)
			}
			h, err := fmp4.ParseInit(init)
			if c.codec == "" {
				if !errors.Is(err, fmp4.ErrFormat) {
					t.Errorf("got %v, want ErrFormat", err)
				}
				return
			}
			if err != nil || h.CodecString() != c.codec {
				t.Fatalf("got %q, %v, want %q", h.CodecString(), err, c.codec)
			}
			samples, duration := segmentsOf(t, h, filepath.Join(dir, "cmaf", c.segments))
			if c.samples > 0 && (samples != c.samples || duration != c.duration) {
				t.Errorf("%d samples of %v s, want %d of %v s", samples, duration, c.samples, c.duration)
			}
			if out := initOf(t, h); len(out) == 0 {
				t.Error("our own header is empty")
			}
		})
	}
}

// segmentsOf reads a track's segments, which must follow each other and begin with a sync sample.
func segmentsOf(t *testing.T, h fmp4.Header, pattern string) (samples int, seconds float64) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	end := uint64(0)
	for i, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		info, err := h.ParseSegment(b)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if !info.FirstSync() || i > 0 && info.BaseTime != end {
			t.Errorf("%s: starts at %d with sync %t, the one before ended at %d", file, info.BaseTime, info.FirstSync(), end)
		}
		end = info.End()
		samples += len(info.Samples)
		seconds += float64(info.Duration) / float64(h.Timescale)
	}
	return samples, seconds
}
