package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/rs/zerolog"

	"onair/pipeline/config"
)

// logger writes to stderr: readable lines on a terminal, JSON lines otherwise.
func (e *env) logger() (zerolog.Logger, error) {
	level, err := zerolog.ParseLevel(e.log.Level)
	if err != nil {
		return zerolog.Nop(), fmt.Errorf("log level: %w", err)
	}
	out := e.stderr
	if e.human() {
		out = zerolog.ConsoleWriter{Out: e.stderr, TimeFormat: time.TimeOnly}
	}
	return zerolog.New(zerolog.SyncWriter(out)).Level(level).With().Timestamp().Logger(), nil
}

// human tells whether people read the log, rather than programs.
func (e *env) human() bool {
	f, ok := e.stderr.(*os.File)
	if e.log.Format != "auto" || !ok {
		return e.log.Format == "human"
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// logged tells by log lines why a verb has failed, for programs that read nothing else; only the code is left.
func logged(log zerolog.Logger, err error) error {
	if err == nil {
		return nil
	}
	var problems config.Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			log.Error().Msg(p.String())
		}
		return exitError{code: exitUsage}
	}
	e := failure(err)
	if e.err != nil {
		log.Error().Msg(e.err.Error())
	}
	return exitError{code: e.code}
}
