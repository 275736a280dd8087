package store

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"
)

// HTTPConfig describes a place on an HTTP origin, and who comes there.
type HTTPConfig struct {
	URL      string // http:// or https://, a host and a path, without more
	User     string // of basic authentication; empty: none
	Password string
	Token    string // sent as Authorization: Bearer; empty: none
	CA       string // PEM file of those whose word is taken for the server's certificate; empty: the system's
	Cert     string // PEM files of this side's own certificate; empty: it has none
	Key      string
	Pipeline string // who writes, for the origin to tell; empty: the name of this host
}

// ParseHTTP reads https://user:password@host/path. Its errors say what is wrong and hold no value that could be a
// secret.
func ParseHTTP(text string) (HTTPConfig, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return HTTPConfig{}, errors.New("it is no URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return HTTPConfig{}, errors.New("it begins with neither http:// nor https://")
	case u.Hostname() == "" || u.Opaque != "":
		return HTTPConfig{}, errors.New("it has no host")
	case !validHost(u.Host):
		return HTTPConfig{}, errors.New("its host has characters that no host has")
	case u.RawQuery != "" || u.ForceQuery:
		return HTTPConfig{}, errors.New("it has options (?): there are none, credentials are keys beside it")
	case u.Fragment != "":
		return HTTPConfig{}, errors.New("it has a fragment (#)")
	}
	c := HTTPConfig{User: u.User.Username()}
	c.Password, _ = u.User.Password()
	if c.Password != "" && c.User == "" {
		return HTTPConfig{}, errors.New("it has a password without a user")
	}
	place := url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host)}
	if prefix := strings.Trim(u.Path, "/"); prefix != "" {
		if CheckName(prefix) != nil {
			return HTTPConfig{}, errors.New("its path has an empty or dotted element, or is too long")
		}
		place.Path = "/" + prefix
	}
	c.URL = place.String()
	return c, nil
}

// validHost tells whether a host is the same when it is written and read again. Names may have letters of any script;
// zones of IPv6 addresses are read in ASCII only (RFC 6874 §2).
func validHost(host string) bool {
	beyond := func(r rune) bool { return r > unicode.MaxASCII }
	return utf8.ValidString(host) && !(strings.Contains(host, "%") && strings.ContainsFunc(host, beyond))
}

// String is the place without who comes there.
func (c HTTPConfig) String() string { return c.URL }

// security is what TLS needs; nil: nothing but the usual.
func (c HTTPConfig) security() (*tls.Config, error) {
	if c.CA == "" && c.Cert == "" {
		return nil, nil //nolint:nilnil // which the library takes for the usual
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("store %s: its ca: %w", c, err)
		}
		if out.RootCAs = x509.NewCertPool(); !out.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("store %s: its ca %q has no certificate in PEM", c, c.CA)
		}
	}
	if c.Cert != "" {
		if _, err := tls.LoadX509KeyPair(c.Cert, c.Key); err != nil {
			return nil, fmt.Errorf("store %s: its cert %q with key %q cannot be used: %w", c, c.Cert, c.Key, err)
		}
		// Read for each connection: what is renewed is used without a restart.
		out.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
			return &pair, err
		}
	}
	return out, nil
}
