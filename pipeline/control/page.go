package control

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

// baseTag stands in index.html where the way to the root belongs, so that the page also works below a proxy's prefix.
const baseTag = `<base href="./">`

// policy lets the page load from this server alone: no outside request, no inline code. Players feed the
// video through blob: URLs.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; media-src 'self' blob:; worker-src 'self'; " +
	"base-uri 'self'; form-action 'none'; frame-ancestors 'self'"

// page holds the files of the page in memory, plain and compressed.
type page struct {
	files map[string]file
}

type file struct {
	body, gz  []byte // gz is nil where it does not pay
	kind, tag string
}

func newPage(from fs.FS) (*page, error) {
	p := &page{files: map[string]file{}}
	err := fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		p.files[name] = newFile(name, body)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if index, ok := p.files["index.html"]; ok {
		up := bytes.Replace(index.body, []byte(baseTag), []byte(`<base href="../">`), 1)
		p.files["../index.html"] = newFile("index.html", up)
		return p, nil
	}
	return nil, &fs.PathError{Op: "open", Path: "index.html", Err: fs.ErrNotExist}
}

func newFile(name string, body []byte) file {
	sum := sha256.Sum256(body)
	f := file{body: body, kind: mime.TypeByExtension(path.Ext(name)), tag: hex.EncodeToString(sum[:8])}
	switch path.Ext(name) { // the host's table of types is not to be relied on
	case ".html":
		f.kind = "text/html; charset=utf-8"
	case ".js":
		f.kind = "text/javascript; charset=utf-8"
	case ".css":
		f.kind = "text/css; charset=utf-8"
	case ".svg":
		f.kind = "image/svg+xml"
	case ".md":
		f.kind = "text/plain; charset=utf-8"
	}
	if f.kind == "" {
		f.kind = "application/octet-stream"
	}
	var z bytes.Buffer
	zw := gzip.NewWriter(&z)
	_, errWrite := zw.Write(body)
	if errClose := zw.Close(); errWrite == nil && errClose == nil && z.Len() < len(body)*9/10 {
		f.gz = z.Bytes()
	}
	return f
}

// has tells whether path names a file of the page that is loaded by its own name.
func (p *page) has(name string) bool {
	_, ok := p.files[name]
	return ok && name != "index.html" && !strings.HasPrefix(name, "../")
}

// serve writes a file that exists; base is the way from the requested path to the root.
func (p *page) serve(w http.ResponseWriter, r *http.Request, name, base string) {
	if base == "../" {
		name = base + name
	}
	f := p.files[name]
	body, tag := f.body, f.tag
	head := w.Header()
	if f.gz != nil {
		head.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Get("Accept-Encoding")) {
			head.Set("Content-Encoding", "gzip")
			body, tag = f.gz, f.tag+"-gz"
		}
	}
	head.Set("Content-Type", f.kind)
	head.Set("ETag", `"`+tag+`"`)
	head.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, "_assets/") { // their names carry a hash of the content
		head.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	head.Set("Content-Security-Policy", policy)
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("Cross-Origin-Opener-Policy", "same-origin")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// acceptsGzip reads an Accept-Encoding header (RFC 9110 §12.5.3) as far as gzip goes.
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		coding, weight, _ := strings.Cut(part, ";")
		if coding = strings.TrimSpace(coding); coding == "gzip" || coding == "*" {
			q := strings.TrimSpace(weight)
			return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
		}
	}
	return false
}
