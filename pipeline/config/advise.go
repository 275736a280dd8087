package config

import (
	"fmt"
	"os"
	"slices"
	"time"

	"onair/pkg/leg"
)

// Beyond these a file is legal and probably not what its author wants.
const (
	appleSegments = 6 // Apple HLS authoring rule 8.11
	appleGOP      = 2 * time.Second
	bigWindow     = 24 * time.Hour
	shortToken    = 16 // characters
)

// advise warns about what is allowed and unwise. Only a file without problems gets advice.
func (r *reader) advise(c *Channel) {
	if len(r.problems) > 0 {
		return
	}
	for i, in := range c.Inputs {
		r.adviseInput(fmt.Sprintf("inputs[%d]", i), in, c)
	}
	if c.Window < appleSegments*c.Segment {
		r.warn("window", fmt.Sprintf("%s is less than %d segments", short(c.Window), appleSegments),
			fmt.Sprintf("Apple's players want %s or more", short(appleSegments*c.Segment)))
	}
	if c.Window > bigWindow {
		r.warn("window", fmt.Sprintf("%s makes playlists of %d segments", short(c.Window), c.Window/c.Segment),
			"every player loads one with each segment")
	}
	if c.GOP > appleGOP {
		r.warn("gop", fmt.Sprintf("%s is long", short(c.GOP)), "players join and switch at key frames: 2s or less is usual")
	}
	if n := len(c.APIToken); n > 0 && n < shortToken {
		r.warn("api_token", fmt.Sprintf("has %d characters", n), fmt.Sprintf("take %d or more, at random", shortToken))
	}
	r.adviseTLS(c.TLS)
	for i, s := range c.Outputs {
		r.adviseOrigin(fmt.Sprintf("outputs[%d]", i), s)
	}
	if r.given("timeline") {
		r.adviseOrigin("timeline", c.Timeline)
	}
	r.adviseTwin(c)
	r.adviseWebhook(c)
	r.adviseLadder(c)
}

// adviseTwin warns about a twin that cannot be one.
func (r *reader) adviseTwin(c *Channel) {
	if c.Twin.IsZero() {
		return
	}
	r.adviseOrigin("twin", c.Twin)
	if !c.SharesTimeline() {
		r.warn("twin", "the timeline is in a folder that this pipeline publishes to",
			"pipelines whose segments are to be interchangeable share a timeline")
	}
}

// adviseTLS looks at the certificate, which may be on another machine only.
func (r *reader) adviseTLS(t TLS) {
	found := t.Enabled()
	for _, f := range []struct{ path, name string }{{"tls.cert", t.Cert}, {"tls.key", t.Key}} {
		if f.name == "" {
			continue
		}
		if _, err := os.Stat(f.name); err != nil {
			r.warn(f.path, quote(f.name)+" cannot be found on this machine", "run will need it")
			found = false
		}
	}
	if !found {
		return
	}
	pair, err := t.Load()
	if err != nil {
		r.warn("tls", err.Error(), "run refuses it")
	} else if text, _ := Ending(pair, time.Now()); text != "" {
		r.warn("tls.cert", text, "renew it; it is read again by itself")
	}
}

func (r *reader) adviseInput(path string, in Input, c *Channel) {
	for i, u := range in.Legs {
		at := fmt.Sprintf("%s.legs[%d]", path, i)
		if u.Scheme == leg.SRT && u.Mode == leg.Listener && u.Passphrase == "" && in.open() {
			r.warn(at, "anybody may connect, and unencrypted", "set a passphrase, or allow to the sender's address")
		}
		if u.Scheme == leg.RTSP && u.Mode == leg.Listener && u.User == "" && in.open() {
			r.warn(at, "anybody may publish", "write user:password@ before the host, or allow to the sender's address")
		}
		r.adviseFile(at, u)
		r.adviseApplication(at, u, c)
		if len(in.Legs) > 1 && u.Scheme != leg.RTP && u.Scheme != leg.SRT {
			r.warn(at, string(u.Scheme)+": has no sequence numbers, so it cannot be merged with other legs",
				"make it an input of its own, or send RTP")
		}
	}
}

func (r *reader) adviseLadder(c *Channel) {
	if len(c.Video) > 0 && !slices.ContainsFunc(c.Video, func(v Video) bool { return v.Codec == codecH264 }) {
		r.warn("video", "has no h264 rendition", "many players decode nothing else")
	}
	for i, v := range c.Video {
		for j, w := range c.Video {
			if v.Codec == w.Codec && v.Size.Width*v.Size.Height > w.Size.Width*w.Size.Height && v.Bitrate <= w.Bitrate {
				r.warn(fmt.Sprintf("video[%d].bitrate", i),
					fmt.Sprintf("%v for %v is not more than %v for the smaller %v (video[%d])",
						v.Bitrate, v.Size, w.Bitrate, w.Size, j),
					"players take the smaller picture for the better one")
			}
		}
	}
	languages := map[string]string{}
	for i, a := range c.Audio {
		path := fmt.Sprintf("audio[%d]", i)
		if first, ok := languages[a.Language]; ok {
			r.warn(path, fmt.Sprintf("has the language %q of %s too", a.Language, first), "viewers tell them by name only")
		}
		languages[a.Language] = path
	}
}
