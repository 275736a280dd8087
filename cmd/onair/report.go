package main

import (
	"encoding/json"
	"io"
)

// texter is a report that people can read.
type texter interface {
	WriteText(w io.Writer) error
}

// report prints r, as text or as JSON. The command has failed if what r reports on is not well.
func (e *env) report(r texter, asJSON, well bool) error {
	if err := e.print(r, asJSON); err != nil {
		return err
	}
	if !well {
		return exitError{code: exitFailed}
	}
	return nil
}

// print prints r, as text or as JSON.
func (e *env) print(r texter, asJSON bool) error {
	if !asJSON {
		return r.WriteText(e.stdout)
	}
	return e.encode(e.stdout, r)
}

// encode writes r as JSON.
func (e *env) encode(w io.Writer, r texter) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}
