package verify_test

import (
	"math"
	"testing"

	"onair/pipeline/verify"
)

// TestSoundThatBeginsLater: an output whose sound begins within a segment is no output that sounds late, wherever it
// begins, and although a tone is found again a whole number of its periods off.
func TestSoundThatBeginsLater(t *testing.T) {
	t.Parallel()
	const rate, segment = 48_000, 96_000
	tone := make([]int16, 2*segment)
	for i := range tone {
		tone[i] = int16(8000 * math.Sin(2*math.Pi*440*float64(i)/rate))
	}
	for from := segment / 2; from < 3*segment/2; from += 1000 {
		late := append(make([]int16, from), tone[from:]...)
		for _, twins := range [][2][]int16{{tone, late}, {late, tone}} {
			lag, difference := verify.JudgeSound(twins[0], twins[1], segment/2, segment)
			if lag != 0 {
				t.Fatalf("from sample %d on: %d samples late", from-segment/2, lag)
			}
			if difference > 1 {
				t.Errorf("from sample %d on: they differ by %.2f", from-segment/2, difference)
			}
		}
	}
	// A tone that swells is found nowhere but where it is.
	for i := range tone {
		tone[i] = int16(8000 * math.Sin(2*math.Pi*(440+float64(i)/400)*float64(i)/rate))
	}
	late := append(make([]int16, 300), tone[:len(tone)-300]...)
	if lag, _ := verify.JudgeSound(tone, late, segment/2, segment); lag != 300 {
		t.Errorf("%d samples late, not 300", lag)
	}
}
