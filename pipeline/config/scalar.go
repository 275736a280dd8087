package config

import (
	"errors"
	"net/netip"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"onair/pkg/leg"
	"onair/pkg/tick"
)

// scalar says how the text of a value of one type is read.
type scalar struct {
	noun    string              // "is not <noun>"
	allowed string              // "allowed is <allowed>"
	hide    func(string) string // what is shown of the text; nil: all but what Redact hides
	parse   func(string) (any, error)
}

// errNot is the error of a parse that has no more to say than that the text is not what it should be.
var errNot = errors.New("not of its kind")

// scalars holds the reader of every type that a single value may have.
var scalars = map[reflect.Type]scalar{
	reflect.TypeFor[string](): {noun: "a text", allowed: "a text", parse: parseText},
	reflect.TypeFor[Secret](): {noun: "a text", allowed: "a text", parse: parseText,
		hide: func(string) string { return hidden }},
	reflect.TypeFor[Hook](): {noun: "an HTTP address", allowed: "http://HOST/... or https://HOST/...",
		hide:  func(s string) string { return Hook(s).String() },
		parse: func(s string) (any, error) { return orNot(s, s == "" || httpURL(s)) }},
	reflect.TypeFor[bool](): {noun: "true or false", allowed: "true or false",
		parse: func(s string) (any, error) { return orNot(s == "true", s == "true" || s == "false") }},
	reflect.TypeFor[int](): {noun: "a whole number", allowed: "a whole number", parse: parseInt},
	reflect.TypeFor[leg.URL](): {noun: "a leg", allowed: "the URL of a leg: " + leg.Forms,
		hide:  hideLeg,
		parse: func(s string) (any, error) { return leg.Parse(s) }},
	reflect.TypeFor[time.Duration](): {noun: "a duration", allowed: "a number with its unit, like 500ms, 4s or 10m",
		parse: parseDuration},
	reflect.TypeFor[Span](): {noun: "a time", allowed: "a duration, or two of them with - between, like 5s-20s",
		parse: parseSpan},
	reflect.TypeFor[Percent](): {noun: "a part of a hundred", allowed: "a number from 0 to 100, like 99.999",
		parse: parsePercent},
	reflect.TypeFor[tick.Rate](): {noun: "a frame rate that television uses",
		allowed: "24000/1001, 24, 25, 30000/1001, 30, 48, 50, 60000/1001 or 60", parse: parseRate},
	reflect.TypeFor[Bitrate](): {noun: "a bitrate", allowed: "bits per second, with k or M for short, like 800k or 2.5M",
		parse: func(s string) (any, error) { return orNot(parseBitrate(s)) }},
	reflect.TypeFor[Bytes](): {noun: "an amount of memory",
		allowed: "bytes, with MiB or GiB for short, like 512MiB or 2GiB",
		parse:   func(s string) (any, error) { return orNot(parseBytes(s)) }},
	reflect.TypeFor[Processors](): {noun: "a number of processors", allowed: "a number of processors, like 2 or 1.5",
		parse: func(s string) (any, error) { return orNot(parseProcessors(s)) }},
	reflect.TypeFor[Size](): {noun: "a picture size", allowed: "WIDTHxHEIGHT in pixels, like 1280x720",
		parse: func(s string) (any, error) { return orNot(parseSize(s)) }},
	reflect.TypeFor[Selector](): {noun: "an audio track",
		allowed: "a PID (16 to 8190, also 0x hexadecimal), a language of three letters or an index (0 to 15)",
		parse:   func(s string) (any, error) { return orNot(parseSelector(s)) }},
	reflect.TypeFor[netip.Prefix](): {noun: "an address range",
		allowed: "CIDR like 10.1.0.0/16, 192.0.2.7/32 or 2001:db8::/32",
		parse:   parsePrefix},
}

func orNot[T any](v T, ok bool) (any, error) {
	if !ok {
		return nil, errNot
	}
	return v, nil
}

func parseText(s string) (any, error) { return orNot(s, !strings.ContainsRune(s, 0)) }

func parseInt(s string) (any, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	return orNot(int(n), err == nil)
}

func parseDuration(s string) (any, error) {
	d, err := time.ParseDuration(s)
	return orNot(d, err == nil && d >= 0)
}

// rateForm keeps out what number parsers take and nobody means: exponents, hexadecimal, infinity.
var rateForm = regexp.MustCompile(`^[0-9]{1,6}(\.[0-9]{1,6})?(/[0-9]{1,5})?$`)

func parseRate(s string) (any, error) {
	if !rateForm.MatchString(s) {
		return nil, errNot
	}
	r, err := tick.ParseRate(s)
	return orNot(r, err == nil)
}

func parsePrefix(s string) (any, error) {
	p, err := netip.ParsePrefix(s)
	return orNot(p, err == nil && p.Masked() == p)
}
