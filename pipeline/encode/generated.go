package encode

import (
	"onair/pkg/anchor"
	"onair/pkg/ffmpeg"
	"onair/pkg/mpegts"
	"onair/pkg/spool"
	"onair/pkg/tick"
)

// Generated is an Input that is made by the channel itself: what it consists of is known without looking.
type Generated struct {
	Title  string // name of the input
	Spool  *spool.Spool
	Table  *anchor.Table
	Format func() Format // read often
	Video  ffmpeg.Video
}

var _ Input = (*Generated)(nil)

// Name is the input's name.
func (g *Generated) Name() string { return g.Title }

// Silent is how long nothing has arrived; very long when nothing ever did.
func (g *Generated) Silent(now tick.Tick) tick.Tick { return g.Format().silent(now) }

// Source is what has been made.
func (g *Generated) Source() (Source, bool) {
	f := g.Format()
	src := Source{
		Input: g.Title, Format: f.Number, Pictures: f.Pictures, Program: f.Program, Spool: g.Spool, Table: g.Table,
		Probe: ffmpeg.Source{Video: &g.Video},
	}
	for _, s := range f.Program.Streams {
		if s.Kind == mpegts.Video {
			src.Probe.VideoPID = s.PID
		}
	}
	if f.Number == 0 || src.Probe.VideoPID == 0 {
		return Source{}, false
	}
	_, ok := src.head()
	return src, ok
}
