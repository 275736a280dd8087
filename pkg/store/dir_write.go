package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Unfinished files are named .<object>.<random>.onair-tmp and locked while they are written: one that can be locked was
// left by a writer that is gone.
const tempSuffix = ".onair-tmp"

// staleAfter is the age at which an unfinished file is taken for left over where the file system knows no locks.
const staleAfter = time.Minute

type temp struct {
	*os.File
	path string
}

func newTemp(folder, base string) (*temp, error) {
	name := "." + base + "." + strconv.FormatUint(rand.Uint64(), 36) + tempSuffix
	p := filepath.Join(folder, name)
	f, err := os.OpenFile(p, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, err
	}
	_ = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) // without locks the sweep goes by age
	return &temp{File: f, path: p}, nil
}

// release closes a file that has got its name; the content was written and checked before.
func (t *temp) release() { _ = t.Close() }

// discard removes the unfinished name.
func (t *temp) discard() {
	_ = os.Remove(t.path)
	_ = t.Close()
}

// writeTemp puts the object into an unfinished file beside file, making folders as needed.
func (d *Dir) writeTemp(file string, o Object, durable bool) (*temp, error) {
	folder, base := filepath.Split(file)
	if err := d.makeFolder(folder, durable); err != nil {
		return nil, err
	}
	t, err := newTemp(folder, base)
	if errors.Is(err, fs.ErrNotExist) { // somebody removed the folder
		d.made.Delete(folder)
		d.remade.Add(1)
		if err = d.makeFolder(folder, durable); err == nil {
			t, err = newTemp(folder, base)
		}
	}
	if err != nil {
		return nil, err
	}
	if _, err = t.Write(o.Body); err == nil {
		err = writeAttributes(t.File, o)
	}
	if err == nil && durable {
		err = t.Sync()
	}
	if err != nil {
		t.discard()
		return nil, err
	}
	return t, nil
}

func (d *Dir) makeFolder(folder string, durable bool) error {
	if _, ok := d.made.Load(folder); ok {
		return nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if durable {
		for p := filepath.Clean(folder); len(p) > len(d.path); {
			p = filepath.Dir(p)
			if err := syncFolder(p); err != nil {
				return err
			}
		}
	}
	d.made.Store(folder, struct{}{})
	return nil
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil // a file system without folder sync
	}
	return errors.Join(err, f.Close())
}

// sweep removes unfinished files that no living writer holds.
func (d *Dir) sweep() error {
	return d.walk(context.Background(), "", func(name string, e fs.DirEntry) error {
		if e.Name()[0] != '.' || !strings.HasSuffix(name, tempSuffix) {
			return nil
		}
		if p := d.file(name); leftOver(p) {
			if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		return nil
	})
}

func leftOver(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case err == nil:
		return true
	case errors.Is(err, unix.EWOULDBLOCK):
		return false
	}
	st, err := f.Stat()
	return err == nil && time.Since(st.ModTime()) > staleAfter
}

// missing turns the system's ways to say "no such file" into ErrNotFound.
func (d *Dir) missing(doing string, err error) error {
	none := errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
	if none || errors.Is(err, syscall.ENAMETOOLONG) || errors.Is(err, ErrNotFound) { // nothing can have such a name here
		return fmt.Errorf("%s: %w", doing, ErrNotFound)
	}
	return d.explain(doing, err)
}

// explain says whose fault a failure is and what to do; nil stays nil.
func (d *Dir) explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	hint := ""
	switch {
	case errors.Is(err, syscall.ENOSPC):
		hint = ": the destination is full, make room"
	case errors.Is(err, syscall.EDQUOT):
		hint = ": the destination's quota is used up, raise it or make room"
	case errors.Is(err, syscall.EROFS):
		hint = ": the destination is mounted read-only"
	case errors.Is(err, fs.ErrPermission):
		hint = fmt.Sprintf(": let user %d write there", os.Geteuid())
	case errors.Is(err, syscall.ENOTDIR):
		hint = ": a part of the path is a file, not a folder"
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.ESTALE):
		hint = ": the destination's disk or mount is broken"
	}
	return fmt.Errorf("store folder %s: %s: %w%s", d.path, doing, err, hint)
}
