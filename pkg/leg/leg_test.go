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
			leg.URL{Scheme: "rtp", Host: "239.0.1.1", Port: 5000, Interface: "eth1", FEC: true},
		},
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
			if again, err := leg.Parse(got.Redacted()); err != nil || again != got {
				t.Errorf("%q parses as %#v, %v", got.Redacted(), again, err)
			}
		})
	}
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
		"rtp://239.0.0.1:5000?fec=2":                   "allowed are 0 and 1",
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
	f.Add("srt://[::1%25lo]:9000?mode=caller&latency=200&passphrase=0123456789&pbkeylen=32&streamid=%23!::r=x")
	f.Add("udp://@:1")
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := leg.Parse(raw)
		if err != nil {
			return
		}
		if u.Passphrase != "" {
			u.Passphrase, u.KeyLen = "", 0
		}
		again, err := leg.Parse(u.Redacted())
		if err != nil || again != u {
			t.Fatalf("%q -> %#v -> %q -> %#v, %v", raw, u, u.Redacted(), again, err)
		}
	})
}
