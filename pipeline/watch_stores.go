package pipeline

import (
	"fmt"

	"onair/pipeline/control"
	"onair/pkg/tick"
)

// storeCalm is how long a store must not fail to be well again: longer than the longest pause between two tries.
const storeCalm = 15 * tick.Second

// storeTrouble is what is known about a store's trouble.
type storeTrouble struct {
	errors  uint64
	untaken uint64
	last    tick.Tick // when one of them grew last; 0: the store is well
}

// allStores tells when stores begin to fail, and when they have stopped: not every try that fails.
func (w *watcher) allStores(now tick.Tick) {
	if w.air.Load() == nil {
		return
	}
	was := w.stores
	w.stores = make(map[*output]*storeTrouble, len(was))
	for _, o := range w.outputs() {
		if w.stores[o] = was[o]; was[o] == nil {
			w.stores[o] = &storeTrouble{}
		}
		w.store(w.stores[o], o.status(), now)
	}
}

func (w *watcher) store(t *storeTrouble, st outputStatus, now tick.Tick) {
	switch {
	case st.Errors > t.errors, st.Untaken > t.untaken:
		if t.last == 0 {
			why := st.LastError
			if why == "" && st.Untaken > t.untaken {
				why = "it does not take segments in time"
			} else if why == "" {
				why = "a write failed, later ones went well"
			}
			message := fmt.Sprintf("store %s: %s", st.Store, why)
			if st.late > 0 {
				message += "; viewers of this server get from memory what it lacks"
			}
			w.events.put(control.Event{Level: control.Warning, Stage: "publish", Code: codeStore, Message: message})
		}
		t.errors, t.untaken, t.last = st.Errors, st.Untaken, now
	case t.last != 0 && now-t.last >= storeCalm:
		t.last = 0
		w.events.put(control.Event{Level: control.Info, Stage: "publish", Code: codeStored,
			Message: fmt.Sprintf("store %s: well again", st.Store)})
	}
}
