package config

import (
	"math"
	"strconv"
	"strings"
)

// Bytes is an amount of memory. In a file it is a whole number or a decimal one with MiB or GiB.
type Bytes int64

// Units of Bytes.
const (
	mebi = 1 << 20
	gibi = 1 << 30
)

// String is the shortest exact form, such as "512MiB" or "1.5GiB".
func (b Bytes) String() string {
	switch {
	case b >= gibi && b*10%gibi == 0:
		return strconv.FormatFloat(float64(b)/gibi, 'f', -1, 64) + "GiB"
	case b >= mebi && b%mebi == 0:
		return strconv.FormatInt(int64(b)/mebi, 10) + "MiB"
	}
	return strconv.FormatInt(int64(b), 10)
}

// parseBytes reads "2GiB", "1.5GiB", "512MiB" or "1000000".
func parseBytes(s string) (Bytes, bool) {
	unit := int64(1)
	number, isGibi := strings.CutSuffix(s, "GiB")
	if isGibi {
		unit = gibi
	} else if m, ok := strings.CutSuffix(s, "MiB"); ok {
		number, unit = m, mebi
	}
	whole, frac, point := strings.Cut(number, ".")
	if !digits(whole) || len(whole) > 15 || point && (unit == 1 || !digits(frac) || len(frac) > 3) {
		return 0, false
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || v*float64(unit) > 1<<50 {
		return 0, false
	}
	return Bytes(math.Round(v * float64(unit))), true
}

// Processors is an amount of processor time: 1.5 is what one and a half processors can do.
type Processors float64

// parseProcessors reads "0", "2" or "1.5".
func parseProcessors(s string) (Processors, bool) {
	whole, frac, point := strings.Cut(s, ".")
	if !digits(whole) || len(whole) > 4 || point && (!digits(frac) || len(frac) > 2) {
		return 0, false
	}
	v, err := strconv.ParseFloat(s, 64)
	return Processors(v), err == nil
}
