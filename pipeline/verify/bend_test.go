package verify_test

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"onair/pkg/fmp4"
)

// Bends that need more than a replacement.

// gone gives 404 for segments as soon as they have left the playlist.
func gone(name string, a *answer) {
	if k, ok := segmentNumber(name); ok && k <= newest()-keep {
		a.status, a.body = 404, nil
	}
}

func segmentNumber(name string) (int64, bool) {
	_, file, _ := strings.Cut(name, "/")
	text, ok := strings.CutSuffix(file, ".m4s")
	k, err := strconv.ParseInt(text, 10, 64)
	return k, ok && err == nil
}

var (
	dates    = regexp.MustCompile(`\d\.000Z`)
	sequence = regexp.MustCompile(`MEDIA-SEQUENCE:(\d+)`)
	number   = regexp.MustCompile(`startNumber="(\d+)"`)
)

func shiftDates(s string) string {
	return dates.ReplaceAllStringFunc(s, func(d string) string { return d[:1] + ".005Z" })
}

func shiftSequence(s string) string { return bump(s, sequence, "MEDIA-SEQUENCE:", "") }

func shiftNumber(s string) string { return bump(s, number, `startNumber="`, `"`) }

// bump adds one to the number that a form holds.
func bump(s string, form *regexp.Regexp, before, after string) string {
	return form.ReplaceAllStringFunc(s, func(m string) string {
		n, _ := strconv.ParseInt(form.FindStringSubmatch(m)[1], 10, 64)
		return before + strconv.FormatInt(n+1, 10) + after
	})
}

func secondMap(s string) string {
	i := strings.LastIndex(s, "#EXT-X-PROGRAM")
	return s[:i] + "#EXT-X-MAP:URI=\"a/init-1.mp4\"\n" + s[i:]
}

// shorten leaves the first two segments of a playlist.
func shorten(s string) string {
	parts := strings.SplitAfter(s, ".m4s\n")
	return strings.Join(parts[:2], "")
}

// back serves the state of 4 s ago in between.
func back(*fake) func(string, *answer) {
	var last memory
	began := time.Now()
	return func(name string, a *answer) {
		if !strings.HasSuffix(name, ".m3u8") || name == "index.m3u8" {
			return
		}
		since := time.Since(began)
		if since < 10*time.Second {
			last.keep(name, a.body)
		} else if since > 16*time.Second && since < 18*time.Second {
			a.body = last.of(name)
		}
	}
}

// memory is what was served under names; several requests are answered at a time.
type memory struct{ bodies sync.Map }

func (m *memory) keep(name string, body []byte) { m.bodies.Store(name, body) }

func (m *memory) of(name string) []byte {
	body, _ := m.bodies.Load(name)
	b, _ := body.([]byte)
	return b
}

// frozen serves the state of the 10th second for 8 s.
func frozen(*fake) func(string, *answer) {
	var last memory
	began := time.Now()
	return func(name string, a *answer) {
		since := time.Since(began)
		switch {
		case !strings.HasSuffix(name, ".m3u8") && !strings.HasSuffix(name, ".mpd"):
		case since < 10*time.Second:
			last.keep(name, a.body)
		case since < 18*time.Second:
			a.body = last.of(name)
		}
	}
}

// lagging leaves the last three segments out of the audio playlist.
func lagging(*fake) func(string, *answer) {
	return func(name string, a *answer) {
		if name == "a.m3u8" {
			parts := strings.SplitAfter(string(a.body), ".m4s\n")
			a.body = []byte(strings.Join(parts[:len(parts)-4], ""))
		}
	}
}

// other serves the media of another segment's time under a name, in every third segment.
func other(f *fake, track string, by int64) func(string, *answer) {
	return func(name string, a *answer) {
		if k, ok := segmentNumber(name); ok && strings.HasPrefix(name, track+"/") && k%3 == 0 && a.status == 200 {
			a.body = f.segment(track, k+by, k+by)
		}
	}
}

// offGrid moves every video segment one tick of its clock.
func offGrid(*fake) func(string, *answer) {
	return func(name string, a *answer) {
		if strings.HasPrefix(name, "v/") && a.status == 200 {
			i := strings.Index(string(a.body), "tfdt")
			if i > 0 {
				b := []byte(string(a.body))
				b[i+15]++
				a.body = b
			}
		}
	}
}

// noKey begins video segments with a picture from the middle of a GOP, marked as a sync sample all the same.
func noKey(f *fake) func(string, *answer) {
	return rebuilt(f, func(s []fmp4.Sample) []fmp4.Sample {
		s[0].Data = s[1].Data
		return s
	})
}

// short leaves the last picture out.
func short(f *fake) func(string, *answer) {
	return rebuilt(f, func(s []fmp4.Sample) []fmp4.Sample { return s[:len(s)-1] })
}

// rebuilt changes the samples of video segments.
func rebuilt(f *fake, change func([]fmp4.Sample) []fmp4.Sample) func(string, *answer) {
	return func(name string, a *answer) {
		k, ok := segmentNumber(name)
		if !ok || !strings.HasPrefix(name, "v/") || a.status != 200 {
			return
		}
		start, _ := span("v", k)
		s := fmp4.Segment{Brands: []string{"msdh", "cmfs"}, Sequence: uint32(k), BaseTime: uint64(start.Units(90_000))}
		for _, v := range f.m.video[k%3*gopFrames:][:gopFrames] {
			s.Samples = append(s.Samples, fmp4.Sample{Duration: 3600, CTO: int32(v.PTS - v.DTS), Sync: v.Sync, Data: v.Data})
		}
		s.Samples = change(s.Samples)
		a.body, _ = s.Marshal()
	}
}

// changing serves other media in every second answer for a segment.
func changing(f *fake) func(string, *answer) {
	return func(name string, a *answer) {
		k, ok := segmentNumber(name)
		f.mu.Lock()
		again := f.seen[name] > 1
		f.mu.Unlock()
		if ok && again && a.status == 200 {
			track, _, _ := strings.Cut(name, "/")
			a.body = f.segment(track, k+1, k)
		}
	}
}

// slate marks every segment as such, and lets caches keep it for a second.
func slate(f *fake) {
	replace(segments, `^(....)stypmsdh....msdh`, "${1}stypslat\x00\x00\x00\x00msdh")(f)
	inner := f.bend
	f.bend = func(name string, a *answer) {
		inner(name, a)
		if _, ok := segmentNumber(name); ok && a.status == 200 {
			a.header.Set("Cache-Control", "public, max-age=1")
		}
	}
}
