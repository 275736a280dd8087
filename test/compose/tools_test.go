package compose_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"onair/test/edge"
)

// program makes a program of a shell's line, and puts it before others of its name.
func program(t *testing.T, name, line string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+line+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// TestEdgeRenders: nginx takes what the edge's environment makes of the template; without nginx the script alone is
// tried. Sockets that a killed edge left are removed, though its number is another process's, as in containers.
func TestEdgeRenders(t *testing.T) {
	if _, err := exec.LookPath("nginx"); err != nil {
		program(t, "nginx", "exit 0")
	}
	settings := []string{"EDGE_USER=root"}
	for name, value := range load(t, nil).Services["edge"].Environment {
		settings = append(settings, name+"="+value)
	}
	dir := t.TempDir()
	left := filepath.Join(dir, "inner.sock")
	err := errors.Join(os.WriteFile(left, nil, 0o600),
		os.WriteFile(filepath.Join(dir, "nginx.pid"), []byte(strconv.Itoa(os.Getpid())), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := edge.Render(dir, settings...); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", left, err)
	}
	if text := read(t, filepath.Join(dir, "nginx.conf")); !strings.Contains(text, "server 172.30.63.22:8081") {
		t.Errorf("the second origin is not in\n%s", text)
	}
}

// TestUpMakesPasswordsOnce: they are long, differ, and are for their owner's eyes only; the second start keeps them.
func TestUpMakesPasswordsOnce(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"up", ".env.example"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(read(t, filepath.Join(folder, name))), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	program(t, "docker-compose", `[ "$*" = version ] || echo "asked for $*"`)
	up := func() string {
		out, err := exec.Command(filepath.Join(dir, "up"), "-d").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "asked for -f docker-compose.yml up -d") {
			t.Fatalf("%v: %s", err, out)
		}
		return read(t, filepath.Join(dir, ".env"))
	}
	first := up()
	if second := up(); second != first {
		t.Errorf("other passwords at the second start: %s", second)
	}
	info, err := os.Stat(filepath.Join(dir, ".env"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^[A-Z0-9_]+=(.*)$`).FindAllStringSubmatch(first, -1) {
		if len(m[1]) != 40 || seen[m[1]] {
			t.Errorf("%s is short, or there twice", m[0])
		}
		seen[m[1]] = true
	}
	if len(seen) == 0 {
		t.Errorf("no passwords in %s", first)
	}
}

// TestComposeTakesIt: where there is a docker-compose it has to read the file, and to refuse it without the secrets.
func TestComposeTakesIt(t *testing.T) {
	tool := []string{"docker-compose"}
	if _, err := exec.LookPath(tool[0]); err != nil {
		tool = []string{"docker", "compose"}
		if exec.Command(tool[0], tool[1], "version").Run() != nil {
			t.Skip("there is no docker-compose")
		}
	}
	empty := filepath.Join(t.TempDir(), ".env") // not that of the folder
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	config := func(environment ...string) ([]byte, error) {
		args := append(tool[1:], "--env-file", empty, "-f", subject, "config", "-q")
		cmd := exec.Command(tool[0], args...)
		cmd.Env = append(os.Environ(), environment...)
		return cmd.CombinedOutput()
	}
	if out, err := config(); err == nil || !strings.Contains(string(out), "fill .env in") {
		t.Errorf("without secrets: %v: %s", err, out)
	}
	var secrets []string
	for _, m := range regexp.MustCompile(`(?m)^([A-Z0-9_]+)=$`).FindAllStringSubmatch(read(t, example), -1) {
		secrets = append(secrets, m[1]+"=x")
	}
	if out, err := config(secrets...); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
