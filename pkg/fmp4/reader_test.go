package fmp4_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"onair/pkg/fmp4"
)

func TestReaderGivesEveryFrameWithItsTimes(t *testing.T) {
	for _, f := range fixtures {
		t.Run(f.name, func(t *testing.T) {
			h, frames, err := readAll(t, fixture(t, f.name))
			if err != io.EOF {
				t.Fatalf("got %v, want a clean end", err)
			}
			var s strings.Builder
			fmt.Fprintf(&s, "%v %s %s timescale %d, %dx%d, %d Hz %d channels, %s\n", h.Kind, h.Codec, h.CodecString(),
				h.Timescale, h.Width, h.Height, h.SampleRate, h.Channels, h.Language)
			for _, v := range frames {
				fmt.Fprintf(&s, "dts %d pts %d sync %t %d bytes\n", v.DTS, v.PTS, v.Sync, len(v.Data))
			}
			golden(t, f.name+".frames.txt", s.String())
		})
	}
}

func TestReaderDoesNotWaitForMoreThanTheFrame(t *testing.T) {
	// A pipe that blocks after each fragment: the frame must come out although nothing follows.
	file := fixture(t, "h264")
	pr, pw := io.Pipe()
	defer pr.Close()
	r := fmp4.NewReader(pr)
	ends := fragmentEnds(t, file)
	feed, fed := make(chan []byte), make(chan struct{})
	go func() {
		for b := range feed {
			_, _ = pw.Write(b)
			fed <- struct{}{}
		}
		_ = pw.Close()
	}()
	from := 0
	for i, end := range ends {
		feed <- file[from:end]
		if _, err := r.Next(); err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		<-fed
		from = end
	}
	close(feed)
	if _, err := r.Next(); err != io.EOF {
		t.Fatalf("got %v, want io.EOF", err)
	}
}

// fragmentEnds lists the offsets at which a fragment is complete.
func fragmentEnds(t *testing.T, b []byte) (ends []int) {
	t.Helper()
	for at := 0; at < len(b); {
		size := int(binary.BigEndian.Uint32(b[at:]))
		kind := string(b[at+4 : at+8])
		if at += size; kind == "mdat" {
			ends = append(ends, at)
		}
	}
	return ends
}

func TestReaderOfAWriterThatDies(t *testing.T) {
	file := fixture(t, "aac")
	boundaries := map[int]bool{0: true}
	for at := 0; at < len(file); {
		size := int(binary.BigEndian.Uint32(file[at:]))
		at += size
		if kind := string(file[at-size+4 : at-size+8]); kind != "moof" { // after a moof its mdat is due
			boundaries[at] = true
		}
	}
	ends := fragmentEnds(t, file)
	for n := range file {
		_, frames, err := readAll(t, file[:n])
		whole := 0
		for whole < len(ends) && ends[whole] <= n {
			whole++
		}
		if len(frames) != whole {
			t.Fatalf("cut at %d: %d frames, want %d", n, len(frames), whole)
		}
		want := io.ErrUnexpectedEOF
		if boundaries[n] {
			want = io.EOF
		}
		if !errors.Is(err, want) || (want == io.EOF) != (err == io.EOF) {
			t.Fatalf("cut at %d: got %v, want %v", n, err, want)
		}
	}
}

func TestReaderWithShortReads(t *testing.T) {
	file := fixture(t, "av1")
	_, want, _ := readAll(t, file)
	r := fmp4.NewReader(iotest.OneByteReader(bytes.NewReader(file)))
	for i := range want {
		f, err := r.Next()
		if err != nil || f.DTS != want[i].DTS || !bytes.Equal(f.Data, want[i].Data) {
			t.Fatalf("frame %d: %v %+v", i, err, f)
		}
	}
}

func TestReaderRefuses(t *testing.T) {
	file := fixture(t, "h264")
	moov := bytes.Index(file, []byte("moov")) - 4
	moof := bytes.Index(file, []byte("moof")) - 4
	mdat := bytes.Index(file, []byte("mdat")) - 4
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	patch := func(at int, v uint32) []byte {
		b := bytes.Clone(file)
		binary.BigEndian.PutUint32(b[at:], v)
		return b
	}
	for name, b := range map[string][]byte{
		"text":                       []byte("<html>no such page</html>"),
		"a transport stream":         bytes.Repeat(append([]byte{0x47, 0x40, 0, 0x10}, make([]byte, 184)...), 7),
		"a fragment before the moov": join(file[:moov], file[moof:]),
		"a moof without its mdat":    join(file[:mdat], file[moof:]),
		"a second moov":              join(file[:moof], file[moov:]),
		"a box smaller than itself":  patch(moof, 7),
		"a moof of 3 GB":             patch(moof, 3<<30),
		"an mdat too small":          patch(mdat, 9),
		"a frame larger than mdat":   patch(moof+bytes.Index(file[moof:], []byte("tfhd"))+16, 1<<20),
		"an absolute data offset":    patch(moof+bytes.Index(file[moof:], []byte("tfhd"))+4, 0x20039),
	} {
		t.Run(name, func(t *testing.T) {
			_, frames, err := readAll(t, b)
			if !errors.Is(err, fmp4.ErrFormat) {
				t.Errorf("got %d frames and %v, want ErrFormat", len(frames), err)
			}
		})
	}
}

func TestReaderStopsAtALyingSizeWithoutItsMemory(t *testing.T) {
	file := fixture(t, "h264")
	mdat := bytes.Index(file, []byte("mdat")) - 4
	b := bytes.Clone(file[:mdat+8])
	binary.BigEndian.PutUint32(b[mdat:], 60<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, _, err := readAll(t, b); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("got %v", err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 10<<20 {
		t.Errorf("%d bytes allocated for an mdat that never came", n)
	}
}

func TestReaderAnswersTheSameAfterTheEnd(t *testing.T) {
	r := fmp4.NewReader(bytes.NewReader(fixture(t, "aac")))
	for {
		if _, err := r.Next(); err != nil {
			break
		}
	}
	for range 3 {
		if _, err := r.Next(); err != io.EOF {
			t.Fatalf("got %v, want io.EOF", err)
		}
	}
	if _, err := r.Header(); err != nil {
		t.Fatalf("the header is gone: %v", err)
	}
}

// A run that gets no picture at all still writes its header when it ends.
func TestReaderOfARunWithoutFrames(t *testing.T) {
	b := ffmpeg(t, nil, "-f lavfi -i color=s=64x36:r=25:d=1 -vf trim=start=5 -c:v libx264 "+muxer)
	h, frames, err := readAll(t, b)
	if err != io.EOF || len(frames) != 0 || h.Codec != "avc1" {
		t.Fatalf("got %d frames of %q, %v", len(frames), h.Codec, err)
	}
}

func TestReaderOfNothing(t *testing.T) {
	if _, _, err := readAll(t, nil); err != io.EOF {
		t.Fatalf("got %v, want io.EOF", err)
	}
}

func TestReaderPassesTheErrorOfThePipe(t *testing.T) {
	broken := errors.New("pipe closed")
	for _, n := range []int{0, 4, 100, 900} {
		r := fmp4.NewReader(io.MultiReader(bytes.NewReader(fixture(t, "aac")[:n]), iotest.ErrReader(broken)))
		if _, err := r.Next(); !errors.Is(err, broken) {
			t.Errorf("after %d bytes: got %v", n, err)
		}
	}
}

func FuzzReader(f *testing.F) {
	for _, v := range fixtures {
		f.Add(fixture(f, v.name))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, frames, err := readAll(t, b)
		if err == nil {
			t.Fatal("no end")
		}
		total := 0
		for _, v := range frames {
			total += len(v.Data)
		}
		if len(frames) > len(b)*1000 {
			t.Fatalf("%d frames of %d bytes out of %d", len(frames), total, len(b))
		}
	})
}

// stream repeats a file's fragments without end.
type stream struct{ head, body, rest []byte }

func (s *stream) Read(p []byte) (int, error) {
	if len(s.head) > 0 {
		n := copy(p, s.head)
		s.head = s.head[n:]
		return n, nil
	}
	if len(s.rest) == 0 {
		s.rest = s.body
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func BenchmarkReaderNext(b *testing.B) {
	file := fixture(b, "h264")
	moof := bytes.Index(file, []byte("moof")) - 4
	r := fmp4.NewReader(&stream{head: file[:moof], body: file[moof:]})
	if _, err := r.Header(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Next(); err != nil {
			b.Fatal(err)
		}
	}
}
