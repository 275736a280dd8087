// Package config reads channel files: strictly, and with every problem told at once.
package config

import (
	"bytes"
	"errors"
	"reflect"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Load reads one channel file. env looks up the environment (os.LookupEnv). The error is of type Problems.
func Load(path string, env func(string) (string, bool)) (*Channel, error) {
	channels, err := LoadAll([]string{path}, env)
	if err != nil {
		return nil, err
	}
	return channels[0], nil
}

// LoadAll reads the files of the channels that one process is to run, each of which may serve the same HTTP address.
// The error is of type Problems and holds those of all files.
func LoadAll(paths []string, env func(string) (string, bool)) ([]*Channel, error) {
	var channels []*Channel
	var problems Problems
	for _, path := range paths {
		c, found := load(path, env)
		problems = append(problems, found...)
		if c != nil {
			channels = append(channels, c)
		}
	}
	problems = append(problems, clashes(channels)...)
	if len(problems) > 0 {
		return nil, problems
	}
	return channels, nil
}

func load(path string, env func(string) (string, bool)) (*Channel, []Problem) {
	text, err := readFile(path)
	if err != nil {
		return nil, []Problem{{File: path, Wrong: err.Error()}}
	}
	return parse(path, text, env)
}

// parse reads the text of a channel file. The channel is nil when the file is no YAML.
func parse(path string, text []byte, env func(string) (string, bool)) (*Channel, []Problem) {
	c := &Channel{File: path}
	r, problem := fill(path, text, env, reflect.ValueOf(c).Elem(), "needed are channel, inputs and outputs")
	if problem != nil {
		return nil, []Problem{*problem}
	}
	c.at = r.lines
	if !r.bad[""] {
		r.validate(c)
		r.advise(c)
	}
	c.Warnings = sorted(r.warnings)
	return c, sorted(r.problems)
}

// fill reads the text of a file into v, which is not checked yet. needed is what is told of an empty file.
func fill(
	path string, text []byte, env func(string) (string, bool), v reflect.Value, needed string,
) (*reader, *Problem) {
	r := &reader{file: path, env: env, lines: map[string]int{}, raw: map[string]string{}, bad: map[string]bool{}}
	text = bytes.TrimPrefix(text, []byte(byteOrderMark))
	if line := notUTF8(text); line > 0 {
		return nil, &Problem{File: path, Line: line, Wrong: "not UTF-8", Allowed: "save the file with that encoding"}
	}
	root, problem := tree(path, text)
	if problem != nil {
		if problem.Wrong == emptyFile {
			problem.Allowed = needed
		}
		return nil, problem
	}
	r.lines[""] = lineOf(root)
	r.read(root, "", v)
	return r, nil
}

// emptyFile is what is wrong with one that has no document.
const emptyFile = "the file is empty"

// byteOrderMark is what some editors begin a file of UTF-8 with.
const byteOrderMark = "\ufeff"

// notUTF8 is the first line that is not UTF-8; 0: all are.
func notUTF8(text []byte) int {
	line := 0
	for l := range bytes.Lines(text) {
		if line++; !utf8.Valid(l) {
			return line
		}
	}
	return 0
}

// tree is the one document of a file.
func tree(path string, text []byte) (ast.Node, *Problem) {
	f, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		p := Problem{File: path, Wrong: "not YAML: " + redactYAML(err.Error())}
		var syntax *yaml.SyntaxError
		if errors.As(err, &syntax) {
			p.Line = syntax.Token.Position.Line
			p.Wrong = "not YAML: " + redactYAML(syntax.Message)
		}
		return nil, &p
	}
	var body ast.Node
	for _, doc := range f.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.CommentType {
			continue
		}
		if body != nil {
			return nil, &Problem{path, lineOf(doc.Body), "", "a second document", "allowed is one channel in a file"}
		}
		body = doc.Body
	}
	if body == nil {
		return nil, &Problem{File: path, Wrong: emptyFile}
	}
	return body, nil
}
