package store

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/s3utils"
)

// S3Config describes a place in a bucket.
type S3Config struct {
	Bucket      string
	Prefix      string // of all names; empty: none
	Endpoint    string // http:// or https:// and a host, without a path; empty: Amazon's
	Region      string // empty: us-east-1
	PathStyle   bool   // the bucket is in the path of URLs, not in the host's name
	Profile     string // of the credentials file; empty: see NewS3
	Credentials string // path of the credentials file; empty: AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/credentials
}

// s3Options are what the query of an S3 URL may say.
var s3Options = map[string]func(c *S3Config, value string) error{
	"endpoint":    func(c *S3Config, v string) error { c.Endpoint = v; return nil },
	"region":      func(c *S3Config, v string) error { c.Region = v; return nil },
	"profile":     func(c *S3Config, v string) error { c.Profile = v; return nil },
	"credentials": func(c *S3Config, v string) error { c.Credentials = v; return nil },
	"path_style": func(c *S3Config, v string) error {
		c.PathStyle = v == "1"
		if v != "0" && v != "1" {
			return errors.New("path_style is neither 0 nor 1")
		}
		return nil
	},
}

// ParseS3 reads s3://bucket/prefix?endpoint=http://host:port&region=...&path_style=1&profile=...&credentials=file. Its
// errors say what is wrong and hold no value that could be a secret: keys belong into the environment or a file.
func ParseS3(text string) (S3Config, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return S3Config{}, errors.New("it is no URL")
	case u.Scheme != "s3":
		return S3Config{}, errors.New("it does not begin with s3://")
	case u.User != nil:
		return S3Config{}, errors.New("it has a user: keys come from the environment or a credentials file")
	case u.Fragment != "":
		return S3Config{}, errors.New("it has a fragment (#)")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return S3Config{}, errors.New("its options cannot be read")
	}
	c := S3Config{Bucket: u.Host, Prefix: strings.Trim(u.Path, "/")}
	for name, values := range query {
		set, known := s3Options[name]
		switch {
		case !known:
			return S3Config{}, errors.New("it has an option that S3 stores do not have")
		case len(values) != 1 || values[0] == "":
			return S3Config{}, fmt.Errorf("%s is given %d times, or empty", name, len(values))
		}
		if err := set(&c, values[0]); err != nil {
			return S3Config{}, err
		}
	}
	_, _, _, err = c.complete()
	return c, err
}

// complete fills in what is left out, and tells the host to ask and whether by TLS.
func (c S3Config) complete() (full S3Config, host string, secure bool, err error) {
	if s3utils.CheckValidBucketNameStrict(c.Bucket) != nil {
		return c, "", false, errors.New("its bucket's name is none (3 to 63 of a-z 0-9 - .)")
	}
	if c.Prefix != "" {
		if err := CheckName(c.Prefix); err != nil {
			return c, "", false, fmt.Errorf("its prefix: %w", err)
		}
	}
	if c.Region == "" {
		c.Region = defaultRegion
	}
	if c.Endpoint == "" {
		return c, amazon, true, nil
	}
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return c, "", false, errors.New("its endpoint is not http:// or https:// and a host")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return c, "", false, errors.New("its endpoint has more than scheme, host and port")
	}
	secure = u.Scheme == "https"
	if _, err := minio.New(u.Host, &minio.Options{Secure: secure}); err != nil {
		return c, "", false, errors.New("its endpoint's host is none")
	}
	return c, u.Host, secure, nil
}

// String is the place without the way there.
func (c S3Config) String() string {
	out := "s3://" + c.Bucket
	if c.Prefix != "" {
		out += (&url.URL{Path: "/" + c.Prefix}).EscapedPath()
	}
	if c.Endpoint != "" {
		out += "?endpoint=" + strings.TrimRight(c.Endpoint, "/")
	}
	return out
}
