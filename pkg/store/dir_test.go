package store_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"onair/pkg/store"
)

func TestDirRemovesWhatAKilledWriterLeft(t *testing.T) {
	dir := t.TempDir()
	first := openDir(t, dir)
	put(t, first, store.Object{Name: "news/v/1.m4s", Body: []byte("media")})
	left := filepath.Join(dir, "news/v/.2.m4s.abc.onair-tmp")
	held := filepath.Join(dir, "news/v/.3.m4s.def.onair-tmp")
	foreign := filepath.Join(dir, "news/.htaccess")
	for _, p := range []string{left, held, foreign} {
		if err := os.WriteFile(p, []byte("half"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(held)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		t.Skipf("no file locks here: %v", err)
	}
	infos, err := first.List(t.Context(), "")
	if err != nil || len(infos) != 1 {
		t.Errorf("hidden files are listed: %v, %v", infos, err)
	}
	openDir(t, dir)
	if exists(left) {
		t.Error("the left-over file is still there")
	}
	if !exists(held) {
		t.Error("a file that another writer holds was removed")
	}
	if !exists(foreign) || !exists(filepath.Join(dir, "news/v/1.m4s")) {
		t.Error("something else was removed")
	}
}

func TestDirLeavesNoFilesBehind(t *testing.T) {
	dir := t.TempDir()
	d := openDir(t, dir)
	put(t, d, store.Object{Name: "a", Body: []byte("1")})
	put(t, d, store.Object{Name: "a", Body: []byte("2")})
	if err := d.Create(t.Context(), store.Object{Name: "a", Body: []byte("3")}); !errors.Is(err, store.ErrExists) {
		t.Fatal(err)
	}
	if err := d.Create(t.Context(), store.Object{Name: "b", Body: []byte("3")}); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("entries %v, %v", entries, err)
	}
}

func TestDirWritesAgainAfterItsFolderWasRemoved(t *testing.T) {
	dir := t.TempDir()
	d := openDir(t, dir)
	put(t, d, store.Object{Name: "news/v/1.m4s"})
	if n := d.Remade(); n != 0 {
		t.Errorf("%d folders were made again before one was removed", n)
	}
	if err := os.RemoveAll(filepath.Join(dir, "news")); err != nil {
		t.Fatal(err)
	}
	put(t, d, store.Object{Name: "news/v/2.m4s"})
	if _, err := d.Get(t.Context(), "news/v/2.m4s"); err != nil {
		t.Error(err)
	}
	if n := d.Remade(); n != 1 {
		t.Errorf("%d folders were made again, want 1", n)
	}
}

func TestDirFollowsLinksToFolders(t *testing.T) {
	big, path := t.TempDir(), filepath.Join(t.TempDir(), "origin")
	if err := os.Symlink(t.TempDir(), path); err != nil {
		t.Fatal(err)
	}
	d := openDir(t, path)
	if err := os.Symlink(big, filepath.Join(path, "news")); err != nil {
		t.Fatal(err)
	}
	if err := d.Put(t.Context(), store.Object{Name: "news/v/1.m4s", Body: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{"news/", "news/v/"} {
		infos, err := d.List(t.Context(), prefix)
		if err != nil || len(infos) != 1 || infos[0].Name != "news/v/1.m4s" {
			t.Errorf("listing %s: %v, %v", prefix, infos, err)
		}
	}
}

func TestDirOpenKeepsContentWhileItIsReplaced(t *testing.T) {
	d := openDir(t, t.TempDir())
	put(t, d, store.Object{Name: "a", Body: []byte("first")})
	f, info, err := d.Open(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	put(t, d, store.Object{Name: "a", Body: []byte("another")})
	body := make([]byte, info.Size)
	if _, err := f.ReadAt(body, 0); err != nil || string(body) != "first" {
		t.Errorf("read %q, %v", body, err)
	}
}

// As another user, since root may write anywhere.
func TestDirWithoutPermissionSaysSo(t *testing.T) {
	dir := t.TempDir()
	d := openDir(t, dir)
	put(t, d, store.Object{Name: "news/v/1.m4s"})
	asOther(t, dir, func() {
		_, newErr := store.NewDir(store.DirConfig{Path: dir})
		_, madeErr := store.NewDir(store.DirConfig{Path: dir + "/below"})
		for doing, err := range map[string]error{
			"opening":  newErr,
			"making":   madeErr,
			"put":      d.Put(t.Context(), store.Object{Name: "news/v/2.m4s", Body: []byte("x")}),
			"create":   d.Create(t.Context(), store.Object{Name: "news/v/3.m4s", Body: []byte("x")}),
			"deleting": d.Delete(t.Context(), "news/v/1.m4s"),
		} {
			if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "let user") ||
				!strings.Contains(err.Error(), dir) {
				t.Errorf("%s: error %v", doing, err)
			}
		}
	})
}

// asOther runs f with the file access of a user who owns nothing; the way to dir is opened for it.
func asOther(t *testing.T, dir string, f func()) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to act as another user")
	}
	for p := dir; p != "/tmp" && p != "/"; p = filepath.Dir(p) {
		_ = os.Chmod(p, 0o755) // only the test's own folders can be changed
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const nobody = 65534
	_ = unix.Setfsuid(nobody)
	defer func() { _ = unix.Setfsuid(0) }()
	f()
}

func TestDirOnAFullDisk(t *testing.T) {
	dir := tmpfs(t, "1m")
	d := openDir(t, dir)
	put(t, d, store.Object{Name: "index.m3u8", Body: []byte("old")})
	err := d.Put(t.Context(), store.Object{Name: "v/1.m4s", Body: make([]byte, 2<<20)})
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "make room") {
		t.Fatalf("error %v", err)
	}
	if infos, err := d.List(t.Context(), ""); err != nil || len(infos) != 1 {
		t.Errorf("after the failure the store lists %v, %v", infos, err)
	}
	put(t, d, store.Object{Name: "index.m3u8", Body: []byte("new")})
	put(t, d, store.Object{Name: "v/2.m4s", Body: make([]byte, 512<<10)})
}

// tmpfs mounts a small file system for the time of the test.
func tmpfs(t *testing.T, size string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to mount a small file system")
	}
	dir := t.TempDir()
	if err := unix.Mount("onair-test", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("unmounting %s: %v", dir, err)
		}
	})
	return dir
}

func TestDirReadOnlySaysSo(t *testing.T) {
	dir := tmpfs(t, "1m")
	d := openDir(t, dir)
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Skipf("cannot remount: %v", err)
	}
	err := d.Put(t.Context(), store.Object{Name: "a"})
	if !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("error %v", err)
	}
}

// Some file systems and long paths have room for less than an object's name may be.
func TestNameThatIsTooLongForTheSystemIsNotFound(t *testing.T) {
	path := t.TempDir() + strings.Repeat("/"+strings.Repeat("d", 199), 19)
	d := openDir(t, path)
	long := strings.Repeat("x", 200)
	if _, err := d.Get(t.Context(), long+"/"+long); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("error %.80v, want ErrNotFound", err)
	}
}

func TestNewDirRefusesWhatIsNoFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", file, file + "/below"} {
		if _, err := store.NewDir(store.DirConfig{Path: path}); err == nil {
			t.Errorf("%q was accepted", path)
		}
	}
}

func openDir(t *testing.T, path string) *store.Dir {
	t.Helper()
	d, err := store.NewDir(store.DirConfig{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func FuzzCheckName(f *testing.F) {
	for _, s := range []string{"news/v/1.m4s", "..", "a//b", "/x", ".x", "a/.b", ""} {
		f.Add(s)
	}
	root := filepath.Join(string(filepath.Separator), "store")
	f.Fuzz(func(t *testing.T, name string) {
		if store.CheckName(name) != nil {
			return
		}
		p := filepath.Join(root, filepath.FromSlash(name))
		if rel, err := filepath.Rel(root, p); err != nil || rel != filepath.FromSlash(name) {
			t.Errorf("%q leads to %q", name, p)
		}
	})
}

func BenchmarkDirPut(b *testing.B) {
	d, err := store.NewDir(store.DirConfig{Path: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	body := make([]byte, 2<<20)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Put(b.Context(), store.Object{Name: "v/1.m4s", Body: body, Cache: "max-age=600"}); err != nil {
			b.Fatal(err)
		}
	}
}

// TestAFolderThatIsOnlyRead: nothing is made or removed there, not even what its writer has begun.
func TestAFolderThatIsOnlyRead(t *testing.T) {
	there, nowhere := t.TempDir(), filepath.Join(t.TempDir(), "later")
	writer, err := store.NewDir(store.DirConfig{Path: there})
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Put(t.Context(), store.Object{Name: "news/a", Body: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{there: nil, nowhere: store.ErrNotFound} {
		d, err := store.OpenDir(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Get(t.Context(), "news/a"); !errors.Is(err, want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := os.Stat(nowhere); err == nil {
		t.Error("the folder was made")
	}
	if _, err := store.OpenDir(""); err == nil {
		t.Error("no path is a folder")
	}
}
