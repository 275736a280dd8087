//go:build e2e

package e2e

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"onair/pkg/ladder"
)

// note is the pitch and the loudness of the loudest channel of a rendition, from its third second on: what was there before the
// source is silence.
func (s *station) note(rendition string, channels int) (hertz, rms float64) {
	s.t.Helper()
	const rate = 48000
	raw := decode(s.t, s.media(rendition, 0), "-f", "s16le")
	if len(raw) < 5*rate*2*channels {
		s.t.Fatalf("%s: %d bytes of sound", rendition, len(raw))
	}
	raw = raw[3*rate*2*channels:]
	for c := range channels {
		rises, power, last, n := 0.0, 0.0, 0.0, 0.0
		for at := 2 * c; at+2 <= len(raw); at += 2 * channels {
			v := float64(int16(binary.LittleEndian.Uint16(raw[at:])))
			if last < 0 && v >= 0 {
				rises++
			}
			power, last, n = power+v*v, v, n+1
		}
		if loud := math.Sqrt(power / n); loud > rms {
			hertz, rms = rises*rate/n, loud
		}
	}
	return hertz, rms
}

// heard is what an audio rendition must be.
type heard struct {
	rendition string
	hertz     float64 // 0: silence
	channels  int
	language  string
}

func (s *station) wantHeard(want []heard) {
	s.t.Helper()
	for _, w := range want {
		h := s.header(w.rendition)
		if h.Channels != w.channels || h.SampleRate != 48000 || h.CodecString() != "mp4a.40.2" ||
			h.Language != ladder.LanguageCode(w.language) {
			s.t.Errorf("%s: %d channels, %d Hz, %s, language %q; want %d, %q", w.rendition, h.Channels, h.SampleRate, h.CodecString(), h.Language,
				w.channels, w.language)
		}
		if got := s.probed(w.rendition); got.Channels != w.channels || got.Codec != "aac" || got.Profile != "LC" || got.SampleRate != "48000" {
			s.t.Errorf("%s: ffprobe sees %+v", w.rendition, got)
		}
		switch hertz, rms := s.note(w.rendition, w.channels); {
		case w.hertz == 0 && rms > 1:
			s.t.Errorf("%s: loudness %.1f, want silence", w.rendition, rms)
		case w.hertz != 0 && (math.Abs(hertz-w.hertz) > w.hertz/50 || rms < 100):
			s.t.Errorf("%s: %.0f Hz with loudness %.0f, want %.0f Hz", w.rendition, hertz, rms, w.hertz)
		}
	}
}

// tones are several tracks of sound, told apart by their pitch.
func tones(seconds int, hertz ...int) string {
	var b strings.Builder
	for _, f := range hertz {
		fmt.Fprintf(&b, " -f lavfi -i sine=f=%d:r=48000:d=%d", f, seconds)
	}
	return b.String()
}

// picture is a source's small picture.
func picture(seconds int) string {
	return fmt.Sprintf("-f lavfi -i testsrc2=s=320x180:r=25:d=%d", seconds)
}

const pictureCodec = " -c:v libx264 -preset ultrafast -g 25 -b:v 300k"

func TestSound(t *testing.T) {
	const seconds = 12
	const rung = "video:\n  - {name: v180, size: 320x180, bitrate: 200k}\n"
	two := func(t testing.TB) string {
		return made(t, "two-languages", picture(seconds)+tones(seconds, 440, 880)+" -map 0 -map 1 -map 2"+pictureCodec+
			" -c:a:0 aac -ac:a:0 2 -c:a:1 ac3 -ac:a:1 6 -b:a:1 384k -metadata:s:a:0 language=eng -metadata:s:a:1 language=ger"+
			" -streamid 0:256 -streamid 1:300 -streamid 2:301")
	}
	for _, c := range []struct {
		name, input, channel string
		source               func(testing.TB) string
		want                 []heard
		note                 string // in an event
		short                bool
	}{
		{
			name: "chosen by language, PID and index", input: "    audio: [deu, 300, 1, eng, 0x12d, 0]\n", short: true, source: two,
			channel: rung + "audio:\n  - {name: a0, channels: 2, language: deu}\n  - {name: a1, channels: 2, language: eng}\n" +
				"  - {name: a2, channels: 6, language: deu, bitrate: 384k}\n  - {name: a3, channels: 6, language: eng, bitrate: 384k}\n" +
				"  - {name: a4, channels: 1, language: deu, bitrate: 64k}\n  - {name: a5, channels: 1, language: en, bitrate: 64k}\n",
			want: []heard{{"a0", 880, 2, "deu"}, {"a1", 440, 2, "eng"}, {"a2", 880, 6, "deu"}, {"a3", 440, 6, "eng"}, {"a4", 880, 1, "deu"}, {"a5", 440, 1, "en"}},
		},
		{
			name: "chosen by the rendition's language", source: two,
			channel: rung + "audio:\n  - {name: a0, language: de}\n  - {name: a1, language: en}\n  - {name: a2, language: fr}\n",
			want:    []heard{{"a0", 880, 2, "de"}, {"a1", 440, 2, "en"}, {"a2", 440, 2, "fr"}},
		},
		{
			name: "AC-3, E-AC-3, MP2 at 44.1 kHz and AAC", short: true,
			source: func(t testing.TB) string {
				return made(t, "codecs", picture(seconds)+tones(seconds, 330, 440, 550, 660)+" -map 0 -map 1 -map 2 -map 3 -map 4"+pictureCodec+
					" -c:a:0 ac3 -c:a:1 eac3 -c:a:2 mp2 -ar:a:2 44100 -c:a:3 aac")
			},
			channel: rung + "audio:\n  - {name: a0}\n  - {name: a1}\n  - {name: a2}\n  - {name: a3}\n",
			want:    []heard{{"a0", 330, 2, "und"}, {"a1", 440, 2, "und"}, {"a2", 550, 2, "und"}, {"a3", 660, 2, "und"}},
		},
		{
			name: "LATM",
			source: func(t testing.TB) string {
				return made(t, "latm", picture(seconds)+tones(seconds, 440)+pictureCodec+" -c:a aac -mpegts_flags latm")
			},
			channel: rung, want: []heard{{"a1", 440, 2, "und"}},
		},
		{
			name: "silence for a source without sound",
			source: func(t testing.TB) string {
				return made(t, "mute", picture(seconds)+pictureCodec)
			},
			channel: rung + "audio:\n  - {name: a1}\n  - {name: a2, channels: 6}\n", want: []heard{{"a1", 0, 2, "und"}, {"a2", 0, 6, "und"}},
		},
		{
			name: "black for a source without pictures", source: radio(seconds), channel: rung, want: []heard{{"a1", 440, 2, "und"}},
		},
	} {
		if !c.short && !long {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			port := freePort(t, "udp")
			file := c.source(t)
			s := newRungs(t, port, c.input, c.channel)
			s.onAir(file, seconds*time.Second, port, 4)
			s.wantExact(timing{25, 1, 50}, 90000)
			s.wantManifests()
			_, index := s.get("/ch/index.m3u8")
			s.stop()
			s.wantVerified()
			s.wantHeard(c.want)
			if got, want := strings.Count(string(index), "TYPE=AUDIO"), len(c.want); got != want || strings.Count(string(index), "DEFAULT=YES") != 1 {
				t.Errorf("%d audio renditions, want %d and one default:\n%s", got, want, index)
			}
			for _, w := range c.want {
				line := fmt.Sprintf("NAME=%q,LANGUAGE=%q", w.rendition, ladder.LanguageTag(w.language))
				if !strings.Contains(string(index), line) || !strings.Contains(string(index), fmt.Sprintf("CHANNELS=\"%d\"", w.channels)) {
					t.Errorf("no %s with %d channels in\n%s", line, w.channels, index)
				}
			}
		})
	}
}

// radio is a source without pictures.
func radio(seconds int) func(testing.TB) string {
	return func(t testing.TB) string {
		return made(t, "radio", strings.TrimSpace(tones(seconds, 440))+" -c:a aac -b:a 128k")
	}
}

func TestChannelWithoutPictures(t *testing.T) {
	const seconds = 12
	for _, c := range []struct {
		name, channel string
		source        func(testing.TB) string
		want          timing
		short         bool
	}{
		{"a source without pictures and no video list", "", radio(seconds), timing{1, 1, 2}, true},
		{"an empty video list", "video: []\n", func(t testing.TB) string { return numbered(t, seconds, "24000/1001") }, timing{1, 1, 2}, false},
	} {
		if !c.short && !long {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			port := freePort(t, "udp")
			file := c.source(t)
			s := newRungs(t, port, "", c.channel+"audio:\n  - {name: a1, bitrate: 128k, language: eng}\n  - {name: a2, bitrate: 48k, language: eng}\n")
			s.onAir(file, seconds*time.Second, port, 4)
			st := s.status()
			if len(st.Renditions) != 2 || slices.ContainsFunc(st.Runs[0].Command, func(a string) bool { return strings.Contains(a, "-c:v") }) {
				t.Errorf("%d renditions; command %v", len(st.Renditions), st.Runs[0].Command)
			}
			s.wantExact(c.want, 0)
			s.wantManifests()
			_, index := s.get("/ch/index.m3u8")
			s.stop()
			s.wantVerified()
			s.wantHeard([]heard{{"a1", 440, 2, "eng"}, {"a2", 440, 2, "eng"}})
			for _, bad := range []string{"RESOLUTION", "FRAME-RATE", "avc1", "CLOSED-CAPTIONS"} {
				if strings.Contains(string(index), bad) {
					t.Errorf("%s in the playlist of sound alone:\n%s", bad, index)
				}
			}
			if strings.Count(string(index), "#EXT-X-STREAM-INF:") != 2 || strings.Count(string(index), `CODECS="mp4a.40.2"`) != 2 {
				t.Errorf("not a variant for each rendition:\n%s", index)
			}
		})
	}
}

// channelsOf are pitch and peak (1 is full scale) of each channel of a rendition, from its third second on.
func (s *station) channelsOf(rendition string, channels int) (hertz, peaks []float64) {
	s.t.Helper()
	const rate = 48000
	raw := decode(s.t, s.media(rendition, 0), "-f", "f32le")
	if len(raw) < 5*rate*4*channels {
		s.t.Fatalf("%s: %d bytes of sound", rendition, len(raw))
	}
	raw = raw[3*rate*4*channels:]
	for c := range channels {
		rises, peak, last, n := 0.0, 0.0, float32(0), 0.0
		for at := 4 * c; at+4 <= len(raw); at += 4 * channels {
			v := math.Float32frombits(binary.LittleEndian.Uint32(raw[at:]))
			if last < 0 && v >= 0 {
				rises++
			}
			peak, last, n = max(peak, math.Abs(float64(v))), v, n+1
		}
		hertz, peaks = append(hertz, rises*rate/n), append(peaks, peak)
	}
	return hertz, peaks
}

// TestChannelsOfOneTrack: renditions of more and fewer channels are each made of all of the source's, whichever comes
// first, and no mix exceeds full scale.
func TestChannelsOfOneTrack(t *testing.T) {
	t.Parallel()
	const seconds = 12
	tones := []float64{330, 440, 550, 60, 660, 770} // left, right, centre, low frequencies, side
	levels := []float64{0.6, 0.6, 0.6, 0.3, 0.3, 0.3}
	var each []string
	for i, f := range tones {
		each = append(each, fmt.Sprintf("%g*sin(2*PI*%g*t)", levels[i], f))
	}
	file := made(t, "six-channels", picture(seconds)+fmt.Sprintf(" -f lavfi -i aevalsrc=%s:c=5.1:s=48000:d=%d", strings.Join(each, "|"), seconds)+
		pictureCodec+" -c:a ac3 -b:a 448k")
	port := freePort(t, "udp")
	s := newRungs(t, port, "", "video:\n  - {name: v180, size: 320x180, bitrate: 200k}\naudio:\n  - {name: st}\n"+
		"  - {name: six, channels: 6, bitrate: 384k, language: en}\n  - {name: mono, channels: 1, bitrate: 64k, language: fr}\n")
	s.onAir(file, seconds*time.Second, port, 4)
	s.stop()
	hertz, peaks := s.channelsOf("six", 6)
	for i, want := range tones {
		if math.Abs(hertz[i]-want) > want/50 || math.Abs(peaks[i]-levels[i]) > 0.15 {
			t.Errorf("channel %d of 5.1: %.0f Hz at %.2f, want %.0f at %.2f", i, hertz[i], peaks[i], want, levels[i])
		}
	}
	for rendition, channels := range map[string]int{"st": 2, "mono": 1} {
		_, peaks := s.channelsOf(rendition, channels)
		for i, peak := range peaks {
			if peak < 0.5 || peak > 1.06 { // a coded full scale comes out a little above
				t.Errorf("channel %d of %s peaks at %.2f", i, rendition, peak)
			}
		}
		if channels == 2 && math.Abs(peaks[0]-peaks[1]) < 1e-6 {
			t.Errorf("both channels are one: %v", peaks)
		}
	}
}
