package ingest

import (
	"maps"
	"time"

	"onair/pkg/gate"
	"onair/pkg/merge"
	"onair/pkg/tick"
)

// State is what a leg is doing.
type State string

// The states of a leg. A leg moves freely between them; none is final.
//
//	failed ⇄ listening ⇄ connected ⇄ receiving ⇄ silent
const (
	Failed    State = "failed"    // could not be opened; tried again with back-off
	Listening State = "listening" // open, but nothing has come yet, or the SRT sender has hung up
	Connected State = "connected" // a peer is there, no datagram has come from it yet
	Receiving State = "receiving" // a datagram came within the last second
	Silent    State = "silent"    // datagrams came, but not within the last second
)

// SRTStats is what libsrt tells about the connection of one leg, since the connection began.
type SRTStats struct {
	RTT           time.Duration
	Latency       time.Duration // negotiated receiver delay
	Buffered      time.Duration // media waiting in the receiver's buffer
	Loss          uint64        // packets missing at first, most of them sent again
	Drop          uint64        // packets that came too late to be played or never: these are missing in the stream
	Retransmitted uint64        // packets that came by retransmission
	Undecrypted   uint64        // packets that the passphrase did not open
}

// LegStats is the state of one leg. Counters count since NewInput and outlive reconnects.
type LegStats struct {
	URL   string // redacted
	State State
	Error string // why the leg failed or was last interrupted; "" while all is well
	Peer  string // address and port of the sender; "" when unknown

	Packets  uint64 // datagrams with media, repeated ones included
	Bytes    uint64 // media bytes in them
	Bitrate  int64  // media bits per second over the last second
	Connects uint64 // SRT connections, or senders taken over by rtp and udp

	// By sequence number; a leg without one counts none of these.
	Lost       uint64 // datagrams missing on this leg; with rtsp and sdp too, whose packets come no other way
	Recovered  uint64 // of those, brought by another leg
	Used       uint64 // datagrams of this leg that went out
	Late       uint64 // datagrams that came after they had been given up
	Duplicates uint64 // datagrams repeated on this leg
	Reordered  uint64 // datagrams that came after one with a higher number
	Stray      uint64 // datagrams far off the sequence, not followed
	Standby    uint64 // datagrams without a number, not used because another leg is

	WrongType uint64                // datagrams that are not what the scheme says: no RTP, another payload type, no TS
	Rejected  map[gate.Cause]uint64 // datagrams or connections that were turned away
	Foreign   uint64                // datagrams or connections of a second sender while the first was alive

	// By ST 2022-1; what it brings back stays counted as lost, since it was lost on the way.
	FECPackets       uint64 // of columns and rows
	FECRecovered     uint64 // media datagrams that were brought back
	FECUnrecoverable uint64 // media datagrams that are missing and cannot be brought back any more
	FECColumns       int    // of the matrix; 0: not known
	FECRows          int    // of the matrix; 0: not known

	PathDifference tick.Tick // how much later than the fastest leg this one brings the same datagram
	LastPacket     tick.Tick // arrival of the newest datagram; 0: none yet
	SRT            *SRTStats // nil when not connected by SRT
}

// InputStats is the state of an input: its legs and what came out of their merge.
type InputStats struct {
	Name       string
	Legs       []LegStats
	Packets    uint64    // datagrams handed to the sink
	Bytes      uint64    // media bytes in them
	Bitrate    int64     // media bits per second over the last second
	Lost       uint64    // datagrams that no leg brought in time
	Unmerged   bool      // the legs do not carry the same bytes: only one of them is used
	LastPacket tick.Tick // when a datagram was last handed to the sink; 0: never
}

// Stats is the state at now. It may be called from any goroutine at any time but from within the sink.
func (in *Input) Stats(now tick.Tick) InputStats {
	in.mu.Lock()
	defer in.mu.Unlock()
	m := in.merger.Stats()
	in.out.roll(now)
	s := InputStats{
		Name: in.config.Name, Packets: in.out.packets, Bytes: in.out.bytes, Bitrate: in.out.rate, Lost: in.outLost,
		Unmerged: in.unmergedLocked(now), LastPacket: in.last,
	}
	for i, p := range in.legs {
		s.Legs = append(s.Legs, p.statsLocked(m.Legs[i], now))
	}
	return s
}

// unmergedLocked tells whether legs are alive that cannot be merged. It needs mu.
func (in *Input) unmergedLocked(now tick.Tick) bool {
	return in.merger.Unmerged() || in.competed != 0 && now-in.competed < silence
}

// statsLocked needs in.mu.
func (p *path) statsLocked(m merge.LegStats, now tick.Tick) LegStats {
	p.meter.roll(now)
	s := LegStats{
		URL: p.url.Redacted(), State: p.stateLocked(now), Error: p.err, Peer: text(p.peer),
		Packets: p.meter.packets, Bytes: p.meter.bytes, Bitrate: p.meter.rate, Connects: p.connects,
		Lost: m.Lost + p.lost, Recovered: m.Recovered, Used: m.Used, Late: m.Late, Duplicates: m.Duplicates,
		Reordered: m.Reordered,
		Stray:     m.Stray, Standby: p.standby, WrongType: p.wrongType, Rejected: maps.Clone(p.rejected), Foreign: p.foreign,
		PathDifference: m.PathDifference, LastPacket: p.last,
	}
	if p.fec != nil {
		f := p.fec.decoder.Stats()
		s.FECPackets, s.FECRecovered, s.FECUnrecoverable = f.Packets, f.Recovered, f.Unrecoverable
		s.FECColumns, s.FECRows = f.Columns, f.Rows
		if s.Error == "" {
			s.Error = p.fec.problem()
		}
	}
	if p.srt != nil {
		copied := *p.srt
		s.SRT = &copied
	}
	return s
}
