package config_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"onair/pipeline/config"
)

const before = `
channel: news
http: ":8080"
api_token: a-long-enough-token
inputs:
  - {name: main, legs: ["rtp://:5000"]}
  - {name: backup, legs: ["srt://:9000?mode=listener&passphrase=0123456789"], allow: [10.0.0.0/8]}
failover: {loss: 500ms}
video: [{name: v720, size: 1280x720, bitrate: 3M}, {name: v360, size: 640x360, bitrate: 800k}]
audio: [{name: a1, bitrate: 128k}]
outputs: [{dir: ./origin}]
`

// TestDifference: what is replaced in the file, what is told, and of that what needs a restart.
func TestDifference(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		replace []string
		want    []string
		restart []string
	}{
		"nothing":            {nil, nil, nil},
		"another spelling":   {[]string{"loss: 500ms", "loss: 0.5s", "3M", "3000k"}, nil, nil},
		"what is by default": {[]string{"{loss: 500ms}", "{loss: 500ms, return_after: 30s}"}, nil, nil},
		"a threshold": {
			[]string{"loss: 500ms", "loss: 1s, black: 5s"},
			[]string{"failover.loss: 1s instead of 500ms", "failover.black: 5s instead of 0s"}, nil,
		},
		"a bitrate": {[]string{"800k", "1M"}, []string{`video[1].bitrate: "1M" instead of "800k"`}, nil},
		"a passphrase, which is not told": {
			[]string{"passphrase=0123456789", "passphrase=9876543210"}, []string{"inputs[1].legs: is another one"}, nil,
		},
		"who may send": {[]string{"10.0.0.0/8", "10.1.0.0/16"}, []string{"inputs[1].allow: is another one"}, nil},
		"an input more": {
			[]string{"failover:", "  - {name: third, legs: [\"udp://:7000\"]}\nfailover:"},
			[]string{"inputs[2]: input third is added"}, nil,
		},
		"an input less": {
			[]string{"  - {name: main, legs: [\"rtp://:5000\"]}\n", ""}, []string{"inputs: input main is removed"}, nil,
		},
		"an input renamed": {
			[]string{"name: main", "name: first"}, []string{"inputs[0]: input first is added", "inputs: input main is removed"}, nil,
		},
		"another order": {
			[]string{
				"  - {name: main, legs: [\"rtp://:5000\"]}\n", "",
				"failover:", "  - {name: main, legs: [\"rtp://:5000\"]}\nfailover:",
			},
			[]string{"inputs: another order of preference"}, nil,
		},
		"the programme of an input": {
			[]string{`legs: ["rtp://:5000"]`, `legs: ["rtp://:5000"], program: 3`}, []string{`inputs[0].program: "3" instead of "0"`}, nil,
		},
		"the tracks of an input": {
			[]string{`legs: ["rtp://:5000"]`, `legs: ["rtp://:5000"], audio: [deu]`},
			[]string{"inputs[0].audio: [deu] instead of []"}, nil,
		},
		"the token, which is not told": {
			[]string{"a-long-enough-token", "another-long-token"}, []string{"api_token: *** instead of ***"},
			[]string{"f.yaml:4: api_token: needs a restart: "},
		},
		"the name": {[]string{"channel: news", "channel: olds"}, []string{`channel: "olds" instead of "news"`}, []string{"f.yaml:2: channel"}},
		"some of it can be and some cannot": {
			[]string{"loss: 500ms", "loss: 1s", ":8080", ":8081"},
			[]string{`http: ":8081" instead of ":8080"`, "failover.loss: 1s instead of 500ms"}, []string{"f.yaml:3: http"},
		},
		"a rendition less": {
			[]string{", {name: v360, size: 640x360, bitrate: 800k}", ""}, []string{"video: rendition v360 is removed"}, nil,
		},
		"a rendition more, before the others": {
			[]string{"{name: v720", "{name: v1080, size: 1920x1080, bitrate: 6M}, {name: v720"},
			[]string{"video[0]: rendition v1080 is added"}, nil,
		},
		"another order of renditions": {
			[]string{"{name: v720, size: 1280x720, bitrate: 3M}, ", "", "bitrate: 800k}", "bitrate: 800k}, {name: v720, size: 1280x720, bitrate: 3M}"},
			[]string{"video: another order of the renditions"}, nil,
		},
		"the default ladder": {
			[]string{"video: [{name: v720, size: 1280x720, bitrate: 3M}, {name: v360, size: 640x360, bitrate: 800k}]\n", ""},
			[]string{"video: a list instead of"}, nil,
		},
		"a language and a codec": {
			[]string{"bitrate: 128k", "bitrate: 128k, language: de", "bitrate: 800k", "bitrate: 800k, codec: hevc"},
			[]string{`video[1].codec: "hevc" instead of "h264"`, `audio[0].language: "de" instead of "und"`}, nil,
		},
		"a size":     {[]string{"640x360", "480x270"}, []string{`video[1].size: "480x270" instead of "640x360"`}, nil},
		"the output": {[]string{"./origin", "./other"}, []string{"timeline: ", "outputs[0]: "}, []string{"f.yaml:2: timeline", "f.yaml:11: outputs[0]"}},
		"limits": {
			[]string{"audio:", "limits: {memory: 1GiB, cpu: 0.5}\naudio:"},
			[]string{"limits.memory: ", "limits.cpu: 0.5 instead of 0"}, nil,
		},
		"a twin": {
			[]string{"outputs:", "twin: {http: \"https://me:secret-of-1@b.example/live\"}\noutputs:"},
			[]string{"twin: https://***@b.example/live is added"}, nil,
		},
		"an output more": {
			[]string{"{dir: ./origin}", "{dir: ./origin}, {dir: ./other}"}, []string{"outputs[1]: output ./other is added"}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			old, err := config.Load(write(t, "f.yaml", before), environment)
			if err != nil {
				t.Fatal(err)
			}
			next, err := config.Load(write(t, "f.yaml", strings.NewReplacer(c.replace...).Replace(before)), environment)
			if err != nil {
				t.Fatal(err)
			}
			changes := config.Difference(old, next)
			var got []string
			for _, ch := range changes {
				got = append(got, ch.String())
			}
			if !slices.EqualFunc(got, c.want, strings.HasPrefix) {
				t.Errorf("changes %q, want %q", got, c.want)
			}
			got = nil
			for _, p := range next.NeedRestart(changes) {
				got = append(got, p.String())
			}
			if !slices.EqualFunc(got, c.restart, func(s, part string) bool { return strings.Contains(s, part) }) {
				t.Errorf("need a restart: %q, want %q", got, c.restart)
			}
			if more := config.Difference(next, next); len(more) > 0 {
				t.Errorf("from itself it differs by %v", more)
			}
		})
	}
}

const (
	applied = "Reload applies it."
	restart = "Needs a restart."
)

// TestReferenceTellsWhatReloadApplies: the reference says of every key, truthfully, whether a reload applies it.
func TestReferenceTellsWhatReloadApplies(t *testing.T) {
	t.Parallel()
	_, entries := readReference(t, referenceFile)
	for _, e := range entries {
		want, other := restart, applied
		if config.Reloaded(e.path) {
			want, other = other, want
		}
		if !strings.HasSuffix(e.text, want) || strings.Contains(e.text, other) {
			t.Errorf("%s: the comment has to end with %q", e.path, want)
		}
	}
	for _, key := range schema(reflect.TypeFor[config.Channel](), "") {
		if config.Reloaded(key) && !slices.ContainsFunc(entries, func(e entry) bool { return e.path == key }) {
			t.Errorf("%s is no key of the reference", key)
		}
	}
}
