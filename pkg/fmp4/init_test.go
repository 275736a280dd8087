package fmp4_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"

	"onair/pkg/fmp4"
)

// dump is mp4ff's view of bytes that we wrote.
func dump(tb testing.TB, b []byte) string {
	tb.Helper()
	f, err := mp4.DecodeFile(bytes.NewReader(b))
	if err != nil {
		tb.Fatal(err)
	}
	var s strings.Builder
	if err := f.Info(&s, "trun:1,avcC:1,hvcC:1,av1C:1,esds:1,colr:1,pasp:1,mdhd:1,trex:1,stsd:1", "", "  "); err != nil {
		tb.Fatal(err)
	}
	return s.String()
}

func header(tb testing.TB, name string) fmp4.Header {
	tb.Helper()
	h, err := fmp4.NewReader(bytes.NewReader(fixture(tb, name))).Header()
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

func initOf(tb testing.TB, h fmp4.Header) []byte {
	tb.Helper()
	b, err := h.Init()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestInitIsACMAFHeader(t *testing.T) {
	for _, f := range fixtures {
		t.Run(f.name, func(t *testing.T) {
			b := initOf(t, header(t, f.name))
			golden(t, f.name+".init.txt", dump(t, b))
			for _, word := range []string{"btrt", "elst", "edts", "udta", "Lav", "x264", "x265", "hev1"} {
				if bytes.Contains(b, []byte(word)) {
					t.Errorf("the header contains %q", word)
				}
			}
		})
	}
}

func TestInitReadsBackAsWhatItCameFrom(t *testing.T) {
	for _, f := range fixtures {
		t.Run(f.name, func(t *testing.T) {
			from := header(t, f.name).WithLanguage("deu")
			b := initOf(t, from)
			h, err := fmp4.ParseInit(b)
			if err != nil {
				t.Fatal(err)
			}
			if h.CodecString() != from.CodecString() || h.Kind != from.Kind || h.Timescale != from.Timescale ||
				h.Width != from.Width || h.Height != from.Height || h.SampleRate != from.SampleRate ||
				h.Channels != from.Channels || h.Language != "deu" {
				t.Errorf("got %+v, want %+v", h, from)
			}
			want := []string{"iso6", "cmfc", "cmf2"}
			if h.Kind == fmp4.Audio {
				want = want[:2]
			}
			if !slices.Equal(h.Brands, want) {
				t.Errorf("brands %v, want %v", h.Brands, want)
			}
			if again := initOf(t, h); !bytes.Equal(again, b) {
				t.Errorf("written again it differs:\n%s\n%s", dump(t, b), dump(t, again))
			}
		})
	}
}

// Runs differ in content, rate control and start, and in what the encoder writes about itself; their headers must not.
func TestInitOfTwoRunsIsTheSame(t *testing.T) {
	change := strings.NewReplacer("testsrc2", "smptebars", "PTS+2/TB", "PTS+8/TB", "b:v 200k", "b:v 90k",
		"b:v 100k", "b:v 60k", "b:a 32k", "b:a 96k", "94208", "1024000")
	for _, f := range fixtures {
		t.Run(f.name, func(t *testing.T) {
			args := change.Replace(f.args)
			if args == f.args {
				t.Fatal("the run is the same")
			}
			h, err := fmp4.NewReader(bytes.NewReader(ffmpeg(t, nil, args+muxer))).Header()
			if err != nil {
				t.Fatal(err)
			}
			a, b := initOf(t, header(t, f.name)), initOf(t, h)
			if !bytes.Equal(a, b) {
				t.Errorf("headers differ: %x\n%x", a, b)
			}
		})
	}
}

func TestLanguage(t *testing.T) {
	for lang, want := range map[string]string{
		"": "und", "und": "und", "fra": "fra", "en": "en", "pt-BR": "pt-BR", "zh-Hant-TW": "zh-Hant-TW",
	} {
		b := initOf(t, header(t, "aac").WithLanguage(lang))
		h, err := fmp4.ParseInit(b)
		if err != nil || h.Language != want {
			t.Errorf("%q: got %q, %v, want %q", lang, h.Language, err, want)
		}
		f, err := mp4.DecodeFile(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		mdia := f.Moov.Trak.Mdia
		if len(want) != 3 && (mdia.Elng == nil || mdia.Elng.Language != want || mdia.Mdhd.GetLanguage() != "und") {
			t.Errorf("%q: mdhd %q, elng %+v", lang, mdia.Mdhd.GetLanguage(), mdia.Elng)
		}
	}
}

func TestVersion(t *testing.T) {
	a, b := []byte("a"), []byte("b")
	v := fmp4.Version(a, b)
	if len(v) != 8 || v != fmp4.Version(a, b) {
		t.Errorf("version %q", v)
	}
	for name, other := range map[string]string{
		"order": fmp4.Version(b, a), "joined": fmp4.Version([]byte("ab")), "fewer": fmp4.Version(a), "none": fmp4.Version(),
	} {
		if other == v {
			t.Errorf("%s: the same version", name)
		}
	}
}

func TestHeaderThatWasNotRead(t *testing.T) {
	if _, err := (fmp4.Header{Kind: fmp4.Video, Timescale: 90000, Codec: "avc1"}).Init(); err == nil {
		t.Error("no error")
	}
}

func TestParseInitRefuses(t *testing.T) {
	file := fixture(t, "h264")
	moov := file[:bytes.Index(file, []byte("moof"))-4]
	swap := func(old, new string) []byte { return bytes.Replace(moov, []byte(old), []byte(new), 1) }
	for name, b := range map[string][]byte{
		"nothing":             nil,
		"only ftyp":           moov[:24],
		"two moovs":           append(bytes.Clone(moov), moov[24:]...),
		"an unknown codec":    swap("avc1", "mp4v"),
		"no configuration":    swap("avcC", "free"),
		"no sample table":     swap("stsd", "free"),
		"no media header":     swap("mdhd", "free"),
		"a broken SPS":        swap("\x67\x64\x00", "\x67\x64\xff\xff\xff\xff\xff\xff\xff"),
		"a megabyte of junk":  make([]byte, 1<<20),
		"an end in mid-box":   moov[:200],
		"a fragment, no moov": file[len(moov):],
	} {
		t.Run(name, func(t *testing.T) {
			if h, err := fmp4.ParseInit(b); !errors.Is(err, fmp4.ErrFormat) {
				t.Errorf("got %+v, %v, want ErrFormat", h, err)
			}
		})
	}
}

func FuzzParseInit(f *testing.F) {
	for _, v := range fixtures {
		f.Add(initOf(f, header(f, v.name)))
		b := fixture(f, v.name)
		f.Add(b[:bytes.Index(b, []byte("moof"))-4])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := fmp4.ParseInit(b)
		if err != nil {
			if !errors.Is(err, fmp4.ErrFormat) {
				t.Fatalf("error of no kind: %v", err)
			}
			return
		}
		_ = h.CodecString()
		out, err := h.Init()
		if err != nil {
			return
		}
		if _, err := fmp4.ParseInit(out); err != nil {
			t.Fatalf("our own header does not parse: %v", err)
		}
	})
}
