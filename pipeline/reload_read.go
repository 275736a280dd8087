package pipeline

import (
	"fmt"
	"time"

	"onair/pipeline/config"
	"onair/pipeline/control"
)

// readTime is how long a reload waits for its file: a local disk needs milliseconds, and a network drive that is dead
// answers never.
const readTime = 5 * time.Second

// reading is what came of reading the file.
type reading struct {
	file *config.Channel
	err  error
}

// readAgain reads the channel's file, or says why not. A reading that hangs is left behind, what comes of it is not
// used, and no other is begun before it has ended. The caller holds turn but not reloading, which the end of the
// channel waits for too.
func (c *Channel) readAgain() (*config.Channel, error) {
	if c.cfg.Load == nil {
		return nil, control.ReloadRefused{Problems: []string{"this channel has no file"}}
	}
	if c.hanging != nil {
		select {
		case <-c.hanging:
			c.hanging = nil
		default:
			return nil, c.unread("an earlier reload still reads it")
		}
	}
	done := make(chan reading, 1)
	go func() {
		file, err := c.cfg.Load()
		done <- reading{file, err}
	}()
	timer := time.NewTimer(readTime)
	defer timer.Stop()
	select {
	case r := <-done:
		if r.err != nil {
			return nil, refusal(r.err)
		}
		return r.file, nil
	case <-timer.C:
		c.hanging = done
		return nil, c.unread(fmt.Sprintf("it is not read after %v", readTime))
	}
}

// unread is the refusal of a reload whose file does not come.
func (c *Channel) unread(why string) control.ReloadRefused {
	return refusal(config.Problems{{File: c.file.File, Wrong: "the file cannot be read: " + why,
		Allowed: "see whether its disk or network drive answers"}})
}
