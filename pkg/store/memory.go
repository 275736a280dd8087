package store

import (
	"context"
	"fmt"
	"maps"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Memory is a store that lives as long as the process.
type Memory struct {
	mu      sync.RWMutex
	objects map[string]memoryObject
	written uint64
}

type memoryObject struct {
	Object
	modified time.Time
}

var _ Swapper = (*Memory)(nil)

// NewMemory makes an empty store.
func NewMemory() *Memory { return &Memory{objects: map[string]memoryObject{}} }

// Put writes or replaces an object.
func (m *Memory) Put(ctx context.Context, o Object) error {
	_, err := m.write(ctx, o, func(memoryObject, bool) error { return nil })
	return err
}

// Create writes an object that must not exist yet, else ErrExists.
func (m *Memory) Create(ctx context.Context, o Object) error {
	_, err := m.write(ctx, o, func(_ memoryObject, there bool) error {
		if there {
			return fmt.Errorf("creating %s: %w", o.Name, ErrExists)
		}
		return nil
	})
	return err
}

// Swap writes an object in the place of the one with that tag, or of none if it is empty, else ErrChanged.
func (m *Memory) Swap(ctx context.Context, o Object, tag string) (string, error) {
	return m.write(ctx, o, func(old memoryObject, there bool) error {
		if there != (tag != "") || old.Tag != tag {
			return fmt.Errorf("replacing %s: %w", o.Name, ErrChanged)
		}
		return nil
	})
}

// write writes an object if may says so of the one that is there, and gives its tag.
func (m *Memory) write(ctx context.Context, o Object, may func(old memoryObject, there bool) error) (string, error) {
	if err := checkObject(ctx, o); err != nil {
		return "", err
	}
	if o.Type == "" {
		o.Type = Type(o.Name)
	}
	o.Meta = maps.Clone(o.Meta)
	m.mu.Lock()
	defer m.mu.Unlock()
	old, there := m.objects[o.Name]
	if err := may(old, there); err != nil {
		return "", err
	}
	m.written++
	o.Tag = strconv.FormatUint(m.written, 10)
	m.objects[o.Name] = memoryObject{Object: o, modified: time.Now()}
	return o.Tag, nil
}

// Get reads an object; ErrNotFound.
func (m *Memory) Get(ctx context.Context, name string) (Object, error) {
	if err := ctx.Err(); err != nil {
		return Object{}, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	o, ok := m.objects[name]
	if !ok {
		return Object{}, fmt.Errorf("reading %s: %w", name, ErrNotFound)
	}
	o.Meta = maps.Clone(o.Meta)
	return o.Object, nil
}

// Stat tells an object's size and age; ErrNotFound.
func (m *Memory) Stat(ctx context.Context, name string) (Info, error) {
	if err := ctx.Err(); err != nil {
		return Info{}, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	o, ok := m.objects[name]
	if !ok {
		return Info{}, fmt.Errorf("looking at %s: %w", name, ErrNotFound)
	}
	return o.info(), nil
}

func (o memoryObject) info() Info {
	return Info{Name: o.Name, Size: int64(len(o.Body)), Modified: o.modified}
}

// List tells the objects whose names begin with prefix, in the order of their names.
func (m *Memory) List(ctx context.Context, prefix string) ([]Info, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	var out []Info
	for name, o := range m.objects {
		if strings.HasPrefix(name, prefix) {
			out = append(out, o.info())
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out, nil
}

// Delete removes an object; one that is not there is no error.
func (m *Memory) Delete(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, name)
	return nil
}

// String names the store.
func (m *Memory) String() string { return "memory" }
