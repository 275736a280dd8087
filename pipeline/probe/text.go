package probe

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
)

// WriteText writes the report for people.
func (r Report) WriteText(w io.Writer) error {
	t := &text{w: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	r.writeHead(t)
	for _, p := range r.Programs {
		p.write(t)
	}
	for _, c := range r.Cues {
		t.line("\nSCTE-35\tpid %d\tprogram %d\t%d cues, %d distinct, %d null, %d encrypted, %d with a wrong CRC",
			c.PID, c.Program, c.Cues, c.Distinct, c.Nulls, c.Encrypted, c.CRCErrors)
	}
	r.writePIDs(t)
	r.writeChecks(t)
	if r.Clean {
		t.line("\nclean: no errors found")
	} else {
		t.line("\nnot clean:")
		for _, p := range r.Problems {
			t.line("  - %s", p)
		}
	}
	if err := t.w.Flush(); t.err == nil {
		t.err = err
	}
	return t.err
}

// text writes lines and keeps the first error.
type text struct {
	w   *tabwriter.Writer
	err error
}

func (t *text) line(format string, args ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.w, format+"\n", args...)
	}
}

func (r Report) writeHead(t *text) {
	s := r.Stream
	t.line("%s", r.Source)
	t.line("%.3f s by %s, %s, %d packets (%d null), %d bytes",
		s.Seconds, s.Clock, bitrate(s.Bitrate), s.Packets, s.NullPackets, s.Bytes)
	if s.PacketSize != 0 && s.PacketSize != 188 {
		t.line("packets of %d bytes", s.PacketSize)
	}
	if s.JunkBytes > 0 || s.SyncLosses > 0 {
		t.line("%d junk bytes, sync lost %d times", s.JunkBytes, s.SyncLosses)
	}
	if r.Network != nil {
		t.line("%d datagrams, %d lost", r.Network.Datagrams, r.Network.Lost)
	}
}

func (p Program) write(t *text) {
	if !p.Mapped {
		t.line("\nprogram %d: no program map (pid %d)", p.Number, p.PMTPID)
		return
	}
	t.line("\nprogram %d: map pid %d version %d, PCR %s", p.Number, p.PMTPID, p.Version, pcrPID(p.PCRPID))
	for _, s := range p.Streams {
		state := bitrate(s.Bitrate)
		switch {
		case !s.Present:
			state = "absent"
		case s.Scrambled:
			state = "scrambled, " + state
		}
		t.line("  pid %d\t%s\t%s\t%s\t%s", s.PID, s.Kind, s.Codec, state, s.details())
	}
}

func (s Stream) details() string {
	var out []string
	if s.Language != "" {
		out = append(out, s.Language)
	}
	if s.Width > 0 {
		out = append(out, fmt.Sprintf("%dx%d", s.Width, s.Height))
	}
	if s.KeyPictures > 0 {
		out = append(out, fmt.Sprintf("%d key pictures", s.KeyPictures))
	}
	if s.Untimed > 0 {
		out = append(out, fmt.Sprintf("%d PES packets without PTS", s.Untimed))
	}
	if c := s.Captions; c != nil && c.Present {
		found := append([]string{}, c.Channels...)
		for _, n := range c.Services {
			found = append(found, "service "+strconv.Itoa(n))
		}
		if len(found) == 0 {
			found = []string{"empty"}
		}
		out = append(out, "captions: "+strings.Join(found, " "))
	}
	return strings.Join(out, ", ")
}

func (r Report) writePIDs(t *text) {
	if len(r.PIDs) == 0 {
		return
	}
	t.line("\npid\tuse\tpackets\tbitrate\tlost\tduplicates\tscrambled\tdamaged\tPCR gap")
	for _, p := range r.PIDs {
		gap := ""
		if p.PCRs > 1 {
			gap = fmt.Sprintf("%.1f ms", p.PCRGapMax)
		}
		t.line("%d\t%s\t%d\t%s\t%d\t%d\t%d\t%d\t%s",
			p.PID, p.Use, p.Packets, bitrate(p.Bitrate), p.Lost, p.Duplicates, p.Scrambled, p.TransportErrors, gap)
	}
}

func (r Report) writeChecks(t *text) {
	t.line("\nTR 101 290\terrors\tfirst\tlast\tpid")
	for _, c := range r.Checks {
		if c.Errors == 0 {
			t.line("%s %s\t0", c.ID, c.Name)
			continue
		}
		pid := ""
		if c.PID != nil {
			pid = strconv.Itoa(int(*c.PID))
		}
		t.line("%s %s\t%d\t%.3f s\t%.3f s\t%s", c.ID, c.Name, c.Errors, c.First, c.Last, pid)
	}
}

func pcrPID(pid uint16) string {
	if pid == 0x1FFF {
		return "none named"
	}
	return "pid " + strconv.Itoa(int(pid))
}

func bitrate(v int64) string {
	switch {
	case v == 0:
		return "-"
	case v < 10_000_000:
		return fmt.Sprintf("%d kb/s", (v+500)/1000)
	}
	return fmt.Sprintf("%.2f Mb/s", float64(v)/1e6)
}
