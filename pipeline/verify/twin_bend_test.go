package verify_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"sync"
	"time"

	"onair/pkg/fmp4"
)

// Bends that make one of two outputs another one than its twin.

// elsewhere is material that has nothing in common with the usual one, encoded alike.
var elsewhere = sync.OnceValues(func() (material, error) {
	return encode("color=white:s=64x36:r=25:d=6", "anoisesrc=d=7:r=48000:a=0.5")
})

// another has the media of a track made of other material.
func another(track string) func(*fake) {
	return func(f *fake) {
		m, err := elsewhere()
		if err != nil {
			panic(err)
		}
		g := &fake{m: m}
		f.bend = func(name string, a *answer) {
			if k, ok := segmentNumber(name); ok && strings.HasPrefix(name, track+"/") && a.status == 200 {
				a.body = g.segment(track, k, k)
			}
		}
	}
}

// moved has the media of a later number, with the times of its own.
func moved(f *fake) {
	f.bend = func(name string, a *answer) {
		if k, ok := segmentNumber(name); ok && strings.HasPrefix(name, "v/") && a.status == 200 {
			a.body = f.segment("v", k+1, k)
		}
	}
}

// delayed has its sound some samples later.
func delayed(f *fake) {
	f.bend = func(name string, a *answer) {
		k, ok := segmentNumber(name)
		if !ok || !strings.HasPrefix(name, "a/") || a.status != 200 {
			return
		}
		start, end := span("a", k)
		s := fmp4.Segment{Brands: []string{"msdh", "cmfs"}, Sequence: uint32(k), BaseTime: uint64(start.Units(48_000))}
		for n := start.Units(48_000); n < end.Units(48_000); n += 1024 {
			s.Samples = append(s.Samples, fmp4.Sample{Duration: 1024, Sync: true, Data: f.m.audio[(n/1024+299)%300].Data})
		}
		a.body, _ = s.Marshal()
	}
}

// videoSamples changes the samples of video segments.
func videoSamples(change func([]fmp4.Sample) []fmp4.Sample) func(*fake) {
	return func(f *fake) { f.bend = rebuilt(f, change) }
}

// damaged breaks a picture: its slice is no longer what its parameter sets say.
func damaged(s []fmp4.Sample) []fmp4.Sample {
	s[7].Data = append([]byte{0, 0, 0, 40, 0x41}, bytes.Repeat([]byte{0xFF}, 39)...)
	return s
}

// encrypted gives video a header with a key id, as an encrypter writes it.
func encrypted(kid string) func(*fake) {
	boxOf := func(kind string, parts ...[]byte) []byte {
		body := bytes.Join(parts, nil)
		return append(append(binary.BigEndian.AppendUint32(nil, uint32(8+len(body))), kind...), body...)
	}
	tenc := boxOf("tenc", []byte{0, 0, 0, 0, 0, 0, 1, 8}, []byte(kid))
	stsd := boxOf("stsd", []byte{0, 0, 0, 0, 0, 0, 0, 1},
		boxOf("encv", make([]byte, 78), boxOf("sinf", boxOf("schi", tenc))))
	init := boxOf("moov", boxOf("trak", boxOf("mdia", boxOf("minf", boxOf("stbl", stsd)))))
	return edit(`v/init-1\.mp4`, func(string) string { return string(init) })
}

// held serves the state of the 4th second for so long, as if nobody had published.
func held(long time.Duration) func(*fake) {
	return func(f *fake) {
		var last memory
		began := time.Now()
		f.bend = func(name string, a *answer) {
			switch since := time.Since(began); {
			case !strings.HasSuffix(name, ".m3u8") && !strings.HasSuffix(name, ".mpd"):
			case since < 4*time.Second:
				last.keep(name, a.body)
			case since < 4*time.Second+long:
				a.body = last.of(name)
			}
		}
	}
}

// ahead has numbers that the other does not have yet, and its media under them.
func ahead(s string) string {
	for range 1000 {
		s = shiftSequence(s)
	}
	return s
}

// missing leaves some segments out, as gaps.
func missing(f *fake) {
	first := newest() + 2
	f.gap = func(k int64) bool { return k == first || k == first+1 }
}
