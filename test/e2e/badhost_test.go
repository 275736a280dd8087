//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"onair/pipeline/control"
)

// nobody is an unprivileged user and group.
const nobody = 65534

// once runs the program with a channel file until it ends by itself, and tells how.
func once(t *testing.T, env []string, yaml string) (code int, said string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "channel.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "run", "--log-format", "human", file)
	cmd.Env = append(os.Environ(), env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end := time.AfterFunc(15*time.Second, func() { _ = cmd.Process.Kill() })
	defer end.Stop()
	_ = cmd.Wait()
	return cmd.ProcessState.ExitCode(), out.String()
}

func smallFile(t *testing.T, http, output string) string {
	return fmt.Sprintf(small, http, oneLeg("udp", freePort(t, "udp")), output)
}

// TestWhatCannotStart looks at the exit code and the words of a program that cannot work on this host.
func TestWhatCannotStart(t *testing.T) {
	t.Parallel()
	address := func() string { return fmt.Sprintf("127.0.0.1:%d", freePort(t, "tcp")) }
	script := func(text string) string { // a PATH with an ffmpeg that says text
		dir := t.TempDir()
		for _, name := range []string{"ffmpeg", "ffprobe"} {
			body := "#!/bin/sh\nprintf '%s\\n' '" + text + "'\n"
			if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		return "PATH=" + dir
	}
	used, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer used.Close()
	taken := used.Addr().String()
	plainFile := func() string { return smallFile(t, address(), t.TempDir()) }
	plain := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, yaml string
		env        string
		says       []string
	}{
		{"no ffmpeg", plainFile(), "PATH=" + t.TempDir(), []string{"ffmpeg", "not installed", "PATH"}},
		{"old ffmpeg", plainFile(), script("ffmpeg version 4.0 Copyright (c) 2000-2018"), []string{"4.0", "5.1"}},
		{"another program as ffmpeg", plainFile(), script("hello"), []string{"/ffmpeg", "no FFmpeg", "hello"}},
		{"http address in use", smallFile(t, taken, t.TempDir()), "", []string{taken, "in use"}},
		{"output is a file", smallFile(t, address(), plain), "", []string{"output", plain}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, said := once(t, []string{c.env}, c.yaml)
			if code != 1 {
				t.Errorf("exit code %d, want 1", code)
			}
			for _, word := range c.says {
				if !strings.Contains(said, word) {
					t.Errorf("%q is not in what it says:\n%s", word, said)
				}
			}
			last := strings.TrimSpace(said)
			t.Log(last[strings.LastIndexByte(last, '\n')+1:])
		})
	}
}

// copyProgram puts the program where every user may run it. A process of its own does: a descriptor that is open for
// writing and handed on to another child of ours would make it busy.
func copyProgram(t *testing.T, dir string) string {
	t.Helper()
	bin := filepath.Join(dir, "onair")
	if out, err := exec.Command("cp", "--preserve=mode", program, bin).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return bin
}

// smallAs starts a small channel as another user, with its output in a folder of its own.
func smallAs(t *testing.T, user int, output, inputs string) *station {
	t.Helper()
	dir := filepath.Dir(output)
	s := &station{t: t, dir: dir, http: fmt.Sprintf("127.0.0.1:%d", freePort(t, "tcp")), log: &tailBuffer{}}
	s.write(fmt.Sprintf(small, s.http, inputs, output))
	bin := copyProgram(t, dir)
	if err := os.Chmod(s.file, 0o644); err != nil {
		t.Fatal(err)
	}
	s.cmd = exec.Command(bin, "run", "--log-format", "human", s.file)
	s.cmd.Stderr = s.log
	if os.Getuid() == 0 {
		s.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(user), Gid: uint32(user)}}
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.done = make(chan struct{})
	go func() {
		_ = s.cmd.Wait()
		close(s.done)
	}()
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			t.Logf("log of onair:\n%s", s.log)
		}
	})
	return s
}

// open makes a folder that every user may enter.
func open(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "onair-e2e-open")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// TestFolderWithoutPermission lets the program begin where it may not write, and loses it the permission on the way.
func TestFolderWithoutPermission(t *testing.T) {
	t.Parallel()
	t.Run("from the start", func(t *testing.T) {
		dir := open(t)
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(dir, 0o755)
		work := open(t)
		output := filepath.Join(dir, "origin")
		file := filepath.Join(work, "channel.yaml")
		if err := os.WriteFile(file, []byte(smallFile(t, "127.0.0.1:0", output)), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(copyProgram(t, work), "run", file)
		if os.Getuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		}
		out, err := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(string(out), "permission denied") ||
			!strings.Contains(string(out), output) {
			t.Errorf("exit code %d (%v) and:\n%s", code, err, out)
		}
	})
	t.Run("lost for a while", func(t *testing.T) {
		dir := open(t)
		output := filepath.Join(dir, "origin")
		if err := errors.Join(os.Mkdir(output, 0o777), os.Chmod(output, 0o777)); err != nil {
			t.Fatal(err)
		}
		port := freePort(t, "udp")
		s := smallAs(t, nobody, output, oneLeg("udp", port)).answering()
		good(t, "udp", port)
		s.wait("segments", 30*time.Second, segments(3))
		before := s.weigh()
		var folders []string
		_ = filepath.WalkDir(output, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				folders = append(folders, path)
			}
			return nil
		})
		mode := func(m os.FileMode) {
			for _, f := range folders {
				if err := os.Chmod(f, m); err != nil {
					t.Fatal(err)
				}
			}
		}
		mode(0o555)
		s.wait("the reason", 15*time.Second, storeSays("permission denied"))
		s.outlast(4 * time.Second)
		mode(0o777)
		s.wantOn(3)
		s.wantLight(before)
	})
}

// storeSays is that the first store tells of an error with word in it.
func storeSays(word string) func(control.Status) bool {
	return func(st control.Status) bool {
		return len(st.Stores) > 0 && st.Stores[0].Errors > 0 && strings.Contains(st.Stores[0].LastError, word)
	}
}

// TestFullDisk fills the disk that the output is on for ten seconds: viewers do not notice, and the disk gets everything
// when it has room.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
		t.Skipf("a tmpfs cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	port := freePort(t, "udp")
	s := &station{t: t, dir: t.TempDir(), http: fmt.Sprintf("127.0.0.1:%d", freePort(t, "tcp"))}
	s.write(fmt.Sprintf(small, s.http, oneLeg("udp", port), filepath.Join(dir, "origin")))
	s.start()
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			t.Logf("log of onair:\n%s", s.log)
		}
	})
	s.answering()
	good(t, "udp", port)
	s.wait("segments", 30*time.Second, segments(3))
	before := s.weigh()
	ballast := filepath.Join(dir, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
	f.Close()
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	s.wait("the reason", 10*time.Second, storeSays("no space left"))
	watch := s.watchListing()
	s.outlast(10 * time.Second)
	if _, metrics := s.get("/metrics"); !strings.Contains(string(metrics), "onair_store_late_objects{") {
		t.Error("no metric tells of it")
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	st := s.wantOn(3)
	watch.wantTimely(2 * time.Second)
	if st.Stores[0].Gaps != 0 || st.Renditions[0].Gaps != 0 || !strings.Contains(s.log.String(), "get from memory what it lacks") {
		t.Errorf("%+v", st.Stores)
	}
	s.wait("the store to have everything", 10*time.Second, func(st control.Status) bool {
		return st.Stores[0].Late == 0 && st.Stores[0].LastError == ""
	})
	list, err := os.ReadFile(filepath.Join(dir, "origin", "ch", "v180.m3u8"))
	if err != nil || strings.Contains(string(list), "EXT-X-GAP") {
		t.Errorf("%v\n%s", err, list)
	}
	for k := range listedIn(string(list)) {
		if info, err := os.Stat(filepath.Join(dir, "origin", "ch", "v180", fmt.Sprintf("%d.m4s", k))); err != nil || info.Size() == 0 {
			t.Errorf("segment %d: %v", k, err)
		}
	}
	s.wantLight(before)
}
