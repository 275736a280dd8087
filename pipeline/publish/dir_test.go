package publish_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"onair/pipeline/publish"
	"onair/pkg/store"
)

// playBig is play with segments of a size.
func (r *rig) playBig(n, size int) {
	for range n {
		for _, track := range []string{"v", "a"} {
			r.p.Segment(publish.Segment{Track: track, K: r.k, Body: mdat(strings.Repeat(tickName(r.k)[:1], size))})
		}
		r.k++
		time.Sleep(segmentLength)
	}
	synctest.Wait()
}

func openDir(t *testing.T, path string) *store.Dir {
	t.Helper()
	d, err := store.NewDir(store.DirConfig{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// smallDisk mounts a small file system for the time of the test.
func smallDisk(t *testing.T, size string) string {
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

func TestFullDiskIsAGapUntilThereIsRoom(t *testing.T) {
	dir := smallDisk(t, "2m")
	synctest.Test(t, func(t *testing.T) {
		d := openDir(t, dir)
		r := start(t, d, nil)
		r.playBig(3, 20_000)
		filler := filepath.Join(dir, "somebody-else")
		if err := os.WriteFile(filler, make([]byte, 4<<20), 0o644); err == nil {
			t.Fatal("the disk is not full")
		}
		r.playBig(3, 20_000)
		st := r.p.Status()
		if !strings.Contains(st.LastError, "make room") || st.Queue > 2 {
			t.Errorf("%+v", st)
		}
		r.expect(both("mmm")) // not even a playlist fits
		if r.p.Fresh() == nil {
			t.Error("fresh on a full disk")
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		r.playBig(4, 20_000)
		if got := shape(playlist(t, d, "v")); !strings.HasPrefix(got, "mmm--") || !strings.HasSuffix(got, "mmmm") {
			t.Errorf("lists %s", got)
		}
		mustStop(t, r)
		noTemps(t, dir)
	})
}

// Our own segments fill the disk: retention goes by numbers, so it makes room although nothing can be listed.
func TestDiskTooSmallForTheWindowDoesNotStickFull(t *testing.T) {
	dir := smallDisk(t, "1m")
	synctest.Test(t, func(t *testing.T) {
		d := openDir(t, dir)
		r := start(t, d, nil)
		r.playBig(100, 30_000) // 22 numbers are kept: 1.3 MB
		tail := shape(playlist(t, d, "v"))
		st := r.p.Status()
		if st.Gaps == 0 {
			t.Error("the disk was never full")
		}
		if st.Tracks[0].Segments < 40 {
			t.Errorf("%d of 100 segments were stored, the playlist ends in %s", st.Tracks[0].Segments, tail)
		}
		mustStop(t, r)
		noTemps(t, dir)
	})
}

func TestFolderThatBecomesReadOnly(t *testing.T) {
	dir := smallDisk(t, "2m")
	synctest.Test(t, func(t *testing.T) {
		r := start(t, openDir(t, dir), nil)
		r.playBig(3, 1000)
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			t.Skipf("cannot remount: %v", err)
		}
		r.playBig(3, 1000)
		if st := r.p.Status(); !strings.Contains(st.LastError, "read-only") {
			t.Errorf("last error %q", st.LastError)
		}
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT, ""); err != nil {
			t.Fatal(err)
		}
		r.playBig(4, 1000)
		if got := shape(playlist(t, r.store, "v")); !strings.HasSuffix(got, "mmmm") {
			t.Errorf("lists %s", got)
		}
		mustStop(t, r)
	})
}

func TestFolderStoreContinuesAfterARestart(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, openDir(t, dir), nil)
		r.playBig(5, 1000)
		mustStop(t, r)
		left := filepath.Join(dir, "news/v/.7.m4s.xyz.onair-tmp") // as a killed process leaves it
		if err := os.WriteFile(left, []byte("half"), 0o644); err != nil {
			t.Fatal(err)
		}
		q := start(t, openDir(t, dir), nil)
		q.playBig(30, 1000)
		mustStop(t, q)
		q.expect(both("mmmmmmmmmm"))
		noTemps(t, dir)
		if _, err := os.Stat(filepath.Join(dir, segmentName("v", r.k-1))); err == nil {
			t.Error("a segment of the first process outlived its time")
		}
	})
}

func noTemps(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "-tmp") {
			t.Errorf("%s is left", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
