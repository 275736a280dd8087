package rtmp

import (
	"crypto/md5" // as the dialogues have it
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// Two dialogues exist by which a publisher proves on connecting that it knows a password, without telling it. Neither
// has a specification; this is what encoders compute.

// Adobe is a challenge of authmod=adobe, with the publisher's own one.
type Adobe struct{ Salt, Challenge, Own string }

// Response is that of a publisher who knows the password.
func (a Adobe) Response(user, password string) string {
	secret := md5.Sum([]byte(user + a.Salt + password))
	sum := md5.Sum([]byte(base64.StdEncoding.EncodeToString(secret[:]) + a.Challenge + a.Own))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// LLNW is a challenge of authmod=llnw, for publishing to an application, with the publisher's own nonce and how often
// that was used.
type LLNW struct{ App, Nonce, Own, Count string }

// Response is that of a publisher who knows the password: as in HTTP's digest (RFC 2617 §3.2.2).
func (l LLNW) Response(user, password string) string {
	app := l.App
	if !strings.Contains(app, "/") {
		app += "/_definst_" // the instance that is meant when none is named
	}
	secret := hexSum(user + ":live:" + password)
	return hexSum(strings.Join([]string{secret, l.Nonce, l.Count, l.Own, "auth", hexSum("publish:/" + app)}, ":"))
}

func hexSum(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}
