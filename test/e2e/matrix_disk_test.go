//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// noDisk tells why there cannot be a disk for the test alone.
func noDisk(t testing.TB) string {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		return fmt.Sprintf("a tmpfs cannot be mounted here: %v", err)
	}
	_ = syscall.Unmount(dir, syscall.MNT_DETACH)
	return ""
}

func ownDisk(x *trial, output string) {
	err := errors.Join(os.Mkdir(output, 0o755), syscall.Mount("tmpfs", output, "tmpfs", 0, "size=32m"))
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { _ = syscall.Unmount(output, syscall.MNT_DETACH) })
}

func fillDisk(x *trial) {
	ballast := filepath.Join(x.dir, "origin", "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		x.t.Fatal(err)
	}
	x.lasts(10 * time.Second)
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	f.Close()
	if !errors.Is(err, syscall.ENOSPC) {
		x.t.Fatal(err)
	}
	x.until(x.to)
	if err := os.Remove(ballast); err != nil {
		x.t.Fatal(err)
	}
}

// mountImage makes a file system in a file and mounts it.
func mountImage(image, at string) error {
	if err := errors.Join(os.WriteFile(image, nil, 0o600), os.Truncate(image, 64<<20)); err != nil {
		return err
	}
	for _, command := range [][]string{{"mkfs.ext4", "-q", image}, {"mount", "-o", "loop", image, at}} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", command[0], err, out)
		}
	}
	return nil
}

// noFileSystem tells why there cannot be a file system for the test alone.
func noFileSystem(t testing.TB) string {
	dir := t.TempDir()
	if err := mountImage(filepath.Join(t.TempDir(), "image"), dir); err != nil {
		return fmt.Sprintf("a file system cannot be made here: %v", err)
	}
	_ = syscall.Unmount(dir, syscall.MNT_DETACH)
	return ""
}

func ownFileSystem(x *trial, output string) {
	if err := errors.Join(os.Mkdir(output, 0o755), mountImage(filepath.Join(x.t.TempDir(), "image"), output)); err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { _ = syscall.Unmount(output, syscall.MNT_DETACH) })
}

// Requests of ioctl(2) that hold the writes of a file system and let them go, of linux/fs.h.
const (
	freeze = 0xC0045877
	thaw   = 0xC0045878
)

func freezeDisk(x *trial) {
	dir, err := os.Open(filepath.Join(x.dir, "origin"))
	if err != nil {
		x.t.Fatal(err)
	}
	defer dir.Close()
	x.lasts(10 * time.Second)
	if err := unix.IoctlSetInt(int(dir.Fd()), freeze, 0); err != nil {
		x.t.Fatal(err)
	}
	defer func() { // else what waits there waits for ever
		if err := unix.IoctlSetInt(int(dir.Fd()), thaw, 0); err != nil {
			x.t.Error(err)
		}
	}()
	x.until(x.to)
}
