package web_test

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"onair/web"
)

// outside finds what a browser would load from another server.
var outside = regexp.MustCompile(`(?:src|href)="(?:https?:)?//|url\((?:https?:)?//|@import`)

func TestPageIsWhole(t *testing.T) {
	index, err := fs.ReadFile(web.Files(), "index.html")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(index), `<base href="./">`) {
		t.Error("no base tag to set for the page of one channel")
	}
	for _, m := range regexp.MustCompile(`(?:src|href)="(?:\./)?(_assets/[^"]+)"`).FindAllStringSubmatch(string(index), -1) {
		if _, err = fs.Stat(web.Files(), m[1]); err != nil {
			t.Errorf("index.html names what is not there: %v", err)
		}
	}
}

func TestPageNamesNoOtherServer(t *testing.T) {
	err := fs.WalkDir(web.Files(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, ".js") {
			return err
		}
		b, err := fs.ReadFile(web.Files(), name)
		if m := outside.Find(b); m != nil {
			t.Errorf("%s: %s", name, m)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
