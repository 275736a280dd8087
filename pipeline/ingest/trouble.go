package ingest

import (
	"fmt"
	"slices"
	"strings"

	"onair/pkg/mpegts"
	"onair/pkg/tick"
)

const (
	// missedAfter is how long packets of the programme may be missing before it is told why.
	missedAfter = 2 * tick.Second
	judgeEvery  = tick.Second
)

// judge finds out, once a second, why what rules the clock of the programme does not come.
func (p *Programme) judge() {
	if p.now-p.judged < judgeEvery {
		return
	}
	p.judged = p.now
	if p.format.Number == 0 && p.listed != 0 {
		p.choose(0) // a map that was waited for may be given up now
	}
	p.n.Problem = ""
	if p.now-max(p.began, p.timed) > missedAfter {
		p.n.Problem = p.missing()
	}
	p.before = p.n
}

// missing says what stands between what arrives and a programme that can be used.
func (p *Programme) missing() string {
	announced := p.tables.Announced()
	switch prog := p.declared; {
	case p.n.Packets == 0:
		return "what arrives is not MPEG-TS"
	case len(announced) == 0:
		return "no programme association table (PAT) comes" + p.damaged()
	case p.cfg.Number != 0 && announced[p.cfg.Number] == 0:
		return fmt.Sprintf("program %d is not in this stream: it has %s", p.cfg.Number, Numbers(announced))
	case p.format.Number == 0 && p.mapped():
		return "the programme has neither picture nor sound"
	case p.format.Number == 0:
		return fmt.Sprintf("no programme map (PMT) comes for %s", Numbers(announced)) + p.damaged()
	case p.n.Scrambled > p.before.Scrambled:
		return fmt.Sprintf("programme %d is scrambled", prog.Number)
	case p.n.Untimed > p.before.Untimed:
		return fmt.Sprintf("what comes of programme %d has no time stamps (PTS)", prog.Number)
	case p.now-p.n.LastPacket < missedAfter:
		return fmt.Sprintf("the picture of programme %d does not come (%s)", prog.Number, streams(p.format.Program))
	default:
		return fmt.Sprintf("neither picture nor sound of programme %d comes (%s)", prog.Number, streams(p.format.Program))
	}
}

// mapped tells whether the map of a programme that is wanted is there.
func (p *Programme) mapped() bool {
	return slices.ContainsFunc(p.tables.Programs(), func(prog mpegts.Program) bool {
		return p.cfg.Number == 0 || prog.Number == p.cfg.Number
	})
}

func (p *Programme) damaged() string {
	if n := p.tables.Stats().CRCErrors; n > 0 {
		return fmt.Sprintf("; %d damaged tables were ignored (wrong CRC)", n)
	}
	return ""
}

// maxNamed is how many programmes or streams a message names.
const maxNamed = 8

// Numbers names programmes for people, some of them where there are many.
func Numbers(announced map[uint16]uint16) string {
	var all []int
	for n := range announced {
		all = append(all, int(n))
	}
	slices.Sort(all)
	more := ""
	if len(all) > maxNamed {
		all, more = all[:maxNamed], ", ..."
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(all), " ", ", "), "[]") + more
}

func streams(prog mpegts.Program) string {
	var all []string
	for _, s := range prog.Streams[:min(len(prog.Streams), maxNamed)] {
		all = append(all, fmt.Sprintf("%s on pid %d", s.Codec, s.PID))
	}
	if len(all) == 0 {
		return "its map names no stream of either"
	}
	return "announced: " + strings.Join(all, ", ")
}
