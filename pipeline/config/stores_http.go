package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"onair/pkg/store"
)

// Origin is the place of a store on an HTTP origin, with who comes there.
func (s Store) Origin() (store.HTTPConfig, error) {
	c, err := store.ParseHTTP(s.HTTP)
	if err != nil {
		return c, err
	}
	if s.User != "" {
		c.User, c.Password = s.User, s.Password.Reveal()
	}
	c.Token, c.CA, c.Cert, c.Key, c.Pipeline = s.Token.Reveal(), s.CA, s.Cert, s.Key, s.Pipeline
	return c, nil
}

// originKeys are those of a store on an HTTP origin alone.
var originKeys = []string{"user", "password", "token", "ca", "cert", "key", "pipeline", "cmaf"}

// origin checks the address of an HTTP origin and the keys beside it, which other stores do not have.
func (r *reader) origin(path string, s Store, is bool) {
	if !is {
		for _, key := range originKeys {
			r.check(!r.given(path+"."+key), path+"."+key, "is for an http store only", "allowed is none here")
		}
		return
	}
	u, err := url.Parse(s.HTTP)
	if err == nil {
		_, err = store.ParseHTTP(s.HTTP)
	} else {
		err = errors.New("it is no URL")
	}
	if err != nil {
		r.wrong(path+".http", fmt.Sprintf("%s is no HTTP origin: %v", r.quote(path+".http"), err),
			"allowed is http://HOST/PATH or https://HOST/PATH")
		return
	}
	r.originWho(path, s, u)
	secure := u.Scheme == "https"
	for _, key := range []string{"ca", "cert", "key"} {
		r.check(secure || !r.given(path+"."+key), path+"."+key, "is for https only", "allowed is an address with https://")
	}
	both := "needed are cert and key, or neither"
	r.check(s.Cert == "" || s.Key != "", path+".cert", "has no key beside it", both)
	r.check(s.Key == "" || s.Cert != "", path+".key", "has no cert beside it", both)
	r.check(len(s.Pipeline) <= 63 && strings.Trim(s.Pipeline, visible) == "", path+".pipeline", "is no name",
		"allowed are 63 visible characters of ASCII, without spaces")
}

// visible are the characters that a header carries as they are.
const visible = "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"

// originWho checks the credentials, of which there is one kind at most.
func (r *reader) originWho(path string, s Store, u *url.URL) {
	one := "allowed is one of: user and password, a user in the address, token"
	r.check(u.User == nil || s.User == "", path+".user", "is in the address, too", one)
	r.check(s.Token == "" || s.User == "" && u.User == nil, path+".token", "has a user beside it", one)
	r.check(s.Password == "" || s.User != "", path+".password", "has no user beside it", "needed is user")
	r.check(!strings.Contains(s.User, ":"), path+".user", "has a colon, which ends the user's name in HTTP",
		"allowed is a name without one")
	r.check(strings.Trim(s.Token.Reveal(), visible) == "", path+".token", "has characters that HTTP cannot carry",
		"allowed is visible ASCII without spaces")
}

// adviseOrigin warns about credentials that others can read, and about files that run would not find.
func (r *reader) adviseOrigin(path string, s Store) {
	c, err := s.Origin()
	if s.HTTP == "" || err != nil {
		return
	}
	u, err := url.Parse(c.URL)
	if err == nil && u.Scheme == "http" && (c.User != "" || c.Token != "") && !onHost(u.Hostname()) {
		r.warn(path+".http", "credentials go there neither encrypted nor on this machine", "take https")
	}
	for _, f := range []struct{ key, name string }{{"ca", s.CA}, {"cert", s.Cert}, {"key", s.Key}} {
		if f.name == "" {
			continue
		}
		if _, err := os.Stat(f.name); err != nil {
			r.warn(path+"."+f.key, quote(f.name)+" cannot be found on this machine", "run will need it")
		}
	}
}

// onHost tells whether a host is this one, as far as its name tells.
func onHost(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

func httpURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.Fragment == ""
}
