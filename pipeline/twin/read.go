package twin

import (
	"context"
	"errors"
	"fmt"

	"onair/pkg/likeness"
	"onair/pkg/store"
)

// mostBytes bounds an object that is worth comparing.
const mostBytes = 64 << 20

// reader reads a store, and waits for it no longer than is worth it.
type reader struct {
	store   Reader
	hanging chan answer // of an object that was given up; nil: none
	bytes   int64       // read, and not accounted for
}

type answer struct {
	object store.Object
	err    error
}

var errHangs = errors.New("an object that was asked for before has not come yet")

// get reads an object. One is read at a time, beside: a folder of another machine may hang whatever the context says.
func (r *reader) get(ctx context.Context, name string) ([]byte, error) {
	if r.hanging != nil {
		select {
		case <-r.hanging:
			r.hanging = nil
		default:
			return nil, errHangs
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, readFor, fmt.Errorf("%s did not come within %v", name, readFor))
	defer cancel()
	come := make(chan answer, 1)
	go func() {
		o, err := read(ctx, r.store, name)
		come <- answer{o, err}
	}()
	select {
	case a := <-come:
		r.bytes += int64(len(a.object.Body))
		return a.object.Body, a.err
	case <-ctx.Done():
		r.hanging = come
		return nil, context.Cause(ctx)
	}
}

// read reads an object, unless it is too large, where that can be told before.
func read(ctx context.Context, from Reader, name string) (store.Object, error) {
	if dir, ok := from.(*store.Dir); ok {
		if info, err := dir.Stat(ctx, name); err == nil && info.Size > mostBytes {
			return store.Object{}, fmt.Errorf("%s has %d bytes, more than the %d that are worth it", name, info.Size, mostBytes)
		}
	}
	return from.Get(ctx, name)
}

// spent are the bytes that were read since it was asked last.
func (r *reader) spent() int64 {
	n := r.bytes
	r.bytes = 0
	return n
}

// initializations are those of both, or why not.
type initializations struct {
	of  [2]likeness.Header
	err error
	own bool // that of here is meant
}

// headers reads the initializations of what both list, each name once.
func (w *Watch) headers(ctx context.Context, l look) (initializations, bool) {
	if known, ok := w.heads[l.track]; ok && known[0].Name == l.mine.Init {
		return initializations{of: known}, true
	}
	var out initializations
	for i, r := range []*reader{&w.own, &w.other} {
		body, err := r.get(ctx, w.cfg.Channel+"/"+l.mine.Init)
		if err != nil {
			out.err, out.own = err, i == 0
			return out, false
		}
		// One that cannot be read is compared by its bytes, and what it is for by its own defaults.
		out.of[i], _ = likeness.ReadHeader(l.mine.Init, body)
	}
	w.heads[l.track] = out.of
	return out, true
}
