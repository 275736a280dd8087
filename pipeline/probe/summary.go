package probe

import (
	"fmt"
	"slices"

	"onair/pkg/mpegts"
	"onair/pkg/tick"
)

// Report is what was found up to now.
func (a *Analysis) Report(now tick.Tick) Report {
	a.monitor.Tick(now)
	m := a.monitor.Report()
	f := a.framer.Stats()
	r := Report{
		Source:  a.source,
		Network: a.network,
		Stream: Transport{
			Seconds: seconds(m.Elapsed), Clock: a.clock, Bytes: a.bytes, Packets: m.Packets, NullPackets: m.NullPackets,
			PacketSize: f.PacketSize, JunkBytes: f.JunkBytes, SyncLosses: f.SyncLosses, Bitrate: m.Average,
		},
		Programs: []Program{}, Cues: []CuePID{}, PIDs: []PIDCount{},
	}
	if m.Packets == 0 {
		r.Stream.PacketSize = 0
	}
	counts := map[uint16]mpegts.PIDReport{}
	for _, p := range m.PIDs {
		counts[p.PID] = p
	}
	r.Programs = a.programs(counts)
	r.Cues = a.cuePIDs()
	r.Checks = checks(m.Checks, m.First)
	uses := uses(r.Programs)
	for _, p := range m.PIDs {
		r.PIDs = append(r.PIDs, PIDCount{
			PID: p.PID, Use: use(uses, p.PID), Packets: p.Packets, Bitrate: p.Average, Lost: p.Lost, Duplicates: p.Duplicates,
			Scrambled: p.Scrambled, TransportErrors: p.TransportErrors, PCRs: p.PCRs, PCRGapMax: seconds(p.PCRGap * 1000),
		})
	}
	r.judge()
	return r
}

// seconds is for the report only: rounded to a millisecond.
func seconds(t tick.Tick) float64 { return float64(t.Round(1000)) / 1000 }

func (a *Analysis) programs(counts map[uint16]mpegts.PIDReport) []Program {
	out := []Program{}
	tables := a.monitor.Tables()
	known := tables.Programs()
	for number, pid := range tables.Announced() {
		if !slices.ContainsFunc(known, func(p mpegts.Program) bool { return p.Number == number }) {
			known = append(known, mpegts.Program{Number: number, PMTPID: pid})
		}
	}
	mapped := len(tables.Programs())
	for i, p := range known {
		prog := Program{
			Number: p.Number, PMTPID: p.PMTPID, PCRPID: p.PCRPID, Version: p.Version, Mapped: i < mapped, Streams: []Stream{},
		}
		for _, s := range p.Streams {
			prog.Streams = append(prog.Streams, a.stream(s, counts[s.PID]))
		}
		out = append(out, prog)
	}
	slices.SortStableFunc(out[mapped:], func(x, y Program) int { return int(x.Number) - int(y.Number) })
	return out
}

func (a *Analysis) stream(s mpegts.Stream, n mpegts.PIDReport) Stream {
	out := Stream{
		PID: s.PID, Type: s.Type, Kind: s.Kind.String(), Codec: string(s.Codec), Language: s.Language,
		Present: n.Packets > 0, Scrambled: n.Scrambled*2 > n.Packets, Packets: n.Packets, Bitrate: n.Average,
		Timestamps: n.Timestamps, FirstPTS: n.FirstPTS, LastPTS: n.LastPTS, Untimed: n.Untimed,
	}
	if t := a.tracks[s.PID]; t != nil && s.Kind == mpegts.Video {
		out.Width, out.Height = t.detector.Size()
		out.KeyPictures = t.keyPictures
		out.Captions = t.report()
	}
	return out
}

func (a *Analysis) cuePIDs() []CuePID {
	out := []CuePID{}
	for pid, c := range a.cues {
		n := c.n
		n.PID, n.Program = pid, c.program
		out = append(out, n)
	}
	slices.SortFunc(out, func(x, y CuePID) int { return int(x.PID) - int(y.PID) })
	return out
}

func checks(counts []mpegts.CheckCount, start tick.Tick) []Check {
	var out []Check
	for _, c := range counts {
		k := Check{ID: c.Check.ID(), Name: c.Check.String(), Priority: c.Check.Priority(), Errors: c.Errors}
		if c.Errors > 0 {
			k.First, k.Last = seconds(c.First-start), seconds(c.Last-start)
			if c.PID != mpegts.PIDNull {
				k.PID = &c.PID
			}
		}
		out = append(out, k)
	}
	return out
}

// uses says what the tables name each PID for.
func uses(programs []Program) map[uint16]string {
	out := map[uint16]string{mpegts.PIDPAT: "pat", mpegts.PIDNull: "null"}
	for pid := mpegts.PIDCAT; pid < 0x20; pid++ {
		out[pid] = "si"
	}
	for _, p := range programs {
		if p.Mapped {
			out[p.PCRPID] = "pcr"
		}
	}
	for _, p := range programs {
		out[p.PMTPID] = "pmt"
		for _, s := range p.Streams {
			out[s.PID] = s.Codec
		}
	}
	out[mpegts.PIDNull] = "null"
	return out
}

func use(uses map[uint16]string, pid uint16) string {
	if u, ok := uses[pid]; ok {
		return u
	}
	return "unreferenced"
}

// judge decides what the report comes to, and says why.
func (r *Report) judge() {
	r.Problems = []string{}
	say := func(format string, args ...any) { r.Problems = append(r.Problems, fmt.Sprintf(format, args...)) }
	media := 0
	for _, p := range r.Programs {
		for _, s := range p.Streams {
			if s.Kind != mpegts.Data.String() && s.Present && !s.Scrambled {
				media++
			}
		}
	}
	r.Usable = media > 0
	switch {
	case r.Network != nil && r.Network.Datagrams == 0:
		say("nothing was received")
	case r.Stream.Packets == 0:
		say("no transport stream: no packets were found in %d bytes", r.Stream.Bytes)
	case len(r.Programs) == 0:
		say("no program: no valid PAT came")
	case !r.Usable:
		say("no usable video or audio came")
	}
	r.missing(say)
	if r.Network != nil && r.Network.Lost > 0 {
		say("%d datagrams were lost", r.Network.Lost)
	}
	for _, c := range r.Checks {
		if c.Errors > 0 {
			say("TR 101 290 %s %s: %d", c.ID, c.Name, c.Errors)
		}
	}
	if r.Stream.JunkBytes > 0 && r.Stream.Packets > 0 {
		say("%d bytes between or after the packets belong to none", r.Stream.JunkBytes)
	}
	r.Clean = r.Usable && len(r.Problems) == 0
}

// missing tells what the tables promise and nobody sends.
func (r *Report) missing(say func(string, ...any)) {
	for _, p := range r.Programs {
		if !p.Mapped {
			say("program %d is announced, but no valid program map came on pid %d", p.Number, p.PMTPID)
		}
		for _, s := range p.Streams {
			switch {
			case s.Kind == mpegts.Data.String():
			case !s.Present:
				say("program %d: %s %s on pid %d is declared, but never came", p.Number, s.Codec, s.Kind, s.PID)
			case s.Scrambled:
				say("program %d: %s %s on pid %d is scrambled", p.Number, s.Codec, s.Kind, s.PID)
			}
		}
	}
	for _, c := range r.Cues {
		if c.CRCErrors > 0 {
			say("SCTE-35 on pid %d: %d sections with a wrong CRC", c.PID, c.CRCErrors)
		}
	}
}
