package ffmpeg_test

import (
	"testing"

	"onair/pkg/ffmpeg"
)

// addTrack is ts, a TS with one programme that FFmpeg made, with the silent track: packets before each picture that is
// later than the silence so far, and an entry in each PMT.
func addTrack(t *testing.T, ts []byte) []byte {
	t.Helper()
	var out []byte
	var silence *ffmpeg.Silence
	for n := 0; n+188 <= len(ts); n += 188 {
		p := ts[n : n+188]
		if pts, _, ok := times(p); ok {
			if silence == nil {
				silence = ffmpeg.NewSilence(pts - 9000)
			}
			silence.Until(pts, func(b []byte) { out = append(out, b...) })
		}
		if pid := uint16(p[1]&0x1F)<<8 | uint16(p[2]); pid == 0x1000 {
			p = pmtWithSilence(t, p)
		}
		out = append(out, p...)
	}
	return out
}

// pmtWithSilence adds the track to a PMT section that starts right in its packet and has room behind it.
func pmtWithSilence(t *testing.T, p []byte) []byte {
	t.Helper()
	q := append([]byte(nil), p...)
	sec := q[5:] // pointer_field 0
	if q[4] != 0 || sec[0] != 2 {
		t.Fatal("not the PMT that FFmpeg writes")
	}
	size := int(sec[1]&0xF)<<8 | int(sec[2])
	end := 3 + size - 4
	entry := []byte{ffmpeg.SilenceStreamType, 0xE0 | ffmpeg.SilencePID>>8, ffmpeg.SilencePID & 0xFF, 0xF0, 0}
	copy(sec[end:], entry)
	size += len(entry)
	sec[1], sec[2] = sec[1]&0xF0|byte(size>>8), byte(size)
	end += len(entry)
	crc := crc32MPEG(sec[:end])
	sec[end], sec[end+1], sec[end+2], sec[end+3] = byte(crc>>24), byte(crc>>16), byte(crc>>8), byte(crc)
	return q
}

func crc32MPEG(b []byte) uint32 {
	crc := ^uint32(0)
	for _, c := range b {
		crc ^= uint32(c) << 24
		for range 8 {
			if crc&(1<<31) != 0 {
				crc = crc<<1 ^ 0x04C11DB7
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}
