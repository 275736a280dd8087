package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"onair/pkg/anchor"
	"onair/pkg/store"
)

// fact is an object that a restart must find: the grid, or the newest anchor of an input.
type fact struct {
	gen    int64
	object store.Object
}

// remember keeps what is stored, so that it can be stored again. owner is an input's name, empty for the grid.
func (t *timeline) remember(owner string, gen int64, o store.Object) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if was, there := t.facts[owner]; there && was.gen > gen {
		return
	}
	if t.facts == nil {
		t.facts = map[string]fact{}
	}
	t.facts[owner] = fact{gen, o}
}

func (t *timeline) rememberGrid(body []byte) {
	t.remember("", 0, store.Object{Name: t.gridName(), Body: body, Type: "application/json"})
}

// anchorObject is an anchor as it is stored.
func (t *timeline) anchorObject(input string, a anchor.Anchor) (store.Object, error) {
	body, err := json.Marshal(a)
	return store.Object{Name: t.anchorName(input, a.Gen), Body: append(body, '\n'), Type: "application/json"}, err
}

// look sees, in the background, whether what a restart must find went with a folder that somebody removed. A grid.json
// that is missing alone was removed to start a new timeline, and stays away. The watcher alone calls it.
func (t *timeline) look() {
	s, ok := t.store.(interface{ Remade() uint64 })
	if !ok {
		return
	}
	remade := s.Remade()
	if remade == t.remade {
		return
	}
	t.remade = remade
	t.wg.Go(t.restore)
}

// restore stores again what is missing.
func (t *timeline) restore() {
	ctx, cancel := context.WithTimeout(context.Background(), timelineWait)
	defer cancel()
	t.mu.Lock()
	var objects []store.Object
	for _, f := range t.facts {
		objects = append(objects, f.object)
	}
	t.mu.Unlock()
	var again []string
	for _, o := range objects {
		switch err := t.store.Create(ctx, o); {
		case err == nil:
			again = append(again, o.Name)
		case !errors.Is(err, store.ErrExists):
			t.event("warning", fmt.Sprintf("%s was removed and cannot be stored again, a restart will make another one: %v",
				o.Name, err))
		}
	}
	if slices.Sort(again); len(again) > 0 {
		t.event("warning", fmt.Sprintf("somebody removed %s in %s: written again", strings.Join(again, ", "), t.store))
	}
}
