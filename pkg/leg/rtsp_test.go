package leg_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"onair/pkg/leg"
)

func TestParseRTSP(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]leg.URL{
		"rtsp://192.0.2.7/stream1": {Scheme: "rtsp", Mode: leg.Caller, Host: "192.0.2.7", Port: 554, Path: "stream1"},
		"RTSP://cam.example:8554":  {Scheme: "rtsp", Mode: leg.Caller, Host: "cam.example", Port: 8554},
		"rtsp://me:p%40ss@[2001:db8::1]:8554/a/b/?transport=tcp": {
			Scheme: "rtsp", Mode: leg.Caller, Host: "2001:db8::1", Port: 8554, Path: "a/b/", User: "me", Password: "p@ss",
			Transport: leg.OverTCP,
		},
		"rtsp://cam/cam/realmonitor?channel=1&transport=udp&subtype=0": {
			Scheme: "rtsp", Mode: leg.Caller, Host: "cam", Port: 554, Path: "cam/realmonitor?channel=1&subtype=0",
			Transport: leg.OverUDP,
		},
		"rtsp://me:secret@:8554/studio/1/?mode=listener": {
			Scheme: "rtsp", Mode: leg.Listener, Port: 8554, Path: "studio/1", User: "me", Password: "secret",
		},
		"sdp:///etc/onair/studio.sdp":       {Scheme: "sdp", Path: "/etc/onair/studio.sdp"},
		"SDP:a%20b.sdp?interface=eth0":      {Scheme: "sdp", Path: "a b.sdp", Interface: "eth0"},
		"sdp:/etc/onair/studio.sdp?":        {Scheme: "sdp", Path: "/etc/onair/studio.sdp"},
		"rtsp://h/%C3%A4?x=%20&mode=caller": {Scheme: "rtsp", Mode: leg.Caller, Host: "h", Port: 554, Path: "%C3%A4?x=%20"},
	} {
		got, err := leg.Parse(raw)
		if err != nil || got != want {
			t.Errorf("%s: got %#v, %v\nwant %#v", raw, got, err, want)
		}
		if again, err := leg.Parse(got.Redacted()); err != nil || hidden(again) != hidden(got) {
			t.Errorf("%q parses as %#v, %v", got.Redacted(), again, err)
		}
		if _, err := leg.ParseDestination(raw); err == nil {
			t.Errorf("%s is no destination", raw)
		}
	}
}

func TestParseRTSPRefuses(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"rtsp://:8554/x":                           "needs the host of the server, or mode=listener",
		"rtsp://0.0.0.0/x":                         "needs the host of the server",
		"rtsp://239.0.0.1/x":                       "multicast",
		"rtsp://cam:x/y":                           "1 to 65535",
		"rtsp://cam/x?transport=http":              "allowed are udp and tcp",
		"rtsp://cam/x?transport=tcp&transport=udp": "given twice",
		"rtsp://cam/x?mode=both":                   "allowed are listener and caller",
		"rtsp://cam/a b":                           "as %XX",
		"rtsp://cam/a%zz":                          "as %XX",
		"rtsp://user@cam/x":                        "user:password@",
		"rtsp://:8554/?mode=listener":              "a publisher needs a path",
		"rtsp://name:8554/x?mode=listener":         "an address of this host",
		"rtsp://:8554/x?mode=listener&a=b":         `unknown option "a"`,
		"sdp:":                                     "needs the path",
		"sdp://host/x.sdp":                         "of this host",
		"sdp:x.sdp?mode=listener":                  `unknown option "mode"`,
	} {
		if _, err := leg.Parse(raw); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want ...%s...", raw, err, want)
		}
	}
}

func TestRTSPSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"rtsp://me:verysecret@cam/x":                         "rtsp://me:***@cam:554/x",
		"rtsp://cam/x?user=me&password=verysecret&channel=1": "rtsp://cam:554/x?user=me&password=***&channel=1",
		"rtsp://cam/user=me_password=verysecret_channel=1/0": "rtsp://cam:554/user=me_password=***/0",
	} {
		u, err := leg.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		asJSON, _ := json.Marshal(u)
		for _, text := range []string{u.Redacted(), fmt.Sprintf("%v %+v %q", u, u, u), string(asJSON)} {
			if strings.Contains(text, "verysecret") {
				t.Errorf("secret in %s", text)
			}
		}
		if u.Redacted() != want {
			t.Errorf("got %s, want %s", u.Redacted(), want)
		}
	}
	for _, bad := range []string{
		"rtsp://me:very/secret@cam/x", "rtsp://me:verysecret%zz@cam/x", "rtsp://me:verysecret@cam:x/y",
	} {
		if _, err := leg.Parse(bad); err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "very") {
			t.Errorf("%s: error %v", bad, err)
		}
	}
}
