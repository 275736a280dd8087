package child

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// userTick is the unit of processor times in /proc: USER_HZ is 100 on every Linux.
const userTick = 10 * time.Millisecond

// Usage is what a child's group has taken of the machine.
type Usage struct {
	Memory int64         // bytes in RAM now
	CPU    time.Duration // processor time so far, of the members that are there
}

// scan tells whether members of the group are to be looked for, among all processes of the machine, which are many: a
// wrapper starts the real one soon, or later. Usage begins anew when one has gone.
func scan(asks int) bool { return asks < 3 || asks < 60 && asks%10 == 0 || asks%60 == 0 }

var errEnded = errors.New("the process has ended")

// Usage reads what the child and its group take now. It is for one goroutine. A child that has ended is an error.
func (p *Process) Usage() (Usage, error) {
	select {
	case <-p.done: // what it left behind in its group is killed and takes a moment to go
		return Usage{}, errEnded
	default:
	}
	if scan(p.asks) {
		p.members = groupOf(p.pid)
	}
	p.asks++
	sum, found, gone := p.add()
	if gone {
		p.asks = 0
	}
	if !found {
		return Usage{}, errEnded
	}
	return sum, nil
}

// add sums up what the members that are known take; gone tells that one of them has ended.
func (p *Process) add() (sum Usage, found, gone bool) {
	for _, pid := range p.members {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			gone = true
			continue
		}
		s, err := parseStat(b)
		if err != nil || s.group != p.pid || s.zombie {
			gone = true
			continue
		}
		found = true
		sum.Memory += s.pages * int64(os.Getpagesize())
		sum.CPU += time.Duration(s.ticks) * userTick
	}
	return sum, found, gone
}

// Awake is how long the threads of the child and its group have run or waited for a processor, all together, by
// /proc/PID/task/TID/schedstat. Where it stays the same they are stopped, or wait for something else. It is for the
// goroutine that calls Usage. A child that has ended is an error, and so is a kernel that does not tell.
func (p *Process) Awake() (time.Duration, error) {
	if _, err := p.Usage(); err != nil { // finds the members
		return 0, err
	}
	var sum time.Duration
	found := false
	for _, pid := range p.members {
		threads, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/schedstat")
		if err != nil {
			return 0, err
		}
		for _, name := range threads {
			b, err := os.ReadFile(name)
			if err != nil {
				continue // it has ended
			}
			var ran, waited, slices int64
			if _, err := fmt.Sscan(string(b), &ran, &waited, &slices); err != nil {
				return 0, fmt.Errorf("%s is %.40q", name, b)
			}
			sum += time.Duration(ran + waited)
			found = true
		}
	}
	if !found {
		return 0, errors.New("the kernel does not tell when threads run")
	}
	return sum, nil
}

// groupOf lists the processes of a group.
func groupOf(group int) []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return []int{group}
	}
	defer dir.Close() //nolint:errcheck // only read
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return []int{group}
	}
	var out []int
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		b, err := os.ReadFile("/proc/" + name + "/stat")
		if err != nil {
			continue
		}
		if s, err := parseStat(b); err == nil && s.group == group {
			out = append(out, pid)
		}
	}
	return out
}

// stat is what is of use in /proc/PID/stat.
type stat struct {
	zombie bool
	group  int
	ticks  int64 // in user mode and in the kernel
	pages  int64 // in RAM
}

// parseStat reads a process's line of proc(5). The program's name, in parentheses, may hold anything.
func parseStat(b []byte) (stat, error) {
	_, rest, ok := strings.Cut(string(b[max(0, bytes.LastIndexByte(b, ')')):]), ")")
	f := strings.Fields(rest) // f[0] is field 3
	if !ok || len(f) < 22 {
		return stat{}, errors.New("no line of /proc/PID/stat")
	}
	var n [4]int64
	for i, field := range [4]int{5, 14, 15, 24} {
		v, err := strconv.ParseInt(f[field-3], 10, 64)
		if err != nil || v < 0 {
			return stat{}, fmt.Errorf("field %d of /proc/PID/stat is %.20q", field, f[field-3])
		}
		n[i] = v
	}
	return stat{zombie: f[0] == "Z" || f[0] == "X", group: int(n[0]), ticks: n[1] + n[2], pages: n[3]}, nil
}

// Idle is how long this machine's processors have been idle since it was started, all together.
func Idle() (time.Duration, error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	return parseIdle(b)
}

// parseIdle adds up the idle time of the first line of /proc/stat: idle and waiting for a disk.
func parseIdle(b []byte) (time.Duration, error) {
	line, _, _ := strings.Cut(string(b), "\n")
	f := strings.Fields(line)
	if len(f) < 6 || f[0] != "cpu" {
		return 0, errors.New("/proc/stat does not begin with the sum of all processors")
	}
	var sum int64
	for _, s := range f[4:6] {
		v, err := strconv.ParseInt(s, 10, 56)
		if err != nil || v < 0 {
			return 0, fmt.Errorf("/proc/stat: idle time %.20q", s)
		}
		sum += v
	}
	return time.Duration(sum) * userTick, nil
}
