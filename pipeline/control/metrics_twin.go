package control

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// What the comparison with a twin counts.
var (
	twinRatio = desc("twin_match_ratio",
		"Of the newest compared segments (100 at most), how many the twin's can stand in for; absent while none was compared",
		ofChannel)
	twinMismatched = desc("twin_mismatched_total", "Compared segments that are not interchangeable, by what differs",
		with(ofChannel, "reason"))
	twinFamilies = []family[Twin]{
		counter("twin_compared", "Segments that were held against those of the twin", ofChannel,
			func(t *Twin) float64 { return float64(t.Compared) }),
		counter("twin_missing", "Segments that are media here, and were not at the twin in time", ofChannel,
			func(t *Twin) float64 { return float64(t.Missing) }),
		counter("twin_skipped", "Segment numbers that were not looked at, for want of time", ofChannel,
			func(t *Twin) float64 { return float64(t.Skipped) }),
		counter("twin_read_errors", "Tries to read the twin's store that failed", ofChannel,
			func(t *Twin) float64 { return float64(t.Errors) }),
	}
)

func (s sink) twin(channel string, t *Twin) {
	sendAll(s, twinFamilies, t, channel)
	for _, reason := range slices.Sorted(maps.Keys(t.Mismatches)) {
		s.send(twinMismatched, prometheus.CounterValue, float64(t.Mismatches[reason]), channel, reason)
	}
	if t.MatchRatio != nil {
		s.send(twinRatio, prometheus.GaugeValue, *t.MatchRatio, channel)
	}
}
