package config

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"onair/pkg/merge"
	"onair/pkg/tick"
)

// Values of keys that are one of a few words.
const (
	startSlate   = "slate"
	startWait    = "wait"
	timecodeNone = "none"
	timecodeSEI  = "sei"
	monitorAuto  = "auto"
	monitorOn    = "on"
	monitorOff   = "off"
	codecH264    = "h264"
	codecHEVC    = "hevc"
	codecAV1     = "av1"
)

// Bounds of a channel's times.
const (
	minSegment = 2 * time.Second
	maxSegment = 10 * time.Second
	maxWindow  = 7 * 24 * time.Hour
	minGOP     = 500 * time.Millisecond // shorter ones cost more than they give, and rounding to frames stretches them
	minLoss    = 100 * time.Millisecond // networks pause for less
	maxLoss    = time.Minute
	maxHold    = 10 * time.Second
)

// maxMerge is how long the merge can keep datagrams.
var maxMerge = merge.MaxWindow.Duration()

// Least limits of a run that are no mistake.
const (
	minMemory     = 64 * mebi
	minProcessors = 0.1
)

// minWindow is the segments that a live playlist must keep (RFC 8216bis §6.2.2).
const minWindow = 3

var (
	channelName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	pathName    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)
	language    = regexp.MustCompile(`^[a-z]{2,3}$`)
)

// reserved names would hide other paths of the HTTP address.
var reserved = []string{"api", "assets", "healthz", "metrics", "readyz"}

// words stand for something else where an input is named, in the API and in status.
var words = []string{"auto", "slate"}

// taken names are other things in a channel's folder.
var taken = []string{"anchors", "index", "manifest"}

// check records a problem unless the path has one already or the value is fine.
func (r *reader) check(fine bool, path, wrong, allowed string) {
	if !fine && !r.bad[path] {
		r.wrong(path, r.quote(path)+" "+wrong, allowed)
	}
}

// need records a missing key.
func (r *reader) need(path, allowed string) bool {
	if !r.given(path) {
		r.wrong(path, "is missing", allowed)
	}
	return !r.bad[path]
}

// between checks a duration and prints the bounds as a user writes them.
func (r *reader) between(path string, v, least, most time.Duration) {
	allowed := fmt.Sprintf("allowed is %s to %s", short(least), short(most))
	r.check(v >= least, path, "is too short", allowed)
	r.check(v <= most, path, "is too long", allowed)
}

// lasting checks how long a condition on the content has to last: what is shorter is part of many a programme.
func (r *reader) lasting(path string, v time.Duration) {
	const allowed = "allowed is 1s to 1h, or 0s (off)"
	r.check(v == 0 || v >= time.Second, path, "is too short", allowed)
	r.check(v <= time.Hour, path, "is too long", allowed)
}

// short is a duration without the zero units that its String has.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func (r *reader) oneOf(path, v string, words ...string) {
	last := len(words) - 1
	r.check(slices.Contains(words, v), path, "is not known here",
		"allowed is "+strings.Join(words[:last], ", ")+" or "+words[last])
}

// validate checks what a single value cannot know about itself.
func (r *reader) validate(c *Channel) {
	if r.need("channel", "allowed is a name of a-z, 0-9 and -") {
		r.check(channelName.MatchString(c.Name), "channel", "is no channel name",
			"allowed are 1 to 63 of a-z, 0-9 and -, not beginning with -")
		r.check(!slices.Contains(reserved, c.Name), "channel", "is a path of the HTTP address already",
			"allowed is any name but "+strings.Join(reserved, ", "))
	}
	r.address("http", c.HTTP)
	r.tls(c.TLS)
	if strings.ContainsFunc(c.APIToken.Reveal(), func(c rune) bool { return c <= ' ' || c > '~' }) {
		r.wrong("api_token", "holds a character that no HTTP header may carry", "allowed is visible ASCII without spaces")
	}
	r.inputs(c)
	r.oneOf("start", c.Start, startSlate, startWait)
	r.between("failover.loss", c.Failover.Loss, minLoss, maxLoss)
	r.slate(c)
	r.check(c.Failover.Errors >= 0, "failover.errors", "is negative", "allowed is 0 (off) or more")
	r.lasting("failover.black", c.Failover.Black)
	r.lasting("failover.freeze", c.Failover.Freeze)
	r.lasting("failover.silence", c.Failover.Silence)
	r.check(c.Limits.Memory == 0 || c.Limits.Memory >= minMemory, "limits.memory", "is too little for any run",
		"allowed is "+Bytes(minMemory).String()+" or more, or 0 (by the ladder)")
	r.check(c.Limits.CPU == 0 || c.Limits.CPU >= minProcessors, "limits.cpu", "is too little for any run",
		"allowed is 0.1 or more, or 0 (no limit)")
	r.times(c)
	r.renditions(c)
	r.stores(c)
	r.webhook(c)
	c.complete()
}

func (r *reader) tls(t TLS) {
	const both = "allowed are both cert and key, or none"
	r.check(t.Cert == "" || t.Key != "", "tls.cert", "has no key beside it", both)
	r.check(t.Key == "" || t.Cert != "", "tls.key", "has no cert beside it", both)
}

func (r *reader) address(path, v string) {
	host, port, err := net.SplitHostPort(v)
	n, errPort := strconv.ParseUint(port, 10, 16)
	fine := err == nil && errPort == nil && n <= 65535 && !strings.ContainsAny(host, "/ \t?#@")
	r.check(fine, path, "is no address to listen on", `allowed is HOST:PORT or :PORT, like ":8080" or "[::1]:8080"`)
}

func (r *reader) times(c *Channel) {
	r.between("segment", c.Segment, minSegment, maxSegment)
	r.check(c.GOP >= minGOP, "gop", "is too short", fmt.Sprintf("allowed is %s or more", short(minGOP)))
	if !r.bad["segment"] && !r.bad["gop"] {
		path, wrong := "gop", fmt.Sprintf("does not divide the segment of %s", short(c.Segment))
		if !r.given("gop") {
			path, wrong = "segment", fmt.Sprintf("is no multiple of the gop, %s unless gop says otherwise", short(c.GOP))
		}
		r.check(c.GOP > 0 && c.Segment%c.GOP == 0, path, wrong,
			"allowed is the segment divided by a whole number, like "+strings.Join(divisors(c), ", "))
	}
	r.rounding(c)
	if !r.bad["segment"] {
		r.between("window", c.Window, minWindow*c.Segment, maxWindow)
	}
}

// maxStretch is how far, in hundredths, whole frames may take a segment from what the file says.
const maxStretch = 10

// rounding checks that the segments are what the file says, roughly, once the gop is a whole number of frames: at any
// rate that the channel may get.
func (r *reader) rounding(c *Channel) {
	if r.bad["segment"] || r.bad["gop"] || r.bad["frame_rate"] || c.SoundOnly() {
		return
	}
	for _, rate := range c.rates() {
		if got, fits := c.rounded(rate, c.GOP); !fits {
			r.check(false, "gop", fmt.Sprintf("makes segments of %s instead of %s at %s pictures a second",
				short(got.Round(time.Millisecond)), short(c.Segment), rate), "allowed is "+strings.Join(divisors(c), ", "))
		}
	}
}

// rates are those that the channel's grid may get.
func (c *Channel) rates() []tick.Rate {
	if c.FrameRate.IsZero() {
		return tick.Standard
	}
	return []tick.Rate{c.FrameRate}
}

// rounded is the length of a segment with this gop in whole frames, and whether it is near enough.
func (c *Channel) rounded(rate tick.Rate, gop time.Duration) (time.Duration, bool) {
	g, err := tick.NewGrid(rate, ticks(c.Segment), ticks(gop))
	got := g.T.Duration()
	return got, err == nil && (got-c.Segment).Abs()*100 <= c.Segment*maxStretch
}

// divisors are gop lengths that fit a channel's segment, longest first: those that read well.
func divisors(c *Channel) []string {
	var out []string
	for n := 1; n <= 20 && c.Segment/time.Duration(n) >= minGOP; n++ {
		gop := c.Segment / time.Duration(n)
		fits := c.Segment%(time.Duration(n)*time.Millisecond) == 0
		for _, rate := range c.rates() {
			_, ok := c.rounded(rate, gop)
			fits = fits && ok
		}
		if fits {
			out = append(out, short(gop))
		}
	}
	return out
}

// name checks a name that becomes part of a path, and that no earlier item has it.
func (r *reader) name(path, v string, seen map[string]string) {
	if !r.need(path, "allowed is a name of letters, digits, - and _") {
		return
	}
	r.check(pathName.MatchString(v), path, "cannot be part of a path",
		"allowed are 1 to 63 letters, digits, - and _, the first a letter or digit")
	r.check(!slices.Contains(taken, strings.ToLower(v)), path, "is a name of something else in the channel's folder",
		"allowed is any name but "+strings.Join(taken, ", "))
	folded := strings.ToLower(v) // some file systems do not tell A from a
	if first, ok := seen[folded]; ok {
		r.check(false, path, "is also the name of "+first, "allowed are names that differ in more than case")
		return
	}
	seen[folded] = strings.TrimSuffix(path, ".name")
}
