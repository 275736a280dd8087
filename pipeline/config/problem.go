package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong (or, as a warning, unwise) in a channel file. No field holds a secret.
type Problem struct {
	File    string
	Line    int    // counted from 1; 0: the file as a whole
	Path    string // such as "inputs[0].legs[1]"; empty: the file as a whole
	Wrong   string // what is wrong, the value quoted
	Allowed string // what would be right; may be empty
}

// String is "file:line: path: what is wrong, what is allowed".
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if p.Path != "" {
		b.WriteString(": " + p.Path)
	}
	b.WriteString(": " + p.Wrong)
	if p.Allowed != "" {
		b.WriteString(", " + p.Allowed)
	}
	return b.String()
}

// Problems is every problem of one load, in the order of the files and their lines. It is the error of Load.
type Problems []Problem

// Error is one problem a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// sorted orders by line and keeps the order of what shares one.
func sorted(ps []Problem) []Problem {
	slices.SortStableFunc(ps, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return ps
}
