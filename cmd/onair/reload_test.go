package main

import (
	"context"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"onair/pipeline"
	"onair/pipeline/config"
)

// TestTheEndDoesNotWaitForAReload: a file that never comes does not keep the program.
func TestTheEndDoesNotWaitForAReload(t *testing.T) {
	file, err := config.Load(channelFile(t, ""), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	reads, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	ch, err := pipeline.New(pipeline.ChannelConfig{File: file, Log: zerolog.Nop(), Load: func() (*config.Channel, error) {
		close(reads)
		<-release
		return file, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	hup, ended := make(chan os.Signal, 1), make(chan error, 1)
	go func() { ended <- reloadOnSignal(ctx, hup, []*pipeline.Channel{ch}) }()
	hup <- syscall.SIGHUP
	<-reads
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(3 * time.Second): // less than a reload waits for its file
		t.Fatal("the program still waits for the file")
	}
}
