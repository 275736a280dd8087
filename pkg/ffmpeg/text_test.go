package ffmpeg_test

import (
	"fmt"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"onair/pkg/ffmpeg"
	"onair/pkg/ladder"
	"onair/pkg/tick"
)

const probed = `{"streams": [
 {"codec_type":"video","codec_name":"h264","id":"0x100","width":720,"height":576,"sample_aspect_ratio":"64:45","pix_fmt":"yuv420p",
  "color_range":"tv","color_space":"bt470bg","color_transfer":"unknown","field_order":"tt","r_frame_rate":"50/1","avg_frame_rate":"25/1","closed_captions":1},
 {"codec_type":"video","codec_name":"h264","id":"0x110","width":0,"height":0},
 {"codec_type":"audio","codec_name":"aac","profile":"LC","id":"0x101","sample_rate":"48000","channels":2,"channel_layout":"stereo","tags":{"language":"deu"}},
 {"codec_type":"audio","codec_name":"ac3","id":"0x102","sample_rate":"0","channels":0},
 {"codec_type":"data","codec_name":"scte_35","id":"0x103"}]}`

func TestParseProbe(t *testing.T) {
	got, err := ffmpeg.ParseProbe([]byte(probed))
	if err != nil {
		t.Fatal(err)
	}
	want := ffmpeg.Source{
		Video: &ffmpeg.Video{
			Codec: "h264", Width: 720, Height: 576, SARNum: 64, SARDen: 45, Rate: tick.Rate{Num: 25, Den: 1},
			Interlaced: true, Matrix: "bt470bg", Range: "tv", PixFmt: "yuv420p", Captions: true,
		},
		VideoPID: 0x100,
		Audio: []ffmpeg.AudioTrack{{PID: 0x101, Codec: "aac", SampleRate: 48000, Channels: 2, Layout: "stereo",
			Language: "deu", Profile: "LC"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v %+v", got, got.Video)
	}
}

func TestParseProbeRate(t *testing.T) {
	for _, c := range []struct{ average, other, want string }{
		{"25/1", "50/1", "25"},
		{"30000/1001", "30000/1001", "30000/1001"},
		{"97/4", "25/1", "25"},
		{"97/4", "50/1", "25"},
		{"2989/100", "30000/1001", "30000/1001"},
		{"24000/1001", "90000/1", "24000/1001"},
		{"1/1", "1/1", "1"},
		{"0/0", "60/1", "60"},
		{"0/0", "90000/1", "0/0"},
	} {
		b := fmt.Appendf(nil, `{"streams":[{"codec_type":"video","codec_name":"h264","id":"0x100","width":64,"height":64,`+
			`"avg_frame_rate":%q,"r_frame_rate":%q}]}`, c.average, c.other)
		src, err := ffmpeg.ParseProbe(b)
		if err != nil {
			t.Fatal(err)
		}
		got := src.Video.Rate
		text := fmt.Sprintf("%d/%d", got.Num, got.Den)
		if got.Den > 0 && got.Num%got.Den == 0 {
			text = fmt.Sprint(got.Num / got.Den)
		}
		if text != c.want {
			t.Errorf("average %s, other guess %s: %s, want %s", c.average, c.other, text, c.want)
		}
	}
}

func TestParseProbeRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "no JSON": "ffprobe: error", "no tracks": `{"streams":[]}`, "no decodable track": `{"streams":[{"codec_type":"data","id":"0x1"}]}`,
	} {
		if src, err := ffmpeg.ParseProbe([]byte(text)); err == nil {
			t.Errorf("%s: %+v", name, src)
		}
	}
}

func FuzzParseProbe(f *testing.F) {
	f.Add([]byte(probed))
	f.Add([]byte(`{"streams":[{"codec_type":"video","codec_name":"h264","id":"0x1","width":1,"height":1,"avg_frame_rate":"0/0"}],"frames":[{"media_type":"video"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		src, err := ffmpeg.ParseProbe(b)
		if err == nil && src.Video == nil && len(src.Audio) == 0 {
			t.Error("an empty source without an error")
		}
	})
}

func TestProgress(t *testing.T) {
	const text = "frame=50\nfps=25.10\nstream_0_0_q=28.0\nbitrate=N/A\ntotal_size=N/A\nout_time_us=4080000\nout_time=00:00:04.080000\n" +
		"dup_frames=1\ndrop_frames=2\nspeed=1.02x\nprogress=continue\nframe=60\nout_time_us=N/A\nspeed=N/A\nprogress=end\n"
	want := []ffmpeg.Progress{
		{Frame: 50, FPS: 25.1, OutTimeUs: 4_080_000, Speed: 1.02, DupFrames: 1, DropFrames: 2},
		{Frame: 60, End: true},
	}
	for step := 1; step < 40; step += 7 {
		var r ffmpeg.ProgressReader
		var got []ffmpeg.Progress
		for b := []byte(text); len(b) > 0; b = b[min(step, len(b)):] {
			r.Push(b[:min(step, len(b))], func(p ffmpeg.Progress) { got = append(got, p) })
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("in pieces of %d: %+v", step, got)
		}
	}
}

func FuzzProgress(f *testing.F) {
	f.Add([]byte("frame=1\nprogress=continue\n"))
	f.Add([]byte(strings.Repeat("x", 5000) + "\nprogress=\n=\n"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		var r ffmpeg.ProgressReader
		r.Push(b, func(ffmpeg.Progress) {})
	})
}

func TestVersion(t *testing.T) {
	for text, want := range map[string]struct{ version, err string }{
		"ffmpeg version 5.1.9-0+deb12u1 Copyright (c)\nbuilt": {"5.1.9-0+deb12u1", ""},
		"ffmpeg version n7.1 Copyright":                       {"n7.1", ""},
		"ffmpeg version 5.0.3 Copyright":                      {"5.0.3", "5.0.3 is too old: 5.1 or newer"},
		"ffprobe version 4.4.2-0ubuntu0.22.04.1 Copyright":    {"4.4.2-0ubuntu0.22.04.1", "too old"},
		"ffmpeg version N-112233-gabcdef Copyright":           {"N-112233-gabcdef", ""},
		"avconv version 12":                                   {"", "no FFmpeg"},
		"":                                                    {"", "no FFmpeg"},
	} {
		v, err := ffmpeg.ParseVersion([]byte(text))
		if err == nil {
			err = v.Check()
		}
		if v.Text != want.version || (err == nil) != (want.err == "") || err != nil && !strings.Contains(err.Error(),
			want.err) {
			t.Errorf("%q: %+v, %v", text, v, err)
		}
	}
}

func TestCapabilitiesOfTheInstalledFFmpeg(t *testing.T) {
	out, err := exec.Command("ffmpeg", ffmpeg.EncodersArgs()...).Output()
	if err != nil {
		t.Fatal(err)
	}
	caps := ffmpeg.ParseEncoders(out)
	good := []ladder.Rendition{{Name: "v", Kind: ladder.Video}, {Name: "h", Kind: ladder.Video, Codec: "hevc"},
		{Name: "a", Kind: ladder.Audio}}
	if err := caps.Check(good); err != nil {
		t.Error(err)
	}
	delete(caps, "libx265")
	if err := caps.Check(good); err == nil || !strings.Contains(err.Error(), "libx265 (rendition h)") {
		t.Error(err)
	}
}

func TestExplain(t *testing.T) {
	for _, c := range []struct {
		exit ffmpeg.Exit
		tail []string
		want string
	}{
		{ffmpeg.Exit{Code: -1, Signal: "killed"}, nil, "killed from outside"},
		{ffmpeg.Exit{Code: -1, Signal: "killed", Asked: true}, nil, "as asked"},
		{ffmpeg.Exit{Code: -1, Signal: "segmentation fault"}, []string{"last words"},
			"crashed (segmentation fault): last words"},
		{ffmpeg.Exit{}, nil, "its feed ended"},
		{ffmpeg.Exit{Code: 1}, []string{"Unknown encoder 'libx265'"}, "built without an encoder"},
		{ffmpeg.Exit{Code: 1}, []string{"[h264_nvenc @ 0x55d0] Cannot load libcuda.so.1", "Conversion failed!"},
			"hardware encoder cannot be opened: [h264_nvenc] Cannot load"},
		{ffmpeg.Exit{Code: 1}, []string{"Stream specifier 'i:258' in filtergraph description matches no streams."},
			"did not come"},
		{ffmpeg.Exit{Code: 1}, []string{"something new"}, "failed with status 1: something new"},
		{ffmpeg.Exit{Code: 69}, nil, "failed with status 69"},
	} {
		if got := ffmpeg.Explain(c.exit, c.tail); !strings.Contains(got, c.want) {
			t.Errorf("%+v: %q, want %q in it", c.exit, got, c.want)
		}
	}
}

// TestSilenceCountsItsPackets checks what a TS demuxer relies on; TestRunsKeepTheGrid decodes the track.
func TestSilenceCountsItsPackets(t *testing.T) {
	const wrap = 1 << 33
	s := ffmpeg.NewSilence(wrap - 3*ffmpeg.SilenceFrame + 7)
	var got []int64
	for until := int64(wrap - 10_000); until < wrap+40_000; until += 3600 {
		s.Until(until, func(p []byte) {
			pts, _, ok := times(p)
			if len(p) != 188 || !ok || int(p[3]&0xF) != len(got)%16 {
				t.Fatalf("packet %d: % x", len(got), p)
			}
			got = append(got, pts)
		})
	}
	for i := 1; i < len(got); i++ {
		if (got[i]-got[i-1]+wrap)%wrap != ffmpeg.SilenceFrame {
			t.Errorf("packet %d: PTS %d after %d", i, got[i], got[i-1])
		}
	}
	if len(got) < 19 {
		t.Errorf("%d packets", len(got))
	}
}

func BenchmarkSilence(b *testing.B) {
	b.ReportAllocs()
	s, pts := ffmpeg.NewSilence(0), int64(0)
	for b.Loop() {
		pts += ffmpeg.SilenceFrame
		s.Until(pts, func([]byte) {})
	}
}
