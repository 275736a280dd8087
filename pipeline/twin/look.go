package twin

import (
	"context"
	"errors"
	"fmt"

	"onair/pkg/hls"
	"onair/pkg/likeness"
	"onair/pkg/store"
	"onair/pkg/tick"
)

// where names the two in texts.
var where = likeness.Where{"here", "there"}

// look is one number of one rendition while it is looked at.
type look struct {
	k            int64
	track        string
	late         bool // the other pipeline has had its time
	mine, theirs hls.Entry
}

// lookAt looks at the next number, and tells whether to go on to the one after it now.
func (w *Watch) lookAt(ctx context.Context, st State) bool {
	l := look{k: w.next, track: st.Renditions[w.turn%len(st.Renditions)]}
	l.late = w.cfg.Now()-w.listed[l.k] >= st.Segment+grace
	own, err := w.find(ctx, &w.own, l)
	switch {
	case err == nil && !own.Has && own.Last < l.k && !l.late:
		return false // it is just being listed
	case err != nil || !own.Has || own.Entry.Gap:
		return w.pass() // what is missing here is told by others
	}
	their, err := w.find(ctx, &w.other, l)
	switch absent := errors.Is(err, store.ErrNotFound); {
	case err != nil && !absent:
		return w.failed(ctx, l, err)
	case their.Has && their.Entry.Gap:
		return w.lacks(l, "it is a gap there")
	case !absent && !their.Has && their.Last >= their.First && their.First > l.k:
		return w.pass() // it began later
	case !their.Has && !l.late:
		return false
	case !their.Has:
		return w.lacks(l, "it is not listed there")
	}
	l.mine, l.theirs = own.Entry, their.Entry
	return w.compare(ctx, l)
}

// find looks for a number in a playlist.
func (w *Watch) find(ctx context.Context, r *reader, l look) (hls.Listing, error) {
	body, err := r.get(ctx, w.cfg.Channel+"/"+hls.MediaName(l.track))
	if err != nil {
		return hls.Listing{}, err
	}
	found, err := hls.Find(body, l.k)
	if err != nil {
		return found, fmt.Errorf("%s: %w", hls.MediaName(l.track), err)
	}
	return found, nil
}

// pass goes on to the next number.
func (w *Watch) pass() bool {
	w.next++
	w.settle()
	return true
}

// settle takes what was read of the other store into account.
func (w *Watch) settle() {
	if n := w.other.spent(); n > 0 {
		w.rest = max(w.rest, w.cfg.Now()+tick.Tick(n)*tick.Second/rate)
	}
}

// failed notes that the other store cannot be read. It is tried again, with this number for as long as it is due.
func (w *Watch) failed(ctx context.Context, l look, err error) bool {
	if ctx.Err() != nil { // the channel ends
		return false
	}
	w.count(func(s *Status) {
		s.Errors++
		s.LastError = err.Error()
	})
	if w.alarms.away.raise(w.cfg.Now()) {
		w.tell(Away, true, fmt.Sprintf("cannot be read: %v", err))
	}
	if l.late {
		w.next++
	}
	w.settle()
	w.rest = max(w.rest, w.cfg.Now()+retry)
	return false
}

// answers notes that it can.
func (w *Watch) answers() {
	w.count(func(s *Status) { s.LastError = "" })
	if w.alarms.away.clear() {
		w.tell(Back, false, "can be read again")
	}
}

// lacks notes a number that is media here and not there.
func (w *Watch) lacks(l look, how string) bool {
	w.answers()
	w.count(func(s *Status) {
		s.Missing++
		s.Last = fmt.Sprintf("segment %d of %s: %s", l.k, l.track, how)
	})
	if w.alarms.missing.raise(w.cfg.Now()) {
		w.tell(Missing, true, fmt.Sprintf("segment %d of %s, media here: %s; viewers who are sent there lack it: the events "+
			"of that pipeline say why", l.k, l.track, how))
	}
	w.turn++
	return w.pass()
}

// compare compares what both list.
func (w *Watch) compare(ctx context.Context, l look) bool {
	if v, differs := likeness.Difference(where.Entries(entry(l.mine), entry(l.theirs))); differs {
		return w.judged(l, &v)
	}
	if l.mine.Init != l.theirs.Init {
		return w.judged(l, &likeness.Verdict{Aspect: likeness.Init,
			Text: fmt.Sprintf("it has the header %s %s and %s %s", l.mine.Init, where[0], l.theirs.Init, where[1])})
	}
	heads, ok := w.headers(ctx, l)
	if !ok {
		return w.unread(ctx, l, heads.err, heads.own)
	}
	if v, differs := likeness.Difference(where.Headers(heads.of[0], heads.of[1])); differs {
		delete(w.heads, l.track) // that of there may be put right
		return w.judged(l, &v)
	}
	return w.compareMedia(ctx, l, heads.of)
}

func (w *Watch) compareMedia(ctx context.Context, l look, heads [2]likeness.Header) bool {
	a := likeness.Segment{Header: heads[0]}
	b := likeness.Segment{Header: heads[1]}
	var err error
	if a.Body, err = w.own.get(ctx, w.cfg.Channel+"/"+l.mine.URI); err != nil {
		return w.unread(ctx, l, err, true)
	}
	a.Info, err = a.Header.Parse(a.Body)
	if err == nil && a.Slate() {
		return w.pass()
	}
	damaged := where[0]
	if err == nil {
		if b.Body, err = w.other.get(ctx, w.cfg.Channel+"/"+l.theirs.URI); err != nil {
			return w.unread(ctx, l, err, false)
		}
		damaged = where[1]
		b.Info, err = b.Header.Parse(b.Body)
	}
	switch {
	case err != nil:
		return w.judged(l, &likeness.Verdict{Aspect: likeness.Readable, Text: fmt.Sprintf("damaged %s: %v", damaged, err)})
	case b.Slate():
		return w.lacks(l, "it is slate there")
	}
	if v, differs := likeness.Difference(where.Segments(a, b)); differs {
		return w.judged(l, &v)
	}
	return w.judged(l, nil)
}

// unread goes on after something that is listed could not be read.
func (w *Watch) unread(ctx context.Context, l look, err error, own bool) bool {
	switch {
	case own:
		return w.pass()
	case errors.Is(err, store.ErrNotFound):
		return w.lacks(l, "it is listed there, and it, or its header, is not to be had")
	}
	return w.failed(ctx, l, err)
}

// judged notes what came of comparing; nil: nothing differs.
func (w *Watch) judged(l look, v *likeness.Verdict) bool {
	w.answers()
	if w.alarms.missing.clear() {
		w.tell(Back, false, fmt.Sprintf("has media again: segment %d of %s", l.k, l.track))
	}
	w.mu.Lock()
	w.status.Compared++
	w.status.LastK = l.k
	w.ring.add(v == nil)
	if v != nil {
		w.status.differs(v.Aspect)
		w.status.Last = fmt.Sprintf("segment %d of %s: %s", l.k, l.track, v.Text)
	}
	w.mu.Unlock()
	w.alarm(l, v)
	w.turn++
	return w.pass()
}

// alarm tells when segments begin to differ, and when they have stopped for some time.
func (w *Watch) alarm(l look, v *likeness.Verdict) {
	if v == nil {
		if w.alarms.inRow++; w.alarms.inRow >= calm && w.alarms.differs.clear() {
			w.tell(Alike, false, fmt.Sprintf("the last %d segments that were compared can stand in for each other again", calm))
		}
		return
	}
	w.alarms.inRow = 0
	if w.alarms.differs.raise(w.cfg.Now()) {
		cause, advice := v.Aspect.Fault()
		w.tell(Differs, true, fmt.Sprintf("segment %d of %s cannot stand in for that of here, by its %s: %s. Cause: %s. %s. "+
			"Compare all with onair verify --twin", l.k, l.track, v.Aspect, v.Text, cause, advice))
	}
}

func entry(e hls.Entry) likeness.Entry {
	return likeness.Entry{URI: e.URI, Duration: e.Duration, Date: e.Date, Discontinuity: e.Discontinuity, First: e.First}
}
