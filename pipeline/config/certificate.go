package config

import (
	"crypto/tls"
	"fmt"
	"time"
)

// endsSoon is how long before its end a certificate is told of; of one that is made for a short time, a quarter of it.
const endsSoon = 14 * 24 * time.Hour

// Load reads certificate and key. The error says which files, and what is wrong.
func (t TLS) Load() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate %q with key %q cannot be used: %w", t.Cert, t.Key, err)
	}
	return &pair, nil
}

// Ending says that a certificate ends soon or, which is worse, is not valid now; empty: it is well.
func Ending(pair *tls.Certificate, now time.Time) (text string, invalid bool) {
	from, end := pair.Leaf.NotBefore, pair.Leaf.NotAfter
	switch left := end.Sub(now); {
	case now.Before(from):
		return fmt.Sprintf("is not valid before %s", from.UTC().Format(time.RFC3339)), true
	case left <= 0:
		return fmt.Sprintf("was valid until %s: players refuse it", end.UTC().Format(time.RFC3339)), true
	case left < min(endsSoon, end.Sub(from)/4):
		return fmt.Sprintf("is valid for %d h more, until %s", int(left.Hours()), end.UTC().Format(time.RFC3339)), false
	}
	return "", false
}
