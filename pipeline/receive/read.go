package receive

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"onair/pkg/store"
)

// read answers a writer that wants to know what it, or another one, has written: as it was written, however old it is.
func (rc *Receiver) read(w http.ResponseWriter, r *http.Request) error {
	name := objectName(r)
	channel := channelOf(name)
	if _, err := rc.admit(r, channel); err != nil {
		return err
	}
	missing := refusal{http.StatusNotFound, causePath, "no such object here"}
	ch := rc.channel(channel)
	if ch == nil || store.CheckName(name) != nil {
		return missing
	}
	e, there := ch.entry(name)
	if !there {
		return missing
	}
	head := w.Header()
	head.Set("Last-Modified", e.modified.UTC().Format(http.TimeFormat))
	head.Set("Content-Length", strconv.FormatInt(e.size, 10))
	head.Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		head.Set("Content-Type", store.Type(name))
		return nil
	}
	o, err := ch.edge.Get(r.Context(), name)
	if errors.Is(err, store.ErrNotFound) {
		return missing
	}
	if err != nil {
		return err
	}
	head.Set("Content-Length", strconv.Itoa(len(o.Body)))
	head.Set("Content-Type", o.Type)
	head.Set("Cache-Control", o.Cache)
	if o.Cache == "" {
		delete(head, "Cache-Control")
	}
	head["Etag"] = []string{tagOf(o.Body)}
	for k, v := range o.Meta {
		head.Set(store.HeaderMeta+k, v)
	}
	_, _ = w.Write(o.Body) // the client may have gone
	return nil
}

// pageSize is how many objects a part of a listing has.
const pageSize = 10_000

// list answers what there is below the path of a request: see store.ListQuery.
func (rc *Receiver) list(w http.ResponseWriter, r *http.Request) error {
	who, err := rc.admit(r, "")
	if err != nil {
		return err
	}
	base := objectName(r)
	if base != "" && !strings.HasSuffix(base, "/") {
		base += "/"
	}
	query := r.URL.Query()
	prefix, after := base+query.Get(store.ListQuery), base+query.Get(store.ListAfter)
	var page store.ListPage
	for _, name := range rc.names(who, prefix, after) {
		if len(page.Objects) == pageSize {
			page.More = true
			break
		}
		if e, ok := rc.channel(channelOf(name)).entry(name); ok {
			page.Objects = append(page.Objects, store.ListEntry{
				Name: strings.TrimPrefix(name, base), Size: e.size, Modified: e.modified,
			})
		}
	}
	w.Header().Set("Content-Type", store.ListType)
	w.Header().Set("Cache-Control", "no-store")
	return json.NewEncoder(w).Encode(page)
}

// names are those that a writer may see, begin with prefix and come behind after, in their order.
func (rc *Receiver) names(who *Writer, prefix, after string) []string {
	rc.mu.RLock()
	channels := maps.Clone(rc.channels)
	rc.mu.RUnlock()
	var out []string
	for name, ch := range channels {
		if !who.may(name) || !strings.HasPrefix(prefix, name+"/") && !strings.HasPrefix(name+"/", prefix) {
			continue
		}
		ch.mu.RLock()
		for object := range ch.objects {
			if object > after && strings.HasPrefix(object, prefix) {
				out = append(out, object)
			}
		}
		ch.mu.RUnlock()
	}
	slices.Sort(out)
	return out
}
