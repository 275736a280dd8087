package ffmpeg_test

import (
	"bytes"
	"slices"
	"testing"

	"onair/pkg/ffmpeg"
	"onair/pkg/ladder"
)

func hurriedChannel(t *testing.T, codec, preset string) ffmpeg.Channel {
	t.Helper()
	ch := channel(t, "25",
		ladder.Rendition{Name: "v", Kind: ladder.Video, Codec: codec, Width: 320, Height: 180, Bitrate: 300_000},
		ladder.Rendition{Name: "a", Kind: ladder.Audio, Channels: 2})
	ch.Preset = preset
	return ch
}

// TestFasterPresetsMakeTheSameInit holds the initializations of all presets that a run may be hurried to against those
// of the one that it begins with.
func TestFasterPresetsMakeTheSameInit(t *testing.T) {
	for _, c := range []struct {
		codec   string
		presets []string
	}{
		{"h264", []string{"medium", "faster", "superfast"}},
		{"hevc", []string{"medium"}},
	} {
		t.Run(c.codec, func(t *testing.T) {
			for _, preset := range c.presets {
				var want map[string][]byte
				ch := hurriedChannel(t, c.codec, preset)
				for n := range ch.Hurries() + 1 {
					hurried := ch
					hurried.Haste = n
					plan, ts, _ := planned(t, source(t, "25p"), hurried, ch.Grid.Rate.NextSlot(epoch))
					res := run(t, plan, whole(ts[:len(ts)/188/4*188]))
					if res.err != nil {
						t.Fatalf("%v\n%s", res.err, res.stderr)
					}
					if want == nil {
						want = res.inits
					}
					for _, o := range plan.Outputs {
						if !bytes.Equal(res.inits[o], want[o]) || len(want[o]) == 0 {
							t.Errorf("%s hurried to %v: init of %s\n%s", preset, hurried.Presets(), o, unlike(res.inits[o], want[o]))
						}
					}
				}
			}
		})
	}
}

func TestHurried(t *testing.T) {
	for _, c := range []struct {
		codec, preset string
		want          []string
	}{
		{"h264", "", []string{"veryfast", "superfast", "ultrafast"}},
		{"h264", "medium", []string{"medium", "veryfast", "superfast", "ultrafast"}},
		{"h264", "ultrafast", []string{"ultrafast"}},
		{"hevc", "medium", []string{"medium", "veryfast"}},
		{"hevc", "superfast", []string{"superfast"}},
		{"av1", "veryfast", nil},
	} {
		t.Run(c.codec+" "+c.preset, func(t *testing.T) {
			ch := hurriedChannel(t, c.codec, c.preset)
			var got []string
			work := 1e12
			for n := range ch.Hurries() + 1 {
				h := ch
				h.Haste = n
				got = append(got, h.Presets()...)
				if len(h.Presets()) > 0 && h.Work() >= work {
					t.Errorf("hurried %d times it is as much work: %v", n, h.Work())
				}
				work = h.Work()
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

func TestWithout(t *testing.T) {
	ch := hurriedChannel(t, "h264", "")
	got := ch.Without([]string{"v"})
	if len(got.Renditions) != 1 || got.Renditions[0].Name != "a" || len(ch.Renditions) != 2 || got.Work() >= ch.Work() ||
		got.Memory() >= ch.Memory() {
		t.Errorf("%+v of %+v", got, ch)
	}
}

func TestCulprit(t *testing.T) {
	renditions := []ladder.Rendition{
		{Name: "v1", Kind: ladder.Video}, {Name: "v2", Kind: ladder.Video, Codec: "hevc"},
		{Name: "v3", Kind: ladder.Video, Encoder: "h264_nvenc"}, {Name: "a", Kind: ladder.Audio},
	}
	for name, c := range map[string]struct {
		tail []string
		want string
	}{
		"nothing": {nil, ""},
		"5.1": {[]string{"[h264_nvenc @ 0x56277c9eae40] Cannot load libcuda.so.1",
			"Error initializing output stream 2:0 -- Error while opening encoder for output stream #2:0 - maybe incorrect parameters"},
			"v3"},
		"7.1": {[]string{"[vost#1:0/libx265 @ 0x1] [enc:libx265 @ 0x2] Error while opening encoder - maybe incorrect",
			"[out#1/mp4 @ 0x55] Nothing was written into output file, because at least one of its streams received no packets. failed"},
			"v2"},
		"sound":            {[]string{"[aost#3:0/aac @ 0x1] Error while opening encoder"}, "a"},
		"unknown encoder":  {[]string{"Unknown encoder 'h264_nvenc'"}, "v3"},
		"of several":       {[]string{"Error initializing output stream 0:0 -- x", "Error initializing output stream 1:0 -- x"}, ""},
		"a warning":        {[]string{"[vost#0:0/libx264 @ 0x1] More than 1000 frames duplicated"}, ""},
		"of no rendition":  {[]string{"Error initializing output stream 9:0 -- x"}, ""},
		"of the feed":      {[]string{"Error while decoding stream #0:0: Invalid data found when processing input"}, ""},
		"header of a file": {[]string{"Could not write header for output file #1 (incorrect codec parameters ?): x"}, "v2"},
	} {
		if got := ffmpeg.Culprit(c.tail, renditions); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestLastWords(t *testing.T) {
	long := string(bytes.Repeat([]byte("x"), 500))
	for _, c := range []struct {
		tail []string
		want string
	}{
		{nil, ""},
		{[]string{"one", " ", "[a @ 0x12] two"}, "one | [a] two"},
		{[]string{"one", long, "two"}, "one | " + long[:200] + "... | two"},
		{[]string{long, long, "end"}, long[:200] + "... | end"},
	} {
		if got := ffmpeg.LastWords(c.tail); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func FuzzCulprit(f *testing.F) {
	f.Add("Error initializing output stream 2:0 -- x")
	f.Add("[vost#1:0/libx265 @ 0x1] Error")
	f.Fuzz(func(t *testing.T, line string) {
		rs := []ladder.Rendition{{Name: "v1", Kind: ladder.Video}}
		if got := ffmpeg.Culprit([]string{line}, rs); got != "" && got != "v1" {
			t.Errorf("%q", got)
		}
		if got := ffmpeg.LastWords([]string{line, line, line}); len(got) > 400 {
			t.Errorf("%d characters", len(got))
		}
	})
}
