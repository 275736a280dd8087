package verify

import (
	"encoding/binary"
	"math"

	"onair/pkg/fmp4"
)

// What two outputs show is compared by what their decoders give: are the pictures, or the sound, of one most alike
// those at the same place of the other, or those some frames off? Pipelines that place their feed differently on the
// timeline agree in everything else.

// signal is what is compared of one kind of rendition.
type signal struct {
	width    int     // values of a unit: a picture, or a sample of sound
	furthest int     // units to either side that are looked at
	probe    int     // units of a segment that are looked for there
	floor    float64 // mean squared difference of two encodings of the same, at most
	unlike   float64 // of what has nothing in common, at least
}

// pictures are compared in 255 grey levels.
var pictures = signal{width: seenWidth * seenHeight, furthest: 100, probe: 1000, floor: 1, unlike: 20 * 20}

// sound is compared in 16 bit samples; its differences are relative to its power.
var sound = signal{width: 1, furthest: 4800, probe: 12_000, floor: 0.01, unlike: 0.5}

// silence is the power of sound that is not judged.
const silence = 100 * 100

// trial is how far segment [at, at+n) of two signals differs, times in units.
type trial struct {
	difference float64 // mean squared
	lag        int     // by which it is late in the second, if it is clearly more alike there; else 0
}

// try compares a segment of two outputs. It is shifted where it is at most half as far from the other as in its place.
func (s signal) try(a, b []int16, at, n int) trial {
	w := s.width
	t := trial{difference: distance(a[at*w:(at+n)*w], b[at*w:(at+n)*w], math.MaxFloat64)}
	if t.difference <= s.floor {
		return t
	}
	probe := min(n, s.probe)
	from := at + (n-probe)/2
	part := a[from*w : (from+probe)*w]
	best := distance(part, b[from*w:(from+probe)*w], math.MaxFloat64) / 4
	if best <= s.floor/4 {
		return t
	}
	for lag := 1; lag <= s.furthest; lag++ {
		for _, l := range []int{lag, -lag} {
			begin := from + l
			if begin < 0 || (begin+probe)*w > len(b) {
				continue
			}
			if d := distance(part, b[begin*w:(begin+probe)*w], best); d < best {
				t.lag, best = l, d
			}
		}
	}
	if !s.shifted(a, b, at, n, t.lag) {
		t.lag = 0
	}
	return t
}

// shifted tells whether all of a segment is as much more alike at a lag, not only what was looked for there: where one
// output begins within it, a tone is found again a few of its periods off.
func (s signal) shifted(a, b []int16, at, n, lag int) bool {
	w := s.width
	from, to := max(at, -lag), min(at+n, len(b)/w-lag)
	part := a[from*w : to*w]
	most := distance(part, b[from*w:to*w], math.MaxFloat64) / 4
	return distance(part, b[(from+lag)*w:(to+lag)*w], most) < most
}

// distance is the mean squared difference of two signals of one length, or something larger than most if it is.
func distance(a, b []int16, most float64) float64 {
	sum, bound := 0.0, most*float64(len(a))
	for i := 0; i < len(a) && sum <= bound; {
		part := int64(0)
		for end := min(len(a), i+4096); i < end; i++ {
			d := int64(a[i]) - int64(b[i])
			part += d * d
		}
		sum += float64(part)
	}
	return sum / float64(len(a))
}

// compare compares what both show, number by number: the splice that begins with A and the one that begins with B have
// the same numbers at the same places.
func (r *decoded) compare(s *splice, raw [2][]byte) {
	a, b := sorted(s, raw)
	at, per := 0, 1
	if s.header.Kind == fmp4.Audio {
		per = aacFrame
	}
	for i, samples := range s.samples {
		n := samples * per
		if fresh := !s.carried || i > 0; !fresh {
			at += n
			continue
		}
		if k := s.first + int64(i); s.header.Kind == fmp4.Video {
			r.judgePictures(s, k, pictures.try(a, b, at, n))
		} else {
			r.judgeSound(s, k, sound.tryTone(a, b, at, n))
		}
		at += n
	}
}

// sorted are the signals of A and of B, out of those of the two splices.
func sorted(s *splice, raw [2][]byte) (a, b []int16) {
	unit, at := unitOf(s.header), 0
	for i, n := range s.samples {
		end := at + n*unit
		a = appendValues(a, raw[i%2][at:end], s.header.Kind)
		b = appendValues(b, raw[1-i%2][at:end], s.header.Kind)
		at = end
	}
	return a, b
}

func appendValues(to []int16, raw []byte, kind fmp4.Kind) []int16 {
	if kind == fmp4.Video {
		for _, v := range raw {
			to = append(to, int16(v))
		}
		return to
	}
	for i := 0; i+1 < len(raw); i += 2 {
		to = append(to, int16(binary.LittleEndian.Uint16(raw[i:])))
	}
	return to
}

func (r *decoded) judgePictures(s *splice, k int64, t trial) {
	switch {
	case t.lag != 0:
		r.fault(twinContent, s, k, "B shows it %d pictures %s A", max(t.lag, -t.lag), lateOrEarly(t.lag))
	case t.difference > pictures.unlike:
		r.fault(twinAlike, s, k, "the pictures of A and B differ by %.0f of 255 levels", math.Sqrt(t.difference))
	}
}

// tryTone is try with differences that are relative to the power of the louder; there is none between silences.
func (s signal) tryTone(a, b []int16, at, n int) trial {
	quiet := make([]int16, n)
	power := max(distance(a[at:at+n], quiet, math.MaxFloat64), distance(b[at:at+n], quiet, math.MaxFloat64))
	if power < silence {
		return trial{}
	}
	s.floor *= power
	t := s.try(a, b, at, n)
	t.difference /= power
	return t
}

func (r *decoded) judgeSound(s *splice, k int64, t trial) {
	switch {
	case t.lag != 0:
		r.fault(twinContent, s, k, "B sounds %d samples (%.1f ms) %s A", max(t.lag, -t.lag),
			1000*math.Abs(float64(t.lag))/float64(s.header.SampleRate), lateOrEarly(t.lag))
	case t.difference > sound.unlike:
		r.fault(twinAlike, s, k, "the sounds of A and B differ by %.0f %% of their power", 100*t.difference)
	}
}

// lateOrEarly says it of B.
func lateOrEarly(lag int) string {
	if lag > 0 {
		return "later than"
	}
	return "before"
}
