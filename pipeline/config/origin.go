package config

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Origin is the file of an origin, as onair origin reads it: validated, environment expanded, defaults applied.
// docs/origin.yaml is the commented reference.
type Origin struct {
	File     string    `yaml:"-"` // the file it came from, as given
	Warnings []Problem `yaml:"-"` // what is allowed and unwise

	HTTP      string        `yaml:"http"`      // listen address
	TLS       TLS           `yaml:"tls"`       // both empty: plain HTTP
	ClientCA  string        `yaml:"client_ca"` // PEM file of those who sign writers' certificates
	Store     Store         `yaml:"store"`     // where objects are kept: a folder or a bucket
	Writers   []Writer      `yaml:"writers"`   // at least one
	Limits    OriginLimits  `yaml:"limits"`
	Retention time.Duration `yaml:"retention"` // 0: nothing goes by age
}

// Writer may push to an origin.
type Writer struct {
	Name        string         `yaml:"name"`
	User        string         `yaml:"user"` // basic authentication
	Password    Secret         `yaml:"password"`
	Token       Secret         `yaml:"token"`       // Authorization: Bearer
	Certificate string         `yaml:"certificate"` // common or DNS name in its certificate
	Channels    []string       `yaml:"channels"`    // empty: all
	Allow       []netip.Prefix `yaml:"allow"`       // where it may come from
}

// OriginLimits bound what an origin takes and holds.
type OriginLimits struct {
	Object   Bytes `yaml:"object"`
	Channels int   `yaml:"channels"`
	Objects  int   `yaml:"objects"` // of a channel
	Bytes    Bytes `yaml:"bytes"`   // of a channel; 0: no limit
	Memory   Bytes `yaml:"memory"`  // of a channel's media that are in memory too
}

func (o *Origin) setDefaults() {
	o.HTTP = ":8081"
	o.Limits.setDefaults()
}

func (l *OriginLimits) setDefaults() {
	*l = OriginLimits{Object: 64 * mebi, Channels: 64, Objects: 200_000, Memory: 32 * mebi}
}

func (w *Writer) setDefaults() {
	w.Allow = []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0)}
}

// LoadOrigin reads the file of an origin. The error is of type Problems.
func LoadOrigin(path string, env func(string) (string, bool)) (*Origin, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, Problems{{File: path, Wrong: err.Error()}}
	}
	o := &Origin{File: path}
	r, problem := fill(path, text, env, reflect.ValueOf(o).Elem(), "needed are store and writers")
	if problem != nil {
		return nil, Problems{*problem}
	}
	if !r.bad[""] {
		r.originFile(o)
	}
	if len(r.problems) > 0 {
		return nil, Problems(sorted(r.problems))
	}
	r.adviseOriginFile(o)
	o.Warnings = sorted(r.warnings)
	return o, nil
}

// Bounds of an origin's limits.
const (
	leastObject    = 64 << 10
	mostObject     = 1 << 30
	mostChannels   = 10_000
	mostObjects    = 10_000_000
	leastRetention = time.Minute
)

// originFile checks what a single value cannot know about itself.
func (r *reader) originFile(o *Origin) {
	r.address("http", o.HTTP)
	r.tls(o.TLS)
	r.check(o.ClientCA == "" || o.TLS.Enabled(), "client_ca", "needs tls", "allowed is tls beside it, or none")
	if r.need("store", "needed is where objects are kept, like {dir: ./origin}") {
		r.store("store", o.Store)
		r.check(!o.Store.Shared, "store.shared", "is not needed", "allowed is a store of this origin's own")
		r.check(o.Store.HTTP == "", "store.http", "is another origin", "allowed is a folder (dir) or a bucket (s3)")
	}
	if r.need("writers", "needed is at least one who may write") && len(o.Writers) == 0 {
		r.wrong("writers", "is empty", "needed is at least one who may write")
	}
	seen := map[string]string{}
	for i, w := range o.Writers {
		r.writer(fmt.Sprintf("writers[%d]", i), w, o, seen)
	}
	l := o.Limits
	r.check(l.Object >= leastObject && l.Object <= mostObject, "limits.object", "is no size of an object",
		"allowed is 65536 to 1GiB")
	r.check(l.Channels >= 1 && l.Channels <= mostChannels, "limits.channels", "is out of range",
		fmt.Sprintf("allowed is 1 to %d", mostChannels))
	r.check(l.Objects >= 1 && l.Objects <= mostObjects, "limits.objects", "is out of range",
		fmt.Sprintf("allowed is 1 to %d", mostObjects))
	r.check(l.Memory >= mebi, "limits.memory", "is too little", "allowed is 1MiB or more")
	r.check(o.Retention == 0 || o.Retention >= leastRetention, "retention", "is too short", "allowed is 1m or more, or 0s")
}

// channelPath is the first element of an object's name.
var channelPath = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$`)

func (r *reader) writer(path string, w Writer, o *Origin, seen map[string]string) {
	r.name(path+".name", w.Name, seen)
	const one = "allowed is one of: user and password, token, certificate, or none of them and allow"
	kinds := 0
	for _, given := range []bool{w.User != "" || w.Password != "", w.Token != "", w.Certificate != ""} {
		if given {
			kinds++
		}
	}
	if kinds > 1 && !r.bad[path] {
		r.wrong(path, "has credentials of more than one kind", one)
	}
	r.check(w.User == "" || w.Password != "", path+".user", "has no password beside it", "needed is password")
	r.check(w.Password == "" || w.User != "", path+".password", "has no user beside it", "needed is user")
	r.check(!strings.Contains(w.User, ":"), path+".user", "has a colon, which ends the user's name in HTTP",
		"allowed is a name without one")
	r.check(strings.Trim(w.Token.Reveal(), visible) == "", path+".token", "has characters that HTTP cannot carry",
		"allowed is visible ASCII without spaces")
	r.check(w.Certificate == "" || o.ClientCA != "", path+".certificate", "cannot be verified", "needed is client_ca")
	for i, c := range w.Channels {
		at := fmt.Sprintf("%s.channels[%d]", path, i)
		r.check(channelPath.MatchString(c) && !slices.Contains(reserved, c), at, "is no channel",
			"allowed is the first element of a path, but "+strings.Join(reserved, ", "))
	}
}

// adviseOriginFile warns about what is allowed and unwise.
func (r *reader) adviseOriginFile(o *Origin) {
	r.adviseTLS(o.TLS)
	if o.ClientCA != "" {
		if _, err := o.Authority(); err != nil {
			r.warn("client_ca", err.Error(), "run refuses it")
		}
	}
	host, _, _ := net.SplitHostPort(o.HTTP) // checked before
	secret := func(w Writer) bool { return w.Password != "" || w.Token != "" }
	if !o.TLS.Enabled() && !onHost(host) && slices.ContainsFunc(o.Writers, secret) {
		r.warn("http", "credentials come there neither encrypted nor from this machine",
			"set tls, or put a proxy with it before")
	}
	for i, w := range o.Writers {
		path := fmt.Sprintf("writers[%d]", i)
		bare := w.User == "" && w.Token == "" && w.Certificate == ""
		if bare && (Input{Allow: w.Allow}).open() {
			r.warn(path, "anybody may write", "give it a token, or user and password, or allow to its address")
		}
		if n := len(w.Token) + len(w.Password); n > 0 && n < shortToken {
			r.warn(path, "has a short secret", fmt.Sprintf("take %d characters or more, at random", shortToken))
		}
	}
}

// Authority are those who sign writers' certificates; nil: nobody is asked for one.
func (o *Origin) Authority() (*x509.CertPool, error) {
	if o.ClientCA == "" {
		return nil, nil //nolint:nilnil // nobody is asked
	}
	pem, err := os.ReadFile(o.ClientCA)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("it has no certificate in PEM")
	}
	return pool, nil
}
