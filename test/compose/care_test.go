package compose_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestContainersHaveNoRights: what a container is not given by this file it cannot do.
func TestContainersHaveNoRights(t *testing.T) {
	for name, s := range load(t, nil).Services {
		for what, holds := range map[string]bool{
			"read_only":              s.ReadOnly,
			"cap_drop: [ALL]":        slices.Equal(s.CapDrop, []string{"ALL"}),
			"no-new-privileges":      slices.Equal(s.Security, []string{"no-new-privileges"}),
			"restart":                s.Restart == "unless-stopped",
			"a bound of its logs":    s.Logging.Options["max-size"] != "",
			"a name to kill it by":   s.Name == "onair-"+name,
			"a health check":         name == "sender" || len(s.Health.Test) > 0,
			"a user without rights":  user(t, s) != "" && user(t, s) != "0" && user(t, s) != "root",
			"a folder in memory":     slices.Contains(s.Tmpfs, "/tmp"),
			"a place to be built at": s.Build.Context != "",
		} {
			if !holds {
				t.Errorf("%s has no %s", name, what)
			}
		}
		if grace, err := time.ParseDuration(s.Grace); err != nil || grace <= 10*time.Second {
			t.Errorf("%s: stop_grace_period %q is not longer than the 10 s that onair takes at most", name, s.Grace)
		}
	}
}

// TestPortsAreOnLoopback, as nothing here asks viewers who they are.
func TestPortsAreOnLoopback(t *testing.T) {
	s := load(t, nil)
	seen := map[string]bool{}
	for name, service := range s.Services {
		for _, port := range service.Ports {
			host := strings.Join(strings.Split(port, ":")[:2], ":")
			if !strings.HasPrefix(port, "127.0.0.1:") || seen[host] {
				t.Errorf("%s: port %s is not on loopback, or taken", name, port)
			}
			seen[host] = true
		}
	}
	if !seen["127.0.0.1:8080"] {
		t.Error("the edge is not at 127.0.0.1:8080")
	}
}

// dockerfile is that of a service.
func dockerfile(t *testing.T, s service) string {
	t.Helper()
	return read(t, filepath.Join(folder, s.Build.Context, "Dockerfile"))
}

// user is whom a service's image runs as.
func user(t *testing.T, s service) string {
	t.Helper()
	users := regexp.MustCompile(`(?m)^USER ([^:\n]+)`).FindAllStringSubmatch(dockerfile(t, s), -1)
	if len(users) == 0 {
		return ""
	}
	return users[len(users)-1][1]
}

// TestImagesArePinned: bases are named with a version, the same here and in the Dockerfile, and what is built here is
// told from what a registry has.
func TestImagesArePinned(t *testing.T) {
	base := regexp.MustCompile(`(?m)^ARG ([A-Z0-9]+_IMAGE)=(\S+)$`)
	version := regexp.MustCompile(`:[a-z]*[v0-9a-z.-]+$`)
	for name, s := range load(t, nil).Services {
		if !strings.HasSuffix(s.Image, ":local") {
			t.Errorf("%s: image %s is built here, and not named so", name, s.Image)
		}
		bases := base.FindAllStringSubmatch(dockerfile(t, s), -1)
		if len(bases) == 0 {
			t.Errorf("%s: its Dockerfile names no base", name)
		}
		for _, b := range bases {
			if got := s.Build.Args[b[1]]; got != b[2] {
				t.Errorf("%s: %s is %q here and %q in the Dockerfile", name, b[1], got, b[2])
			}
			if !version.MatchString(b[2]) || strings.HasSuffix(b[2], ":latest") {
				t.Errorf("%s: base %s is of any version", name, b[2])
			}
		}
	}
}

// TestSecretsAreAskedFor: none has a default, each is in the example without a value, and what the example says of the
// others is what holds.
func TestSecretsAreAskedFor(t *testing.T) {
	text := read(t, subject)
	defaults, asked := map[string]string{}, map[string]bool{}
	for _, m := range variable.FindAllStringSubmatch(text, -1) {
		if m[2] == ":?" {
			asked[m[1]] = true
			continue
		}
		if before, ok := defaults[m[1]]; ok && before != m[3] {
			t.Errorf("%s is %q here and %q there", m[1], before, m[3])
		}
		defaults[m[1]] = m[3]
	}
	for name := range asked {
		if !regexp.MustCompile(`(?m)^` + name + `=$`).MatchString(read(t, example)) {
			t.Errorf("%s is not in .env.example, or has a value", name)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^(#?)([A-Z0-9_]+)=(.*)$`).FindAllStringSubmatch(read(t, example), -1) {
		value, known := defaults[m[2]]
		if m[1] == "#" && (!known || value != m[3]) || m[1] == "" && !asked[m[2]] {
			t.Errorf(".env.example: %s, and docker-compose.yml has %q", m[0], value)
		}
	}
	for name, s := range load(t, nil).Services {
		for key, value := range s.Environment {
			secret := regexp.MustCompile(`PASSWORD|SECRET|ACCESS_KEY|API_TOKEN`).MatchString(key)
			if secret && !strings.HasPrefix(value, "secret-of-") {
				t.Errorf("%s: %s is written down here", name, key)
			}
		}
	}
	for _, ignored := range []string{"../../.gitignore", "../../.dockerignore"} {
		if !strings.Contains(read(t, ignored), "/.env\n") {
			t.Errorf("%s does not leave .env out", ignored)
		}
	}
}
