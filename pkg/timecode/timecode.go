// Package timecode reads the time labels that cameras and encoders give to pictures (SMPTE ST 12-1) as times of day.
//
// A label counts pictures, not seconds: at 30000/1001 pictures a second 24 hours of labels last 86400 s only to within
// 86.4 ms with dropped numbers, and 86486.4 s without. So a label is made a number of pictures since midnight first.
package timecode

import (
	"fmt"

	"onair/pkg/tick"
)

// Label is a time label: hours, minutes, seconds, and the number of the picture in that second.
type Label struct {
	Hours, Minutes, Seconds, Frames int
	Drop                            bool // numbers are left out each minute but the tenth, to keep up with the day
}

// String is HH:MM:SS:FF, with a semicolon before FF where numbers are dropped.
func (l Label) String() string {
	sep := ':'
	if l.Drop {
		sep = ';'
	}
	return fmt.Sprintf("%02d:%02d:%02d%c%02d", l.Hours, l.Minutes, l.Seconds, sep, l.Frames)
}

// Valid tells a label that exists on some day at some rate.
func (l Label) Valid() bool {
	return l.Hours >= 0 && l.Hours < 24 && l.Minutes >= 0 && l.Minutes < 60 && l.Seconds >= 0 && l.Seconds < 60 &&
		l.Frames >= 0 && l.Frames < 120
}

// dropped is how many numbers of 30 in a second are left out in each minute that is not a multiple of ten.
const dropped = 2

// counted is how many pictures there are in a second of labels: 30 at 30000/1001.
func counted(rate tick.Rate) int64 { return (rate.Num + rate.Den/2) / rate.Den }

// SinceMidnight is how long after the picture labelled 00:00:00:00 the one with this label begins, at rate. pairs tells
// that two pictures have each label, as where 50 or 60 pictures a second are labelled by 25 or 30 (ST 12-1 §12): it is
// then the first of the two.
func (l Label) SinceMidnight(rate tick.Rate, pairs bool) tick.Tick {
	if rate.IsZero() {
		return 0
	}
	each := int64(1)
	if pairs {
		each = 2
	}
	counted := counted(rate) / each
	minutes := int64(l.Hours)*60 + int64(l.Minutes)
	n := (minutes*60+int64(l.Seconds))*counted + int64(l.Frames)
	if l.Drop {
		n -= dropped * (counted / 30) * (minutes - minutes/10)
	}
	return tick.Tick(n*each) * rate.Frame()
}
