package pipeline_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "onair"

// rooms says which packages of the module a package may import; "pkg/*" is every package below pkg/. Arrows point one way:
// building blocks know those below them, stages know building blocks and not each other, pipeline joins the stages.
var rooms = map[string][]string{
	"pkg/amf":  nil,
	"pkg/rtmp": nil,
	"pkg/tick": nil,
	"pkg/leg":  nil,

	"pkg/beat":       nil,
	"pkg/nonblock":   nil,
	"pkg/processors": nil,

	"pkg/child": {"pkg/tick", "pkg/beat", "pkg/nonblock"},

	"pkg/content": {"pkg/tick"},
	"pkg/effort":  {"pkg/tick"},

	"pkg/fec":    {"pkg/tick"},
	"pkg/gate":   {"pkg/tick"},
	"pkg/fmp4":   {"pkg/tick"},
	"pkg/ladder": {"pkg/tick"},
	"pkg/merge":  {"pkg/tick"},
	"pkg/store":  {"pkg/tick"},

	"pkg/timecode": {"pkg/tick"},

	"pkg/mpegts": {"pkg/tick", "pkg/timecode"},

	"pkg/card":     nil,
	"pkg/selector": {"pkg/tick"},

	"pkg/testpicture": {"pkg/tick"},

	"pkg/anchor": {"pkg/tick", "pkg/mpegts"},
	"pkg/loop":   {"pkg/tick", "pkg/mpegts"},
	"pkg/pace":   {"pkg/tick", "pkg/mpegts"},
	"pkg/spool":  {"pkg/tick", "pkg/mpegts"},
	"pkg/tsmux":  {"pkg/mpegts"},
	"pkg/flv":    {"pkg/tick", "pkg/mpegts", "pkg/tsmux"},

	"pkg/rtpclock": {"pkg/tick"},

	"pkg/ffmpeg":       {"pkg/tick", "pkg/ladder"},
	"pkg/presentation": {"pkg/tick", "pkg/ladder"},

	"pkg/likeness": {"pkg/tick", "pkg/fmp4"},

	"pkg/dash": {"pkg/tick", "pkg/ladder", "pkg/presentation"},
	"pkg/hls":  {"pkg/tick", "pkg/ladder", "pkg/presentation"},

	"pipeline/srt":  {"pkg/*"}, // libsrt's sockets, for whoever receives and sends
	"pipeline/rtmp": {"pkg/*"}, // RTMP's sockets, likewise
	"pipeline/rtsp": {"pkg/*"}, // RTSP's sockets, for whoever receives

	"pipeline/config":   {"pkg/*"},
	"pipeline/control":  {"pkg/*"},
	"pipeline/drill":    {"pkg/*", "pipeline/fault", "pipeline/viewer"}, // harm, and those who watch
	"pipeline/encode":   {"pkg/*"},
	"pipeline/fault":    {"pkg/*"},
	"pipeline/ingest":   {"pkg/*", "pipeline/srt", "pipeline/rtmp", "pipeline/rtsp"},
	"pipeline/monitor":  {"pkg/*"},
	"pipeline/origin":   {"pkg/*"},
	"pipeline/packager": {"pkg/*"},
	"pipeline/probe":    {"pkg/*"},
	"pipeline/publish":  {"pkg/*"},
	"pipeline/receive":  {"pkg/*", "pipeline/origin"}, // the other half of an origin
	"pipeline/send":     {"pkg/*", "pipeline/srt"},
	"pipeline/slate":    {"pkg/*"},
	"pipeline/twin":     {"pkg/*"},
	"pipeline/verify":   {"pkg/*"},
	"pipeline/viewer":   {"pkg/*", "pipeline/verify"}, // the strict reading of what is listed
	"pipeline/webhook":  {"pkg/*"},

	"pipeline": {"pkg/*", "pipeline/*"},

	"web": nil,

	"cmd/onair": {"pkg/*", "pipeline", "pipeline/*", "web"},
}

// modules says which packages may import a module of others. One module has one importer, two at most; what is no format
// or protocol (logs, errgroup, system calls) has a tree.
var modules = map[string][]string{
	"github.com/asticode/go-astits":        {"pkg/mpegts"},
	"github.com/bluenviron/mediacommon/v2": {"pkg/fmp4", "pkg/mpegts", "pkg/tsmux"}, // a library of formats: one room each
	"github.com/Eyevinn/mp4ff":             {"pkg/fmp4", "pkg/mpegts"},
	"github.com/Eyevinn/dash-mpd":          {"pkg/dash"},
	"github.com/grafov/m3u8":               {"pkg/hls"},
	"github.com/haivision/srtgo":           {"pipeline/srt"},
	"github.com/bluenviron/gortsplib/v4":   {"pipeline/rtsp"},
	"github.com/pion/rtp":                  {"pipeline/ingest", "pipeline/send", "pipeline/rtsp"}, // what gortsplib gives
	"github.com/pion/rtcp":                 {"pipeline/rtsp"},
	"github.com/goccy/go-yaml":             {"pipeline/config"},
	"github.com/minio/minio-go/v7":         {"pkg/store"},
	"github.com/prometheus/client_golang":  {"pipeline/control"},
	"github.com/alecthomas/kong":           {"cmd/onair"},
	"github.com/rs/zerolog":                {"pipeline", "pipeline/*", "cmd/onair"},
	"golang.org/x/image":                   {"pkg/card"},
	"golang.org/x/sync":                    {"pipeline", "pipeline/*", "cmd/onair"},
	"golang.org/x/sys":                     {"pkg/child", "pkg/nonblock", "pkg/store", "pipeline", "pipeline/*", "cmd/onair"},
	"golang.org/x/net":                     {"pipeline/*"},
}

// touching are the packages of pkg/ that may start goroutines and touch the system.
var touching = []string{"pkg/beat", "pkg/child", "pkg/nonblock", "pkg/processors", "pkg/store"}

// source is one file that is no test.
type source struct {
	room string // its package's folder, as in rooms
	name string
	tree *ast.File
}

// sources parses the files of the module, tests left out: those may look at whatever they compare with.
func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	files := token.NewFileSet()
	for _, tree := range []string{"cmd", "pipeline", "pkg", "web"} {
		err := filepath.WalkDir(filepath.Join("..", tree), func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata"):
				return filepath.SkipDir
			case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
				return nil
			}
			parsed, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			name = strings.TrimPrefix(filepath.ToSlash(name), "../")
			out = append(out, source{path.Dir(name), name, parsed})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(out) < 20 {
		t.Fatalf("only %d files found", len(out))
	}
	return out
}

// may tells whether a package matches one of the allowed ones.
func may(name string, allowed []string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool {
		tree, any := strings.CutSuffix(a, "/*")
		return name == a || any && strings.HasPrefix(name, tree+"/")
	})
}

func (s source) imports(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, spec := range s.tree.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, name)
	}
	return out
}

func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		allowed, known := rooms[s.room]
		if !known {
			t.Errorf("%s: %s is not in the table of rooms", s.name, s.room)
			continue
		}
		for _, name := range s.imports(t) {
			inside, own := strings.CutPrefix(name, module+"/")
			if own && !may(inside, allowed) {
				t.Errorf("%s: %s may not import %s", s.name, s.room, inside)
			}
		}
	}
}

func TestOneModuleHasOneImporter(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for _, name := range s.imports(t) {
			host, _, _ := strings.Cut(name, "/")
			if !strings.Contains(host, ".") { // the standard library, and this module
				continue
			}
			found := false
			for m, importers := range modules {
				if name != m && !strings.HasPrefix(name, m+"/") {
					continue
				}
				found = true
				if !may(s.room, importers) {
					t.Errorf("%s: %s is for %s", s.name, m, strings.Join(importers, ", "))
				}
			}
			if !found {
				t.Errorf("%s: %s is not in the table of modules", s.name, name)
			}
		}
	}
}

// TestBuildingBlocksTouchNothing: pkg/ has no goroutine, socket, file, clock or logger of its own.
func TestBuildingBlocksTouchNothing(t *testing.T) {
	t.Parallel()
	outside := []string{"log", "log/slog", "net", "net/http", "os", "os/exec", "os/signal", "syscall"}
	clocks := []string{"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"}
	for _, s := range sources(t) {
		if !strings.HasPrefix(s.room, "pkg/") || slices.Contains(touching, s.room) {
			continue
		}
		for _, name := range s.imports(t) {
			if slices.Contains(outside, name) {
				t.Errorf("%s: a building block may not import %s", s.name, name)
			}
		}
		ast.Inspect(s.tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s: a building block may not start a goroutine", s.name)
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clocks, n.Sel.Name) {
					t.Errorf("%s: a building block may not use time.%s: time is an argument", s.name, n.Sel.Name)
				}
			}
			return true
		})
	}
}

// TestTheTableIsOneWay: no two rooms may import each other, directly or around a corner.
func TestTheTableIsOneWay(t *testing.T) {
	t.Parallel()
	reaches := func(from, to string) bool {
		seen := map[string]bool{}
		var walk func(string) bool
		walk = func(room string) bool {
			for other := range rooms {
				if other == room || seen[other] || !may(other, rooms[room]) {
					continue
				}
				seen[other] = true
				if other == to || walk(other) {
					return true
				}
			}
			return false
		}
		return walk(from)
	}
	for room := range rooms {
		if reaches(room, room) {
			t.Errorf("%s reaches itself", room)
		}
	}
}
