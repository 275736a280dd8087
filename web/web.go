// Package web holds the page that shows channels and plays them.
//
// The page is built from src/ by scripts/build. A binary that was built without that serves a plain one instead, which
// says how the full one is made.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:page
var files embed.FS

// Files is the page: index.html and what it loads from _assets.
func Files() fs.FS {
	if Built() {
		return sub("page/dist")
	}
	return sub("page/fallback")
}

// Built tells whether Files is the full page.
func Built() bool {
	_, err := fs.Stat(files, "page/dist/index.html")
	return err == nil
}

func sub(dir string) fs.FS {
	out, err := fs.Sub(files, dir)
	if err != nil { // never: both names are well formed
		return files
	}
	return out
}
