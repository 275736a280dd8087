//go:build e2e

package e2e

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"onair/pipeline/control"
	"onair/pkg/mpegts"
)

// What senders are made of: FILE is a clip of MPEG-TS, MP4 the same in MP4, PORT a free port, PORT+2 and FEED others.
const (
	playFile = "ffmpeg -hide_banner -loglevel error -nostdin -re -i FILE -map 0 -c copy -f mpegts "
	gstMux   = "gst-launch-1.0 -q filesrc location=MP4 ! qtdemux name=d d. ! queue ! h264parse ! m. " +
		"d. ! queue ! aacparse ! m. mpegtsmux name=m alignment=7 ! "
	secret   = "passphrase=correcthorsebattery"
	relayed  = playFile + "udp://127.0.0.1:FEED?pkt_size=1316"
	transmit = "srt-live-transmit -loglevel:fatal udp://127.0.0.1:FEED "
	gstRTP   = "gst-launch-1.0 -q rtpbin name=r filesrc location=MP4 ! qtdemux name=d " +
		"d. ! queue ! h264parse ! rtph264pay pt=96 mtu=1200 config-interval=-1 ! r.send_rtp_sink_0 " +
		"d. ! queue ! aacparse ! rtpmp4gpay pt=97 mtu=1200 ! r.send_rtp_sink_1 " +
		"r.send_rtp_src_0 ! udpsink host=127.0.0.1 port=PORT r.send_rtcp_src_0 ! udpsink host=127.0.0.1 port=PORT+1 sync=false async=false " +
		"r.send_rtp_src_1 ! udpsink host=127.0.0.1 port=PORT+2 r.send_rtcp_src_1 ! udpsink host=127.0.0.1 port=PORT+3 sync=false async=false"
	gstSDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n" +
		"m=video PORT RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n" +
		"m=audio PORT+2 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/48000/1\r\n" +
		"a=fmtp:97 streamtype=5;profile-level-id=2;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1188\r\n"
)

// TestSenders: those that people have, in the ways of each that no other test uses.
func TestSenders(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, leg string
		calls     bool // we do
		commands  []string
	}{
		{"ffmpeg, udp", "udp://127.0.0.1:PORT", false, []string{playFile + "udp://127.0.0.1:PORT?pkt_size=1316"}},
		{"ffmpeg, srt listener", "srt://127.0.0.1:PORT?" + secret, true, []string{
			playFile + "srt://127.0.0.1:PORT?mode=listener&pkt_size=1316&" + secret,
		}},
		{"gstreamer, rtp", "rtp://127.0.0.1:PORT", false, []string{gstMux + "rtpmp2tpay ! udpsink host=127.0.0.1 port=PORT"}},
		{"gstreamer, udp", "udp://127.0.0.1:PORT", false, []string{gstMux + "udpsink host=127.0.0.1 port=PORT"}},
		{"gstreamer, srt caller", "srt://127.0.0.1:PORT?mode=listener&streamid=news&" + secret, false, []string{
			gstMux + "srtsink uri=srt://127.0.0.1:PORT?mode=caller&streamid=news&" + secret,
		}},
		{"gstreamer, srt listener", "srt://127.0.0.1:PORT", true, []string{gstMux + "srtsink uri=srt://127.0.0.1:PORT?mode=listener"}},
		{"gstreamer, streams in rtp", "sdp:FOLDER/studio.sdp", false, []string{gstRTP}},
		{"srt-live-transmit, caller", "srt://127.0.0.1:PORT?mode=listener&pbkeylen=32&" + secret, false, []string{
			transmit + "srt://127.0.0.1:PORT?pbkeylen=32&" + secret, relayed,
		}},
		{"srt-live-transmit, listener", "srt://127.0.0.1:PORT", true, []string{transmit + "srt://127.0.0.1:PORT?mode=listener", relayed}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file, folder := clip(t, 40, "25"), t.TempDir()
			port := freePorts(t)
			fill := func(text string) string {
				return ports(strings.NewReplacer("FILE", file, "MP4", remux(t, file, asItIs), "FOLDER", folder,
					"FEED", fmt.Sprint(port+5), "PORT+1", fmt.Sprint(port+1), "PORT+3", fmt.Sprint(port+3)).Replace(text), port)
			}
			if err := os.WriteFile(filepath.Join(folder, "studio.sdp"), []byte(fill(gstSDP)), 0o600); err != nil {
				t.Fatal(err)
			}
			s := newStationOf(t, lean, legOf(fill(c.leg)))
			state := control.LegListening
			if c.calls {
				state = control.LegFailed
			}
			s.wait("the leg", 20*time.Second, legState(state))
			for _, text := range c.commands {
				words := strings.Fields(fill(text))
				if _, err := exec.LookPath(words[0]); err != nil {
					t.Skip(err)
				}
				command(t, words[0], words[1:]...)
			}
			s.wantPictures(1)
			if ts := s.status().Inputs[0].TS; ts.Errors() != 0 {
				t.Errorf("%+v", ts)
			}
		})
	}
}

// TestHabits: what encoders make differently. The files are sent as they are.
func TestHabits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, made string              // what FFmpeg makes
		change     func([]byte) []byte // and what becomes of it
	}{
		{"no access unit delimiters", "-bf 2", withoutDelimiters},
		{"vbr, long groups, tables ten times a second", "-bf 3 -g 100 -crf 23 -pat_period 0.1 -sdt_period 0.5", nil},
		{"cbr with stuffing, tables and clock seldom", "-bf 2 -x264-params nal-hrd=cbr -b:v 1M -maxrate 1M -bufsize 500k " +
			"-muxrate 2M -pat_period 0.5 -pcr_period 90", nil},
		{"intra refresh, slices, no b pictures", "-bf 0 -x264-params intra-refresh=1:slices=4 -tune zerolatency", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file := clip(t, 14, "25", strings.Fields("-preset ultrafast "+c.made)...)
			if c.change != nil {
				b, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				file = filepath.Join(t.TempDir(), "changed.ts")
				if err := os.WriteFile(file, c.change(b), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			port := freePort(t, "udp")
			s := newStationOf(t, lean, legOf(fmt.Sprintf("udp://127.0.0.1:%d", port)))
			s.wait("the leg", 20*time.Second, legState(control.LegListening))
			command(t, program, "send", file, "--to", fmt.Sprintf("udp://127.0.0.1:%d", port))
			s.wantPictures(1)
			if ts := s.status().Inputs[0].TS; ts.Errors() != 0 {
				t.Errorf("%+v", ts)
			}
		})
	}
}

// withoutDelimiters takes the access unit delimiters from a stream of H.264, which FFmpeg always makes: what follows one
// in its packet moves back, behind as much stuffing.
func withoutDelimiters(b []byte) []byte {
	const headers, delimiter = 9, 6 // of PES up to the length of what is optional; with its start code
	for at := 0; at+mpegts.Size <= len(b); at += mpegts.Size {
		p := mpegts.Packet(b[at : at+mpegts.Size])
		payload := p.Payload()
		if !p.Start() || len(payload) < headers || payload[3] != 0xE0 {
			continue
		}
		head, start := headers+int(payload[8]), mpegts.Size-len(payload)
		if len(payload) < head+delimiter || string(payload[head:head+5]) != "\x00\x00\x00\x01\x09" {
			continue
		}
		rest := slices.Concat(payload[:head], payload[head+delimiter:])
		if n := binary.BigEndian.Uint16(rest[4:]); n > 0 {
			binary.BigEndian.PutUint16(rest[4:], n-delimiter)
		}
		for i := start; i < start+delimiter; i++ {
			p[i] = 0xFF
		}
		if start <= 5 {
			p[5] = 0 // no flags
		}
		p[3] |= 0x20
		p[4] = byte(start + delimiter - 5)
		copy(p[start+delimiter:], rest)
	}
	return b
}
