package verify

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// maxFindings bounds the distinct findings that are kept; the rest is counted in the tallies only.
const maxFindings = 1000

// findings counts what was checked and keeps what failed.
type findings struct {
	now     func() time.Time
	tallies map[*rule]*Tally
	byKey   map[findingKey]*Finding
	order   []*Finding
}

type findingKey struct {
	rule   *rule
	object string
}

func newFindings(now func() time.Time) *findings {
	return &findings{now: now, tallies: map[*rule]*Tally{}, byKey: map[findingKey]*Finding{}}
}

// check applies a rule to an object: when it does not hold, the message says what is there and what should be. It
// returns
// whether it holds.
func (f *findings) check(r *rule, object string, holds bool, message string, a ...any) bool {
	t := f.tallies[r]
	if t == nil {
		t = &Tally{Rule: r.id, Hard: r.hard, Clause: r.clause, Text: r.text}
		f.tallies[r] = t
	}
	if holds {
		t.Passed++
		return true
	}
	t.Failed++
	f.keep(r, object, fmt.Sprintf(message, a...))
	return false
}

func (f *findings) keep(r *rule, object, message string) {
	now := f.now().UTC()
	if k := f.byKey[findingKey{r, object}]; k != nil {
		k.Count++
		k.Last = now
		return
	}
	if len(f.order) >= maxFindings {
		return
	}
	n := &Finding{Rule: r.id, Severity: "warning", Object: object, Message: message, Count: 1, First: now, Last: now,
		Cause: r.cause, Advice: r.advice}
	if r.hard {
		n.Severity = "error"
	}
	f.byKey[findingKey{r, object}] = n
	f.order = append(f.order, n)
}

// list is every finding, hard ones first, else as they came.
func (f *findings) list() []Finding {
	out := make([]Finding, 0, len(f.order))
	for _, n := range f.order {
		out = append(out, *n)
	}
	slices.SortStableFunc(out, func(a, b Finding) int { return cmp.Compare(a.Severity, b.Severity) })
	return out
}

// counts is every rule that was applied.
func (f *findings) counts() []Tally {
	out := make([]Tally, 0, len(f.tallies))
	for _, r := range allRules {
		if t := f.tallies[r]; t != nil {
			out = append(out, *t)
		}
	}
	return out
}

// clean tells whether every hard rule that was applied held.
func (f *findings) clean() bool {
	for r, t := range f.tallies {
		if r.hard && t.Failed > 0 {
			return false
		}
	}
	return true
}
