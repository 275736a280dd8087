package tsmux_test

import (
	"bytes"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	ts "github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"

	"onair/pkg/mpegts"
	"onair/pkg/tick"
	"onair/pkg/tsmux"
)

// ffmpeg runs it, or skips the test where there is none.
func ffmpeg(t *testing.T, in []byte, args string) []byte {
	t.Helper()
	program, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("no ffmpeg")
	}
	cmd := exec.CommandContext(t.Context(), program,
		append([]string{"-hide_banner", "-v", "error", "-nostdin"}, strings.Fields(args)...)...)
	var said bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg %s: %v: %s", args, err, said.String())
	}
	return out
}

// unit is one access unit as it came out of a stream.
type unit struct {
	track int
	tsmux.Unit
}

// demux takes a transport stream apart by another library's reader.
func demux(t *testing.T, stream []byte) (tracks []tsmux.Track, units []unit) {
	t.Helper()
	r := &ts.Reader{R: bytes.NewReader(stream)}
	if err := r.Initialize(); err != nil {
		t.Fatal(err)
	}
	add := func(i int, pts, dts int64, data [][]byte) {
		units = append(units, unit{i, tsmux.Unit{PTS: pts, DTS: dts, Data: data}})
	}
	sound := func(i int) func(int64, [][]byte) error {
		return func(pts int64, frames [][]byte) error { add(i, pts, pts, frames); return nil }
	}
	picture := func(i int) func(int64, int64, [][]byte) error {
		return func(pts, dts int64, au [][]byte) error { add(i, pts, dts, au); return nil }
	}
	for i, track := range r.Tracks() {
		made := tsmux.Track{}
		switch codec := track.Codec.(type) {
		case *ts.CodecH264:
			made.Codec = mpegts.H264
			r.OnDataH264(track, picture(i))
		case *ts.CodecH265:
			made.Codec = mpegts.HEVC
			r.OnDataH265(track, picture(i))
		case *ts.CodecMPEG4Audio:
			made.Codec = mpegts.AAC
			made.Config, _ = codec.Marshal()
			r.OnDataMPEG4Audio(track, sound(i))
		case *ts.CodecMPEG1Audio:
			made.Codec = mpegts.MP2
			r.OnDataMPEG1Audio(track, sound(i))
		case *ts.CodecAC3:
			made.Codec = mpegts.AC3
			r.OnDataAC3(track, func(pts int64, frame []byte) error { add(i, pts, pts, [][]byte{frame}); return nil })
		case *ts.CodecOpus:
			made.Codec, made.Channels = mpegts.Opus, codec.ChannelCount
			r.OnDataOpus(track, sound(i))
		default:
			t.Fatalf("track %d is a %T", i, codec)
		}
		tracks = append(tracks, made)
	}
	for r.Read() == nil {
	}
	return tracks, units
}

// mux puts units together again.
func mux(t *testing.T, tracks []tsmux.Track, units []unit) ([]byte, tsmux.Stats) {
	t.Helper()
	var out []byte
	m, err := tsmux.New(tracks, func(b []byte) { out = append(out, b...) })
	if err != nil {
		t.Fatal(err)
	}
	for i, u := range units {
		if err := m.Write(u.track, u.Unit); err != nil {
			t.Fatalf("unit %d: %v", i, err)
		}
	}
	return out, m.Stats()
}

// inspect holds a stream against TR 101 290 and the distances that the package promises, by the stream's own clock.
func inspect(t *testing.T, stream []byte) []mpegts.Stream {
	t.Helper()
	const most = 100 * 90
	var cc mpegts.Continuity
	monitor, now := mpegts.NewMonitor(), tick.Second
	var clock, table int64
	for at := 0; at < len(stream); at += mpegts.Size {
		p := mpegts.Packet(stream[at : at+mpegts.Size])
		if v := cc.Check(p); v != mpegts.OK {
			t.Fatalf("packet %d: continuity %v", at/mpegts.Size, v)
		}
		if base, _, ok := p.PCR(); ok {
			step := int64(base) - clock
			if clock != 0 && (step <= 0 || step > most) {
				t.Errorf("packet %d: the clock makes a step of %d", at/mpegts.Size, step)
			}
			now += tick.FromUnits(max(0, step)%most, 90_000)
			clock = int64(base)
		}
		if p.PID() == mpegts.PIDPAT {
			if table != 0 && clock-table > most {
				t.Errorf("packet %d: no table for %d", at/mpegts.Size, clock-table)
			}
			table = clock
		}
		monitor.Push(p, now)
	}
	for _, c := range monitor.Report().Checks {
		if c.Errors != 0 {
			t.Errorf("%v: %d errors on pid %d", c.Check, c.Errors, c.PID)
		}
	}
	programs := monitor.Tables().Programs()
	if len(programs) != 1 {
		t.Fatalf("%d programmes", len(programs))
	}
	return programs[0].Streams
}

// bare leaves delimiters and parameter sets out of a picture.
func bare(codec mpegts.Codec, nals [][]byte) (out [][]byte) {
	for _, nal := range nals {
		switch {
		case codec == mpegts.H264 && slices.Contains([]byte{7, 8, 9}, nal[0]&0x1F):
		case codec == mpegts.HEVC && slices.Contains([]byte{32, 33, 34, 35}, nal[0]>>1&0x3F):
		default:
			out = append(out, nal)
		}
	}
	return out
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	const picture = "-f lavfi -i testsrc2=size=320x180:rate=%s:duration=2 "
	const sound = "-f lavfi -i sine=frequency=440:sample_rate=48000:duration=2 "
	for _, c := range []struct{ name, args string }{
		{"h264 without B pictures, aac", fmt.Sprintf(picture, "25") + sound + "-c:v libx264 -bf 0 -g 25 -c:a aac"},
		{"h264 with a pyramid, mp2", fmt.Sprintf(picture, "50") + sound + "-c:v libx264 -bf 3 -g 50 -c:a mp2"},
		{"h264 baseline at 29.97, ac3", fmt.Sprintf(picture, "30000/1001") + sound + "-c:v libx264 -profile:v baseline -c:a ac3"},
		{"h264 interlaced, mp3", fmt.Sprintf(picture, "25") + sound + "-c:v libx264 -flags +ildct+ilme -bf 2 -c:a mp3"},
		{"h264 in many slices, no sound", fmt.Sprintf(picture, "24") + "-c:v libx264 -bf 2 -x264-params slices=4"},
		{"h264 with intra refresh", fmt.Sprintf(picture, "25") + "-c:v libx264 -x264-params intra-refresh=1:keyint=25"},
		{"h264 at five pictures a second", fmt.Sprintf(picture, "5") + sound + "-c:v libx264 -bf 1 -g 5 -c:a aac"},
		{"hevc, aac", fmt.Sprintf(picture, "25") + sound + "-c:v libx265 -x265-params log-level=0:keyint=25 -c:a aac"},
		{
			"hevc open gop without timing",
			fmt.Sprintf(picture, "25") + "-c:v libx265 -x265-params log-level=0:keyint=25:open-gop=1:bframes=4:vui-timing-info=0",
		},
		{"opus alone", sound + "-c:a libopus"},
		{"aac alone, six channels", "-f lavfi -i anoisesrc=d=3 -ac 6 -c:a aac"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			stream := ffmpeg(t, nil, c.args+" -threads 1 -pes_payload_size 0 -f mpegts pipe:1")
			tracks, units := demux(t, stream)
			again, stats := mux(t, tracks, units)
			for i, s := range inspect(t, again) {
				if s.Codec != tracks[i].Codec {
					t.Errorf("track %d is announced as %s", i, s.Codec)
				}
			}
			compare(t, tracks, units, again)
			if stats.Jumps != 0 || stats.Units != uint64(len(units)) || stats.Packets != uint64(len(again)/mpegts.Size) {
				t.Errorf("stats %+v for %d units", stats, len(units))
			}
			for _, kind := range []string{"v", "a"} {
				decode := "-copyts -i pipe:0 -map 0:" + kind + "? -f framemd5 pipe:1"
				if want, got := ffmpeg(t, stream, decode), ffmpeg(t, again, decode); !bytes.Equal(want, got) {
					t.Errorf("%s: other frames:\n%s\nwant\n%s", kind, got, want)
				}
			}
		})
	}
}

// compare holds what another reader finds in a stream against what was put in.
func compare(t *testing.T, tracks []tsmux.Track, units []unit, stream []byte) {
	t.Helper()
	_, found := demux(t, stream)
	for track := range tracks {
		only := func(all []unit) (out []unit) {
			for _, u := range all {
				if u.track == track {
					out = append(out, u)
				}
			}
			return out
		}
		want, got := only(units), only(found)
		if len(want) != len(got) {
			t.Fatalf("track %d: %d units, want %d", track, len(got), len(want))
		}
		last := int64(-1)
		for i := range want {
			w, g := want[i], got[i]
			if g.PTS != w.PTS || g.DTS > g.PTS || g.DTS <= last {
				t.Errorf("track %d unit %d: pts %d dts %d after %d, want pts %d", track, i, g.PTS, g.DTS, last, w.PTS)
			}
			last = g.DTS
			if codec := tracks[track].Codec; !slices.EqualFunc(bare(codec, g.Data), bare(codec, w.Data), bytes.Equal) {
				t.Errorf("track %d unit %d: other data", track, i)
			}
		}
	}
}

// TestParametersOutOfBand: a stream that keeps its parameter sets elsewhere is muxed with them at every key picture.
func TestParametersOutOfBand(t *testing.T) {
	t.Parallel()
	for codec, args := range map[mpegts.Codec]string{
		mpegts.H264: "-c:v libx264 -g 10",
		mpegts.HEVC: "-c:v libx265 -x265-params log-level=0:keyint=10:min-keyint=10:open-gop=0",
	} {
		t.Run(string(codec), func(t *testing.T) {
			t.Parallel()
			stream := ffmpeg(t, nil, "-f lavfi -i testsrc2=size=320x180:rate=25:duration=2 "+args+" -threads 1 -f mpegts pipe:1")
			tracks, units := demux(t, stream)
			for i, u := range units {
				var sets, rest [][]byte
				for _, nal := range u.Data {
					if len(bare(codec, [][]byte{nal})) == 0 {
						sets = append(sets, nal)
					} else {
						rest = append(rest, nal)
					}
				}
				if i == 0 {
					tracks[0].Params = sets
				}
				units[i].Data = rest
			}
			again, _ := mux(t, tracks, units)
			if begins, sets := places(codec, again); begins != 5 || sets != begins {
				t.Errorf("%d places to begin, %d with parameter sets; want 5", begins, sets)
			}
			decode := "-copyts -i pipe:0 -f framemd5 pipe:1"
			if want, got := ffmpeg(t, stream, decode), ffmpeg(t, again, decode); !bytes.Equal(want, got) {
				t.Errorf("other frames:\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// places counts where decoding can begin cleanly, and where that is so without anything from before.
func places(codec mpegts.Codec, stream []byte) (begins, complete int) {
	d, last, known := mpegts.NewDetector(codec), mpegts.None, false
	for at := 0; at < len(stream); at += mpegts.Size {
		p := mpegts.Packet(stream[at : at+mpegts.Size])
		if p.PID() != 256 || !p.HasPayload() {
			continue
		}
		if p.Start() {
			d, last, known = mpegts.NewDetector(codec), mpegts.None, false
		}
		v := d.Push(p)
		known = known || d.Shape() != 0
		if v != last && v == mpegts.IDR {
			begins++
			if known {
				complete++
			}
		}
		last = v
	}
	return begins, complete
}
