package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Bitrate is in bits per second. In a file it is a whole number or a decimal one with k (thousands) or M (millions).
type Bitrate int64

// String is the shortest exact form, such as "800k" or "2.5M".
func (b Bitrate) String() string {
	switch {
	case b >= 1e6 && b%1e3 == 0:
		return strconv.FormatFloat(float64(b)/1e6, 'f', -1, 64) + "M"
	case b >= 1e3 && b%10 == 0:
		return strconv.FormatFloat(float64(b)/1e3, 'f', -1, 64) + "k"
	}
	return strconv.FormatInt(int64(b), 10)
}

// parseBitrate reads "800k", "2.5M" or "128000".
func parseBitrate(s string) (Bitrate, bool) {
	unit := 0
	switch {
	case strings.HasSuffix(s, "k"):
		unit = 3
	case strings.HasSuffix(s, "M"):
		unit = 6
	}
	num := s
	if unit > 0 {
		num = s[:len(s)-1]
	}
	whole, frac, point := strings.Cut(num, ".")
	if !digits(whole) || len(whole) > 9 || (point && !digits(frac)) || len(frac) > unit {
		return 0, false
	}
	n, err := strconv.ParseInt(whole+frac+strings.Repeat("0", unit-len(frac)), 10, 64)
	return Bitrate(n), err == nil
}

// digits tells a non-empty string of decimal digits.
func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// Size is that of a picture in pixels. In a file it is WIDTHxHEIGHT.
type Size struct{ Width, Height int }

// String is "1280x720".
func (s Size) String() string { return fmt.Sprintf("%dx%d", s.Width, s.Height) }

// parseSize reads "1280x720".
func parseSize(s string) (Size, bool) {
	w, h, ok := strings.Cut(s, "x")
	if !ok || !digits(w) || !digits(h) || len(w) > 5 || len(h) > 5 {
		return Size{}, false
	}
	width, _ := strconv.Atoi(w)  // at most five digits
	height, _ := strconv.Atoi(h) // at most five digits
	return Size{width, height}, true
}

// Secret is text that must not be shown: it prints as "***" when set.
type Secret string

// String hides the text.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// GoString hides the text.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// MarshalText hides the text, so that no encoder shows it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Reveal is the text itself, for the one place that compares it.
func (s Secret) Reveal() string { return string(s) }

// Selector picks one audio track of an input: exactly one of PID and Language is set, or neither and Index counts.
type Selector struct {
	PID      uint16 // 16 to 8190
	Language string // ISO 639-2, as the stream's descriptor has it
	Index    int    // 0 to 15, in the order of the PMT
}

// String is the selector as a file has it.
func (s Selector) String() string {
	switch {
	case s.PID != 0:
		return strconv.Itoa(int(s.PID))
	case s.Language != "":
		return s.Language
	}
	return strconv.Itoa(s.Index)
}

// Numbers below minPID are indexes: no elementary stream may use those PIDs (ISO/IEC 13818-1 table 2-3).
const (
	minPID = 0x10
	maxPID = 0x1ffe
)

// parseSelector reads a PID (decimal or 0x hexadecimal), a three-letter language or an index.
func parseSelector(s string) (Selector, bool) {
	if len(s) == 3 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz") == "" {
		return Selector{Language: s}, true
	}
	n, err := strconv.ParseInt(s, 0, 32)
	switch {
	case err != nil || n < 0 || n > maxPID:
		return Selector{}, false
	case n < minPID:
		return Selector{Index: int(n)}, true
	}
	return Selector{PID: uint16(n)}, true
}
