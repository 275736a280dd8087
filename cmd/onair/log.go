package main

import (
	"fmt"
	"os"
	"time"

	"github.com/rs/zerolog"
)

// logger writes to stderr: readable lines on a terminal, JSON lines otherwise.
func (e *env) logger() (zerolog.Logger, error) {
	level, err := zerolog.ParseLevel(e.log.Level)
	if err != nil {
		return zerolog.Nop(), fmt.Errorf("log level: %w", err)
	}
	human := e.log.Format == "human"
	if e.log.Format == "auto" {
		if f, ok := e.stderr.(*os.File); ok {
			if info, err := f.Stat(); err == nil {
				human = info.Mode()&os.ModeCharDevice != 0
			}
		}
	}
	out := e.stderr
	if human {
		out = zerolog.ConsoleWriter{Out: e.stderr, TimeFormat: time.TimeOnly}
	}
	return zerolog.New(zerolog.SyncWriter(out)).Level(level).With().Timestamp().Logger(), nil
}
