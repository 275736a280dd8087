// Package compose_test holds the files of deploy/compose against the code and against each other, without a container.
package compose_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const (
	folder  = "../../deploy/compose"
	subject = folder + "/docker-compose.yml"
	example = folder + "/.env.example"
)

type system struct {
	Version  string             `yaml:"version"`
	Services map[string]service `yaml:"services"`
	Networks map[string]struct {
		Name     string `yaml:"name"`
		Internal bool   `yaml:"internal"`
		IPAM     struct {
			Config []struct {
				Subnet string `yaml:"subnet"`
			} `yaml:"config"`
		} `yaml:"ipam"`
	} `yaml:"networks"`
	Volumes map[string]any `yaml:"volumes"`
}

// service has the keys that are used. Another one, such as privileged or network_mode, is unknown and fails.
type service struct {
	Name        string            `yaml:"container_name"`
	Image       string            `yaml:"image"`
	Build       build             `yaml:"build"`
	Command     []string          `yaml:"command"`
	Environment map[string]string `yaml:"environment"`
	Ports       []string          `yaml:"ports"`
	Volumes     []string          `yaml:"volumes"`
	Tmpfs       []string          `yaml:"tmpfs"`
	Networks    map[string]struct {
		Address string `yaml:"ipv4_address"`
	} `yaml:"networks"`
	Depends  []string `yaml:"depends_on"`
	Restart  string   `yaml:"restart"`
	ReadOnly bool     `yaml:"read_only"`
	CapDrop  []string `yaml:"cap_drop"`
	Security []string `yaml:"security_opt"`
	Grace    string   `yaml:"stop_grace_period"`
	Health   struct {
		Test     []string `yaml:"test"`
		Interval string   `yaml:"interval"`
		Timeout  string   `yaml:"timeout"`
		Retries  int      `yaml:"retries"`
		Start    string   `yaml:"start_period"`
	} `yaml:"healthcheck"`
	Logging struct {
		Driver  string            `yaml:"driver"`
		Options map[string]string `yaml:"options"`
	} `yaml:"logging"`
}

type build struct {
	Context string            `yaml:"context"`
	Args    map[string]string `yaml:"args"`
}

// lookup is a variable of the service's environment, as onair asks for it.
func (s service) lookup(name string) (string, bool) {
	v, ok := s.Environment[name]
	return v, ok
}

// variable is ${NAME}, with what holds without it, or what is said then.
var variable = regexp.MustCompile(`\$\{([A-Z0-9_]+)(?:(:-|:\?)([^}]*))?\}`)

// expand puts variables into a text as docker-compose does. Those that are demanded are made up.
func expand(text string, given map[string]string) string {
	return variable.ReplaceAllStringFunc(text, func(whole string) string {
		m := variable.FindStringSubmatch(whole)
		switch v := given[m[1]]; {
		case v != "":
			return v
		case m[2] == ":?":
			return "secret-of-" + strings.ToLower(m[1])
		default:
			return m[3]
		}
	})
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// load is the system with an environment. Unknown keys are an error.
func load(t *testing.T, given map[string]string) system {
	t.Helper()
	var s system
	text := strings.ReplaceAll(expand(read(t, subject), given), "$$", "$")
	merged := map[string]any{} // a map takes what is merged (<<) and what is said after it, a struct does not
	err := yaml.Unmarshal([]byte(text), &merged)
	maps.DeleteFunc(merged, func(key string, _ any) bool { return strings.HasPrefix(key, "x-") })
	whole, again := yaml.Marshal(merged)
	if err := errors.Join(err, again, yaml.UnmarshalWithOptions(whole, &s, yaml.Strict())); err != nil {
		t.Fatalf("%s: %v", subject, err)
	}
	if len(s.Services) == 0 {
		t.Fatalf("%s has no services", subject)
	}
	return s
}

// mounted is the file of the folder that a service has at a path of its own.
func (s service) mounted(suffix string) (string, bool) {
	for _, v := range s.Volumes {
		parts := strings.Split(v, ":")
		if strings.HasPrefix(v, "./") && len(parts) == 3 && parts[1] == suffix {
			return filepath.Join(folder, parts[0]), parts[2] == "ro"
		}
	}
	return "", false
}
