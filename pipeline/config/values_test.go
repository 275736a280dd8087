package config_test

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"onair/pipeline/config"
	"onair/pkg/leg"
	"onair/pkg/tick"
)

const smallest = `
channel: news
inputs: [{name: main, legs: ["rtp://239.0.0.1:5000"]}]
outputs: [{dir: ./origin}]
`

// write puts a channel file into a folder of the test and returns its path.
func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestBitrate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]config.Bitrate{
		"128000": 128_000, "800k": 800_000, "3M": 3_000_000, "2.5M": 2_500_000, "0.8M": 800_000, "1234.567k": 1_234_567,
	} {
		c, err := config.Load(write(t, "a.yaml", smallest+"video: [{name: v, size: 64x64, bitrate: "+text+"}]"), environment)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if c.Video[0].Bitrate != want {
			t.Errorf("%s is %d, want %d", text, c.Video[0].Bitrate, want)
		}
	}
	for _, text := range []string{"3m", "3 M", "-3M", "1e6", ".5M", "3.M", "1.2345k", "999999999999999999999", "0x10", "3MB", `""`} {
		_, err := config.Load(write(t, "a.yaml", smallest+"video: [{name: v, size: 64x64, bitrate: "+text+"}]"), environment)
		if err == nil || !strings.Contains(err.Error(), "is not a bitrate") {
			t.Errorf("%s: %v", text, err)
		}
	}
	for b, want := range map[config.Bitrate]string{
		0: "0", 999: "999", 1000: "1k", 128_000: "128k", 2_500_000: "2.5M", 1_234_567: "1234567", 3_000_000: "3M",
	} {
		if b.String() != want {
			t.Errorf("%d prints as %s, want %s", int64(b), b, want)
		}
	}
}

func TestTypedValues(t *testing.T) {
	t.Parallel()
	c, err := config.Load(filepath.Join(fixtures, "good", "every-key.yaml"), environment)
	if err != nil {
		t.Fatal(err)
	}
	backup := c.Inputs[1].Legs[0]
	for _, v := range []struct{ name, got, want string }{
		{"name", c.Name, "news-1"},
		{"rate", c.FrameRate.String(), "30000/1001"},
		{"segment from the environment", c.Segment.String(), "6s"},
		{"window", c.Window.String(), "1h30m0s"},
		{"sizes", fmt.Sprint(c.Video[0].Size, c.Video[2].Size), "1920x1080 1280x720"},
		{"encoder", c.Video[1].Encoder, "libx265"},
		{"tracks", fmt.Sprint(c.Inputs[0].Audio), "[257 deu]"},
		{"audio bitrate by channels", c.Audio[1].Bitrate.String(), "384k"},
		{"passphrase taken literally", string(backup.Passphrase), "correct&horse=battery+staple%"},
		{"stream id", backup.StreamID, "#!::r=news,m=publish"},
		{"source", c.Inputs[0].Legs[0].Source.String(), "10.1.1.1"},
		{"allow", fmt.Sprint(c.Inputs[1].Allow), fmt.Sprint([]netip.Prefix{
			netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32"),
		})},
		{"timeline", c.Timeline.String(), "./shared"},
		{"token", c.APIToken.Reveal(), "correct&horse=battery+staple%"},
	} {
		if v.got != v.want {
			t.Errorf("%s: got %s, want %s", v.name, v.got, v.want)
		}
	}
	if backup.Latency != 200*time.Millisecond || backup.Mode != leg.Listener || c.FrameRate != (tick.Rate{Num: 30000, Den: 1001}) {
		t.Errorf("got %#v, %v", backup, c.FrameRate)
	}
}

func TestTimelineIsTheFirstOutputByDefault(t *testing.T) {
	t.Parallel()
	c, err := config.Load(write(t, "a.yaml", smallest), environment)
	if err != nil || c.Timeline.Dir != "./origin" {
		t.Errorf("got %v, %v", c.Timeline, err)
	}
}

func TestVideoLeftOutIsNotAnEmptyList(t *testing.T) {
	t.Parallel()
	c, err := config.Load(write(t, "a.yaml", smallest), environment)
	if err != nil || c.Video != nil || len(c.Audio) != 1 || c.Audio[0].Bitrate != 128_000 {
		t.Errorf("got %v, %v, %v", c.Video, c.Audio, err)
	}
	c, err = config.Load(write(t, "a.yaml", smallest+"video: []"), environment)
	if err != nil || c.Video == nil || len(c.Video) != 0 {
		t.Errorf("got %v, %v", c.Video, err)
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	huge := write(t, "huge.yaml", strings.Repeat("#", 65<<10))
	pipe := filepath.Join(folder, "pipe.yaml")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(folder, "none.yaml"): "none.yaml: the file cannot be read: no such file",
		folder:                             "is a folder, allowed is a channel file",
		huge:                               "the file has 66560 bytes, allowed are 65536",
		pipe:                               "is a device or a pipe, allowed is a regular file",
		"/dev/zero":                        "is a device or a pipe, allowed is a regular file",
		"/proc/kallsyms":                   "the file has more than 65536 bytes", // it tells a size of 0
	} {
		_, err := config.Load(path, environment)
		if _, missing := os.Stat(path); missing != nil && strings.HasPrefix(path, "/proc/") {
			continue // a host without it
		}
		var problems config.Problems
		if !errors.As(err, &problems) || len(problems) != 1 || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"rtp://239.0.0.1:5000?interface=eth0":                     "rtp://239.0.0.1:5000?interface=eth0",
		"srt://h:1?passphrase=top#secret&pbkeylen=32":             "srt://h:1?passphrase=***&pbkeylen=32",
		"srt://h:1?PASSPHRASE=topsecret":                          "srt://h:1?PASSPHRASE=***",
		"srt://h:1?p%61ssphrase=topsecret":                        "srt://h:1?p%61ssphrase=***",
		"srt://h:1?streamid=#!::u=x,password=topsecret&latency=1": "srt://h:1?streamid=#!::u=x,password=***&latency=1",
		"https://user:top@secret@h/x":                             "https://***@h/x",
		"https://h/x?X-Amz-Signature=topsecret&sig=topsecret":     "https://h/x?X-Amz-Signature=***&sig=***",
		"rtmp://u:top@h:1935/live/topsecret":                      "rtmp://***@h:1935/live/***",
		"RTMP://h/live/studio/topsecret?mode=1 and":               "RTMP://h/live/studio/***?mode=1 and",
		"rtmp://h/live/topsecret/":                                "rtmp://h/live/***/",
		"srt://h:1?latency=5&passphraze=topsecret&mode=caller":    "srt://h:1?latency=5&passphraze=***&mode=caller",
		"srt://h:1&passphraze=topsecret":                          "srt://h:1&passphraze=***",
		"srt://h:1?mode=caller;passphraze=topsecret":              "srt://h:1?mode=caller;passphraze=***",
		"srt://h:1?streamid=#!::u=x,m=publish&latency=1":          "srt://h:1?streamid=#!::u=x,m=publish&latency=1",
		"rtsp://h/cam?channel=1&transport=tcp":                    "rtsp://h/cam?channel=1&transport=tcp",
		"https://h/x?id=1":                                        "https://h/x?id=1",
		"not a URL":                                               "not a URL",
	} {
		if got := config.Redact(text); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func TestRedactTyped(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"rtp://239.0.0.1:5000?interface=eth0":            "rtp://239.0.0.1:5000?interface=eth0",
		"srt://h:1?latency=5&passphrase=correct horse":   "srt://h:1?latency=5&passphrase=***",
		"srt://h:1?passphrase=correct&horse&latency=5":   "srt://h:1?passphrase=***",
		"srt://h:1&passphrase=correct horse":             "srt://h:1&passphrase=***",
		"srt://h:1?mode=caller;passphrase=correct horse": "srt://h:1?mode=caller;passphrase=***",
		"a: passphrase=correct horse\nb: c=d":            "a: passphrase=***\nb: c=d",
		"srt://h:1?passphraze=correct&horse=5 battery":   "srt://h:1?passphraze=***",
		"srt://h:1?streamid=#!::u=x,m=publish&ttl=1 a=b": "srt://h:1?streamid=#!::u=x,m=publish&ttl=1 a=b",
	} {
		if got := config.RedactTyped(text); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func TestNoProblemShowsAPartOfASecret(t *testing.T) {
	t.Parallel()
	for _, legs := range []string{
		`["srt://192.0.2.1:9000?latency=x&passphrase=correct horse"]`,
		`["srt://:9000?passphrase=correct horse9", "srt://:9000?passphrase=correct horse9"]`,
		`["srt://192.0.2.1:9000?passphrase=correctness&horse"]`,
		`["srt://192.0.2.1:9000&passphrase=correct horse"]`,
		`"srt://192.0.2.1:9000?passphrase=correct horse`,
		`{"srt://192.0.2.1:9000?passphrase=correct horse": 1}`,
		`["srt://192.0.2.1:9000?passphraze=correct horse"]`,
		`["srt://192.0.2.1:9000?mode=caller&pasphrase=correct&horse&x=horse"]`,
		`["192.0.2.1:9000?passphraze=horse"]`,
		`"srt://192.0.2.1:9000?passphraze=correct horse`,
		`{"srt://192.0.2.1:9000?passphraze=correct horse": 1}`,
	} {
		file := "channel: news\ninputs:\n  - name: main\n    legs: " + legs + "\noutputs:\n  - dir: ./o\n"
		_, err := config.Load(write(t, "a.yaml", file), environment)
		if err == nil || strings.Contains(err.Error(), "horse") {
			t.Errorf("%s: %v", legs, err)
		}
	}
}

// TestNothingPrintsASecret formats a whole channel in every way that a log line might.
func TestNothingPrintsASecret(t *testing.T) {
	t.Parallel()
	c, err := config.Load(write(t, "a.yaml", smallest+"api_token: topsecret1234567890"), environment)
	if err != nil {
		t.Fatal(err)
	}
	c.Outputs = append(c.Outputs, config.Store{HTTP: "https://user:topsecret@origin.example/live"})
	for _, format := range []string{"%v", "%+v", "%s"} {
		if text := fmt.Sprintf(format, c.APIToken) + fmt.Sprintf(format, c.Outputs[1]); strings.Contains(text, "topsecret") {
			t.Errorf("%s: %s", format, text)
		}
	}
	if text := fmt.Sprintf("%+v %#v", *c, c.APIToken); strings.Contains(text, "topsecret") {
		t.Errorf("the channel prints as %s", text)
	}
}

// FuzzRedact: whatever stands around it, the value of a secret option is gone.
func FuzzRedact(f *testing.F) {
	f.Add("srt://host:9000", "&latency=5")
	f.Add("srt://host:9000?streamid=#!::u=x,", "")
	f.Add("rtp://[::1]:5000?a==", " b")
	f.Fuzz(func(t *testing.T, before, after string) {
		const secret = "S3cretS3cret"
		if strings.Contains(before+after, secret) {
			return
		}
		for _, separator := range []string{"?", "&", ","} {
			text := before + separator + "passphrase=" + secret + after
			if got := config.Redact(text); strings.Contains(got, secret) {
				t.Errorf("%q: got %q", text, got)
			}
		}
	})
}

// FuzzRedactStreamKey: whatever the application is called and whatever follows, the key is gone.
func FuzzRedactStreamKey(f *testing.F) {
	f.Add("live", "x=1")
	f.Add("live/studio 5", " and more://x/y")
	f.Fuzz(func(t *testing.T, app, after string) {
		const secret = "S3cretS3cret"
		if strings.Contains(app+after, secret) {
			return
		}
		for _, end := range []string{"", "/", "?" + after, " " + after} {
			text := "rtmp://[::1]:1935/" + url.PathEscape(app) + "/" + secret + end
			if got := config.Redact(text); strings.Contains(got, secret) {
				t.Errorf("%q: got %q", text, got)
			}
		}
	})
}
