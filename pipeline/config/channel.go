package config

import (
	"net/netip"
	"time"

	"onair/pkg/leg"
	"onair/pkg/tick"
)

// Channel is one channel file: validated, environment expanded, defaults applied. Every yaml tag is a key of the file;
// docs/channel.yaml is the commented reference.
type Channel struct {
	File     string    `yaml:"-"` // the file it came from, as given
	Warnings []Problem `yaml:"-"` // what is allowed and unwise; check prints them, run logs them

	at map[string]int // path to line

	Name     string   `yaml:"channel"`   // a-z 0-9 -; used in every path
	HTTP     string   `yaml:"http"`      // listen address; channels of a process may share one
	TLS      TLS      `yaml:"tls"`       // both empty: plain HTTP
	APIToken Secret   `yaml:"api_token"` // empty: what changes anything is for loopback only
	Inputs   []Input  `yaml:"inputs"`    // in order of preference, at least one
	Start    string   `yaml:"start"`     // "slate" or "wait"
	Failover Failover `yaml:"failover"`
	Slate    Slate    `yaml:"slate"`

	FrameRate tick.Rate     `yaml:"frame_rate"` // zero: the standard rate nearest to that of the first source seen
	Segment   time.Duration `yaml:"segment"`    // 2 s to 10 s, before rounding to whole frames (Grid does that)
	GOP       time.Duration `yaml:"gop"`        // divides Segment
	Preset    string        `yaml:"preset"`     // the encoder's own name for its speed
	Limits    Limits        `yaml:"limits"`

	Video []Video `yaml:"video"` // nil: the default ladder for the source's size; empty: a channel without video
	Audio []Audio `yaml:"audio"` // empty: a channel without audio

	Window   time.Duration `yaml:"window"`   // what playlists list
	Timeline Store         `yaml:"timeline"` // holds grid and anchors; the first output unless the file says otherwise
	Outputs  []Store       `yaml:"outputs"`  // at least one; each gets everything
	Twin     Store         `yaml:"twin"`     // where the channel's other pipeline publishes, to be read; zero: nothing is

	Webhook       Hook   `yaml:"webhook"`        // where events are posted; empty: nowhere
	WebhookSecret Secret `yaml:"webhook_secret"` // signs them; empty: they are not signed
}

// Limits bound what one run of FFmpeg may take of the machine.
type Limits struct {
	Memory Bytes      `yaml:"memory"` // 0: by the ladder
	CPU    Processors `yaml:"cpu"`    // 0: no limit
}

// TLS names the certificate and key of an HTTPS address, PEM files.
type TLS struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// Enabled tells whether the address speaks HTTPS.
func (t TLS) Enabled() bool { return t.Cert != "" }

// Input is one source of the programme.
type Input struct {
	Name     string         `yaml:"name"`     // path-safe, unique in the channel
	Legs     []leg.URL      `yaml:"legs"`     // one, or several that carry identical packets (SMPTE ST 2022-7)
	Merge    time.Duration  `yaml:"merge"`    // longest wait for a packet that one leg has and another may bring
	Program  int            `yaml:"program"`  // programme number; 0 is the first
	Audio    []Selector     `yaml:"audio"`    // source tracks for the audio renditions; empty: by language, else by place
	Timecode string         `yaml:"timecode"` // "none" or "sei"
	Monitor  string         `yaml:"monitor"`  // "auto", "on" or "off": whether its content is watched, see Watched
	Allow    []netip.Prefix `yaml:"allow"`    // who may send
}

// ByTimecode tells whether time labels in the input's pictures place them on the timeline.
func (in Input) ByTimecode() bool { return in.Timecode == timecodeSEI }

// StartsOnSlate tells whether the channel goes on air without any input.
func (c *Channel) StartsOnSlate() bool { return c.Start == startSlate }

// Watched tells whether the content of an input is to be watched: always, never, or, left to itself, where it decides
// about the input that is on air.
func (c *Channel) Watched(in Input) bool {
	f := c.Failover
	return in.Monitor == monitorOn || in.Monitor == monitorAuto && (f.Black > 0 || f.Freeze > 0 || f.Silence > 0)
}

// Failover says when another input takes over. Zero switches a check off.
type Failover struct {
	Loss        time.Duration `yaml:"loss"`
	ReturnAfter time.Duration `yaml:"return_after"`
	Errors      int           `yaml:"errors"` // transport errors in a second
	Black       time.Duration `yaml:"black"`
	Freeze      time.Duration `yaml:"freeze"`
	Silence     time.Duration `yaml:"silence"`
}

// Slate is what viewers get when no input can be shown.
type Slate struct {
	Hold  time.Duration `yaml:"hold"`
	Image string        `yaml:"image"`
	Text  string        `yaml:"text"`
}

// Video is one video rendition of the ladder.
type Video struct {
	Name    string  `yaml:"name"` // path-safe, unique among all renditions
	Size    Size    `yaml:"size"` // the box that the picture is fitted into
	Bitrate Bitrate `yaml:"bitrate"`
	Codec   string  `yaml:"codec"`   // "h264", "hevc" or "av1"
	Encoder string  `yaml:"encoder"` // FFmpeg's name of the encoder; empty: the software encoder of Codec
}

// Audio is one audio rendition of the ladder.
type Audio struct {
	Name     string  `yaml:"name"` // path-safe, unique among all renditions
	Bitrate  Bitrate `yaml:"bitrate"`
	Channels int     `yaml:"channels"` // 1, 2 or 6
	Language string  `yaml:"language"` // "und", or an ISO 639 code of two or three letters
}

// Store is where objects go: exactly one of Dir, S3 and HTTP is set, the others are for HTTP.
type Store struct {
	Dir  string `yaml:"dir"`  // folder
	S3   string `yaml:"s3"`   // s3://bucket/prefix?...; may hold secrets
	HTTP string `yaml:"http"` // http(s) URL; may hold secrets

	Shared bool `yaml:"shared"` // another pipeline of the channel publishes there, too

	User     string `yaml:"user"`     // basic authentication
	Password Secret `yaml:"password"` // likewise
	Token    Secret `yaml:"token"`    // Authorization: Bearer
	CA       string `yaml:"ca"`       // PEM file
	Cert     string `yaml:"cert"`     // PEM file of this side's certificate
	Key      string `yaml:"key"`      // likewise
	Pipeline string `yaml:"pipeline"` // name that the origin is told; empty: that of the host
	CMAF     bool   `yaml:"cmaf"`     // it is a receiver of CMAF ingest: written to only
}

// IsZero tells a store that the file does not name.
func (s Store) IsZero() bool { return s.Dir+s.S3+s.HTTP == "" }

// String names the store with its secrets hidden.
func (s Store) String() string { return Redact(s.Dir + s.S3 + s.HTTP) }
