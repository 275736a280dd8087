package pipeline

import (
	"context"
	"fmt"
	"time"

	"onair/pipeline/control"
	"onair/pkg/anchor"
	"onair/pkg/beat"
	"onair/pkg/tick"
	"onair/pkg/timecode"
)

const (
	// labelsFor is how long a new clock waits for labels; the packets of its generation wait with it.
	labelsFor = 750 * time.Millisecond
	// labelsLast is how old the newest label may be for the labels to lead.
	labelsLast = 10 * tick.Second
	// labelsFit is how far labels may be from arrival to begin to lead. Paths get longer, and a clock that is further off
	// than anchor.Fit is anchored anew by its arrival.
	labelsFit = anchor.Fit * 3 / 4
	// offSlot is how many hundredths of a slot the labels may be off the one that their pictures are in: half, and what
	// rounding brings.
	offSlot = 52
)

// timed is what an input's pictures say of the time of day.
type timed struct {
	timecode.Reader

	told    string    // what was told of it last; of watchDrift
	off     tick.Tick // how far the labels were from the timeline when it was looked last; likewise
	looked  bool      // whether it was; likewise
	settled tick.Tick // until then a correction has not taken effect; likewise
}

// byTimecode has an anchor that an input's clock proposes say what the labels in its pictures say, where they are to,
// and can.
func (c *Channel) byTimecode(in *input, a anchor.Anchor, propose func(anchor.Anchor)) {
	air := c.air.Load()
	if in.timecode == nil || air == nil {
		propose(a)
		return
	}
	c.timeline.wg.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), labelsFor)
		defer cancel()
		for {
			late, _ := in.timecode.Late(a.Gen)
			at, ok := in.timecode.Place(a.Gen, a.PTS, a.Tick)
			if ok && late.Abs() <= labelsFit {
				a.Tick, a.Timecode = nearestSlot(at, slotOf(air.grid, air.audio)), true
				propose(a)
				return
			}
			if !beat.Wait(ctx, beat.Period) {
				propose(a) // the labels may come yet, or nearer: they correct it
				return
			}
		}
	})
}

// nearestSlot is the multiple of slot that is nearest to t.
func nearestSlot(t, slot tick.Tick) tick.Tick {
	if t < 0 {
		return -nearestSlot(-t, slot)
	}
	return (t + slot/2) / slot * slot
}

// correctByTimecode keeps an input's clock where the labels in its pictures put it. false: they do not lead, because
// there are none or they are too far from when pictures arrive.
func (c *Channel) correctByTimecode(in *input, grid tick.Grid, slot tick.Tick) bool {
	if in.timecode == nil {
		return false
	}
	was, ok := in.table.Anchor(in.programme.Stats().Generation)
	if !ok || c.now()-in.programme.Stats().LastPacket > tick.Second {
		return true // nothing to correct now
	}
	off, state := c.labelsOff(in, was)
	c.tellTimecode(in, state)
	if state.problem() {
		in.timecode.looked = false
		return false
	}
	delta, stable := in.timecode.due(off, c.now(), slot)
	known := was.Timecode
	was.Timecode = true
	switch {
	case delta != 0:
		at := c.move(in, was, delta, grid)
		in.timecode.settled = at + tick.Second
		c.tellClock(in, control.Info, codeDrift, fmt.Sprintf(
			"from segment %d on its pictures are where their timecode says, %v from where they were",
			grid.K(at), delta.Duration()))
	case stable && !known:
		c.agreeAnew(in, was)
	}
	return true
}

// due is by how much pictures are to be moved that labels put off later than they are: whole slots, once two looks in a
// row have found the same. stable tells that they have, and that no correction is under way.
func (t *timed) due(off, now, slot tick.Tick) (delta tick.Tick, stable bool) {
	stable = t.looked && (off-t.off).Abs() < slot/2 // a jam at midnight takes some pictures
	t.off, t.looked = off, true
	if !stable || now < t.settled {
		return 0, false
	}
	if off.Abs() > slot*offSlot/100 {
		delta = nearestSlot(off, slot)
	}
	return delta, true
}

// labels is how the labels of an input stand: whether they lead, or why not.
type labels struct{ kind, text string }

const labelsLead = "its pictures are placed by their timecode"

func (l labels) problem() bool { return l.kind != labelsLead }

// labelsOff is how much later than the timeline the newest label puts its picture, and whether labels can lead.
func (c *Channel) labelsOff(in *input, a anchor.Anchor) (off tick.Tick, state labels) {
	const hosts = ": the host's clock places them"
	label, read := in.timecode.Last()
	if read == 0 || c.now()-read > labelsLast {
		return 0, labels{"none", "its pictures carry no timecode (H.264 picture timing, HEVC time code)" + hosts +
			". Have the encoder insert it, or set timecode: none"}
	}
	late, ok := in.timecode.Late(a.Gen)
	here := a.MapAsOf(a.PTS, read)
	at, placed := in.timecode.Place(a.Gen, a.PTS, here)
	if !ok || !placed {
		return 0, labels{"erratic", "the timecode of its pictures does not count them" + hosts}
	}
	most := labelsFit
	if a.Timecode {
		most = anchor.Fit
	}
	off = at - here
	switch {
	case late.Abs() > most:
		return 0, labels{"far", fmt.Sprintf("its pictures arrive %v after the time that their timecode tells (%s), more "+
			"than the %v either way that may be%s. Set the clocks of the encoder and of this host by NTP or PTP",
			late.Duration().Round(time.Millisecond), label, labelsFit.Duration(), hosts)}
	case off.Abs() > anchor.Fit:
		return 0, labels{"apart", fmt.Sprintf("its pictures are %v from where their timecode puts them (%s), more than they "+
			"are moved by on air: they stay where they are until the source or the channel begins anew",
			off.Duration().Round(time.Millisecond), label)}
	}
	return off, labels{labelsLead, labelsLead}
}

// tellTimecode tells what has changed about the labels of an input.
func (c *Channel) tellTimecode(in *input, state labels) {
	if state.kind == in.timecode.told {
		return
	}
	in.timecode.told = state.kind
	level := control.Info
	if state.problem() {
		level = control.Warning
	}
	c.tellClock(in, level, codeTimecode, state.text)
}

// timecodeStatus adds what is known of an input's labels.
func (in *input) timecodeStatus(out *control.Input, now tick.Tick) {
	if in.timecode == nil {
		return
	}
	label, read := in.timecode.Last()
	if read == 0 {
		return
	}
	a, fixed := in.table.Anchor(in.programme.Stats().Generation)
	out.Timecode = &control.Timecode{Label: label.String(), AgeMs: max(0, ms(now-read)), Rules: fixed && a.Timecode}
	here := a.MapAsOf(a.PTS, now)
	if at, ok := in.timecode.Place(a.Gen, a.PTS, here); fixed && ok {
		out.Timecode.OffsetMs = new(ms(at - here))
	}
}
