//go:build e2e

package e2e

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// stepClock makes (once) what lets a program's clock of the day be stepped, and tells why that cannot be done here.
func stepClock(t testing.TB) (library, trouble string) {
	t.Helper()
	making.Lock()
	defer making.Unlock()
	library = filepath.Join(clips, "stepclock.so")
	if _, err := os.Stat(library); err != nil {
		if out, err := exec.Command("gcc", "-O1", "-shared", "-fPIC", "-o", library, "testdata/stepclock.c").CombinedOutput(); err != nil {
			return "", fmt.Sprintf("there is no C compiler for what steps the clock: %v %.200s", err, out)
		}
	}
	file := filepath.Join(t.TempDir(), "step")
	if err := os.WriteFile(file, make([]byte, 8), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "version")
	cmd.Env = append(os.Environ(), "STEPCLOCK="+file, "LD_PRELOAD="+library)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Sprintf("the kernel does not let the clock of one program be stepped: %v %.200s", err, out)
	}
	return library, ""
}

// noStepClock tells why a program's clock cannot be stepped.
func noStepClock(t testing.TB) string {
	_, trouble := stepClock(t)
	return trouble
}

func stepFile(x *trial) string { return filepath.Join(x.dir, "step") }

// ownClock gives the program a clock that can be stepped.
func ownClock(x *trial, _ string) {
	library, _ := stepClock(x.t)
	if err := os.WriteFile(stepFile(x), make([]byte, 8), 0o600); err != nil {
		x.t.Fatal(err)
	}
	x.env = []string{"STEPCLOCK=" + stepFile(x), "LD_PRELOAD=" + library}
}

// step steps it.
func step(by time.Duration) func(*trial) {
	return func(x *trial) {
		f, err := os.OpenFile(stepFile(x), os.O_WRONLY, 0)
		if err != nil {
			x.t.Fatal(err)
		}
		defer f.Close()
		x.lasts(0)
		if _, err := f.Write(binary.NativeEndian.AppendUint64(nil, uint64(int64(by/time.Second)))); err != nil {
			x.t.Fatal(err)
		}
	}
}
