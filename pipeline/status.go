package pipeline

import (
	"errors"
	"time"

	"onair/pipeline/control"
	"onair/pipeline/encode"
	"onair/pipeline/ingest"
	"onair/pipeline/publish"
	"onair/pkg/gate"
	"onair/pkg/ladder"
	"onair/pkg/mpegts"
	"onair/pkg/selector"
	"onair/pkg/tick"
)

// shownEvents is how many events a status carries.
const shownEvents = 100

// Fresh is nil while playlists may be served: the newest media of the first store was listed no longer ago than
// max(1.5 T, T + 3 s).
func (c *Channel) Fresh() error {
	air := c.air.Load()
	if air == nil {
		return errors.New("no input has brought a usable programme yet")
	}
	return c.outputs()[0].publisher.Fresh()
}

// Status is a snapshot of the channel.
func (c *Channel) Status() control.Status {
	now := c.now()
	c.mu.Lock()
	st := control.Status{
		Channel: c.file.Name, State: c.state, Since: c.since, Now: time.Now(),
		Reloads: map[string]uint64{"ok": c.reloads[reloadOK], "refused": c.reloads[reloadRefused]},
		Version: c.cfg.Version, Choice: "auto", Lock: control.Alone,
	}
	c.mu.Unlock()
	var enc encode.Status
	if air := c.air.Load(); air != nil {
		enc = air.encoder.Status()
		c.airStatus(&st, air, enc)
	}
	for _, in := range c.inputs() {
		st.Inputs = append(st.Inputs, c.inputStatus(in, enc, now))
		if one := st.Inputs[len(st.Inputs)-1]; c.file.SharesTimeline() && (one.Active || st.Lock == control.Alone) {
			st.Lock = one.Lock
		}
	}
	st.Twin, st.Webhook, st.Events = c.twinStatus(), c.hookStatus(), c.events.newest(shownEvents)
	return st
}

func (c *Channel) airStatus(st *control.Status, air *onAir, enc encode.Status) {
	st.Grid = &control.Grid{
		SegmentFrames: air.grid.Frames, SegmentSeconds: air.grid.T.Duration().Seconds(), GOPFrames: air.grid.GOP,
		AudioRate: air.audio.Rate, AudioFrame: air.audio.Samples,
	}
	if !air.grid.Rate.IsZero() {
		st.Grid.FrameRate = air.grid.Rate.String()
	}
	st.ActiveInput, st.Choice = enc.Active, enc.Choice
	st.RunRestarts, st.RunsStarted = enc.Restarts, enc.Started
	st.SlateSeconds, st.Switches = enc.SlateTime.Duration().Seconds(), map[string]uint64{}
	for cause, n := range enc.Switches {
		st.Switches[string(cause)] = n
	}
	for _, r := range enc.Runs {
		st.Runs = append(st.Runs, control.Run{
			ID: r.ID, PID: r.PID, Input: r.Input, State: control.RunState(r.State), From: r.From.Time(),
			Speed: r.Speed, FPS: r.FPS, Frames: r.Frames, Dup: uint64(r.DupFrames), Drop: uint64(r.DropFrames),
			Behind: r.Behind.Duration().Seconds(), Reason: r.Reason, Command: r.Command, Memory: r.Memory, Load: r.Load,
		})
	}
	for _, t := range air.assembly.current() {
		st.Renditions = append(st.Renditions, renditionStatus(t))
	}
	effortStatus(st, enc.Effort)
	for i, o := range c.outputs() {
		ps := o.status()
		if i == 0 {
			published(st, ps.Status)
		}
		s := control.Store{
			Name: o.store.String(), LastK: ps.LastK, Writes: ps.Writes, Errors: ps.Errors, Gaps: ps.Untaken, Queue: ps.Queue,
			Late: ps.late, LastError: ps.LastError,
			Shared: o.cfg.Shared, TwinSegments: ps.Twins, TwinListed: ps.Adopted,
		}
		for _, t := range ps.Tracks {
			s.LatencyMs = max(s.LatencyMs, float64(t.Latency.Microseconds())/1000)
		}
		if ps.ListedAt != 0 {
			s.ListedAt = ps.ListedAt.Time()
		}
		st.Stores = append(st.Stores, s)
	}
}

// published adds what the first store tells about renditions.
func published(st *control.Status, ps publish.Status) {
	st.Segments = ps.Media
	for i := range st.Renditions {
		for _, t := range ps.Tracks {
			if t.Name == st.Renditions[i].Name {
				st.Renditions[i].Gaps, st.Renditions[i].PublishLatencyMs = t.Gaps, float64(ps.Latency.Microseconds())/1000
			}
		}
	}
}

func renditionStatus(t *track) control.Rendition {
	t.mu.Lock()
	cut, own := t.counted(), t.stats
	t.mu.Unlock()
	r := control.Rendition{
		Name: t.Name, Kind: control.Kind(t.Kind.String()), Codecs: own.Codecs, Width: t.Width, Height: t.Height,
		Language: t.Language, Channels: t.Channels, TargetBitrate: t.Bitrate, LastK: own.LastK,
		Bytes: own.Bytes, Segments: cut.Segments,
		Frames: cut.Frames, Holes: cut.Holes, SegmentSeconds: own.LastLength.Duration().Seconds(),
	}
	if t.Kind == ladder.Video {
		r.FrameRate = t.Rate.String()
	}
	if own.LastLength > 0 {
		r.Bitrate = tick.MulDiv(int64(own.LastBytes)*8, int64(tick.Second), int64(own.LastLength))
	}
	return r
}

func ms(t tick.Tick) float64 { return float64(t.Duration().Microseconds()) / 1000 }

// inputState judges an input.
func (c *Channel) inputState(in *input, now tick.Tick) (control.InputState, string) {
	st := in.programme.Stats()
	legs := in.legs.Load().Stats(now).Legs
	failed, reason, arrives := 0, "", false
	for _, l := range legs {
		arrives = arrives || l.State == ingest.Receiving
		if l.State == ingest.Failed {
			failed++
			reason = l.Error
		}
	}
	problem := in.prober.Problem()
	switch {
	case st.Problem != "" && arrives:
		return control.InputFailed, st.Problem
	case st.LastPacket != 0 && now-st.LastPacket < tick.Second && problem != "":
		return control.InputFailed, problem
	case st.LastPacket != 0 && now-st.LastPacket < tick.Second:
		return control.InputReceiving, ""
	case failed == len(legs):
		return control.InputFailed, reason
	case st.LastPacket != 0:
		return control.InputSilent, ""
	}
	return control.InputWaiting, ""
}

func (c *Channel) inputStatus(in *input, enc encode.Status, now tick.Tick) control.Input {
	ps, ls, sp := in.programme.Stats(), in.legs.Load().Stats(now), in.spool.Stats()
	state, problem := c.inputState(in, now)
	c.mu.Lock()
	made, locked := in.made, in.lock
	c.mu.Unlock()
	out := control.Input{
		Name: in.name, State: state, Error: problem, Active: enc.Active == in.name, Bitrate: ls.Bitrate, Lost: ls.Lost,
		Unmerged: ls.Unmerged, Generation: uint64(ps.Generation), Generations: made, LastPacketMs: -1,
		Lock: locked.of(ps.Generation),
		TS: control.TS{
			Packets: ps.Packets, Null: ps.Null, Continuity: ps.Continuity, Transport: ps.Transport, CRC: ps.Tables.CRCErrors,
			Scrambled: ps.Scrambled, SyncLosses: ps.Framer.SyncLosses, JunkBytes: ps.Framer.JunkBytes, PESWithoutPTS: ps.Untimed,
		},
		Spool: control.Spool{Seconds: sp.Length.Duration().Seconds(), Bytes: sp.Bytes},
	}
	for _, s := range enc.Standings {
		if s.Name != in.name {
			continue
		}
		if out.Fault = string(s.Cause); s.Take != selector.Never {
			out.TakeIn = new(s.Take.Duration().Seconds())
		}
	}
	if ps.Measured {
		out.ClockOffsetMs = ms(ps.Offset)
	}
	if ps.LastPacket != 0 {
		out.LastPacketMs = max(0, ms(now-ps.LastPacket)) // one may have come since now
	}
	if p := ps.Format.Program; ps.Format.Number != 0 {
		out.Program = programStatus(p)
	}
	if src, ok := in.prober.Probed(); ok && src.Video != nil {
		v := src.Video
		out.Video = &control.Picture{
			Codec: v.Codec, Width: v.Width, Height: v.Height, Rate: v.Rate.String(), Interlaced: v.Interlaced,
		}
	}
	in.timecodeStatus(&out, now)
	in.inspection.status(&out, now)
	for _, l := range ls.Legs {
		out.Legs = append(out.Legs, legStatus(l))
	}
	return out
}

func programStatus(p mpegts.Program) *control.Program {
	out := &control.Program{Number: p.Number, PMTPID: p.PMTPID, PCRPID: p.PCRPID}
	for _, s := range p.Streams {
		out.Streams = append(out.Streams, control.Stream{
			PID: s.PID, Kind: control.Kind(s.Kind.String()), Codec: string(s.Codec), Language: s.Language,
		})
	}
	return out
}

func legStatus(l ingest.LegStats) control.Leg {
	out := control.Leg{
		URL: l.URL, State: control.LegState(l.State), Error: l.Error, Peer: l.Peer, Packets: l.Packets, Bytes: l.Bytes,
		Bitrate: l.Bitrate, Lost: l.Lost, Recovered: l.Recovered, Late: l.Late, Duplicates: l.Duplicates,
		Reordered: l.Reordered, WrongType: l.WrongType, Rejections: map[string]uint64{}, Foreign: l.Foreign,
		PathDifferenceMs: ms(l.PathDifference),
	}
	for _, cause := range gate.Causes {
		out.Rejections[string(cause)] = l.Rejected[cause]
		out.Rejected += l.Rejected[cause]
	}
	out.FECPackets, out.FECRecovered, out.FECUnrecoverable = l.FECPackets, l.FECRecovered, l.FECUnrecoverable
	out.FECColumns, out.FECRows = l.FECColumns, l.FECRows
	if s := l.SRT; s != nil {
		out.SRT = &control.SRT{
			RTTMs: float64(s.RTT.Microseconds()) / 1000, Loss: s.Loss, Drop: s.Drop,
			Retransmitted: s.Retransmitted, Undecrypted: s.Undecrypted,
		}
	}
	return out
}
