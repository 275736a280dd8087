// Command onair keeps live channels on air: see the README for what it does and docs/ for how.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"onair/pipeline/config"
)

// Exit codes of every verb, as the contract with the user states them.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// exitError carries a verb's exit code together with what to tell the user; a nil err has been told already.
type exitError struct {
	code int
	err  error
}

// Error is what to tell the user, or the code alone.
func (e exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

// Unwrap is the error without the code.
func (e exitError) Unwrap() error { return e.err }

// usage is an error for which the caller is to blame: a bad file, flag or argument.
func usage(err error) error { return exitError{exitUsage, err} }

// typed is a usage error that may repeat a URL as it was typed, secrets hidden.
func typed(verb string, err error) error {
	return usage(errors.New(verb + ": " + config.RedactTyped(err.Error())))
}

// env is what a verb may touch of the world.
type env struct {
	ctx    context.Context //nolint:containedctx // one value for one command line
	stdout io.Writer
	stderr io.Writer
	lookup func(string) (string, bool) // environment variables
	log    logFlags
}

type logFlags struct {
	Format string `name:"log-format" enum:"auto,human,json" default:"auto" help:"Log lines on stderr: human, json, or auto (human on a terminal)."`
	Level  string `name:"log-level" enum:"debug,info,warn,error" default:"info" help:"Least level that is logged."`
}

type commandLine struct {
	Log logFlags `embed:""`

	Run     runCmd     `cmd:"" help:"Run channels until SIGINT or SIGTERM."`
	Check   checkCmd   `cmd:"" help:"Read a channel file and print the plan; touches no network."`
	Origin  originCmd  `cmd:"" help:"Serve an origin: receives what pipelines push over HTTP, and plays it."`
	Demo    demoCmd    `cmd:"" help:"Put a test channel on air: no file, no camera."`
	Send    sendCmd    `cmd:"" help:"Send a contribution feed, with impairments if asked."`
	Probe   probeCmd   `cmd:"" help:"Analyse a contribution: programmes, tracks, TR 101 290."`
	Verify  verifyCmd  `cmd:"" help:"Watch an output as a strict synthetic viewer."`
	Drill   drillCmd   `cmd:"" help:"Make failures on purpose while viewers watch, and tell what they noticed."`
	Version versionCmd `cmd:"" help:"Print the version and the FFmpeg found."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the whole program: the exit code for a command line.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var cl commandLine
	exited := -1
	parser, err := kong.New(&cl, kong.Name("onair"), kong.Writers(stdout, stderr),
		kong.Description("A live video pipeline: RTP or SRT contribution in, HLS and DASH out."),
		kong.UsageOnError(), kong.Exit(func(code int) { exited = code }))
	if err != nil {
		fmt.Fprintln(stderr, "onair:", err)
		return exitFailed
	}
	cmd, err := parser.Parse(args)
	if exited >= 0 { // --help
		return exited
	}
	if err != nil {
		fmt.Fprintln(stderr, "onair:", config.RedactTyped(err.Error()))
		return exitUsage
	}
	return exitCode(cmd.Run(&env{ctx: ctx, stdout: stdout, stderr: stderr, lookup: os.LookupEnv, log: cl.Log}), stderr)
}

func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return exitOK
	}
	e := failure(err)
	if e.err != nil {
		fmt.Fprintln(stderr, "onair:", e.err)
	}
	return e.code
}

// failure is an error with its exit code.
func failure(err error) (e exitError) {
	if !errors.As(err, &e) {
		e = exitError{exitFailed, err}
	}
	return e
}
