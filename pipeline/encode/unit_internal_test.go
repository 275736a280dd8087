package encode

import (
	"slices"
	"testing"

	"onair/pkg/mpegts"
	"onair/pkg/tick"
)

// picturePackets is one picture of n packets: of a PES packet whose length is not given, the last one stuffed or not.
func picturePackets(at tick.Tick, n int, stuffed bool) []mpegts.Packet {
	var out []mpegts.Packet
	for i := range n {
		p := make(mpegts.Packet, mpegts.Size)
		copy(p, []byte{0x47, 0x01, 0x00, 0x10})
		if i == 0 {
			p = pes(videoPID, int64(at/slot)*3600)
			p[8], p[9] = 0, 0
		}
		if i == n-1 && stuffed && n > 1 {
			p[3], p[4] = 0x30, 10
			p[5] = 0
		}
		out = append(out, p)
	}
	return out
}

// TestUnitPassesOnWhatNothingIsMissingBefore pushes pictures in the order of decoding, and breaks off.
func TestUnitPassesOnWhatNothingIsMissingBefore(t *testing.T) {
	for name, c := range map[string]struct {
		frame   tick.Tick
		order   []int
		cut     bool // the last packet does not come
		stuffed bool
		want    []int
	}{
		"without reordering":                     {slot, []int{0, 1, 2, 3}, false, true, []int{0, 1, 2, 3}},
		"a picture that breaks off":              {slot, []int{0, 1, 2, 3}, true, true, []int{0, 1, 2}},
		"one whose end does not show":            {slot, []int{0, 1, 2, 3}, false, false, []int{0, 1, 2}},
		"a group of B pictures":                  {slot, []int{0, 3, 1, 2, 6, 4, 5}, false, true, []int{0, 3, 1, 2, 6, 4, 5}},
		"a group that breaks off":                {slot, []int{0, 3, 1, 2, 6, 4}, false, true, []int{0, 3, 1, 2}},
		"a pyramid":                              {slot, []int{0, 4, 2, 1, 3, 8, 6, 5}, false, true, []int{0, 4, 2, 1, 3}},
		"leading pictures":                       {slot, []int{3, 1, 2, 4}, false, true, []int{3, 1, 2, 4}},
		"a picture that is missing holds one up": {slot, []int{0, 1, 3, 4, 5}, false, true, []int{0, 1, 3, 4, 5}},
		"a lost B picture holds up one group":    {slot, []int{0, 3, 1, 6, 4, 5}, false, true, []int{0, 3, 1, 6, 4, 5}},
		"a rate that is not known":               {0, []int{0, 3, 1}, false, true, []int{0, 3, 1}},
		"fewer pictures than the rate":           {slot, []int{0, 2, 4, 6}, false, true, []int{0, 2, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			u := unit{frame: c.frame}
			var out []byte
			for i, n := range c.order {
				at := noon + tick.Tick(n)*slot
				out = u.begin(at, out)
				packets := picturePackets(at, 4, c.stuffed)
				if c.cut && i == len(c.order)-1 {
					packets = packets[:3]
				}
				for _, p := range packets {
					out = u.push(p, out)
				}
			}
			var got []int
			for i := 0; i < len(out); i += mpegts.Size {
				if p := mpegts.Packet(out[i : i+mpegts.Size]); p.Start() {
					times, _ := mpegts.PESTimes(p.Payload())
					got = append(got, int(int64(times.PTS)-int64(noon/slot)*3600&(1<<33-1))/3600)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Fatalf("went on: %v, want %v", got, c.want)
			}
			if !c.cut && len(got) == len(c.order) && len(out) != 4*mpegts.Size*len(c.order) {
				t.Fatalf("%d bytes went on", len(out))
			}
		})
	}
}
