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

// CheckCreate tries whether of several creators in a folder one wins: pipelines that cannot agree would each have a
// timeline of their own. ErrNotExclusive: they could not; every other error: that is not known.
func CheckCreate(ctx context.Context, s Store, folder string) error {
	name := path.Join(folder, "probe-"+strconv.FormatUint(rand.Uint64(), 36)+".json")
	o := Object{Name: name, Body: []byte("{}\n")}
	if err := s.Create(ctx, o); err != nil {
		return err
	}
	second := s.Create(ctx, o)
	removed := s.Delete(ctx, name)
	switch {
	case second == nil:
		return fmt.Errorf("store %s: %w", s, ErrNotExclusive)
	case !errors.Is(second, ErrExists):
		return second
	}
	return removed
}
