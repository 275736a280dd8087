package config

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// reader fills a Channel from the syntax tree of a file and remembers where every value stands, so that problems found
// later can name their line.
type reader struct {
	file     string
	env      func(string) (string, bool)
	lines    map[string]int    // path to line, of every key and item in the file
	raw      map[string]string // path to scalar as written: variables not replaced
	bad      map[string]bool   // paths that have a problem
	problems []Problem
	warnings []Problem
}

// defaulter is a type with defaults other than its zero value.
type defaulter interface{ setDefaults() }

// wrong records a problem at a path. The line is that of the path or of the nearest parent that the file has.
func (r *reader) wrong(path, wrong, allowed string) {
	r.bad[path] = true
	r.problems = append(r.problems, Problem{r.file, r.line(path), path, wrong, allowed})
}

// warn records what is allowed and unwise.
func (r *reader) warn(path, wrong, advice string) {
	r.warnings = append(r.warnings, Problem{r.file, r.line(path), path, wrong, advice})
}

func (r *reader) line(path string) int { return lineIn(r.lines, path) }

// lineIn is the line of a path, or of its nearest parent that the file has.
func lineIn(lines map[string]int, path string) int {
	for path != "" {
		if n, ok := lines[path]; ok {
			return n
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return lines[""]
}

// given tells whether the file has the key.
func (r *reader) given(path string) bool {
	_, ok := r.lines[path]
	return ok
}

// quote is the scalar at a path as the file has it, quoted, secrets hidden.
func (r *reader) quote(path string) string { return quote(r.raw[path]) }

// Bounds of the text that a problem repeats from the file, in bytes: as shown, and as looked through for secrets.
const (
	maxQuote  = 100
	maxRedact = 4096
)

func quote(s string) string {
	s = RedactTyped(s[:min(len(s), maxRedact)])
	if len(s) > maxQuote {
		s = strings.ToValidUTF8(s[:maxQuote], "") + "…"
	}
	return strconv.Quote(s)
}

// read fills v, which must be settable, from n.
func (r *reader) read(n ast.Node, path string, v reflect.Value) {
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		r.wrong(path, "anchors, aliases and tags are not for channel files", "write the value itself")
		return
	}
	if s, ok := scalars[v.Type()]; ok {
		r.scalar(n, path, v, s)
		return
	}
	switch v.Kind() {
	case reflect.Slice:
		r.list(n, path, v)
	default:
		r.mapping(n, path, v)
	}
}

func (r *reader) mapping(n ast.Node, path string, v reflect.Value) {
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	default:
		r.wrong(path, describe(n), "allowed is a mapping with "+strings.Join(keys(v.Type()), ", "))
		return
	}
	if d, ok := v.Addr().Interface().(defaulter); ok {
		d.setDefaults()
	}
	for _, kv := range values {
		key := kv.Key.GetToken().Value
		at := join(path, quoteKey(key))
		line := kv.Key.GetToken().Position.Line
		if first, ok := r.lines[at]; ok {
			r.problems = append(r.problems, Problem{r.file, line, at, fmt.Sprintf("given twice, first in line %d", first),
				"allowed is once"})
			continue
		}
		r.lines[at] = line
		field, ok := fieldOf(v, key)
		if !ok {
			r.unknown(at, key, keys(v.Type()))
			continue
		}
		r.read(kv.Value, at, field)
	}
}

func (r *reader) unknown(path, key string, allowed []string) {
	wrong := "unknown key " + quote(key)
	if near := nearest(key, allowed); near != "" {
		wrong += fmt.Sprintf(" (%s?)", near)
	}
	r.wrong(path, wrong, "allowed are "+strings.Join(allowed, ", "))
}

func (r *reader) list(n ast.Node, path string, v reflect.Value) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		r.wrong(path, describe(n), "allowed is a list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values)))
	for i, item := range seq.Values {
		at := fmt.Sprintf("%s[%d]", path, i)
		r.lines[at] = lineOf(item)
		r.read(item, at, v.Index(i))
	}
}

func (r *reader) scalar(n ast.Node, path string, v reflect.Value, s scalar) {
	text, ok := textOf(n)
	switch n.(type) {
	case *ast.BoolNode:
		ok = v.Kind() == reflect.Bool
	case *ast.MappingNode, *ast.MappingValueNode:
		r.wrong(path, "is a mapping (a text with a colon needs quotes within braces)", "allowed is "+s.allowed)
		return
	}
	if !ok {
		r.wrong(path, describe(n), "allowed is "+s.allowed)
		return
	}
	r.raw[path] = text
	if s.hide != nil {
		r.raw[path] = s.hide(text)
	}
	full, missing := r.expand(text)
	for _, name := range missing {
		if !variableName.MatchString(name) {
			r.wrong(path, quote(name)+" is no reference to the environment", "allowed is ${NAME}")
			continue
		}
		r.wrong(path, fmt.Sprintf("%s: environment variable %s is not set", r.quote(path), name), "set it or write the value")
	}
	if len(missing) > 0 {
		return
	}
	value, err := s.parse(full)
	switch {
	case errors.Is(err, errNot):
		r.wrong(path, fmt.Sprintf("%s is not %s", r.quote(path), s.noun), "allowed is "+s.allowed)
		return
	case err != nil: // it says what is allowed
		shown := Redact(err.Error())
		if full != text {
			shown = quoted.ReplaceAllString(shown, `"`+hidden+`"`) // what a variable holds is nobody's business
		}
		r.wrong(path, r.quote(path)+": "+shown, "")
		return
	}
	v.Set(reflect.ValueOf(value).Convert(v.Type()))
}

// quoted is a value that an error repeats.
var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// textOf is the text of a scalar as the file has it.
func textOf(n ast.Node) (string, bool) {
	switch s := n.(type) {
	case *ast.StringNode:
		return s.Value, true
	case *ast.LiteralNode:
		return strings.TrimSuffix(s.Value.Value, "\n"), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// describe says what a node of the wrong kind is, in a user's words.
func describe(n ast.Node) string {
	switch n.(type) {
	case *ast.NullNode:
		return "is empty"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "is a mapping"
	case *ast.SequenceNode:
		return "is a list"
	}
	if text, ok := textOf(n); ok {
		return quote(text) + " is of the wrong type"
	}
	return "is of the wrong type"
}

// plainKey is what any key of a channel file looks like.
var plainKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,39}$`)

// quoteKey is a key as part of a path: quoted where it is no plain word, so that a path stays what it looks like.
func quoteKey(key string) string {
	if plainKey.MatchString(key) {
		return key
	}
	return quote(key)
}

func lineOf(n ast.Node) int {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		return m.Values[0].Key.GetToken().Position.Line
	}
	return n.GetToken().Position.Line
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// keys lists the keys that a mapping of type t may have, in the order of the reference.
func keys(t reflect.Type) []string {
	var out []string
	for i := range t.NumField() {
		if tag := t.Field(i).Tag.Get("yaml"); tag != "" && tag != "-" {
			out = append(out, tag)
		}
	}
	return out
}

func fieldOf(v reflect.Value, key string) (reflect.Value, bool) {
	i := slices.IndexFunc(reflect.VisibleFields(v.Type()), func(f reflect.StructField) bool {
		return f.Tag.Get("yaml") == key && key != "-"
	})
	if i < 0 {
		return reflect.Value{}, false
	}
	return v.Field(i), true
}
