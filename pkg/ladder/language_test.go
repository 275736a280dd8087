package ladder_test

import (
	"testing"

	"onair/pkg/ladder"
)

func TestLanguages(t *testing.T) {
	for given, want := range map[string][2]string{ // in a manifest, in a header
		"": {"und", ""}, "und": {"und", "und"}, "de": {"de", "deu"}, "deu": {"de", "deu"}, "ger": {"de", "deu"}, "fre": {"fr", "fra"},
		"eng": {"en", "eng"}, "xx": {"xx", "xx"}, "qaa": {"qaa", "qaa"}, "cze": {"cs", "ces"},
	} {
		if tag, code := ladder.LanguageTag(given), ladder.LanguageCode(given); tag != want[0] || code != want[1] {
			t.Errorf("%q: %q and %q, want %q", given, tag, code, want)
		}
	}
	for _, same := range [][2]string{{"ger", "de"}, {"deu", "de-AT"}, {"GER", "deu"}, {"xx", "xx"}} {
		if !ladder.SameLanguage(same[0], same[1]) {
			t.Errorf("%q are two languages", same)
		}
	}
	for _, other := range [][2]string{{"", "de"}, {"de", ""}, {"eng", "de"}, {"und", "de"}} {
		if ladder.SameLanguage(other[0], other[1]) {
			t.Errorf("%q are one language", other)
		}
	}
}
