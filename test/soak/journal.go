package main

import (
	"fmt"
	"os"
	"sync"
	"time"
)

// journal is the log of what was done to the channel, and of what was found wrong with it.
type journal struct {
	mu    sync.Mutex
	file  *os.File
	began time.Time
	last  string // the newest fault
}

func newJournal(name string) (*journal, error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	return &journal{file: f, began: time.Now(), last: "start"}, nil
}

// note writes a line: time, seconds since the beginning, what, and more about it.
func (j *journal) note(what, more string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := time.Now()
	line := fmt.Sprintf("%s\t%.1f\t%s\t%s\n", now.UTC().Format("15:04:05.000"), now.Sub(j.began).Seconds(), what, more)
	_, _ = j.file.WriteString(line) // a full disk is no reason to stop
	_, _ = os.Stdout.WriteString(line)
}

// fault notes the beginning of a fault; what is found from now on is put down to it.
func (j *journal) fault(name, more string) {
	j.mu.Lock()
	j.last = name
	j.mu.Unlock()
	j.note("fault: "+name, more)
}

// cause is the newest fault.
func (j *journal) cause() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}

func (j *journal) close() { _ = j.file.Close() }
