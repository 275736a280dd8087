package leg_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"onair/pkg/leg"
)

const ms = time.Millisecond

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, raw string
		want      leg.URL
	}{
		{"unicast on one address", "rtp://192.0.2.7:5000", leg.URL{Scheme: "rtp", Host: "192.0.2.7", Port: 5000}},
		{"unicast on every address", "udp://:5000", leg.URL{Scheme: "udp", Port: 5000}},
		{"the @ of other tools", "udp://@:5000", leg.URL{Scheme: "udp", Port: 5000}},
		{"scheme in capitals", "UDP://@:5000/", leg.URL{Scheme: "udp", Port: 5000}},
		{
			"source-specific multicast", "rtp://239.0.0.1:5000?interface=eth0&source=10.1.1.1",
			leg.URL{Scheme: "rtp", Host: "239.0.0.1", Port: 5000, Interface: "eth0", Source: netip.MustParseAddr("10.1.1.1")},
		},
		{
			"FEC", "rtp://239.0.1.1:5000?interface=eth1&fec=1",
			leg.URL{Scheme: "rtp", Host: "239.0.1.1", Port: 5000, Interface: "eth1", FEC: leg.FEC{Column: 5002, Row: 5004}},
		},
		{
			"FEC on ports of its own", "rtp://192.0.2.7:5000?fec=6000,6010",
			leg.URL{Scheme: "rtp", Host: "192.0.2.7", Port: 5000, FEC: leg.FEC{Column: 6000, Row: 6010}},
		},
		{"columns only", "rtp://:5000?fec=5002", leg.URL{Scheme: "rtp", Port: 5000, FEC: leg.FEC{Column: 5002}}},
		{"no FEC", "rtp://:5000?fec=0", leg.URL{Scheme: "rtp", Port: 5000}},
		{
			"IPv6 multicast", "rtp://[ff3e::8000:1]:5004?source=[2001:db8::1]",
			leg.URL{Scheme: "rtp", Host: "ff3e::8000:1", Port: 5004, Source: netip.MustParseAddr("2001:db8::1")},
		},
		{
			"the contract's SRT listener", "srt://0.0.0.0:9000?mode=listener&latency=200&passphrase=0123456789&streamid=news",
			leg.URL{
				Scheme: "srt", Host: "0.0.0.0", Port: 9000, Mode: leg.Listener, Latency: 200 * ms, Passphrase: "0123456789",
				KeyLen: 16, StreamID: "news",
			},
		},
		{
			"SRT caller by name", "srt://encoder.example:9000?passphrase=correct%20horse&pbkeylen=32",
			leg.URL{
				Scheme: "srt", Host: "encoder.example", Port: 9000, Mode: leg.Caller, Latency: 120 * ms,
				Passphrase: "correct horse", KeyLen: 32,
			},
		},
		{
			"plus and hash are themselves", "srt://:9000?passphrase=a+b+c+d+e+f&streamid=#!::r=news,m=publish",
			leg.URL{
				Scheme: "srt", Port: 9000, Mode: leg.Listener, Latency: 120 * ms, Passphrase: "a+b+c+d+e+f", KeyLen: 16,
				StreamID: "#!::r=news,m=publish",
			},
		},
		{"absolute file", "file:///media/clip.ts", leg.URL{Scheme: "file", Path: "/media/clip.ts"}},
		{"absolute file, short", "FILE:/media/clip.ts", leg.URL{Scheme: "file", Path: "/media/clip.ts"}},
		{"relative file", "file:clips/back%20up%3f&%25.ts", leg.URL{Scheme: "file", Path: "clips/back up?&%.ts"}},
		{"RTMP", "rtmp://:1936/live/key", leg.URL{Scheme: "rtmp", Port: 1936, Path: "live", Key: "key"}},
		{
			"RTMP with credentials, an instance and the usual port", "rtmp://us%40er:p%3Aw@[::1]/live/studio/k%20=1/",
			leg.URL{
				Scheme: "rtmp", Host: "::1", Port: 1935, User: "us@er", Password: "p:w", Path: "live/studio", Key: "k =1",
			},
		},
		{
			"RTMP with credentials in the query", "rtmp://me:pw@:1935/live/key?auth=query",
			leg.URL{Scheme: "rtmp", Port: 1935, User: "me", Password: "pw", Path: "live", Key: "key", Auth: leg.AuthQuery},
		},
		{
			"RTMP with the usual dialogue", "rtmp://me:pw@:1935/live/key?auth=adobe",
			leg.URL{Scheme: "rtmp", Port: 1935, User: "me", Password: "pw", Path: "live", Key: "key"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := leg.Parse(c.raw)
			if err != nil || got != c.want {
				t.Fatalf("got %#v, %v\nwant %#v", got, err, c.want)
			}
			if got.Passphrase != "" {
				return
			}
			got = hidden(got)
			if again, err := leg.Parse(got.Redacted()); err != nil || again != got {
				t.Errorf("%q parses as %#v, %v", got.Redacted(), again, err)
			}
		})
	}
}

// hidden is a URL as its redacted form parses.
func hidden(u leg.URL) leg.URL {
	for _, s := range []*leg.Secret{&u.Password, &u.Key} {
		if *s != "" {
			*s = "***"
		}
	}
	return u
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"":                                             "no scheme",
		"239.0.0.1:5000":                               "no scheme",
		"http://x:80":                                  `scheme "http"`,
		"rtp://239.0.0.1":                              "no port",
		"rtp://[::1]":                                  "no port",
		"rtp://239.0.0.1:0":                            "1 to 65535",
		"rtp://239.0.0.1:65536":                        "1 to 65535",
		"rtp://239.0.0.1:x":                            "1 to 65535",
		"rtp://::1:5000":                               "needs brackets",
		"rtp://[192.0.2.1]:5000":                       "not an IPv6 address",
		"srt://[::%25a/b]:1":                           "without user or path",
		"srt://[::%25%25]:1":                           "not an IPv6 address",
		"rtp://300.0.0.1:5000":                         "neither an address nor a name",
		"rtp://user:pw@192.0.2.1:5000":                 "without user",
		"rtp://encoder:5000":                           "an address of this host",
		"rtp://192.0.2.1:5000?latency=5":               `unknown option "latency": rtp:// allows interface, source, fec`,
		"udp://239.0.0.1:5000?fec=1":                   `unknown option "fec": udp:// allows interface, source`,
		"udp://192.0.2.1:5000?interface=eth0":          "only for a multicast group",
		"udp://192.0.2.1:5000?source=192.0.2.9":        "only for a multicast group",
		"rtp://239.0.0.1:5000?interface=":              "not the name of a network interface",
		"rtp://239.0.0.1:5000?source=239.0.0.2":        "not the address of a sender",
		"rtp://239.0.0.1:5000?source=2001:db8::1":      "same address family",
		"rtp://239.0.0.1:5000?fec=yes":                 `"yes": allowed are 0, 1 (ports +2 and +4), a port`,
		"rtp://239.0.0.1:5000?fec=5002,":               `"": allowed are 0, 1`,
		"rtp://239.0.0.1:5000?fec=5002,5004,5006":      `"5004,5006": allowed are 0, 1`,
		"rtp://239.0.0.1:5000?fec=5002,70000":          `"70000": allowed are 0, 1`,
		"rtp://239.0.0.1:5000?fec=5000":                "ports of their own",
		"rtp://239.0.0.1:5000?fec=5002,5002":           "ports of their own",
		"rtp://239.0.0.1:65534?fec=1":                  "no port 4 above 65534",
		"rtp://239.0.0.1:5000?ttl=3":                   "unknown option",
		"rtp://[ff02::1]:5000":                         "needed for a link-local",
		"rtp://239.0.0.1:5000?interface=a&interface=b": "given twice",
		"srt://0.0.0.0:9000?mode=caller":               "needs the host of the listener",
		"srt://host:9000?mode=listener":                "an address of this host",
		"srt://host:9000?mode=rendezvous":              "allowed are listener and caller",
		"srt://host:9000?latency=-1":                   "allowed are 1 to 60000 milliseconds",
		"srt://host:9000?latency=200ms":                "allowed are 1 to 60000 milliseconds",
		"srt://host:9000?passphrase=short":             "it has 5 characters: allowed are 10 to 79",
		"srt://host:9000?pbkeylen=16":                  "needs a passphrase",
		"srt://host:9000?pbkeylen=20":                  "allowed are 16, 24 and 32",
		"srt://host:9000?streamid=":                    "allowed are 1 to 512",
		"srt://host:9000?streamid=%zz":                 "must be written %25",
		"srt://239.0.0.1:9000":                         "multicast",
		"file:":                                        "path of a file",
		"file:///":                                     "path of a file",
		"file://host/clip.ts":                          "of this host",
		"file:clip.ts?loop=1":                          `unknown option "loop": file: takes none`,
		"file:%zz.ts":                                  "must be written %25",
		"file:a%00b":                                   "no path",
		"rtmp://:1935":                                 "application and stream key",
		"rtmp://:1935/live":                            "application and stream key",
		"rtmp://:1935//key":                            "application and stream key",
		"rtmp://:1935/live/a%0Ab":                      "printable characters",
		"rtmp://:0/live/key":                           "1 to 65535",
		"rtmp://server/live/key":                       "an address of this host",
		"rtmp://239.0.0.1/live/key":                    "multicast",
		"rtmp://user@:1935/live/key":                   "belong together",
		"rtmp://user:@:1935/live/key":                  "belong together",
		"rtmp://:1935/live/key?pass=x":                 `unknown option "pass": rtmp:// allows auth`,
		"rtmp://:1935/live/key?auth=query":             "option auth: needs user:password@",
		"rtmp://a:b@:1935/live/key?auth=basic":         `option auth: "basic": allowed are adobe, llnw, query`,
	} {
		if _, err := leg.Parse(raw); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want ...%s...", raw, err, want)
		}
	}
}

func TestParseDestination(t *testing.T) {
	t.Parallel()
	if u, err := leg.ParseDestination("rtp://239.0.0.1:5000?interface=lo"); err != nil || u.TTL != leg.DefaultTTL {
		t.Errorf("group: %#v, %v", u, err)
	}
	if u, err := leg.ParseDestination("udp://encoder.example:5000"); err != nil || u.TTL != 0 {
		t.Errorf("name: %#v, %v", u, err)
	}
	for raw, want := range map[string]string{
		"rtp://:5000":                          "needs a host",
		"rtp://0.0.0.0:5000":                   "needs a host",
		"rtp://239.0.0.1:5000?source=10.0.0.1": "unknown option",
		"rtp://10.0.0.1:5000?ttl=2":            "only for a multicast group",
		"rtmp://10.0.0.1/live/key":             "a leg is rtp://, udp:// or srt://",
		"file:clip.ts":                         "a leg is rtp://, udp:// or srt://",
		"rtp://239.0.0.1:5000?ttl=256":         "allowed are 1 to 255",
	} {
		if _, err := leg.ParseDestination(raw); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want ...%s...", raw, err, want)
		}
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	const secret = "do not print me"
	u, err := leg.Parse("srt://host:9000?passphrase=do%20not%20print%20me&streamid=a%26b")
	if err != nil {
		t.Fatal(err)
	}
	asJSON, _ := json.Marshal(map[string]any{"u": u, "p": &u, "s": u.Passphrase})
	for _, text := range []string{
		u.Redacted(), fmt.Sprint(u, &u, u.Passphrase), fmt.Sprintf("%+v %q %s", u, u, u.Passphrase), fmt.Sprintf("%#v", u),
		string(asJSON),
	} {
		if strings.Contains(text, secret) || strings.Contains(text, "do%20not") {
			t.Errorf("secret in %s", text)
		}
	}
	if want := "srt://host:9000?mode=caller&passphrase=***&streamid=a%26b"; u.Redacted() != want {
		t.Errorf("got %s, want %s", u.Redacted(), want)
	}
	u, err = leg.Parse("rtmp://me:verysecret@:1935/live/verysecret")
	if err != nil {
		t.Fatal(err)
	}
	asJSON, _ = json.Marshal(map[string]any{"u": u, "p": &u, "s": u.Key})
	for _, text := range []string{u.Redacted(), fmt.Sprintf("%v %+v %#v %q", u, u, u, u), string(asJSON)} {
		if strings.Contains(text, "verysecret") {
			t.Errorf("secret in %s", text)
		}
	}
	if want := "rtmp://me:***@:1935/live/***"; u.Redacted() != want {
		t.Errorf("got %s, want %s", u.Redacted(), want)
	}
	for _, bad := range []string{
		"rtmp://user:verysecret%zz@:1935/a/b", "rtmp://u:verysecret@nohost/a/b", "rtmp://u:verysecret@:1935/a",
		"rtmp://:1935/a/verysecret?x", "rtmp://:1935/a/very%zzsecret", "rtmp://:1935/a/verysecret%01",
	} {
		if _, err := leg.Parse(bad); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: error %v", bad, err)
		}
	}
	for _, bad := range []string{
		"srt://host:9000&passphrase=correcthorse9",
		"srt://host:9000;passphrase=correcthorse9",
		"srt://host&passphrase=correcthorse9",
		"srt://host:9000&passphrase=correcthorse9:12",
		"srt://[::1&passphrase=correcthorse9]:12",
		"srt://h&passphrase=correcthorse9:12",
		"srt:host&passphrase=correcthorse9://x",
		"srt://correcthorse9@host:9000",
		"srt://host:9000/passphrase=correcthorse9",
		"srt://host:9000?passphrase=battery999&correcthorse9",
		"srt://host:9000?passphrase=battery999&correcthorse9=%zz",
		"srt://host:9000?mode=caller;passphrase=correcthorse9",
		"srt://host:9000?mode=caller?passphrase=correcthorse9",
		"srt://host:9000?latency=20&pbkeylen=16;passphrase=correcthorse9",
		"srt://host:9000?passphrase:correcthorse9",
		"rtp://239.0.0.1:9000?interface=passphrase=correcthorse9",
		"rtp://239.0.0.1:9000?source=passphrase=correcthorse9",
	} {
		if _, err := leg.Parse(bad); err == nil || strings.Contains(err.Error(), "correcthorse9") {
			t.Errorf("%s: error %v", bad, err)
		}
	}
	for _, bad := range []string{
		"srt://host:9000?passphrase=tooshort1", "srt://host:9000?passphrase=%zzsecret90", "srt://host:x?passphrase=0123456789",
	} {
		if _, err := leg.Parse(bad); err == nil || strings.Contains(err.Error(), bad[27:]) {
			t.Errorf("%s: error %v", bad, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("rtp://239.0.0.1:5000?interface=eth0&source=10.1.1.1&fec=1")
	f.Add("rtp://:5000?fec=5002,5010")
	f.Add("rtp://:65532?fec=65534")
	f.Add("srt://[::1%25lo]:9000?mode=caller&latency=200&passphrase=0123456789&pbkeylen=32&streamid=%23!::r=x")
	f.Add("udp://@:1")
	f.Add("srt://[::%2525]:1")
	f.Add("file:///a%20b?")
	f.Add("rtmp://us%40er:p%3Aw@[::1]/live/studio/k%20=1/")
	f.Add("rtsp://us%40er:p%3Aw@[::1]/live/?channel=1&mode=caller&transport=tcp")
	f.Add("rtsp://:8554/studio/1?mode=listener")
	f.Add("sdp:///a/b.sdp?interface=lo")
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := leg.Parse(raw)
		if err != nil {
			return
		}
		if u.Passphrase != "" {
			u.Passphrase, u.KeyLen = "", 0
		}
		u = hidden(u)
		if u.Scheme == leg.RTSP { // what looks like a password in its path is hidden too
			if u, err = leg.Parse(u.Redacted()); err != nil {
				t.Fatalf("%q: %v", raw, err)
			}
		}
		again, err := leg.Parse(u.Redacted())
		if err != nil || again != u {
			t.Fatalf("%q -> %#v -> %q -> %#v, %v", raw, u, u.Redacted(), again, err)
		}
	})
}
