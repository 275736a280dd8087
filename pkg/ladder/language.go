package ladder

import (
	"cmp"
	"slices"
	"strings"
)

// languages maps two-letter codes (ISO 639-1) to the three-letter codes that streams carry: terminology code first,
// then the bibliographic one where it differs (ISO 639-2). It holds the languages of European and American broadcasts.
var languages = map[string][]string{
	"ar": {"ara"}, "bg": {"bul"}, "br": {"bre"}, "ca": {"cat"}, "cs": {"ces", "cze"}, "cy": {"cym", "wel"}, "da": {"dan"},
	"de": {"deu", "ger"}, "el": {"ell", "gre"}, "en": {"eng"}, "es": {"spa"}, "et": {"est"}, "eu": {"eus", "baq"},
	"fa": {"fas", "per"}, "fi": {"fin"}, "fr": {"fra", "fre"}, "ga": {"gle"}, "gl": {"glg"}, "he": {"heb"}, "hi": {"hin"},
	"hr": {"hrv"}, "hu": {"hun"}, "hy": {"hye", "arm"}, "id": {"ind"}, "is": {"isl", "ice"}, "it": {"ita"}, "ja": {"jpn"},
	"ka": {"kat", "geo"}, "ko": {"kor"}, "lb": {"ltz"}, "lt": {"lit"}, "lv": {"lav"}, "mk": {"mkd", "mac"}, "mt": {"mlt"},
	"nl": {"nld", "dut"}, "no": {"nor"}, "pl": {"pol"}, "pt": {"por"}, "ro": {"ron",
		"rum"}, "ru": {"rus"}, "sk": {"slk", "slo"},
	"sl": {"slv"}, "sq": {"sqi", "alb"}, "sr": {"srp"}, "sv": {"swe"}, "th": {"tha"}, "tr": {"tur"}, "uk": {"ukr"},
	"vi": {"vie"}, "zh": {"zho", "chi"},
}

// SameLanguage tells whether a stream's code and a wanted tag mean the same language: "ger", "deu", "de" and "de-AT"
// do.
func SameLanguage(stream, want string) bool {
	stream, want = strings.ToLower(stream), strings.ToLower(want)
	want, _, _ = strings.Cut(want, "-")
	return stream != "" && want != "" && LanguageCode(stream) == LanguageCode(want)
}

// LanguageCode is the three-letter code of a language for a file's header (ISO/IEC 14496-12 §8.4.2: ISO 639-2/T),
// whatever code it is given as; one that is not known here stays as it is.
func LanguageCode(code string) string {
	if codes, ok := languages[code]; ok {
		return codes[0]
	}
	for _, codes := range languages {
		if len(codes) == 2 && codes[1] == code {
			return codes[0]
		}
	}
	return code
}

// LanguageTag is the tag of a language for a manifest: the shortest code that it has (RFC 5646 §2.2.1); "und" if it is
// empty.
func LanguageTag(code string) string {
	for short, codes := range languages {
		if slices.Contains(codes, code) {
			return short
		}
	}
	return cmp.Or(code, "und")
}
