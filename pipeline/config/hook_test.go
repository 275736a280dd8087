package config_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"onair/pipeline/config"
)

func TestWebhookShowsSchemeAndHostAlone(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"":                              "",
		"https://hooks.example":         "https://hooks.example",
		"https://hooks.example:8443/":   "https://hooks.example:8443",
		"https://hooks.example/a/b":     "https://hooks.example/***",
		"http://hooks.example?a=b":      "http://hooks.example/***",
		"https://me:pw@hooks.example/":  "https://hooks.example/***",
		"https://hooks.example/%zz":     "***",
		"hooks.slack.example/T0/B0/XXX": "***",
	} {
		h := config.Hook(given)
		printed, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range []string{h.String(), fmt.Sprintf("%v", h), fmt.Sprintf("%#v", h), strings.Trim(string(printed), `"`)} {
			if got != want {
				t.Errorf("%s shows as %s, want %s", given, got, want)
			}
		}
		if h.Reveal() != given {
			t.Errorf("%s reveals %s", given, h.Reveal())
		}
	}
}

func TestWebhookIsNotShownByProblems(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"webhook: htps://hooks.example/topsecret",
		"webhook: https://hooks.example/topsecret#topsecret",
		"webhook: [https://hooks.example/topsecret]",
		"webhook: https://hooks.example/topsecret/${MISSING}",
		"webhook: {https://hooks.example/topsecret: x}",
		"webhook: https://hooks.example/topsecret\n bad: [",
	} {
		_, err := config.Load(write(t, "a.yaml", smallest+line+"\n"), environment)
		if err == nil || strings.Contains(err.Error(), "topsecret") {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestUnwiseWebhooks(t *testing.T) {
	t.Parallel()
	for address, unwise := range map[string]bool{
		"http://hooks.example/x": true, "http://192.0.2.1:80/": true, "https://hooks.example/x": false,
		"http://localhost:9000/": false, "http://127.0.0.1/": false, "http://[::1]:9000/x": false,
	} {
		c, err := config.Load(write(t, "a.yaml", smallest+"webhook: "+address+"\nwebhook_secret: 0123456789abcdef\n"), environment)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(fmt.Sprint(c.Warnings), "neither encrypted"); got != unwise || len(c.Warnings) > 1 {
			t.Errorf("%s: warnings %v", address, c.Warnings)
		}
	}
	c, err := config.Load(write(t, "a.yaml", smallest+"webhook: https://hooks.example/\nwebhook_secret: abc\n"), environment)
	if err != nil || !strings.Contains(fmt.Sprint(c.Warnings), "webhook_secret: is short") {
		t.Errorf("%v, warnings %v", err, c.Warnings)
	}
}
