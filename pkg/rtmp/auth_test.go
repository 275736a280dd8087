package rtmp_test

import (
	"testing"

	"onair/pkg/rtmp"
)

// TestAnswers: computed by hand, with other tools.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const nonce, own = "0123456789abcdef", "1a2b3c4d"
	llnw := func(app string) rtmp.LLNW { return rtmp.LLNW{App: app, Nonce: nonce, Own: own, Count: "00000001"} }
	for _, c := range []struct{ got, want string }{
		{rtmp.Adobe{Salt: "f00dcafe", Challenge: nonce, Own: own}.Response("me", "secret"), "N5PLHhLr8+cmQ8/F0K0jkw=="},
		{rtmp.Adobe{}.Response("", ""), "2iu9I2HkRim3Dk3gBSXrow=="},
		{llnw("live").Response("me", "secret"), "8bb4261d640f88734bf4619ff199e646"},
		{llnw("live/studio").Response("me", "secret"), "5e408ebc6bc0382a4e7f1a1b3907417e"},
	} {
		if c.got != c.want {
			t.Errorf("%s, want %s", c.got, c.want)
		}
	}
}
