package verify

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Kinds of objects, by how they are delivered.
const (
	asIndex = iota
	asPlaylist
	asManifest
	asInit
	asSegment
)

// types are the media types that an object of a kind may have.
var types = [...][]string{
	asIndex:    {"application/vnd.apple.mpegurl"},
	asPlaylist: {"application/vnd.apple.mpegurl"},
	asManifest: {"application/dash+xml"},
	asInit:     {"video/mp4", "audio/mp4", "application/mp4"},
	asSegment:  {"video/iso.segment", "video/mp4", "audio/mp4", "application/mp4"},
}

// fetched applies the rules of delivery. It returns whether there is a body to look at.
func (v *viewing) fetched(kind int, o object) bool {
	f := v.found
	if o.err != nil {
		return f.check(httpStatus, o.name, false, "%v", o.err)
	}
	if o.status >= 300 && o.status < 400 {
		return f.check(httpStatus, o.name, false, "status %d, a redirect", o.status)
	}
	if !f.check(httpStatus, o.name, o.status == http.StatusOK, "status %d%s", o.status, reason(o)) {
		return false
	}
	if v.kind != kindHTTP {
		return true
	}
	got, _, _ := strings.Cut(o.header.Get("Content-Type"), ";")
	allowed := false
	for _, t := range types[kind] {
		allowed = allowed || strings.EqualFold(strings.TrimSpace(got), t)
	}
	f.check(httpType, o.name, allowed, "Content-Type %q, wanted %s", got, types[kind][0])
	f.check(httpCORS, o.name, o.header.Get("Access-Control-Allow-Origin") == "*", "Access-Control-Allow-Origin %q",
		o.header.Get("Access-Control-Allow-Origin"))
	f.check(httpETag, o.name, o.header.Get("ETag") != "", "no ETag")
	if kind == asIndex || kind == asPlaylist || kind == asManifest {
		f.check(httpGzip, o.name, o.gzipped, "not compressed although gzip was accepted")
	}
	if v.target > 0 || kind == asIndex { // what is read before the first media playlist is judged when it is read again
		v.caching(kind, o)
	}
	return true
}

// reason is the short text of an error answer: origins say there why.
func reason(o object) string {
	text := strings.TrimSpace(string(o.body))
	if text == "" || len(text) > 200 || strings.ContainsAny(text, "<\n") {
		return ""
	}
	return ": " + text
}

// caching holds Cache-Control and Last-Modified against the life of an object.
func (v *viewing) caching(kind int, o object) {
	age, store := maxAge(o.header.Get("Cache-Control"))
	text := o.header.Get("Cache-Control")
	target := int(v.target)
	switch kind {
	case asIndex:
		v.found.check(httpCaching, o.name, age >= 0 && age <= 60 || !store, "Cache-Control %q, wanted at most a minute", text)
	case asPlaylist, asManifest:
		v.found.check(httpCaching, o.name, age >= 0 && age <= target || !store, "Cache-Control %q, wanted at most %d s",
			text, target)
		v.modified(o, target)
	case asInit:
		v.found.check(httpCaching, o.name, store && age >= 6*target, "Cache-Control %q, wanted at least %d s", text, 6*target)
	}
}

// cachingSegment is the rule for a segment: slate may be replaced by content, content never changes.
func (v *viewing) cachingSegment(o object, slate bool) {
	if v.kind != kindHTTP {
		return
	}
	age, store := maxAge(o.header.Get("Cache-Control"))
	target := int(max(v.target, 1))
	if slate {
		v.found.check(httpCaching, o.name, age >= 0 && age <= target || !store, "Cache-Control %q for slate",
			o.header.Get("Cache-Control"))
		return
	}
	v.found.check(httpCaching, o.name, store && age >= 6*target, "Cache-Control %q, wanted at least %d s",
		o.header.Get("Cache-Control"), 6*target)
}

func (v *viewing) modified(o object, target int) {
	date, err1 := http.ParseTime(o.header.Get("Date"))
	last, err2 := http.ParseTime(o.header.Get("Last-Modified"))
	if err1 == nil && err2 == nil {
		v.found.check(httpStale, o.name, date.Sub(last) <= time.Duration(3*target)*time.Second,
			"Last-Modified is %v behind Date", date.Sub(last))
	}
}

// maxAge reads Cache-Control: seconds (-1 if it does not say; s-maxage counts where it is larger), and whether it may
// be stored.
func maxAge(control string) (seconds int, store bool) {
	seconds, store = -1, true
	for d := range strings.SplitSeq(strings.ToLower(control), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(d), "=")
		switch name {
		case "no-store", "no-cache", "private":
			store = false
		case "max-age", "s-maxage":
			if n, err := strconv.Atoi(strings.Trim(value, `"`)); err == nil {
				seconds = max(seconds, n)
			}
		}
	}
	return seconds, store
}

// probeHTTP tries, once, what players and caches do beside plain GET.
func (v *viewing) probeHTTP(ctx context.Context, s *server, segment string) {
	f := v.found
	part := s.do(ctx, http.MethodGet, segment, http.Header{"Range": {"bytes=0-99"}})
	f.check(httpRange, segment, part.err == nil && part.status == http.StatusPartialContent && len(part.body) == 100,
		"bytes=0-99 gave status %d and %d bytes", part.status, len(part.body))
	head := s.do(ctx, http.MethodHead, segment, http.Header{})
	f.check(httpRange, segment, head.err == nil && head.status == http.StatusOK, "HEAD gave status %d", head.status)
	for _, name := range []string{segment, indexName} {
		first := s.do(ctx, http.MethodGet, name, http.Header{})
		again := s.do(ctx, http.MethodGet, name, http.Header{"If-None-Match": {first.header.Get("ETag")}})
		f.check(httpETag, name, first.ok() && again.status == http.StatusNotModified,
			"If-None-Match with its ETag gave status %d", again.status)
	}
	ask := http.Header{"Access-Control-Request-Method": {"GET"}, "Access-Control-Request-Headers": {"range"}}
	pre := s.do(ctx, http.MethodOptions, segment, ask)
	f.check(httpCORS, segment, pre.err == nil && pre.status/100 == 2 &&
		pre.header.Get("Access-Control-Allow-Origin") == "*" && allowsRange(pre.header),
		"preflight for Range gave status %d, headers %q", pre.status, pre.header.Get("Access-Control-Allow-Headers"))
	missing := s.do(ctx, http.MethodGet, "no-such-rendition/1.m4s", http.Header{})
	age, store := maxAge(missing.header.Get("Cache-Control"))
	f.check(httpCaching, "errors", missing.err == nil && missing.status == http.StatusNotFound && (!store || age <= 5),
		"what is not there gave status %d with Cache-Control %q", missing.status, missing.header.Get("Cache-Control"))
}

func allowsRange(h http.Header) bool {
	allowed := strings.ToLower(h.Get("Access-Control-Allow-Headers"))
	return allowed == "*" || strings.Contains(allowed, "range")
}

// checkTiming asks the clock that the MPD names.
func (v *viewing) checkTiming(ctx context.Context, s *server) {
	if v.mpd == nil {
		return
	}
	for _, t := range v.mpd.Timings {
		var text string
		o := object{status: http.StatusOK}
		switch {
		case strings.HasSuffix(t.Scheme, ":http-head:2014"):
			o = s.do(ctx, http.MethodHead, t.Value, http.Header{})
			text = o.header.Get("Date")
		case strings.HasSuffix(t.Scheme, ":direct:2014"):
			text = t.Value
		default:
			o = s.do(ctx, http.MethodGet, t.Value, http.Header{})
			text = strings.TrimSpace(string(o.body))
		}
		at, err := http.ParseTime(text)
		if err != nil {
			at, err = time.Parse(time.RFC3339Nano, text)
		}
		ok := o.err == nil && o.status == http.StatusOK && err == nil && time.Since(at).Abs() < time.Minute
		v.found.check(dashClock, mpdName, ok, "%s gave status %d and time %q", t.Scheme, o.status, text)
	}
}

// checkRetained asks for the newest segment that has left a playlist.
func (v *viewing) checkRetained(ctx context.Context, s *server, t *track, name string) {
	o := s.do(ctx, http.MethodHead, name, http.Header{})
	if o.err != nil || ctx.Err() != nil {
		return
	}
	v.found.check(httpRetained, t.playlist, o.status == http.StatusOK, "%s has left the playlist and gives status %d",
		name, o.status)
}
