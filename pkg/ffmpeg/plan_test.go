package ffmpeg_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onair/pkg/ffmpeg"
	"onair/pkg/ladder"
	"onair/pkg/tick"
)

var update = flag.Bool("update", false, "write the golden files")

func video(name string, w, h int) ladder.Rendition {
	return ladder.Rendition{Name: name, Kind: ladder.Video, Width: w, Height: h, Bitrate: 3_000_000}
}

var (
	hd = &ffmpeg.Video{Codec: "h264", Width: 1920, Height: 1080, SARNum: 1, SARDen: 1, Rate: tick.Rate{Num: 25,
		Den: 1}, Interlaced: true, Matrix: "bt709"}
	sd = &ffmpeg.Video{Codec: "mpeg2video", Width: 720, Height: 576, SARNum: 64, SARDen: 45, Rate: tick.Rate{Num: 25,
		Den: 1}, Interlaced: true, Matrix: "bt470bg"}
	uhd = &ffmpeg.Video{Codec: "hevc", Width: 3840, Height: 2160, SARNum: 1, SARDen: 1, Rate: tick.Rate{Num: 50,
		Den: 1}, Transfer: "arib-std-b67", Matrix: "bt2020nc", Captions: true}
	ntsc = &ffmpeg.Video{Codec: "h264", Width: 1280, Height: 720, SARNum: 1, SARDen: 1, Rate: tick.Rate{Num: 60000,
		Den: 1001}, Captions: true}
	wide = &ffmpeg.Video{Codec: "hevc", Width: 3840, Height: 2160, SARNum: 1, SARDen: 1, Rate: tick.Rate{Num: 50, Den: 1},
		Primaries: "bt2020", Transfer: "bt2020-10", Matrix: "bt2020nc", Range: "tv"}
	audio = []ffmpeg.AudioTrack{
		{PID: 0x101, Codec: "ac3", SampleRate: 48000, Channels: 6, Language: "ger"},
		{PID: 0x102, Codec: "mp2", SampleRate: 48000, Channels: 2, Language: "eng"},
	}
)

// TestPlan holds whole argument vectors against golden files.
func TestPlan(t *testing.T) {
	a1 := ladder.Rendition{Name: "a1", Kind: ladder.Audio, Bitrate: 128_000, Channels: 2}
	named := func(codec, encoder string) ladder.Rendition {
		r := video("v720", 1280, 720)
		r.Codec, r.Encoder = codec, encoder
		return r
	}
	language := func(name, lang string, channels int) ladder.Rendition {
		return ladder.Rendition{Name: name, Kind: ladder.Audio, Language: lang, Channels: channels, Bitrate: 96_000}
	}
	for name, c := range map[string]struct {
		src  ffmpeg.Source
		rate string
		ch   ffmpeg.Channel
	}{
		"interlaced-hd": {ffmpeg.Source{Video: hd, VideoPID: 0x100, Audio: audio}, "25",
			ffmpeg.Channel{Renditions: []ladder.Rendition{video("v1080", 1920, 1080), video("v720", 1280, 720), a1}}},
		"field-rate": {ffmpeg.Source{Video: hd, VideoPID: 0x100, Audio: audio}, "50",
			ffmpeg.Channel{Renditions: []ladder.Rendition{video("v720", 1280, 720), a1}, Preset: "faster"}},
		"anamorphic-sd": {ffmpeg.Source{Video: sd, VideoPID: 0x100, Audio: audio}, "25",
			ffmpeg.Channel{Renditions: []ladder.Rendition{video("v576", 1024, 576)}}},
		"pillarbox": {ffmpeg.Source{Video: &ffmpeg.Video{Codec: "h264", Width: 720, Height: 576, SARNum: 16,
			SARDen: 15, Rate: tick.Rate{Num: 25,
				Den: 1}}, VideoPID: 0x100}, "25", ffmpeg.Channel{Renditions: []ladder.Rendition{video("v576", 1024, 576)}}},
		"hlg-uhd-hevc": {ffmpeg.Source{Video: uhd, VideoPID: 0x100, Audio: audio}, "50",
			ffmpeg.Channel{Renditions: []ladder.Rendition{named("hevc", "")}}},
		"wide-colour": {ffmpeg.Source{Video: wide, VideoPID: 0x100, Audio: audio}, "50",
			ffmpeg.Channel{Renditions: []ladder.Rendition{video("v720", 1280, 720)}}},
		"captions-1001": {ffmpeg.Source{Video: ntsc, VideoPID: 0x31, Audio: audio}, "60000/1001",
			ffmpeg.Channel{Renditions: []ladder.Rendition{video("v720", 1280, 720), a1}}},
		"captions-dropped": {ffmpeg.Source{Video: ntsc, VideoPID: 0x31, Audio: audio}, "30000/1001",
			ffmpeg.Channel{Renditions: []ladder.Rendition{video("v720", 1280, 720)}}},
		"av1": {ffmpeg.Source{Video: ntsc, VideoPID: 0x31, Audio: audio}, "30",
			ffmpeg.Channel{Renditions: []ladder.Rendition{named("av1", "")}, Preset: "slow"}},
		"nvenc": {ffmpeg.Source{Video: ntsc, VideoPID: 0x31}, "30",
			ffmpeg.Channel{Renditions: []ladder.Rendition{named("h264", "h264_nvenc")}}},
		"vaapi": {ffmpeg.Source{Video: ntsc, VideoPID: 0x31}, "30",
			ffmpeg.Channel{Renditions: []ladder.Rendition{named("hevc", "hevc_vaapi")}}},
		"qsv": {ffmpeg.Source{Video: ntsc, VideoPID: 0x31}, "30",
			ffmpeg.Channel{Renditions: []ladder.Rendition{named("h264", "h264_qsv")}}},
		"no-sound": {ffmpeg.Source{Video: ntsc, VideoPID: 0x31}, "30",
			ffmpeg.Channel{Renditions: []ladder.Rendition{video("v720", 1280, 720), a1}}},
		"no-picture": {ffmpeg.Source{Audio: audio}, "30",
			ffmpeg.Channel{Renditions: []ladder.Rendition{video("v720", 1280, 720), a1}}},
		"audio-only": {ffmpeg.Source{Video: hd, VideoPID: 0x100, Audio: audio}, "",
			ffmpeg.Channel{Renditions: []ladder.Rendition{a1}}},
		"languages": {ffmpeg.Source{Audio: audio}, "",
			ffmpeg.Channel{Renditions: []ladder.Rendition{language("en", "en", 2), language("de", "de-AT", 6), language("en1",
				"en", 1)}}},
		"selected-by-pid": {ffmpeg.Source{Audio: audio}, "", ffmpeg.Channel{Select: []string{"0x102", "257"},
			Renditions: []ladder.Rendition{a1, {Name: "a2", Kind: ladder.Audio, Source: 1}}}},
		"selected-not-present": {ffmpeg.Source{Audio: audio}, "", ffmpeg.Channel{Select: []string{"fra", "1"},
			Renditions: []ladder.Rendition{a1, {Name: "a2", Kind: ladder.Audio, Source: 1}}}},
	} {
		t.Run(name, func(t *testing.T) {
			ch := c.ch
			ch.Grid, ch.Audio = grid(t, c.rate), tick.Audio{Rate: 48_000, Samples: 1024}
			at := interval(ch)
			plan, err := ffmpeg.NewPlan(c.src, ch, at)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".txt", dump(plan))
		})
	}
}

func grid(t *testing.T, rate string) tick.Grid {
	t.Helper()
	var r tick.Rate
	if rate != "" {
		var err error
		if r, err = tick.ParseRate(rate); err != nil {
			t.Fatal(err)
		}
	}
	g, err := tick.NewGrid(r, 4*tick.Second, 2*tick.Second)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func interval(ch ffmpeg.Channel) ffmpeg.Interval {
	start := epoch
	if !ch.Grid.Rate.IsZero() {
		start = ch.Grid.Rate.At(ch.Grid.Rate.NextSlot(epoch))
	}
	return ffmpeg.Interval{Base: ffmpeg.Base(start, ch.Grid, ch.Audio), Start: start}
}

// dump is a plan as text: an option and its values in a line.
func dump(p ffmpeg.Plan) string {
	var b strings.Builder
	for i, a := range p.Args {
		if i > 0 && strings.HasPrefix(a, "-") {
			b.WriteString("\n")
		} else if i > 0 {
			b.WriteString(" ")
		}
		b.WriteString(a)
	}
	fmt.Fprintf(&b, "\n\noutputs %v\nprogress %d\npids %v\nsilence %t\ncaptions %t\n", p.Outputs, p.Progress, p.PIDs,
		p.Silence, p.Captions)
	for _, n := range p.Notes {
		fmt.Fprintln(&b, "note:", n)
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (run with -update and look at the change):\n%s", path, got)
	}
}

// TestPlanRefuses lists what is the channel file's fault.
func TestPlanRefuses(t *testing.T) {
	src := ffmpeg.Source{Video: hd, VideoPID: 0x100, Audio: audio}
	ok := video("v", 640, 360)
	for name, c := range map[string]struct {
		src  ffmpeg.Source
		r    []ladder.Rendition
		want string
	}{
		"empty ladder": {src, nil, "no renditions"},
		"empty source": {ffmpeg.Source{}, []ladder.Rendition{ok}, "neither video nor audio"},
		"odd size":     {src, []ladder.Rendition{video("v", 641, 360)}, "must be even"},
		"unknown codec": {src, []ladder.Rendition{{Name: "v", Kind: ladder.Video, Codec: "vp9", Width: 2,
			Height: 2, Bitrate: 1}}, `"vp9" is not supported`},
		"unknown encoder": {src, []ladder.Rendition{{Name: "v", Kind: ladder.Video, Encoder: "h264_omx", Width: 2,
			Height: 2, Bitrate: 1}}, `"h264_omx" is not supported`},
		"encoder of another": {src, []ladder.Rendition{{Name: "v", Kind: ladder.Video, Encoder: "hevc_nvenc", Width: 2,
			Height: 2, Bitrate: 1}}, "makes hevc, not h264"},
		"unknown audio codec": {src, []ladder.Rendition{{Name: "a", Kind: ladder.Audio, Codec: "opus"}}, `"opus"`},
		"unknown audio encoder": {src, []ladder.Rendition{{Name: "a", Kind: ladder.Audio, Encoder: "libfdk_aac"}},
			`"libfdk_aac"`},
	} {
		t.Run(name, func(t *testing.T) {
			ch := ffmpeg.Channel{Grid: grid(t, "25"), Renditions: c.r}
			if _, err := ffmpeg.NewPlan(c.src, ch, interval(ch)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	ch := ffmpeg.Channel{Grid: grid(t, "25"), Renditions: []ladder.Rendition{ok}}
	at := interval(ch)
	at.Start++
	if _, err := ffmpeg.NewPlan(src, ch, at); err == nil {
		t.Error("a start between two frame slots was accepted")
	}
	at = interval(ch)
	at.Audio = at.Start - ffmpeg.MaxSoundAhead
	at.Base = ffmpeg.Base(at.Audio, ch.Grid, ch.Audio)
	if _, err := ffmpeg.NewPlan(src, ch, at); err != nil {
		t.Error(err)
	}
	at.Audio--
	if _, err := ffmpeg.NewPlan(src, ch, at); err == nil || !strings.Contains(err.Error(), "before the start") {
		t.Errorf("%v, want that sound from long before the start is refused", err)
	}
}

// TestBase checks that base lies on every grid, at most an hour before the start.
func TestBase(t *testing.T) {
	for _, rate := range append(tick.Standard, tick.Rate{}) {
		for _, audio := range []tick.Audio{{}, {Rate: 48_000, Samples: 1024}, {Rate: 44_100, Samples: 1024}} {
			g := tick.Grid{Rate: rate}
			for _, start := range []tick.Tick{0, epoch, -epoch, epoch + 1} {
				base := ffmpeg.Base(start, g, audio)
				if audio.Rate == 0 {
					audio = tick.Audio{Rate: 48_000, Samples: 1024}
				}
				off := base%tick.Per90k + base%audio.Frame()
				if f := rate.Frame(); f > 0 {
					off += base % f
				}
				if back := start - base; off != 0 || back < 2*tick.Second || back > 2*tick.Second+3600*tick.Second {
					t.Errorf("%v %v: base %v before the start, %d off a grid", rate, audio, back.Duration(), off)
				}
			}
		}
	}
}
