package store

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// HTTP is a store on an HTTP origin: PUT, GET, HEAD and DELETE of what is below a URL, as DASH-IF Live Media Ingest 1.2
// has it for complete presentations (interface 2): every try goes to the same path, over connections that are kept.
// Nothing is tried twice here that the server may have done: whoever writes knows how long it is worth it.
type HTTP struct {
	cfg    HTTPConfig
	base   url.URL
	client *http.Transport // not a http.Client, which would make a write a read when it is sent elsewhere
	always http.Header     // of every request
}

var _ Swapper = (*HTTP)(nil)

// Headers of an origin that knows onair.
const (
	HeaderPipeline = "X-Onair-Pipeline" // who writes
	HeaderMeta     = "X-Onair-Meta-"    // and a key: a fact about an object
)

// NewHTTP makes a store on an HTTP origin. It asks the server for nothing: one that is away must not keep a channel
// from its other stores. Its error is the configuration's.
func NewHTTP(c HTTPConfig) (*HTTP, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("store %s: it is no URL", c)
	}
	h := &HTTP{cfg: c, client: newTransport()}
	h.base = url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimSuffix(u.Path, "/") + "/"}
	if h.client.TLSClientConfig, err = c.security(); err != nil {
		return nil, err
	}
	h.always = http.Header{"User-Agent": {"onair"}, "Dash-If-Ingest": {"1.1"}, HeaderPipeline: {c.pipeline()}}
	switch {
	case c.Token != "":
		h.always.Set("Authorization", "Bearer "+c.Token)
	case c.User != "":
		h.always.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(c.User+":"+c.Password)))
	}
	return h, nil
}

func (c HTTPConfig) pipeline() string {
	if c.Pipeline != "" {
		return c.Pipeline
	}
	name, err := os.Hostname()
	if err != nil {
		return "onair"
	}
	return name
}

// Put writes or replaces an object.
func (h *HTTP) Put(ctx context.Context, o Object) error {
	if err := checkObject(ctx, o); err != nil {
		return err
	}
	head := o.header()
	head["Idempotency-Key"] = nil // not sent: it tells the library that a connection that had ended may be replaced
	_, err := h.write(ctx, "writing ", o, head)
	return err
}

// Create writes an object that must not exist yet, else ErrExists. It rests on the header If-None-Match: a server that
// ignores it is told by CheckCreate.
func (h *HTTP) Create(ctx context.Context, o Object) error {
	if err := checkObject(ctx, o); err != nil {
		return err
	}
	head := o.header()
	head.Set("If-None-Match", "*")
	a, err := h.write(ctx, "creating ", o, head)
	if a.status == http.StatusPreconditionFailed {
		return fmt.Errorf("creating %s: %w", o.Name, ErrExists)
	}
	return err
}

// Swap writes an object in the place of the one with that tag, or of none if it is empty, else ErrChanged. It rests on
// the headers If-Match, If-None-Match and ETag: a server that ignores them is told by CheckSwap.
func (h *HTTP) Swap(ctx context.Context, o Object, tag string) (string, error) {
	if err := checkObject(ctx, o); err != nil {
		return "", err
	}
	head := o.header()
	if tag == "" {
		head.Set("If-None-Match", "*")
	} else {
		head.Set("If-Match", quoteTag(tag))
	}
	a, err := h.write(ctx, "replacing ", o, head)
	gone := tag != "" && (a.status == http.StatusNotFound || a.status == http.StatusGone)
	switch {
	case a.status == http.StatusPreconditionFailed || gone:
		return "", fmt.Errorf("replacing %s: %w", o.Name, ErrChanged)
	case err != nil:
		return "", err
	case a.header.Get("ETag") == "":
		return "", fmt.Errorf("store %s: replacing %s: the answer has no ETag: %w", h, o.Name, ErrNotSwapped)
	}
	return a.header.Get("ETag"), nil
}

// quoteTag makes an entity tag of what may be none (RFC 9110 §8.8.3).
func quoteTag(tag string) string {
	if strings.HasSuffix(tag, `"`) {
		return tag
	}
	return `"` + tag + `"`
}

// header is what travels with an object.
func (o Object) header() http.Header {
	if o.Type == "" {
		o.Type = Type(o.Name)
	}
	out := http.Header{"Content-Type": {o.Type}}
	if o.Cache != "" {
		out.Set("Cache-Control", o.Cache)
	}
	for k, v := range o.Meta {
		out.Set(HeaderMeta+k, v)
	}
	return out
}

// write sends an object; the answer is there if the server has given one, with an error as well.
func (h *HTTP) write(ctx context.Context, doing string, o Object, head http.Header) (answer, error) {
	a, err := h.do(ctx, request{method: http.MethodPut, name: o.Name, body: o.Body, header: head})
	if err != nil {
		return a, h.explain(doing+o.Name, err)
	}
	if !a.well() {
		return a, h.refused(doing+o.Name, a)
	}
	return a, nil
}

// Get reads an object; ErrNotFound.
func (h *HTTP) Get(ctx context.Context, name string) (Object, error) {
	a, err := h.read(ctx, http.MethodGet, "reading ", name)
	if err != nil {
		return Object{}, err
	}
	o := Object{
		Name: name, Body: a.body, Type: a.header.Get("Content-Type"), Cache: a.header.Get("Cache-Control"),
		Tag: a.header.Get("ETag"),
	}
	for k, v := range a.header {
		if key, ok := strings.CutPrefix(k, HeaderMeta); ok && len(v) > 0 {
			if o.Meta == nil {
				o.Meta = map[string]string{}
			}
			o.Meta[strings.ToLower(key)] = v[0]
		}
	}
	return o, nil
}

// Stat tells an object's size and age; ErrNotFound.
func (h *HTTP) Stat(ctx context.Context, name string) (Info, error) {
	a, err := h.read(ctx, http.MethodHead, "looking at ", name)
	if err != nil {
		return Info{}, err
	}
	modified, err := http.ParseTime(a.header.Get("Last-Modified"))
	if err != nil || a.length < 0 {
		return Info{}, fmt.Errorf("store %s: looking at %s: the answer lacks Last-Modified or Content-Length", h, name)
	}
	return Info{Name: name, Size: a.length, Modified: modified}, nil
}

// read asks for an object.
func (h *HTTP) read(ctx context.Context, method, doing, name string) (answer, error) {
	if err := errors.Join(ctx.Err(), CheckName(name)); err != nil {
		return answer{}, err
	}
	// A cache between may not answer: what it has is not what others have written since.
	head := http.Header{"Accept-Encoding": {"identity"}, "Cache-Control": {"no-cache"}}
	a, err := h.do(ctx, request{method: method, name: name, header: head})
	switch {
	case err != nil:
		return a, h.explain(doing+name, err)
	case a.status == http.StatusNotFound, a.status == http.StatusGone:
		return a, fmt.Errorf("%s%s: %w", doing, name, ErrNotFound)
	case a.status != http.StatusOK:
		return a, h.refused(doing+name, a)
	}
	return a, nil
}

// Delete removes an object; one that is not there is no error.
func (h *HTTP) Delete(ctx context.Context, name string) error {
	if err := errors.Join(ctx.Err(), CheckName(name)); err != nil {
		return err
	}
	a, err := h.do(ctx, request{method: http.MethodDelete, name: name, header: http.Header{"Idempotency-Key": nil}})
	switch {
	case err != nil:
		return h.explain("removing "+name, err)
	case !a.well() && a.status != http.StatusNotFound && a.status != http.StatusGone:
		return h.refused("removing "+name, a)
	}
	return nil
}

// String names the store.
func (h *HTTP) String() string { return h.cfg.String() }
