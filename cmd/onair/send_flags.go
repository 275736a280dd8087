package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"onair/pipeline/send"
)

// place is one leg among others.
type place struct{ i, n int }

// ofLeg gives a leg its item of a list, which has one for each leg, one for all, or none.
func ofLeg[T any](flag string, list []T, at place, set func(T) error) error {
	if len(list) == 0 {
		return nil
	}
	if len(list) != 1 && len(list) != at.n {
		return fmt.Errorf("%s has %d values for %d legs: give one for each, or one for all", flag, len(list), at.n)
	}
	item := list[0]
	if len(list) > 1 {
		item = list[at.i]
	}
	if err := set(item); err != nil {
		return fmt.Errorf("%s %q: %w", flag, fmt.Sprint(item), err)
	}
	return nil
}

// part reads "5%" or "0.05".
func part(s string) (float64, error) {
	number, percent := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(number, 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v >= 0 && v <= 1) {
		return 0, errors.New("a part is written like 5% or 0.05, from 0 to 1")
	}
	return v, nil
}

// matrix reads "8x4": columns and rows.
func matrix(s string) (columns, rows int, err error) {
	left, right, found := strings.Cut(s, "x")
	columns, errC := strconv.Atoi(left)
	rows, errR := strconv.Atoi(right)
	if !found || errC != nil || errR != nil || columns < 1 || rows < 1 {
		return 0, 0, fmt.Errorf("%q: a matrix is COLUMNSxROWS, like 8x4", s)
	}
	return columns, rows, nil
}

// parseDrop reads "2@10s-20s", "2@10s-" or "2@10s": the last two to the end.
func parseDrop(s string) (leg int, cut send.Cut, err error) {
	number, span, found := strings.Cut(s, "@")
	leg, err = strconv.Atoi(number)
	if !found || err != nil || leg < 1 {
		return 0, cut, errors.New("a silence is LEG@FROM-TO, like 2@10s-20s; legs are counted from 1")
	}
	from, to, _ := strings.Cut(span, "-")
	if cut.From, err = time.ParseDuration(from); err != nil {
		return 0, cut, fmt.Errorf("start: %w", err)
	}
	if to == "" {
		return leg, cut, nil
	}
	if cut.To, err = time.ParseDuration(to); err != nil {
		return 0, cut, fmt.Errorf("end: %w", err)
	}
	if cut.To <= cut.From {
		return 0, cut, errors.New("the end must come after the start")
	}
	return leg, cut, nil
}
