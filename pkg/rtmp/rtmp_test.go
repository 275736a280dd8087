package rtmp_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"onair/pkg/rtmp"
)

// all reads every message of a stream, as copies.
func all(b []byte, limit int) ([]rtmp.Message, error) {
	r := rtmp.NewReader(bytes.NewReader(b), limit)
	var out []rtmp.Message
	for {
		m, err := r.Next()
		if err != nil {
			return out, err
		}
		m.Body = bytes.Clone(m.Body)
		out = append(out, m)
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 127, 128, 129, 5000, 300_000} {
		for _, chunk := range []int{1, 128, 4096, 1 << 20} {
			for _, at := range []uint32{0, 0xFFFFFE, 0xFFFFFF, 0x1000000, 1<<32 - 1} {
				body := bytes.Repeat([]byte{7, 0xFF}, size/2+1)[:size]
				var b []byte
				if chunk != 128 {
					b = rtmp.Append(b, rtmp.Control(rtmp.SetChunkSize, uint32(chunk)), 128)
				}
				for range 2 {
					b = rtmp.Append(b, rtmp.Message{Type: rtmp.Video, Timestamp: at, Stream: 1, Body: body}, chunk)
				}
				got, err := all(b, 1<<20)
				if err != io.EOF || len(got) != 2 {
					t.Fatalf("%d bytes in chunks of %d at %d: %d messages, %v", size, chunk, at, len(got), err)
				}
				for _, m := range got {
					if m.Type != rtmp.Video || m.Timestamp != at || m.Stream != 1 || !bytes.Equal(m.Body, body) {
						t.Fatalf("%d bytes in chunks of %d at %d: %d of %d bytes at %d", size, chunk, at, m.Type, len(m.Body), m.Timestamp)
					}
				}
			}
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	const full = "\x04\x00\x00\x0a\x00\x00\x01\x08\x01\x00\x00\x00A" // at 10 ms, one byte of audio on stream 1
	for _, c := range []struct {
		name  string
		in    string
		times []uint32
		body  string
	}{
		{"same size and type, later", full + "\x84\x00\x00\x05B", []uint32{10, 15}, "AB"},
		{"other size", full + "\x44\x00\x00\x05\x00\x00\x02\x08BB", []uint32{10, 15}, "ABB"},
		{"all the same: the step again", full + "\x84\x00\x00\x05B\xc4C\xc4D", []uint32{10, 15, 20, 25}, "ABCD"},
		{"all the same after a full one: its time is the step", full + "\xc4B", []uint32{10, 20}, "AB"},
		{"a step over the wrap", strings.Replace(full, "\x00\x00\x0a", "\xff\xff\xff", 1)[:12] + "\xff\xff\xff\xfeA" + "\x84\x00\x00\x05B", []uint32{1<<32 - 2, 3}, "AB"},
		{"two chunk streams in turn", "\x04\x00\x00\x01\x00\x00\x82\x08\x01\x00\x00\x00" + strings.Repeat("a", 128) +
			"\x05\x00\x00\x02\x00\x00\x01\x09\x01\x00\x00\x00V" + "\xc4aa", []uint32{2, 1}, "V" + strings.Repeat("a", 130)},
		{"an id of two bytes", "\x00\x07" + full[1:] + "\xc0\x07B", []uint32{10, 20}, "AB"},
		{"an id of three bytes", "\x01\x07\x01" + full[1:] + "\xc1\x07\x01B", []uint32{10, 20}, "AB"},
		{"a message given up", "\x04\x00\x00\x01\x00\x00\x82\x08\x01\x00\x00\x00" + strings.Repeat("a", 128) +
			"\x02\x00\x00\x00\x00\x00\x04\x02\x00\x00\x00\x00\x00\x00\x00\x04" + full, []uint32{10}, "A"},
		{"extended time, repeated", "\x04\xff\xff\xff\x00\x00\x82\x08\x01\x00\x00\x00\x01\x00\x00\x00" + strings.Repeat("a", 128) + "\xc4\x01\x00\x00\x00aa",
			[]uint32{1 << 24}, strings.Repeat("a", 130)},
		{"extended time, not repeated", "\x04\xff\xff\xff\x00\x00\x86\x08\x01\x00\x00\x00\x01\x00\x00\x00" + strings.Repeat("a", 128) + "\xc4aaaaaa",
			[]uint32{1 << 24}, strings.Repeat("a", 134)},
		{"without a stream at first", "\x44\x00\x00\x05\x00\x00\x01\x08A", []uint32{5}, "A"},
	} {
		got, err := all([]byte(c.in), 1000)
		body := ""
		var times []uint32
		for _, m := range got {
			body += string(m.Body)
			times = append(times, m.Timestamp)
		}
		if err != io.EOF || body != c.body || len(times) != len(c.times) {
			t.Errorf("%s: %q at %v, %v", c.name, body, times, err)
			continue
		}
		for i, at := range times {
			if at != c.times[i] {
				t.Errorf("%s: times %v, want %v", c.name, times, c.times)
			}
		}
	}
}

func TestReaderRefuses(t *testing.T) {
	t.Parallel()
	many := ""
	for id := range byte(70) {
		many += "\x00" + string([]byte{id}) + "\x00\x00\x00\x00\x00\x02\x08\x00\x00\x00\x00AA"
	}
	open := "" // messages that begin and never end
	for id := range byte(20) {
		open += string([]byte{3 + id}) + "\x00\x00\x00\x00\x03\xe8\x08\x00\x00\x00\x00" + strings.Repeat("a", 128)
	}
	for name, in := range map[string]string{
		"no header before":     "\xc4aaaa",
		"a size like a header": "\x84\x00\x00\x05aaaa",
		"too large":            "\x04\x00\x00\x00\xff\xff\xff\x08\x00\x00\x00\x00",
		"chunks of nothing":    "\x02\x00\x00\x00\x00\x00\x04\x01\x00\x00\x00\x00\x00\x00\x00\x00",
		"chunks of too much":   "\x02\x00\x00\x00\x00\x00\x04\x01\x00\x00\x00\x00\xff\xff\xff\xff",
		"a cut size":           "\x02\x00\x00\x00\x00\x00\x02\x01\x00\x00\x00\x00\x00\x00",
		"too many streams":     many,
		"too much at once":     open,
	} {
		if _, err := all([]byte(in), 2000); !errors.Is(err, rtmp.ErrProtocol) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, in := range map[string]string{
		"in the header": "\x04\x00\x00", "in the id": "\x01\x00", "in the body": "\x04\x00\x00\x0a\x00\x00\x05\x08\x01\x00\x00\x00A",
	} {
		if _, err := all([]byte(in), 2000); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut %s: %v", name, err)
		}
	}
}

// TestDeclaredSizeTakesNoMemory: what is announced and does not come costs nothing.
func TestDeclaredSizeTakesNoMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b := rtmp.Append(nil, rtmp.Control(rtmp.SetChunkSize, 1<<30), 128)
	for id := range byte(50) {
		b = append(b, 3+id, 0, 0, 0, 0xFF, 0xFF, 0xFF, 9, 1, 0, 0, 0)
		if _, err := all(b, 1<<24); err == nil {
			t.Fatal("no error")
		}
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
		t.Errorf("%d KB", grown>>10)
	}
}

func TestNested(t *testing.T) {
	t.Parallel()
	tag := func(kind byte, at uint32, body string) string {
		return string([]byte{kind, 0, 0, byte(len(body)), byte(at >> 16), byte(at >> 8), byte(at), byte(at >> 24), 0, 0, 0}) + body + "\x00\x00\x00\x0c"
	}
	m := rtmp.Message{Type: rtmp.Aggregate, Timestamp: 1000, Stream: 1, Body: []byte(tag(9, 1<<24, "V") + tag(8, 1<<24+7, "AA"))}
	got, whole := m.Nested()
	if !whole || len(got) != 2 || got[0].Type != rtmp.Video || got[0].Timestamp != 1000 || string(got[0].Body) != "V" ||
		got[1].Type != rtmp.Audio || got[1].Timestamp != 1007 || string(got[1].Body) != "AA" || got[1].Stream != 1 {
		t.Errorf("%v, %v", got, whole)
	}
	m.Body = m.Body[:len(m.Body)-5]
	if got, whole := m.Nested(); whole || len(got) != 1 {
		t.Errorf("cut: %v, %v", got, whole)
	}
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	hello := append([]byte{3}, bytes.Repeat([]byte{5}, rtmp.BlockSize)...)
	var random [rtmp.BlockSize - 8]byte
	random[0] = 9
	out, err := rtmp.Answer(hello, random)
	if err != nil || len(out) != 1+2*rtmp.BlockSize || out[0] != 3 || !bytes.Equal(out[1:10], []byte{0, 0, 0, 0, 0, 0, 0, 0, 9}) ||
		!bytes.Equal(out[1+rtmp.BlockSize:], hello[1:]) {
		t.Errorf("%d bytes, %v", len(out), err)
	}
	hello[0] = 6
	for _, bad := range [][]byte{nil, hello, hello[:100], []byte("GET / HTTP/1.1")} {
		if _, err := rtmp.Answer(bad, random); !errors.Is(err, rtmp.ErrProtocol) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
}

// FuzzReader: whatever comes, messages stay within the limit, and what was read can be written and read again.
func FuzzReader(f *testing.F) {
	f.Add(rtmp.Append(rtmp.Append(nil, rtmp.Control(rtmp.SetChunkSize, 7), 128), rtmp.Message{Type: 9, Timestamp: 1 << 24, Body: make([]byte, 300)}, 7))
	f.Add([]byte("\x04\x00\x00\x0a\x00\x00\x01\x08\x01\x00\x00\x00A\x84\x00\x00\x05B\xc4C"))
	f.Add([]byte("\x04\xff\xff\xff\x00\x00\x86\x08\x01\x00\x00\x00\x01\x00\x00\x00a\xc4"))
	f.Fuzz(func(t *testing.T, b []byte) {
		const limit = 4096
		got, err := all(b, limit)
		if err == nil {
			t.Fatal("no end")
		}
		var written []byte
		for _, m := range got {
			if len(m.Body) > limit {
				t.Fatalf("a message of %d bytes", len(m.Body))
			}
			written = rtmp.Append(written, m, 128)
			_, _ = m.Nested()
		}
		again, _ := all(written, limit)
		for i, m := range got {
			if i >= len(again) || again[i].Timestamp != m.Timestamp || !bytes.Equal(again[i].Body, m.Body) {
				t.Fatalf("message %d of %d is not the same again", i, len(got))
			}
		}
	})
}

func BenchmarkReader(b *testing.B) {
	stream := rtmp.Append(nil, rtmp.Control(rtmp.SetChunkSize, 4096), 128)
	for i := range uint32(100) {
		stream = rtmp.Append(stream, rtmp.Message{Type: rtmp.Video, Timestamp: i * 40, Stream: 1, Body: make([]byte, 20_000)}, 4096)
	}
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		r := rtmp.NewReader(bytes.NewReader(stream), 1<<20)
		for {
			if _, err := r.Next(); err != nil {
				break
			}
		}
	}
}
