package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
)

// DirConfig describes a folder store.
type DirConfig struct {
	Path string // made with its parents if it does not exist
	// Sync makes every object durable before Put returns: the file is synced before its name appears and the folder after.
	// Without it a killed process still loses nothing, but a power cut may lose the objects of the last half minute or
	// leave empty ones. Objects made with Create are always synced: they are what pipelines agree on.
	Sync bool
}

// Dir is a store in a folder. An object is written to a hidden file in the folder where it will be and renamed, so a
// reader sees it whole or not at all. Type, Cache and Meta are kept as extended attributes where the file system has
// them; where it has none, Meta and Cache are lost and Type follows from the name.
type Dir struct {
	path string
	sync bool
	made sync.Map // folders known to exist

	remade atomic.Uint64 // of these, how many had been removed when they were written to
}

var _ Store = (*Dir)(nil)

// OpenDir opens a folder that somebody else writes, to read it: nothing is made, tried or removed there, and it need
// not be there yet.
func OpenDir(path string) (*Dir, error) {
	abs, err := filepath.Abs(path)
	if err != nil || path == "" {
		return nil, fmt.Errorf("store folder %q: it is no path", path)
	}
	return &Dir{path: abs}, nil
}

// NewDir opens the folder, proves that it can be written and removes what a killed writer left behind. Its error says
// what to do about the folder.
func NewDir(c DirConfig) (*Dir, error) {
	if c.Path == "" {
		return nil, errors.New("store folder: no path given")
	}
	abs, err := filepath.Abs(c.Path)
	if err != nil {
		return nil, fmt.Errorf("store folder %s: %w", c.Path, err)
	}
	d := &Dir{path: abs, sync: c.Sync}
	if err := os.MkdirAll(abs, 0o755); err != nil {
		return nil, d.explain("making the folder", err)
	}
	f, err := newTemp(abs, "probe")
	if err != nil {
		return nil, d.explain("trying to write", err)
	}
	f.discard()
	if err := d.sweep(); err != nil {
		return nil, d.explain("removing unfinished files", err)
	}
	return d, nil
}

// Put writes or replaces an object.
func (d *Dir) Put(ctx context.Context, o Object) error {
	if err := checkObject(ctx, o); err != nil {
		return err
	}
	file := d.file(o.Name)
	t, err := d.writeTemp(file, o, d.sync)
	if err != nil {
		return d.explain("writing "+o.Name, err)
	}
	if err := os.Rename(t.path, file); err != nil {
		t.discard()
		return d.explain("writing "+o.Name, err)
	}
	t.release()
	if d.sync {
		return d.explain("writing "+o.Name, syncFolder(filepath.Dir(file)))
	}
	return nil
}

// Create writes an object that must not exist yet, else ErrExists. The exclusive step is link(2), which also holds
// among several machines on a network file system.
func (d *Dir) Create(ctx context.Context, o Object) error {
	if err := checkObject(ctx, o); err != nil {
		return err
	}
	file := d.file(o.Name)
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("creating %s: %w", o.Name, ErrExists)
	}
	t, err := d.writeTemp(file, o, true)
	if err != nil {
		return d.explain("creating "+o.Name, err)
	}
	err = os.Link(t.path, file)
	t.discard()
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("creating %s: %w", o.Name, ErrExists)
	}
	if err != nil {
		return d.explain("creating "+o.Name, err)
	}
	return d.explain("creating "+o.Name, syncFolder(filepath.Dir(file)))
}

// Get reads an object; ErrNotFound.
func (d *Dir) Get(ctx context.Context, name string) (Object, error) {
	f, info, err := d.Open(ctx, name)
	if err != nil {
		return Object{}, err
	}
	defer func() { _ = f.Close() }()
	body := make([]byte, info.Size)
	if _, err := f.ReadAt(body, 0); err != nil && info.Size > 0 {
		return Object{}, d.explain("reading "+name, err)
	}
	o := Object{Name: name, Body: body}
	readAttributes(f, &o)
	if o.Type == "" {
		o.Type = Type(name)
	}
	return o, nil
}

// Open gives an object's file for reading, so that a large one can be sent without passing through memory; ErrNotFound.
// The file keeps its content when the object is replaced or deleted meanwhile. The caller closes it.
func (d *Dir) Open(ctx context.Context, name string) (*os.File, Info, error) {
	if err := errors.Join(ctx.Err(), CheckName(name)); err != nil {
		return nil, Info{}, err
	}
	f, err := os.Open(d.file(name))
	if err != nil {
		return nil, Info{}, d.missing("reading "+name, err)
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = ErrNotFound
	}
	if err != nil {
		_ = f.Close()
		return nil, Info{}, d.missing("reading "+name, err)
	}
	return f, Info{Name: name, Size: st.Size(), Modified: st.ModTime()}, nil
}

// Stat tells an object's size and age; ErrNotFound.
func (d *Dir) Stat(ctx context.Context, name string) (Info, error) {
	if err := errors.Join(ctx.Err(), CheckName(name)); err != nil {
		return Info{}, err
	}
	st, err := os.Stat(d.file(name))
	if err == nil && !st.Mode().IsRegular() {
		err = ErrNotFound
	}
	if err != nil {
		return Info{}, d.missing("looking at "+name, err)
	}
	return Info{Name: name, Size: st.Size(), Modified: st.ModTime()}, nil
}

// List tells the objects whose names begin with prefix, in the order of their names.
func (d *Dir) List(ctx context.Context, prefix string) ([]Info, error) {
	var out []Info
	folder, _ := filepath.Split(filepath.FromSlash(prefix))
	if strings.HasPrefix(prefix, "/") || strings.Contains(prefix, "..") {
		return nil, fmt.Errorf("%w: prefix %q", ErrName, prefix)
	}
	err := d.walk(ctx, folder, func(name string, e fs.DirEntry) error {
		if !strings.HasPrefix(name, prefix) || e.Name()[0] == '.' {
			return nil
		}
		st, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // deleted meanwhile
		}
		if err != nil {
			return err
		}
		out = append(out, Info{Name: name, Size: st.Size(), Modified: st.ModTime()})
		return nil
	})
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out, d.explain("listing "+prefix, err)
}

// walk visits every regular file below folder; hidden folders are left out, hidden files are not.
func (d *Dir) walk(ctx context.Context, folder string, visit func(name string, e fs.DirEntry) error) error {
	root := filepath.Join(d.path, folder) + string(filepath.Separator) // so that a link to a folder is followed
	return filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, fs.ErrNotExist):
			return nil // no such folder yet, or deleted meanwhile
		case err != nil:
			return err
		case e.IsDir() && p != root && e.Name()[0] == '.':
			return fs.SkipDir
		case !e.Type().IsRegular():
			return nil
		}
		rel, err := filepath.Rel(d.path, p)
		if err != nil {
			return err
		}
		return visit(filepath.ToSlash(rel), e)
	})
}

// Delete removes an object; one that is not there is no error.
func (d *Dir) Delete(ctx context.Context, name string) error {
	if err := errors.Join(ctx.Err(), CheckName(name)); err != nil {
		return err
	}
	err := os.Remove(d.file(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return d.explain("deleting "+name, err)
}

// Remade is how often a folder that was there had to be made again, for somebody had removed it with what was in it. It
// costs nothing to ask.
func (d *Dir) Remade() uint64 { return d.remade.Load() }

// String is the folder's absolute path.
func (d *Dir) String() string { return d.path }

func (d *Dir) file(name string) string { return filepath.Join(d.path, filepath.FromSlash(name)) }
