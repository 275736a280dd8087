package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"
	"unicode"
)

const (
	leastReturn = time.Second
	mostReturn  = 24 * time.Hour
	maxText     = 200 // characters
)

// slate checks what is shown when no input can be, and what decides about that.
func (r *reader) slate(c *Channel) {
	r.between("failover.return_after", c.Failover.ReturnAfter, leastReturn, mostReturn)
	r.between("slate.hold", c.Slate.Hold, 0, maxHold)
	text := c.Slate.Text
	r.check(len([]rune(text)) <= maxText, "slate.text", "is too long", fmt.Sprintf("allowed are %d characters", maxText))
	r.check(!strings.ContainsFunc(text, func(c rune) bool { return unicode.IsControl(c) && c != '\n' }), "slate.text",
		"holds a control character", "allowed are visible ones, spaces and line ends")
	r.picture("slate.image", c.Slate.Image)
}

// picture checks that a picture file is there: what is missing is missed when it is needed most.
func (r *reader) picture(path, file string) {
	const allowed = `allowed is a picture file that FFmpeg reads, or "" for a plain card`
	if file == "" || r.bad[path] {
		return
	}
	switch info, err := os.Stat(file); {
	case errors.Is(err, fs.ErrNotExist):
		r.check(false, path, "is not there", allowed)
	case err != nil:
		r.check(false, path, "cannot be looked at", allowed)
	case !info.Mode().IsRegular():
		r.check(false, path, "is no regular file", allowed)
	default:
		f, err := os.Open(file)
		if err != nil {
			r.check(false, path, "cannot be read", allowed)
			return
		}
		_ = f.Close()
	}
}
