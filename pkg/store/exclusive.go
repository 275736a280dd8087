package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"strconv"
)

// ErrNotExclusive tells of a store whose Create does not keep what is there.
var ErrNotExclusive = errors.New("it overwrites what it should keep: it does not know If-None-Match")

// ErrNotSwapped tells of a store whose Swap replaces what it should not.
var ErrNotSwapped = errors.New("it replaces what another one has written: it does not know If-Match")

// CheckCreate tries whether of several creators in a folder one wins: pipelines that cannot agree would each have a
// timeline of their own. ErrNotExclusive: they could not; every other error: that is not known.
func CheckCreate(ctx context.Context, s Store, folder string) error {
	o := probe(folder)
	if err := s.Create(ctx, o); err != nil {
		return err
	}
	second := s.Create(ctx, o)
	removed := s.Delete(ctx, o.Name)
	switch {
	case second == nil:
		return fmt.Errorf("store %s: %w", s, ErrNotExclusive)
	case !errors.Is(second, ErrExists):
		return second
	}
	return removed
}

// CheckSwap tries whether writers in a folder can replace an object without undoing each other's work. ErrNotSwapped:
// they cannot; every other error: that is not known.
func CheckSwap(ctx context.Context, s Swapper, folder string) error {
	o := probe(folder)
	if err := s.Create(ctx, o); err != nil {
		return err
	}
	first, err := s.Get(ctx, o.Name)
	if err != nil {
		return err
	}
	if first.Tag == "" {
		return errors.Join(fmt.Errorf("store %s: what is read has no tag: %w", s, ErrNotSwapped), s.Delete(ctx, o.Name))
	}
	o.Body = []byte("{ }\n")
	second, swapped := s.Swap(ctx, o, first.Tag)
	_, again := s.Swap(ctx, o, first.Tag)
	removed := s.Delete(ctx, o.Name)
	switch {
	case swapped != nil:
		return swapped
	case again == nil || second == first.Tag:
		return fmt.Errorf("store %s: %w", s, ErrNotSwapped)
	case !errors.Is(again, ErrChanged):
		return again
	}
	return removed
}

func probe(folder string) Object {
	name := path.Join(folder, "probe-"+strconv.FormatUint(rand.Uint64(), 36)+".json")
	return Object{Name: name, Body: []byte("{}\n")}
}
