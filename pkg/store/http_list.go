package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ErrNoList tells of a server that has no listing: what it holds can be asked for by name only.
var ErrNoList = errors.New("it cannot tell what it holds")

// What a listing is asked for with and answered in: GET <base>/?list=<prefix>&after=<name> gives the objects whose
// names begin with the prefix and come after the name, in the order of names, as many as the server likes to give at a
// time.
const (
	ListQuery = "list"
	ListAfter = "after"
	ListType  = "application/vnd.onair.list+json"
)

// ListPage is a part of a listing.
type ListPage struct {
	Objects []ListEntry `json:"objects"`
	More    bool        `json:"more"` // there are objects after the last of these
}

// ListEntry is one object of it.
type ListEntry struct {
	Name     string    `json:"name"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
}

// listTime bounds one page of a listing: servers look at every name before they answer.
const listTime = 10 * time.Second

// mostListed bounds what is listed: two weeks of two-second segments in six renditions.
const mostListed = 4 << 20

// List tells the objects whose names begin with prefix, in the order of their names. ErrNoList: the server has no
// listing.
func (h *HTTP) List(ctx context.Context, prefix string) ([]Info, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if strings.HasPrefix(prefix, "/") || strings.Contains(prefix, "..") {
		return nil, fmt.Errorf("%w: prefix %q", ErrName, prefix)
	}
	var out []Info
	for after, more := "", true; more; {
		page, err := h.page(ctx, prefix, after)
		if err != nil {
			return nil, err
		}
		var infos []Info
		if infos, after, err = page.infos(prefix, after); err != nil {
			return nil, fmt.Errorf("store %s: listing %s: %w", h, prefix, err)
		}
		if out, more = append(out, infos...), page.More; len(out) > mostListed {
			return nil, fmt.Errorf("store %s: listing %s: it has more than %d objects", h, prefix, mostListed)
		}
	}
	return out, nil
}

// page asks for a part of the listing.
func (h *HTTP) page(ctx context.Context, prefix, after string) (ListPage, error) {
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	query := url.Values{ListQuery: {prefix}}
	if after != "" {
		query.Set(ListAfter, after)
	}
	a, err := h.do(ctx, request{method: http.MethodGet, query: query, patient: true,
		header: http.Header{"Accept": {ListType}, "Cache-Control": {"no-cache"}}})
	if err != nil {
		return ListPage{}, h.explain("listing "+prefix, err)
	}
	kind, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	switch {
	case a.status == http.StatusOK && kind == ListType:
		p, err := parseList(a.body)
		if err != nil {
			return p, fmt.Errorf("store %s: listing %s: %w", h, prefix, err)
		}
		return p, nil
	case a.status == http.StatusUnauthorized, a.status == http.StatusTooManyRequests,
		a.status >= http.StatusInternalServerError && a.status != http.StatusNotImplemented:
		return ListPage{}, h.refused("listing "+prefix, a)
	}
	return ListPage{}, fmt.Errorf("store %s: %w (%s)", h, ErrNoList, a.reason())
}

// parseList reads a part of a listing.
func parseList(body []byte) (ListPage, error) {
	var p ListPage
	if err := json.Unmarshal(body, &p); err != nil {
		return p, fmt.Errorf("the listing is broken: %w", err)
	}
	return p, nil
}

// infos are the objects of a page that was asked for with prefix and after, and what the next one is to be asked for
// with. Names that are none here are somebody else's.
func (p ListPage) infos(prefix, after string) (out []Info, last string, err error) {
	last = after
	for _, e := range p.Objects {
		switch {
		case e.Name <= last:
			return nil, "", errors.New("the listing is not in the order of names")
		case e.Size < 0 || !strings.HasPrefix(e.Name, prefix):
			return nil, "", errors.New("the listing has what was not asked for")
		}
		last = e.Name
		if CheckName(e.Name) == nil {
			out = append(out, Info(e))
		}
	}
	if p.More && last == after {
		return nil, "", errors.New("the listing has a part with nothing in it, and no end")
	}
	return out, last, nil
}
