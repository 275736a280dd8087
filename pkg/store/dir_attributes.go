package store

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Names of the extended attributes; Meta's keys follow attrMeta.
const (
	attrType  = "user.onair.type"
	attrCache = "user.onair.cache"
	attrMeta  = "user.onair.meta."
)

// writeAttributes keeps what a folder has no place for. They are set before the object gets its name, so they appear
// with it. A type that the name tells anyway is not written.
func writeAttributes(f *os.File, o Object) error {
	set := func(key, value string) error {
		err := unix.Fsetxattr(int(f.Fd()), key, []byte(value), 0)
		if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EPERM) {
			return nil // no attributes on this file system
		}
		return err
	}
	if o.Type != "" && o.Type != Type(o.Name) {
		if err := set(attrType, o.Type); err != nil {
			return err
		}
	}
	if o.Cache != "" {
		if err := set(attrCache, o.Cache); err != nil {
			return err
		}
	}
	for k, v := range o.Meta {
		if err := set(attrMeta+k, v); err != nil {
			return err
		}
	}
	return nil
}

// readAttributes fills in Type, Cache and Meta as far as the file has them.
func readAttributes(f *os.File, o *Object) {
	var buf [4096]byte
	n, err := unix.Flistxattr(int(f.Fd()), buf[:])
	if err != nil || n == 0 {
		return
	}
	for key := range strings.SplitSeq(strings.TrimRight(string(buf[:n]), "\x00"), "\x00") {
		var value [1024]byte
		n, err := unix.Fgetxattr(int(f.Fd()), key, value[:])
		if err != nil {
			continue
		}
		switch v := string(value[:n]); {
		case key == attrType:
			o.Type = v
		case key == attrCache:
			o.Cache = v
		case strings.HasPrefix(key, attrMeta):
			if o.Meta == nil {
				o.Meta = map[string]string{}
			}
			o.Meta[key[len(attrMeta):]] = v
		}
	}
}
