package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"onair/pkg/store"
)

func TestOneWriterHoldsAFolder(t *testing.T) {
	dir := t.TempDir()
	first, second := openDir(t, dir), openDir(t, dir)
	release, err := first.Lock("news")
	if errors.Is(err, store.ErrNoLocks) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.Lock("news"); !errors.Is(err, store.ErrLocked) {
		t.Errorf("a second writer: %v, want ErrLocked", err)
	}
	if other, err := second.Lock("sport"); err != nil {
		t.Errorf("another folder: %v", err)
	} else {
		other()
	}
	if infos, err := first.List(t.Context(), ""); err != nil || len(infos) != 0 {
		t.Errorf("the lock is listed: %v, %v", infos, err)
	}
	openDir(t, dir) // sweeps, and leaves the lock
	release()
	again, err := second.Lock("news")
	if err != nil {
		t.Fatalf("after the first has gone: %v", err)
	}
	again()
	if _, err := first.Lock("../news"); !errors.Is(err, store.ErrName) {
		t.Errorf("a folder outside: %v, want ErrName", err)
	}
}

// A service that is given a user of its own finds the lock of the one before.
func TestLockOfAnotherUser(t *testing.T) {
	dir := t.TempDir()
	d := openDir(t, dir)
	if err := os.Mkdir(filepath.Join(dir, "news"), 0o777); err != nil {
		t.Fatal(err)
	}
	release, err := d.Lock("news")
	if err != nil {
		t.Skip(err)
	}
	release()
	asOther(t, dir, func() {
		release, err := d.Lock("news")
		if err != nil {
			t.Fatal(err)
		}
		release()
	})
}

func TestLockWhereThereAreNone(t *testing.T) {
	for err, want := range map[error]error{
		unix.ENOLCK: store.ErrNoLocks, unix.EOPNOTSUPP: store.ErrNoLocks, unix.ENOSYS: store.ErrNoLocks,
		unix.EAGAIN: store.ErrLocked, unix.EIO: unix.EIO,
	} {
		if got := store.LockError("/origin/news", err); !errors.Is(got, want) {
			t.Errorf("%v is %v, want %v", err, got, want)
		}
	}
}
