package child

import "time"

// What is read from the system, for tests of its forms.

// Locate is locate.
func Locate(self, mounts string) (own, top string, err error) { return locate(self, mounts) }

// ParseIdle is parseIdle.
func ParseIdle(b []byte) (time.Duration, error) { return parseIdle(b) }

// ParseStat is parseStat.
func ParseStat(b []byte) (group int, ticks, pages int64, err error) {
	s, err := parseStat(b)
	return s.group, s.ticks, s.pages, err
}
