package fault

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// engineTime bounds a call of docker or podman.
const engineTime = 30 * time.Second

// Container is a container of somebody else's, named as docker or podman know it.
type Container struct{ engine, name string }

var _ Target = (*Container)(nil)

// NewContainer names a container. engine is the program that is called.
func NewContainer(engine, name string) *Container { return &Container{engine, name} }

// call runs the engine. It is not ended with the drill: an undoing has to come to its end.
func (c *Container) call(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), engineTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, c.engine, args...).CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %.200s", c.engine, args[0], plainPath(err), text)
	}
	return text, nil
}

func (c *Container) state() (string, error) {
	return c.call("inspect", "--type", "container", "--format", "{{.State.Status}}", c.name)
}

// Start looks whether it runs.
func (c *Container) Start(context.Context) error {
	state, err := c.state()
	if err == nil && state != "running" {
		err = fmt.Errorf("container %s is %s, needed is one that runs", c.name, state)
	}
	return err
}

// Do kills it and starts it, or pauses it for a time.
func (c *Container) Do(ctx context.Context, f Fault) (string, error) {
	what := "container " + c.name
	switch f.Kind {
	case Kill:
		return what, c.away(ctx, 0)
	case Region:
		return what, c.away(ctx, f.For)
	case Stop:
		release, err := deathWatch(`exec "$0" unpause "$1"`, c.engine, c.name)
		if err != nil {
			return what, err
		}
		defer release()
		if _, err := c.call("pause", c.name); err != nil {
			return what, err
		}
		pause(ctx, f.For)
		_, err = c.call("unpause", c.name)
		return what, err
	}
	return "", unknown{f.Kind, "a container"}
}

// away kills it, and starts it after a time; whoever else restarts it may be first.
func (c *Container) away(ctx context.Context, d time.Duration) error {
	release, err := deathWatch(`exec "$0" start "$1"`, c.engine, c.name)
	if err != nil {
		return err
	}
	defer release()
	if _, err := c.call("kill", c.name); err != nil {
		return err
	}
	pause(ctx, d)
	_, err = c.call("start", c.name)
	return err
}

// Stop leaves it as it is.
func (c *Container) Stop() {}
