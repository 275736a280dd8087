package dash

import (
	"fmt"
	"math"
	"strconv"

	"github.com/Eyevinn/dash-mpd/mpd"

	"onair/pkg/presentation"
	"onair/pkg/tick"
)

// Schemes that tell a player that a Period goes on with the media of another (23009-1 §5.3.2.4).
const (
	continuity   = "urn:mpeg:dash:period-continuity:2015"
	connectivity = "urn:mpeg:dash:period-connectivity:2015"
)

func periodID(id int64) string { return "P" + strconv.FormatInt(id, 10) }

// period makes the Period of stretch i. Its start is that of its first segment, floored to the millisecond that the
// MPD library prints, also when that segment has left the window. presentationTimeOffset is the same instant: exact in
// every timescale of whole kilohertz, within 23 us at 44.1 kHz.
func (w *writer) period(stretches []presentation.Stretch, i int) (*mpd.Period, error) {
	st := stretches[i]
	grid := w.s.Grid()
	start := grid.Start(st.ID).FloorMs()
	p := mpd.NewPeriod()
	p.Id = periodID(st.ID)
	p.Start = ms(start)
	if i+1 < len(stretches) && stretches[i+1].ID > st.Last+1 {
		// Missing media follows: say where this Period ends. The last Period stays open: it may yet go on, and a
		// player must not take the end of it for the end of the channel.
		p.Duration = ms(grid.Start(st.Last+1).FloorMs() - start)
	}
	present := make(map[string]presentation.Track)
	for _, t := range st.Tracks() {
		present[t.Name] = t
	}
	for _, g := range group(st.All()) {
		a, err := w.adaptationSet(g, present, st)
		if err != nil {
			return nil, err
		}
		if a == nil {
			continue
		}
		if i > 0 {
			a.SupplementalProperties = link(stretches[i-1], st, g, present)
		}
		p.AppendAdaptationSet(a)
	}
	return p, nil
}

// link tells how the set goes on from the Period before: without a break, or after one but with the same init.
func link(before, st presentation.Stretch, g set, present map[string]presentation.Track) []*mpd.DescriptorType {
	for _, t := range before.Tracks() {
		if now, ok := present[t.Name]; ok && g.has(t.Name) && now.Init == t.Init {
			if before.Last+1 == st.ID {
				return []*mpd.DescriptorType{mpd.NewDescriptor(continuity, periodID(before.ID), "")}
			}
			return []*mpd.DescriptorType{mpd.NewDescriptor(connectivity, periodID(before.ID), "")}
		}
	}
	return nil
}

// template addresses the segments of one track in a stretch. Tracks of a set share it.
func (w *writer) template(t presentation.Track, st presentation.Stretch) (*mpd.SegmentTemplateType, error) {
	if st.First < 0 || st.First > math.MaxUint32 {
		return nil, fmt.Errorf("segment number %d does not fit startNumber", st.First)
	}
	scale := timescale(t)
	out := mpd.NewSegmentTemplate()
	out.Media = "$RepresentationID$/$Number$.m4s"
	out.Initialization = initialization(t)
	out.SetTimescale(uint32(scale))
	out.StartNumber = mpd.Ptr(uint32(st.First))
	out.PresentationTimeOffset = mpd.Ptr(uint64(tick.MulDiv(w.s.Grid().Start(st.ID).FloorMs(), scale, 1000)))
	out.SegmentTimeline = mpd.NewSegmentTimeline() // filled in by splice
	first := w.s.First()
	w.timelines = append(w.timelines, timeline{w.s.Segments(t.Name)[st.First-first : st.Last-first+1], scale})
	return out, nil
}
