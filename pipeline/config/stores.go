package config

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

func (r *reader) stores(c *Channel) {
	if r.need("outputs", "needed is at least one store, like - dir: ./origin") && len(c.Outputs) == 0 {
		r.wrong("outputs", "is empty", "needed is at least one store, like - dir: ./origin")
	}
	seen := map[string]string{}
	for i, s := range c.Outputs {
		path := fmt.Sprintf("outputs[%d]", i)
		r.store(path, s)
		key := s.key()
		if first, ok := seen[key]; ok && !r.bad[path] {
			r.wrong(path, "is the same store as "+first, "allowed is each store once")
			continue
		}
		seen[key] = path
	}
	if r.given("timeline") {
		r.store("timeline", c.Timeline)
	}
}

// Same tells whether two stores are one.
func (s Store) Same(other Store) bool { return s.key() == other.key() }

// key is equal for two stores that are one.
func (s Store) key() string {
	if s.Dir != "" {
		return filepath.Clean(s.Dir)
	}
	return s.S3 + s.HTTP
}

func (r *reader) store(path string, s Store) {
	if r.bad[path] || r.bad[path+".dir"] || r.bad[path+".s3"] || r.bad[path+".http"] {
		return
	}
	var kinds []string
	for _, kind := range []string{"dir", "s3", "http"} {
		if r.given(path + "." + kind) {
			kinds = append(kinds, kind)
		}
	}
	switch {
	case len(kinds) == 0:
		r.wrong(path, "names no store", "needed is one of dir, s3 and http")
		return
	case len(kinds) > 1:
		r.wrong(path, "has "+strings.Join(kinds, " and "),
			"allowed is one of dir, s3 and http; a second store is an item of its own")
		return
	}
	r.check(kinds[0] != "dir" || s.Dir != "", path+".dir", "is no folder", "allowed is a path like ./origin")
	r.check(kinds[0] != "s3" || s3URL(s.S3), path+".s3", "is no S3 address",
		"allowed is s3://BUCKET/PREFIX?endpoint=...&region=...&path_style=1")
	r.check(kinds[0] != "http" || httpURL(s.HTTP), path+".http", "is no HTTP address",
		"allowed is http://HOST/... or https://HOST/...")
}

// s3Options are what an S3 address may say beside bucket and prefix.
var s3Options = map[string]bool{"endpoint": true, "region": true, "path_style": true}

func s3URL(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "s3" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	query, err := url.ParseQuery(u.RawQuery)
	for name, values := range query {
		if !s3Options[name] || len(values) != 1 {
			return false
		}
	}
	return err == nil && (!query.Has("endpoint") || httpURL(query.Get("endpoint")))
}

func httpURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.Fragment == ""
}
