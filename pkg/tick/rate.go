package tick

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Rate is a picture rate in frames per second, as a reduced fraction.
type Rate struct{ Num, Den int64 }

// Standard lists the picture rates that a channel may run at, ascending.
var Standard = []Rate{
	{24000, 1001}, {24, 1}, {25, 1}, {30000, 1001}, {30, 1}, {48, 1}, {50, 1}, {60000, 1001}, {60, 1},
}

// ParseRate reads "25", "29.97" or "30000/1001"; only standard rates are allowed.
func ParseRate(s string) (Rate, error) {
	num, den := s, "1"
	if i := strings.IndexByte(s, '/'); i >= 0 {
		num, den = s[:i], s[i+1:]
	}
	if strings.Trim(num, "0123456789.") != "" || strings.Trim(den, "0123456789") != "" {
		return Rate{}, fmt.Errorf("%q is not a frame rate", s) // strconv also reads NaN, signs and underscores
	}
	n, errN := strconv.ParseFloat(num, 64)
	d, errD := strconv.ParseInt(den, 10, 64)
	if errN != nil || errD != nil || n <= 0 || d <= 0 {
		return Rate{}, fmt.Errorf("%q is not a frame rate", s)
	}
	r := Nearest(int64(n*1000), d*1000)
	if got := float64(r.Num) / float64(r.Den); abs(got-n/float64(d)) > 0.005 {
		return Rate{}, fmt.Errorf("%q is not a standard frame rate", s)
	}
	return r, nil
}

// Nearest is the standard rate nearest to num/den.
func Nearest(num, den int64) Rate {
	want := float64(num) / float64(den)
	best := Standard[0]
	for _, r := range Standard[1:] {
		if abs(r.float()-want) < abs(best.float()-want) {
			best = r
		}
	}
	return best
}

// slow is below every standard rate, by more than a source is measured wrong.
const slow = 23.5

// Suiting is the standard rate for pictures that come num/den times a second: of slow ones the lowest that shows each
// equally often, where there is one, else the nearest.
func Suiting(num, den int64) Rate {
	source := float64(num) / float64(den)
	for _, r := range Standard {
		times := r.float() / source
		if n := math.Round(times); source < slow && abs(times-n) < n/2000 {
			return r
		}
	}
	return Nearest(num, den)
}

func (r Rate) float() float64 { return float64(r.Num) / float64(r.Den) }

func abs(f float64) float64 {
	if f < 0 {
		return -f
	}
	return f
}

// IsZero tells an unset rate.
func (r Rate) IsZero() bool { return r.Num == 0 }

// String is "25" or "30000/1001".
func (r Rate) String() string {
	if r.Den == 1 {
		return strconv.FormatInt(r.Num, 10)
	}
	return fmt.Sprintf("%d/%d", r.Num, r.Den)
}

// Frame is the exact duration of one frame. It is 0 for an unset rate.
func (r Rate) Frame() Tick {
	if r.Num == 0 {
		return 0
	}
	return Tick(MulDiv(r.Den, int64(Second), r.Num))
}

// Timescale is the media timescale in which one frame is a whole number of units: 90000, or the numerator for 1001
// rates.
func (r Rate) Timescale() int64 {
	if r.Den == 1 {
		return 90_000
	}
	return r.Num
}

// At is the start of frame slot n, counted from the epoch.
func (r Rate) At(n int64) Tick { return Tick(n) * r.Frame() }

// Slot is the frame slot that contains t.
func (r Rate) Slot(t Tick) int64 { return floorDiv(int64(t), int64(r.Frame())) }

// NearestSlot is the frame slot whose start is nearest to t (half up).
func (r Rate) NearestSlot(t Tick) int64 { return r.Slot(t + r.Frame()/2) }

// NextSlot is the first frame slot that starts at or after t.
func (r Rate) NextSlot(t Tick) int64 { return r.Slot(t + r.Frame() - 1) }
