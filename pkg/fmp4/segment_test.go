package fmp4_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"

	"onair/pkg/fmp4"
	"onair/pkg/tick"
)

func bytesOf(n int, v byte) []byte { return bytes.Repeat([]byte{v}, n) }

// video is a segment with two groups of pictures.
func video() fmp4.Segment {
	return fmp4.Segment{
		Brands: []string{"msdh", "cmfs"}, Sequence: 7, BaseTime: 160_650_000_000_000,
		Samples: []fmp4.Sample{
			{Duration: 3600, Sync: true, Data: bytesOf(5, 1)}, {Duration: 3600, CTO: 3600, Data: bytesOf(3, 2)},
			{Duration: 3600, CTO: -3600, Data: bytesOf(2, 3)}, {Duration: 3600, Sync: true, Data: bytesOf(4, 4)},
			{Duration: 3600, Data: bytesOf(1, 5)},
		},
		Prft: &fmp4.Prft{Flags: fmp4.PrftCaptured, NTP: 0xecfd0000_40000000, MediaTime: 160_650_000_000_000},
	}
}

func segments() map[string]fmp4.Segment {
	one, audio, uneven := video(), video(), video()
	one.Samples = one.Samples[:3]
	audio.Brands, audio.Prft, audio.Samples = nil, nil, nil
	for i := range 4 {
		audio.Samples = append(audio.Samples, fmp4.Sample{Duration: 1024, Sync: true, Data: bytesOf(i, byte(i))})
	}
	uneven.Brands = append(uneven.Brands, "slat")
	uneven.Samples = []fmp4.Sample{{Duration: 1, Data: bytesOf(1, 1)}, {Duration: 2, Sync: true, Data: bytesOf(2, 2)}}
	return map[string]fmp4.Segment{"two_groups": video(), "one_group": one, "audio": audio, "uneven": uneven}
}

func TestSegmentMarshal(t *testing.T) {
	for name, s := range segments() {
		t.Run(name, func(t *testing.T) {
			b, err := s.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if cap(b) != len(b) {
				t.Errorf("%d bytes in a slice of %d", len(b), cap(b))
			}
			golden(t, "segment_"+name+".txt", dump(t, b))
			checkWithMP4FF(t, s, b)
			checkInfo(t, s, b)
		})
	}
}

// checkWithMP4FF reads the samples with an independent implementation.
func checkWithMP4FF(tb testing.TB, s fmp4.Segment, b []byte) {
	tb.Helper()
	f, err := mp4.DecodeFile(bytes.NewReader(b))
	if err != nil {
		tb.Fatal(err)
	}
	if len(f.Segments) != 1 || len(f.Segments[0].Fragments) != 1 {
		tb.Fatalf("%d segments", len(f.Segments))
	}
	got, err := f.Segments[0].Fragments[0].GetFullSamples(nil)
	if err != nil || len(got) != len(s.Samples) {
		tb.Fatalf("%d samples, %v", len(got), err)
	}
	at := s.BaseTime
	for i, v := range got {
		w := s.Samples[i]
		if v.DecodeTime != at || v.Dur != w.Duration || v.CompositionTimeOffset != w.CTO || v.IsSync() != w.Sync ||
			!bytes.Equal(v.Data, w.Data) {
			tb.Errorf("sample %d: got %+v, want %+v at %d", i, v, w, at)
		}
		at += uint64(w.Duration)
	}
}

// checkInfo reads the same with our own parser.
func checkInfo(tb testing.TB, s fmp4.Segment, b []byte) {
	tb.Helper()
	info, err := fmp4.ParseSegment(b)
	if err != nil {
		tb.Fatal(err)
	}
	if info.Sequence != s.Sequence || info.BaseTime != s.BaseTime || info.Fragments != 1 || info.TrackID != fmp4.TrackID ||
		fmt.Sprint(info.Brands) != fmt.Sprint(s.Brands) || len(info.Samples) != len(s.Samples) ||
		info.FirstSync() != s.Samples[0].Sync {
		tb.Errorf("got %+v", info)
	}
	if (info.Prft == nil) != (s.Prft == nil) || info.Prft != nil && *info.Prft != *s.Prft {
		tb.Errorf("prft %+v, want %+v", info.Prft, s.Prft)
	}
	at := int64(s.BaseTime)
	for i, v := range info.Samples {
		w := s.Samples[i]
		if v.DTS != at || v.PTS != at+int64(w.CTO) || v.Duration != w.Duration || v.Sync != w.Sync ||
			!bytes.Equal(b[v.Offset:v.Offset+v.Size], w.Data) {
			tb.Errorf("sample %d: got %+v", i, v)
		}
		at += int64(w.Duration)
	}
	if info.End() != uint64(at) {
		tb.Errorf("ends at %d, want %d", info.End(), at)
	}
}

func TestSegmentMarshalRefuses(t *testing.T) {
	none, brand, late := video(), video(), video()
	none.Samples = nil
	brand.Brands = []string{"msdh", "cmf"}
	late.BaseTime = 1 << 53
	for name, s := range map[string]fmp4.Segment{"no samples": none, "a short brand": brand, "a time beyond 2^53": late} {
		if _, err := s.Marshal(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestSegmentOfSeveralChunks(t *testing.T) {
	a, b := video(), video()
	b.Brands, b.Prft, b.BaseTime = nil, nil, a.BaseTime+5*3600
	first, _ := a.Marshal()
	second, _ := b.Marshal()
	info, err := fmp4.ParseSegment(append(bytes.Clone(first), second...))
	if err != nil || info.Fragments != 2 || len(info.Samples) != 10 || info.Duration != 36000 {
		t.Errorf("got %+v, %v", info, err)
	}
	b.BaseTime++
	second, _ = b.Marshal()
	if _, err := fmp4.ParseSegment(append(bytes.Clone(first), second...)); !errors.Is(err, fmp4.ErrFormat) {
		t.Errorf("a hole between chunks: got %v", err)
	}
}

func TestParseSegmentRefusesEveryCut(t *testing.T) {
	b, _ := video().Marshal()
	for n := range b {
		if info, err := fmp4.ParseSegment(b[:n]); !errors.Is(err, fmp4.ErrFormat) {
			t.Fatalf("%d bytes of %d: %+v, %v", n, len(b), info, err)
		}
	}
}

func TestNTP(t *testing.T) {
	for text, want := range map[string]uint64{
		"1970-01-01T00:00:00Z":    2_208_988_800 << 32,
		"2026-07-25T17:20:00.25Z": 3_993_988_800<<32 | 1<<30,
		"2036-02-07T06:28:16Z":    0, // the first second of the next era
	} {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmp4.NTP(tick.FromTime(at)); got != want {
			t.Errorf("%s: got %#x, want %#x", text, got, want)
		}
	}
}

func FuzzParseSegment(f *testing.F) {
	for _, s := range segments() {
		b, err := s.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		info, err := fmp4.ParseSegment(b)
		if err != nil {
			if !errors.Is(err, fmp4.ErrFormat) {
				t.Fatalf("error of no kind: %v", err)
			}
			return
		}
		for _, v := range info.Samples {
			if v.Offset < 0 || v.Offset+v.Size > len(b) {
				t.Fatalf("sample outside: %+v of %d bytes", v, len(b))
			}
		}
	})
}

func FuzzSegmentRoundTrip(f *testing.F) {
	f.Add(uint32(1), uint64(5), []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
	f.Fuzz(func(t *testing.T, sequence uint32, base uint64, shape []byte) {
		s := fmp4.Segment{Sequence: sequence, BaseTime: base % (1 << 53)}
		for ; len(shape) >= 4; shape = shape[4:] {
			s.Samples = append(s.Samples, fmp4.Sample{
				Duration: uint32(shape[0]), CTO: int32(int8(shape[1])), Sync: shape[2]&1 == 1, Data: bytesOf(int(shape[3]), shape[2]),
			})
		}
		b, err := s.Marshal()
		if err != nil {
			return
		}
		checkInfo(t, s, b)
		checkWithMP4FF(t, s, b)
	})
}

func BenchmarkSegmentMarshal(b *testing.B) {
	s := video()
	s.Samples = nil
	for i := range 100 { // 4 s of a 3 Mb/s rendition
		s.Samples = append(s.Samples, fmp4.Sample{Duration: 3600, CTO: int32(i % 3), Sync: i%50 == 0, Data: bytesOf(15000, 1)})
	}
	b.SetBytes(1_500_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Marshal(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCopy is the yardstick for BenchmarkSegmentMarshal: one copy of as many bytes into new memory.
func BenchmarkCopy(b *testing.B) {
	data := bytesOf(1_500_000, 1)
	b.SetBytes(1_500_000)
	b.ReportAllocs()
	for b.Loop() {
		_ = append([]byte(nil), data...)
	}
}
