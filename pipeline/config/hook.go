package config

import (
	"net/url"
	"strings"
)

// Hook is the address of a webhook. Whoever knows all of it may post there, so nothing but scheme and host is shown.
type Hook string

// String is the address without what may be secret: user, path and query.
func (h Hook) String() string {
	if h == "" {
		return ""
	}
	u, err := url.Parse(string(h))
	if err != nil || u.Host == "" {
		return hidden
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host}
	if strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && u.User == nil {
		return shown.String()
	}
	return shown.String() + "/" + hidden
}

// GoString is String.
func (h Hook) GoString() string { return h.String() }

// MarshalText is String, so that no encoder shows more.
func (h Hook) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// Reveal is the whole address, for the one place that posts to it.
func (h Hook) Reveal() string { return string(h) }

// plain tells whether what is posted can be read on its way: neither encrypted nor staying on this host.
func (h Hook) plain() bool {
	u, err := url.Parse(string(h))
	return err == nil && u.Scheme == "http" && !onHost(u.Hostname())
}

func (r *reader) webhook(c *Channel) {
	if c.Webhook == "" && c.WebhookSecret != "" && !r.bad["webhook"] {
		r.wrong("webhook_secret", "has no webhook beside it", "allowed is a webhook, or no secret")
	}
}

func (r *reader) adviseWebhook(c *Channel) {
	if c.Webhook.plain() {
		r.warn("webhook", "is neither encrypted nor on this machine", "take https: events tell much about the channel")
	}
	if n := len(c.WebhookSecret); n > 0 && n < shortToken {
		r.warn("webhook_secret", "is short", "take 16 characters or more, at random")
	}
}
