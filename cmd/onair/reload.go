package main

import (
	"context"
	"os"

	"onair/pipeline"
	"onair/pipeline/config"
)

// loadAgain reads a channel's file as it is now, beside what the other channels of the process have.
func loadAgain(f *config.Channel, channels []*pipeline.Channel, e *env) (*config.Channel, error) {
	var others []*config.Channel
	for _, ch := range channels {
		if ch.Name() != f.Name {
			others = append(others, ch.File())
		}
	}
	return config.LoadBeside(f.File, others, e.lookup)
}

// reloadOnSignal has every channel read its file again with each signal, until ctx ends. What comes of it is told by
// the channels. A reload that is at work when ctx ends is left behind: its file may never come.
func reloadOnSignal(ctx context.Context, hup <-chan os.Signal, channels []*pipeline.Channel) error {
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hup:
				for _, ch := range channels {
					_, _ = ch.Reload() // told in log, events and metrics
				}
			}
		}
	}()
	<-ctx.Done()
	return nil
}
