package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Span is a length by chance between two bounds. In a file it is like 5s-20s, or one duration.
type Span struct{ Least, Most time.Duration }

// IsZero tells that nothing is said.
func (s Span) IsZero() bool { return s == Span{} }

// String is how a file has it.
func (s Span) String() string {
	if s.Least == s.Most {
		return short(s.Least)
	}
	return short(s.Least) + "-" + short(s.Most)
}

func parseSpan(text string) (any, error) {
	from, to, both := strings.Cut(text, "-")
	least, err := time.ParseDuration(from)
	if err != nil || least < 0 {
		return nil, errNot
	}
	if !both {
		return Span{least, least}, nil
	}
	most, err := time.ParseDuration(to)
	return orNot(Span{least, most}, err == nil && most >= least)
}

// Percent is a part in thousandths of a per cent: 99999 is 99.999 %.
type Percent int64

// whole is 100 %.
const wholePercent Percent = 100_000

// Part is 1 for 100 %.
func (p Percent) Part() float64 { return float64(p) / float64(wholePercent) }

// String is like 99.999, without the sign.
func (p Percent) String() string {
	s := fmt.Sprintf("%d.%03d", p/1000, p%1000)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

var percentForm = regexp.MustCompile(`^([0-9]{1,3})(?:\.([0-9]{1,3}))?$`)

func parsePercent(text string) (any, error) {
	m := percentForm.FindStringSubmatch(text)
	if m == nil {
		return nil, errNot
	}
	n, err := strconv.ParseInt(m[1]+(m[2] + "000")[:3], 10, 64)
	return orNot(Percent(n), err == nil && Percent(n) <= wholePercent)
}
