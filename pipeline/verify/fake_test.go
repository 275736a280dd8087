package verify_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"onair/pkg/fmp4"
	"onair/pkg/tick"
)

// The fake is a channel without a fault, made anew for every request from the time of day: 2 s segments at 25 frames a
// second, one video and one audio rendition, a window of ten. Tests bend its answers.

const (
	gopFrames = 50
	keep      = 10 // segments in the window
)

var (
	grid  = tick.Grid{Rate: tick.Rate{Num: 25, Den: 1}, Frames: gopFrames, GOP: gopFrames, T: 2 * tick.Second}
	audio = tick.Audio{Rate: 48_000, Samples: 1024}
)

// material is what the fake's segments are made of.
type material struct {
	videoInit, audioInit []byte
	video, audio         []fmp4.Frame
	codecs               [2]string
}

// made encodes 6 s of picture and sound once.
var made = sync.OnceValues(func() (material, error) { return encode("testsrc2=s=64x36:r=25:d=6", "sine=d=7:r=48000") })

// encode makes material of a picture and a tone.
func encode(picture, tone string) (m material, err error) {
	for i, args := range [][]string{
		{"-f", "lavfi", "-i", picture, "-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "high",
			"-bf", "2", "-b:v", "40k",
			"-x264-params", "keyint=50:scenecut=0:open-gop=0", "-pix_fmt", "yuv420p", "-video_track_timescale", "90000"},
		{"-f", "lavfi", "-i", tone, "-c:a", "aac", "-ac", "2", "-b:a", "64k"},
	} {
		args = append([]string{"-hide_banner", "-loglevel", "error"}, args...)
		args = append(args, "-f", "mp4", "-use_editlist", "0", "-movflags",
			"empty_moov+default_base_moof+frag_every_frame+skip_trailer+delay_moov+negative_cts_offsets", "pipe:1")
		b, err := exec.Command("ffmpeg", args...).Output()
		if err != nil {
			return m, fmt.Errorf("ffmpeg %v: %w", args, err)
		}
		r := fmp4.NewReader(bytes.NewReader(b))
		h, err := r.Header()
		if err != nil {
			return m, err
		}
		init, err := h.Init()
		if err != nil {
			return m, err
		}
		var frames []fmp4.Frame
		for {
			f, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return m, err
			}
			frames = append(frames, f)
		}
		m.codecs[i] = h.CodecString()
		if i == 0 {
			m.videoInit, m.video = init, frames[:150]
		} else {
			m.audioInit, m.audio = init, frames[:300]
		}
	}
	return m, nil
}

// answer is what the fake says to a request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// fake implements http.RoundTripper.
type fake struct {
	m    material
	bend func(name string, a *answer) // after the answer is made; nil leaves it
	gap  func(k int64) bool           // segments that are missing
	mu   sync.Mutex
	seen map[string]int // requests by name
}

func newFake(t *testing.T) *fake {
	t.Helper()
	m, err := made()
	if err != nil {
		t.Fatal(err)
	}
	return &fake{m: m, gap: func(int64) bool { return false }, seen: map[string]int{}}
}

// newest is the last segment that is listed now: a segment appears 0.6 s after its end.
func newest() int64 { return grid.K(tick.FromTime(time.Now())-600*tick.Millisecond) - 1 }

func (f *fake) RoundTrip(r *http.Request) (*http.Response, error) {
	name := strings.TrimPrefix(r.URL.Path, "/news/")
	f.mu.Lock()
	f.seen[name]++
	f.mu.Unlock()
	a := f.answer(name)
	if f.bend != nil {
		f.bend(name, &a)
	}
	h := a.header
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	switch {
	case a.status != http.StatusOK:
	case r.Method == http.MethodOptions:
		a.status, a.body = http.StatusNoContent, nil
		h.Set("Access-Control-Allow-Headers", "Range")
	case r.Header.Get("If-None-Match") != "" && r.Header.Get("If-None-Match") == h.Get("ETag"):
		a.status, a.body = http.StatusNotModified, nil
	case r.Header.Get("Range") == "bytes=0-99":
		a.status, a.body = http.StatusPartialContent, a.body[:100]
	}
	if h.Get("X-Cors") == "none" {
		h.Del("Access-Control-Allow-Origin")
	}
	if r.Method == http.MethodHead {
		a.body = nil
	}
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && strings.Contains(h.Get("Content-Type"),
		"application/") && a.status == 200 {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		_, _ = w.Write(a.body)
		_ = w.Close()
		a.body = z.Bytes()
		h.Set("Content-Encoding", "gzip")
	}
	return &http.Response{StatusCode: a.status, Header: h, Body: io.NopCloser(bytes.NewReader(a.body)), Request: r}, nil
}

func (f *fake) answer(name string) answer {
	body, kind, cache := f.object(name)
	if body == nil {
		return answer{404, http.Header{"Cache-Control": {"public, max-age=1"}}, nil}
	}
	return answer{200, http.Header{
		"Content-Type": {kind}, "Cache-Control": {cache}, "Etag": {fmt.Sprintf(`"%d-%x"`, len(body),
			len(body)^int(newest()))},
		"Last-Modified": {grid.Start(newest() + 1).Time().Format(http.TimeFormat)},
	}, body}
}

func (f *fake) object(name string) (body []byte, kind, cache string) {
	const hls = "application/vnd.apple.mpegurl"
	switch name {
	case "index.m3u8":
		return []byte(f.index()), hls, "public, max-age=10"
	case "v.m3u8", "a.m3u8":
		return []byte(f.playlist(name[:1])), hls, "public, max-age=2"
	case "manifest.mpd":
		return []byte(f.mpd()), "application/dash+xml", "public, max-age=1"
	case "v/init-1.mp4":
		return f.m.videoInit, "video/mp4", "public, max-age=600, immutable"
	case "a/init-1.mp4":
		return f.m.audioInit, "audio/mp4", "public, max-age=600, immutable"
	}
	track, file, _ := strings.Cut(name, "/")
	k, err := strconv.ParseInt(strings.TrimSuffix(file, ".m4s"), 10, 64)
	if err != nil || k > newest() || k < newest()-2*keep || f.gap(k) || track != "v" && track != "a" {
		return nil, "", ""
	}
	return f.segment(track, k, k), "video/iso.segment", "public, max-age=600, immutable"
}

func (f *fake) index() string {
	return "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n" +
		`#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="a",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="a.m3u8"` + "\n" +
		`#EXT-X-STREAM-INF:BANDWIDTH=300000,AVERAGE-BANDWIDTH=200000,CODECS="` + f.m.codecs[0] + "," + f.m.codecs[1] +
		`",RESOLUTION=64x36,AUDIO="audio",CLOSED-CAPTIONS=NONE,FRAME-RATE=25.000` + "\nv.m3u8\n"
}

// span is where segment k of a track begins and ends.
func span(track string, k int64) (start, end tick.Tick) {
	if track == "v" {
		return grid.Start(k), grid.Start(k + 1)
	}
	return audio.At(audio.First(grid, k)), audio.At(audio.First(grid, k+1))
}

func (f *fake) playlist(track string) string {
	last := newest()
	first := last - keep + 1
	var b strings.Builder
	fmt.Fprintf(&b,
		"#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n#EXT-X-MEDIA-SEQUENCE:%d\n"+
			"#EXT-X-TARGETDURATION:2\n#EXT-X-MAP:URI=\"%s/init-1.mp4\"\n", first, track)
	for k := first; k <= last; k++ {
		start, end := span(track, k)
		if f.gap(k) {
			b.WriteString("#EXT-X-GAP\n")
		}
		ms := end.FloorMs() - start.FloorMs()
		fmt.Fprintf(&b, "#EXT-X-PROGRAM-DATE-TIME:%s\n#EXTINF:%d.%03d,\n%s/%d.m4s\n",
			time.UnixMilli(start.FloorMs()).UTC().Format("2006-01-02T15:04:05.000Z"), ms/1000, ms%1000, track, k)
	}
	return b.String()
}

func (f *fake) mpd() string {
	last := newest()
	var b strings.Builder
	fmt.Fprintf(&b,
		`<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="dynamic" `+
			`availabilityStartTime="1970-01-01T00:00:00Z" publishTime="%s" minimumUpdatePeriod="PT2S" minBufferTime="PT2S" `+
			`timeShiftBufferDepth="PT20S" suggestedPresentationDelay="PT6S">`+"\n", grid.Start(last+1).Time().Format(time.RFC3339Nano))
	for from := last - keep + 1; from <= last; from++ {
		to := from
		for ; to <= last && !f.gap(to); to++ {
		}
		if to > from {
			f.period(&b, from, to)
			from = to
		}
	}
	b.WriteString(`<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-head:2014" value="manifest.mpd"/></MPD>`)
	return b.String()
}

// period lists [from, to): it begins where the stretch of media began that from belongs to.
func (f *fake) period(b *strings.Builder, from, to int64) {
	begin := from
	for begin > newest()-3*keep && !f.gap(begin-1) {
		begin--
	}
	if begin == newest()-3*keep {
		begin = 400_000_000
	}
	open := ""
	if to <= newest() {
		open = fmt.Sprintf(` duration="PT%dS"`, 2*(to-begin))
	}
	fmt.Fprintf(b, "<Period id=\"P%d\" start=\"PT%dS\"%s>\n", begin, 2*begin, open)
	for i, track := range []string{"v", "a"} {
		scale, kind := int64(90_000), "video"
		describe := `width="64" height="36" frameRate="25"`
		if track == "a" {
			scale, kind, describe = 48_000, "audio", `audioSamplingRate="48000"`
		}
		fmt.Fprintf(b,
			`<AdaptationSet id="%d" contentType="%s" mimeType="%s/mp4"><SegmentTemplate media="$RepresentationID$/$Number$.m4s" `+
				`initialization="$RepresentationID$/init-1.mp4" startNumber="%d" timescale="%d" presentationTimeOffset="%d"><SegmentTimeline>`,
			i+1, kind, kind, from, scale, grid.Start(begin).Units(scale))
		for k := from; k < to; k++ {
			start, end := span(track, k)
			fmt.Fprintf(b, `<S t="%d" d="%d"/>`, start.Units(scale), (end - start).Units(scale))
		}
		fmt.Fprintf(b,
			`</SegmentTimeline></SegmentTemplate><Representation id="%s" bandwidth="150000" codecs="%s" %s/></AdaptationSet>`+"\n",
			track, f.m.codecs[i], describe)
	}
	b.WriteString("</Period>\n")
}

// segment is the media of segment k, at the place of segment at.
func (f *fake) segment(track string, k, at int64) []byte {
	start, end := span(track, at)
	s := fmp4.Segment{Brands: []string{"msdh", "cmfs", "cmff"}, Sequence: uint32(at)}
	if track == "v" {
		s.BaseTime = uint64(start.Units(90_000))
		for _, v := range f.m.video[k%3*gopFrames:][:gopFrames] {
			s.Samples = append(s.Samples, fmp4.Sample{Duration: 3600, CTO: int32(v.PTS - v.DTS), Sync: v.Sync, Data: v.Data})
		}
		s.Prft = &fmp4.Prft{Flags: fmp4.PrftCaptured, NTP: fmp4.NTP(start), MediaTime: s.BaseTime}
	} else {
		s.BaseTime = uint64(start.Units(48_000))
		for n := start.Units(48_000); n < end.Units(48_000); n += 1024 {
			s.Samples = append(s.Samples, fmp4.Sample{Duration: 1024, Sync: true, Data: f.m.audio[n/1024%300].Data})
		}
	}
	b, err := s.Marshal()
	if err != nil {
		panic(err) // a fault of the test itself
	}
	return b
}
