package fmp4_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"onair/pkg/fmp4"
)

// boxOf is a box with its content.
func boxOf(kind string, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
	return append(append(b, kind...), body...)
}

// protected is a header as an encrypter writes it, with the boxes that lead to its key id.
func protected(entry string, head int, kid []byte) []byte {
	tenc := boxOf("tenc", []byte{0, 0, 0, 0, 0, 0, 1, 8}, kid)
	sinf := boxOf("sinf", boxOf("frma", []byte("avc1")), boxOf("schi", tenc))
	stsd := boxOf("stsd", []byte{0, 0, 0, 0, 0, 0, 0, 1}, boxOf(entry, make([]byte, head), boxOf("avcC", []byte{1}), sinf))
	return append(boxOf("ftyp", []byte("cmfc\x00\x00\x00\x00")),
		boxOf("moov", boxOf("trak", boxOf("mdia", boxOf("minf", boxOf("stbl", stsd)))))...)
}

func TestDefaultKIDs(t *testing.T) {
	kid := []byte("0123456789abcdef")
	for entry, head := range map[string]int{"encv": 78, "enca": 28} {
		got, err := fmp4.DefaultKIDs(protected(entry, head, kid))
		if err != nil || len(got) != 1 || !bytes.Equal(got[0][:], kid) {
			t.Errorf("%s: %q, %v", entry, got, err)
		}
	}
	if got, err := fmp4.DefaultKIDs(initOf(t, header(t, "h264"))); err != nil || len(got) != 0 {
		t.Errorf("a header in the clear: %q, %v", got, err)
	}
	deep := boxOf("tenc")
	for range 20 {
		deep = boxOf("sinf", deep)
	}
	for name, b := range map[string][]byte{
		"cut": protected("encv", 78, kid)[:100], "a short tenc": protected("enca", 28, kid[:9]), "nested": deep,
		"no room for an entry": protected("encv", 20, kid), "large": make([]byte, 4<<20),
	} {
		if _, err := fmp4.DefaultKIDs(b); !errors.Is(err, fmp4.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDefaultKIDs(f *testing.F) {
	f.Add(protected("encv", 78, []byte("0123456789abcdef")))
	f.Add(initOf(f, header(f, "aac")))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := fmp4.DefaultKIDs(b); err != nil && !errors.Is(err, fmp4.ErrFormat) {
			t.Fatalf("error of no kind: %v", err)
		}
	})
}
