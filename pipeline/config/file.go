package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// maxFile bounds a channel file, in bytes: a real one has some thousand.
const maxFile = 64 << 10

// readFile reads a channel file. It must be a regular one: a device may have no end, and a pipe can be read only once,
// which is not enough for a reload, or has nobody who writes.
func readFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe without a writer is opened too
	if err != nil {
		return nil, unreadable(err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, unreadable(err)
	case info.IsDir():
		return nil, errors.New("is a folder, allowed is a channel file")
	case !info.Mode().IsRegular():
		return nil, errors.New("is a device or a pipe, allowed is a regular file")
	case info.Size() > maxFile:
		return nil, fmt.Errorf("the file has %d bytes, allowed are %d", info.Size(), maxFile)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1)) // it may grow meanwhile, or tell no size
	switch {
	case err != nil:
		return nil, unreadable(err)
	case len(text) > maxFile:
		return nil, fmt.Errorf("the file has more than %d bytes, which is what is allowed", maxFile)
	}
	return text, nil
}

// unreadable is an error without the path, which stands before it already.
func unreadable(err error) error {
	var pathError *os.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err
	}
	return fmt.Errorf("the file cannot be read: %w", err)
}
