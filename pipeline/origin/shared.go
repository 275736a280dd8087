package origin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"onair/pkg/store"
)

// Swap writes an object in the place of the one with that tag, see store.Swapper. It is there when the store behind,
// which must be shared, has it.
func (e *Edge) Swap(ctx context.Context, o store.Object, tag string) (string, error) {
	if e.shared == nil {
		return "", fmt.Errorf("replacing %s in %s: %w", o.Name, e.store, errors.ErrUnsupported)
	}
	tag, err := e.shared.Swap(ctx, o, tag)
	if err == nil {
		e.keep(e.settled(o, time.Now()))
	}
	return tag, err
}

// getShared reads what others may have replaced; it is served as it is there from then on.
func (e *Edge) getShared(ctx context.Context, name string) (store.Object, error) {
	o, err := e.store.Get(ctx, name)
	if err == nil {
		e.keep(e.settled(o, time.Now()))
	}
	return o, err
}
