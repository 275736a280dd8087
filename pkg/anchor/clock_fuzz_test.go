package anchor_test

import (
	"testing"

	"onair/pkg/anchor"
	"onair/pkg/tick"
)

// FuzzClock pushes stamps of three streams that a script disturbs. Whatever comes: no panic, the reference stream of one
// clock is placed in the order of its times, and where it goes on with another clock, after what it had before.
func FuzzClock(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, int64(5000))
	f.Add([]byte{0x13, 0x80, 0xff, 0x21, 0x44, 0x90, 0x33, 0x07, 0x5a, 0xc0}, int64(1<<33-9000))
	f.Fuzz(func(t *testing.T, script []byte, pts int64) {
		table := anchor.NewTable()
		var made []anchor.Anchor
		clock := anchor.NewClock(table, nil, func(a anchor.Anchor) { made = append(made, a) })
		clock.SetGrid(frame)
		now, gen, end := noon, int64(0), noon
		if len(script) > 4096 {
			script = script[:4096]
		}
		for _, b := range script {
			amount := int64(b >> 3)
			switch b & 7 {
			case 0, 1: // another clock
				pts += (amount - 16) << (12 + b&1*9)
			case 2: // the path is halted, and goes on where it was
				now += tick.Tick(amount) * tick.Second / 4
			case 3: // absence
				now, pts = now+tick.Tick(amount)*tick.Second/4, pts+amount*22_500
			}
			reorder := amount % 3 * frame90
			for i := range 5 {
				s := anchor.Stamp{Ref: true, PTS: uint64(pts+reorder) & mod33, DTS: uint64(pts) & mod33, Arrival: now}
				if b&7 == 4 && i == 2 {
					s.PTS ^= 1 << (amount + 1) // a damaged header
				}
				if b&7 == 5 && i == 2 {
					s.PTS, s.DTS = s.PTS^1<<(amount+1), s.DTS^1<<(amount+1)
				}
				p := clock.Push(s)
				clock.Push(anchor.Stamp{Stream: 1, PTS: uint64(pts-30_000) & mod33, DTS: uint64(pts-30_000) & mod33, Arrival: now})
				clock.Push(anchor.Stamp{Stream: 2, PTS: uint64(b) << 20, DTS: uint64(b) << 20, Arrival: now})
				now, pts = now+frame, pts+frame90
				at, state := table.Map(p.Gen, p.PTS)
				begins := p.Gen > gen && gen != 0 && state == anchor.Mapped // with its first stamp, used or not
				if begins && at < end-frame/2 {
					t.Fatalf("generation %d begins %v before the end of %d", p.Gen, (end - at).Duration(), gen)
				}
				if begins {
					gen = p.Gen
				}
				if p.Drop {
					continue
				}
				if state != anchor.Mapped {
					t.Fatalf("the reference stream's generation %d is in state %d", p.Gen, state)
				}
				if lead := at - s.Arrival; lead > 10*tick.Second {
					t.Fatalf("placed %v ahead of its arrival", lead.Duration())
				}
				gen = p.Gen
				end = max(end, at)
			}
		}
		for i := 1; i < len(made); i++ {
			if made[i].Gen <= made[i-1].Gen {
				t.Fatalf("generation %d made after %d", made[i].Gen, made[i-1].Gen)
			}
		}
	})
}
