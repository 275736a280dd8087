package fault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Disk is a file system of its own that may be filled up.
type Disk struct{ folder string }

var _ Target = (*Disk)(nil)

// NewDisk names the folder that the file system is mounted at.
func NewDisk(folder string) *Disk { return &Disk{folder} }

// Start makes sure that the folder is a mount of its own, and not the system's.
func (d *Disk) Start(context.Context) error {
	folder, err := filepath.Abs(d.folder)
	if err == nil {
		folder, err = filepath.EvalSymlinks(folder)
	}
	if err != nil {
		return err
	}
	var own, root, above unix.Stat_t
	err = errors.Join(unix.Stat(folder, &own), unix.Stat("/", &root), unix.Stat(filepath.Dir(folder), &above))
	if err != nil {
		return fmt.Errorf("%s: %w", d.folder, err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	if folder == "/" || own.Dev == root.Dev || own.Dev == above.Dev || !mountedAt(string(mounts), folder) {
		return fmt.Errorf("%s is no mount of its own: what it is part of would be full, too. Mount a file system there",
			d.folder)
	}
	d.folder = folder
	return nil
}

// mountedAt tells whether proc(5)'s list of mounts has a folder.
func mountedAt(mounts, folder string) bool {
	escaped := strings.NewReplacer("\\", `\134`, " ", `\040`, "\t", `\011`, "\n", `\012`).Replace(folder)
	for line := range strings.Lines(mounts) {
		if f := strings.Fields(line); len(f) > 4 && f[4] == escaped {
			return true
		}
	}
	return false
}

// Do fills it for a time. What fills it has no name: its space is free again as soon as it is closed, also when this
// process is killed.
func (d *Disk) Do(ctx context.Context, f Fault) (string, error) {
	if f.Kind != Fill {
		return "", unknown{f.Kind, "a disk"}
	}
	if err := d.Start(ctx); err != nil { // it may have been unmounted
		return "", err
	}
	handle, err := unix.Open(d.folder, unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return "", fmt.Errorf("%s: a file without a name: %w", d.folder, err)
	}
	ballast := os.NewFile(uintptr(handle), "ballast")
	defer func() { _ = ballast.Close() }()
	size, err := d.fill(ctx, ballast, f.Rest)
	if err != nil {
		return "", err
	}
	pause(ctx, f.For)
	return fmt.Sprintf("%s filled with %d MiB", d.folder, size>>20), nil
}

// fill lets a file grow until only the rest is free.
func (d *Disk) fill(ctx context.Context, ballast *os.File, rest int64) (size int64, err error) {
	zeros := make([]byte, 1<<20)
	for ctx.Err() == nil {
		var st unix.Statfs_t
		if err := unix.Statfs(d.folder, &st); err != nil {
			return size, err
		}
		free := int64(st.Bavail)*st.Bsize - rest //nolint:gosec // no disk has 2^63 bytes
		if free <= 0 {
			return size, nil
		}
		err := unix.Fallocate(int(ballast.Fd()), 0, size, free)
		if err == nil {
			size += free
			continue
		}
		n, err := ballast.WriteAt(zeros[:min(free, int64(len(zeros)))], size)
		size += int64(n)
		if errors.Is(err, unix.ENOSPC) {
			return size, nil
		}
		if err != nil {
			return size, err
		}
	}
	return size, nil
}

// Stop has nothing to undo.
func (d *Disk) Stop() {}
