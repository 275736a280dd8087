package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// lockName is the hidden file in a folder of the store by which one writer keeps others out. It is never removed: a
// writer that waits for it by name would hold a file that the next one does not find.
const lockName = ".onair-lock"

// Errors of Lock that a caller branches on.
var (
	ErrLocked  = errors.New("another writer holds it")
	ErrNoLocks = errors.New("the file system knows no locks")
)

// Lock takes a folder of the store for one writer until release is called or the process ends, however it ends. It
// keeps out only who asks for the lock as well. ErrLocked: somebody has it; ErrNoLocks: nobody can.
func (d *Dir) Lock(folder string) (release func(), err error) {
	if err := CheckName(folder); err != nil {
		return nil, err
	}
	path := d.file(folder)
	if err := d.makeFolder(path, false); err != nil {
		return nil, d.explain("locking "+folder, err)
	}
	f, err := openLock(filepath.Join(path, lockName))
	if err != nil {
		return nil, d.explain("locking "+folder, err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return func() { _ = f.Close() }, nil // the lock goes with the file: no child inherits it
	}
	_ = f.Close()
	return nil, lockError(path, err)
}

// lockError says what it means that a folder was not locked.
func lockError(path string, err error) error {
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		err = ErrLocked
	case errors.Is(err, unix.ENOLCK), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
		err = fmt.Errorf("%w: %w", ErrNoLocks, err)
	}
	return fmt.Errorf("locking %s: %w", path, err)
}

// openLock makes the lock's file, or opens that of another user, which need not be written to be locked.
func openLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if errors.Is(err, fs.ErrPermission) {
		if other, readErr := os.Open(path); readErr == nil {
			return other, nil
		}
	}
	return f, err
}
