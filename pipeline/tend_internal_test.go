package pipeline

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"onair/pipeline/config"
	"onair/pipeline/ingest"
)

// tendRig is a channel of which nothing runs but its inputs.
type tendRig struct {
	*Channel
	t  *testing.T
	at map[*input]*tended
}

// channelOf is a file with these inputs, each "name leg".
func channelOf(t *testing.T, inputs ...string) *config.Channel {
	t.Helper()
	dir := t.TempDir()
	text := "channel: ch\noutputs: [{dir: \"" + dir + "\"}]\ninputs:\n"
	for _, in := range inputs {
		name, leg, _ := strings.Cut(in, " ")
		text += "  - {name: " + name + ", legs: [\"" + leg + "\"]}\n"
	}
	file := filepath.Join(dir, "channel.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newTendRig(t *testing.T, inputs ...string) *tendRig {
	t.Helper()
	c, err := New(ChannelConfig{File: channelOf(t, inputs...), Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	r := &tendRig{Channel: c, t: t, at: map[*input]*tended{}}
	ctx, cancel := context.WithCancel(t.Context())
	for _, in := range c.inputs() {
		r.at[in] = c.startInput(ctx, in)
	}
	t.Cleanup(func() {
		cancel()
		for _, tended := range r.at {
			tended.close()
			tended.endInput()
		}
		c.timeline.wg.Wait()
	})
	r.listening(inputs...)
	return r
}

// listening waits until the inputs are these, each "name leg", with sockets that were opened at the first attempt.
func (r *tendRig) listening(inputs ...string) {
	r.t.Helper()
	for i, want := range inputs {
		var got string
		for began := time.Now(); !strings.HasSuffix(got, string(ingest.Listening)); pause(r.t.Context(), time.Millisecond) {
			in := r.inputs()[i]
			l := in.legs.Load().Stats(r.now()).Legs[0]
			got = in.name + " " + l.URL + " " + string(l.State)
			if l.Error != "" && l.Error != ingest.NotOpen || time.Since(began) > 10*time.Second {
				r.t.Fatalf("%s: %s, want %s", got, l.Error, want)
			}
		}
		if got != want+" "+string(ingest.Listening) {
			r.t.Errorf("input %d: %s, want %s", i, got, want)
		}
	}
}

func freeUDP(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().String()
}

// TestSocketsAreClosedBeforeOthersAreOpened: of inputs that are renamed, or exchange their addresses.
func TestSocketsAreClosedBeforeOthersAreOpened(t *testing.T) {
	a, b := "rtp://"+freeUDP(t), "rtp://"+freeUDP(t)
	srt := "srt://" + freeUDP(t) + "?mode=listener"
	for name, c := range map[string]struct{ was, is []string }{
		"renamed":                {[]string{"main " + a}, []string{"other " + a}},
		"renamed, SRT":           {[]string{"main " + srt}, []string{"other " + srt}},
		"exchanged":              {[]string{"main " + a, "backup " + b}, []string{"main " + b, "backup " + a}},
		"one takes from another": {[]string{"main " + a, "backup " + b}, []string{"main " + b}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newTendRig(t, c.was...)
			all, before := r.inputs(), make([]*ingest.Input, 0, 2)
			for _, in := range all {
				before = append(before, in.legs.Load())
			}
			for _, in := range all {
				end := r.at[in].endLegs
				r.at[in].endLegs = func() {
					for i, other := range all {
						if other.legs.Load() != before[i] || len(r.at) > len(all) {
							t.Errorf("another is opened before %s is closed", in.name)
						}
					}
					end()
				}
			}
			r.latest.Store(channelOf(t, c.is...))
			r.arrange(t.Context(), r.at)
			r.listening(c.is...)
			if len(r.inputs()) != len(c.is) || len(r.at) != len(c.is) {
				t.Errorf("%d inputs of %d", len(r.inputs()), len(r.at))
			}
		})
	}
}
