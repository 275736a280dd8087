package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"
)

// reloaded are the keys that a running channel takes from its file when that is read again, as docs/channel.yaml says
// of each; the others need a restart. "inputs", "video", "audio" and "outputs" stand for which there are and in
// which order.
var reloaded = map[string]bool{
	"inputs": true, "inputs[].name": true, "inputs[].legs": true, "inputs[].merge": true, "inputs[].monitor": true,
	"inputs[].allow": true, "inputs[].program": true, "inputs[].audio": true,
	"failover": true, "failover.loss": true, "failover.return_after": true, "failover.errors": true,
	"failover.black": true, "failover.freeze": true, "failover.silence": true,
	"slate": true, "slate.hold": true, "slate.image": true, "slate.text": true, "window": true, "webhook": true,
	"webhook_secret": true, "preset": true,
	"video": true, "video[].name": true, "video[].size": true, "video[].bitrate": true, "video[].codec": true,
	"video[].encoder": true,
	"audio":           true, "audio[].name": true, "audio[].bitrate": true, "audio[].channels": true,
	"audio[].language": true,
	"outputs":          true, "outputs[].dir": true, "outputs[].s3": true, "outputs[].http": true,
	"outputs[].user": true, "outputs[].password": true, "outputs[].token": true, "outputs[].ca": true,
	"outputs[].cert": true, "outputs[].key": true, "outputs[].pipeline": true,
	"outputs[].cmaf": true,
	"limits":         true, "limits.memory": true, "limits.cpu": true, "twin": true, "twin.http": true,
}

// Reloaded tells whether a key, such as "inputs[].legs", is applied without a restart.
func Reloaded(key string) bool { return reloaded[key] }

// Change is one key whose value differs between two readings of a file.
type Change struct {
	Key  string // such as "inputs[].legs"
	Path string // such as "inputs[1].legs", in the newer file
	Text string // what has changed, without secrets
}

// String is "path: what has changed".
func (c Change) String() string { return c.Path + ": " + c.Text }

// Difference is what has changed from one reading of a channel's file to the next, in the order of the file's keys.
// Inputs and renditions are compared by their names, outputs by where they are.
func Difference(old, next *Channel) []Change {
	d := differ{}
	d.compare("", "", reflect.ValueOf(old).Elem(), reflect.ValueOf(next).Elem())
	return d.changes
}

// NeedRestart are the changes that a running channel cannot apply, as problems of the newer file.
func (c *Channel) NeedRestart(changes []Change) Problems {
	var out Problems
	for _, ch := range changes {
		if !Reloaded(ch.Key) {
			out = append(out, c.Refuse(ch.Path, "needs a restart: "+ch.Text))
		}
	}
	return out
}

// Refuse is a problem of a path of the file that shows only in what runs.
func (c *Channel) Refuse(path, wrong string) Problem {
	return Problem{File: c.File, Line: lineIn(c.at, path), Path: path, Wrong: wrong}
}

type differ struct{ changes []Change }

func (d *differ) tell(key, path, text string) { d.changes = append(d.changes, Change{key, path, text}) }

// compare goes through the keys of a struct.
func (d *differ) compare(key, path string, old, next reflect.Value) {
	for i := range old.NumField() {
		tag := old.Type().Field(i).Tag.Get("yaml")
		if tag == "" || tag == "-" {
			continue
		}
		k, p := strings.TrimPrefix(key+"."+tag, "."), strings.TrimPrefix(path+"."+tag, ".")
		a, b := old.Field(i), next.Field(i)
		switch before := a.Interface().(type) {
		case TLS, Failover, Slate, Limits:
			d.compare(k, p, a, b)
		case []Input:
			d.inputs(before, b.Interface().([]Input)) //nolint:errcheck,forcetypeassert // it is the same field
		case []Video, []Audio:
			d.renditions(k, p, a, b)
		case Store:
			d.store(k, p, before, b.Interface().(Store)) //nolint:errcheck,forcetypeassert // it is the same field
		case []Store:
			d.outputs(before, b.Interface().([]Store)) //nolint:errcheck,forcetypeassert // likewise
		default:
			d.value(k, p, a.Interface(), b.Interface())
		}
	}
}

// value compares what is no list or group of keys.
func (d *differ) value(key, path string, old, next any) {
	if reflect.DeepEqual(old, next) || empty(old) && empty(next) {
		return
	}
	switch next.(type) {
	case time.Duration, int, string, Bitrate, Size, Processors, []Selector, fmt.Stringer:
		d.tell(key, path, fmt.Sprintf("%v instead of %v", show(next), show(old)))
	default:
		d.tell(key, path, "is another one")
	}
}

func empty(v any) bool {
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Slice && r.Len() == 0
}

// show is a value as an event may hold it.
func show(v any) string {
	switch v := v.(type) {
	case time.Duration:
		return short(v)
	case Secret, Hook:
		return hidden
	case Processors, []Selector:
		return fmt.Sprint(v)
	}
	return quote(Redact(fmt.Sprint(v)))
}

// inputs compares by name.
func (d *differ) inputs(old, next []Input) {
	at := func(list []Input, name string) int {
		return slices.IndexFunc(list, func(in Input) bool { return in.Name == name })
	}
	var order []int
	for i, in := range next {
		path := fmt.Sprintf("inputs[%d]", i)
		before := at(old, in.Name)
		if before < 0 {
			d.tell("inputs", path, fmt.Sprintf("input %s is added", in.Name))
			continue
		}
		order = append(order, before)
		was := old[before]
		was.Audio, in.Audio = orNone(was.Audio), orNone(in.Audio)
		d.compare("inputs[]", path, reflect.ValueOf(was), reflect.ValueOf(in))
	}
	if !slices.IsSorted(order) {
		d.tell("inputs", "inputs", "another order of preference")
	}
	for _, in := range old {
		if at(next, in.Name) < 0 {
			d.tell("inputs", "inputs", fmt.Sprintf("input %s is removed", in.Name))
		}
	}
}

// store compares a store as a whole. What is not shown of it may differ, too.
func (d *differ) store(key, path string, old, next Store) {
	switch {
	case old == next:
	case old.IsZero():
		d.tell(key, path, fmt.Sprintf("%s is added", next))
	case next.IsZero():
		d.tell(key, path, fmt.Sprintf("%s is removed", old))
	case old.String() == next.String():
		d.tell(key, path, fmt.Sprintf("%s is reached in another way", next))
	default:
		d.tell(key, path, fmt.Sprintf("%s instead of %s", quote(next.String()), quote(old.String())))
	}
}

// outputs compares by place in the world. The first is the one that viewers are served from: it is for good.
func (d *differ) outputs(old, next []Store) {
	if !old[0].Same(next[0]) {
		d.tell("outputs[0]", "outputs[0]", fmt.Sprintf("viewers are served from the first output, which is %s instead of %s",
			next[0], old[0]))
		return
	}
	in := func(list []Store, s Store) bool { return slices.ContainsFunc(list, s.Same) }
	for i, s := range next {
		if !in(old, s) {
			d.tell("outputs", fmt.Sprintf("outputs[%d]", i), fmt.Sprintf("output %s is added", s))
		}
	}
	for _, s := range old {
		if !in(next, s) {
			d.tell("outputs", "outputs", fmt.Sprintf("output %s is removed", s))
		}
	}
}

func orNone(s []Selector) []Selector {
	if len(s) == 0 {
		return nil
	}
	return s
}

// renditions compares by name; without a list there is the default ladder.
func (d *differ) renditions(key, path string, old, next reflect.Value) {
	switch {
	case old.IsNil() && next.IsNil():
		return
	case old.IsNil() || next.IsNil():
		d.tell(key, path, "a list instead of the default ladder, or the other way round")
		return
	}
	at := func(list reflect.Value, name string) int {
		for i := range list.Len() {
			if list.Index(i).FieldByName("Name").String() == name {
				return i
			}
		}
		return -1
	}
	var order []int
	for i := range next.Len() {
		name := next.Index(i).FieldByName("Name").String()
		before, path := at(old, name), fmt.Sprintf("%s[%d]", path, i)
		if before < 0 {
			d.tell(key, path, fmt.Sprintf("rendition %s is added", name))
			continue
		}
		order = append(order, before)
		d.compare(key+"[]", path, old.Index(before), next.Index(i))
	}
	if !slices.IsSorted(order) {
		d.tell(key, path, "another order of the renditions")
	}
	for i := range old.Len() {
		if name := old.Index(i).FieldByName("Name").String(); at(next, name) < 0 {
			d.tell(key, path, fmt.Sprintf("rendition %s is removed", name))
		}
	}
}

// SameLegs tells whether two inputs are received in the same way: then nothing has to be opened anew.
func (in Input) SameLegs(other Input) bool {
	return reflect.DeepEqual(in.Legs, other.Legs) && in.Merge == other.Merge
}

// SameSenders tells whether the same addresses may send.
func (in Input) SameSenders(other Input) bool {
	return slices.EqualFunc(in.Allow, other.Allow, func(a, b netip.Prefix) bool { return a == b })
}

// Clashes tells whether two inputs want the same socket, so that one has to go before the other can come.
func (in Input) Clashes(other Input) bool {
	for _, a := range in.Legs {
		for _, b := range other.Legs {
			if slices.ContainsFunc(socketsOf(a), func(s string) bool { return slices.Contains(socketsOf(b), s) }) {
				return true
			}
		}
	}
	return false
}

// LoadBeside reads one channel file for a process that runs other channels too.
func LoadBeside(path string, others []*Channel, env func(string) (string, bool)) (*Channel, error) {
	c, problems := load(path, env)
	if c != nil && len(problems) == 0 {
		problems = clashes(append(slices.Clone(others), c))
	}
	if len(problems) > 0 {
		return nil, Problems(problems)
	}
	return c, nil
}
