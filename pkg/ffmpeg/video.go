package ffmpeg

import (
	"fmt"
	"strings"

	"onair/pkg/ladder"
	"onair/pkg/tick"
)

// normalised is the colour of every rendition: with anything else the parameter sets, and so the init segments, would
// depend on the source.
const normalised = "color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv:field_mode=prog"

// videoGraph is one filter graph for all video renditions: deinterlace, put on the channel's frame grid, split, scale.
// Audio has graphs of its own, so that a track that does not come cannot hold the picture back.
func (p *planner) videoGraph() {
	if len(p.video) == 0 {
		return
	}
	var g strings.Builder
	g.WriteString(p.pictures())
	g.WriteString("," + p.slots())
	fmt.Fprintf(&g, ",split=%d", len(p.video))
	for _, i := range p.video {
		fmt.Fprintf(&g, "[s%d]", i)
	}
	for _, i := range p.video {
		fmt.Fprintf(&g, ";[s%d]%s[o%d]", i, p.picture(p.ch.Renditions[i]), i)
	}
	p.add("-filter_complex", g.String())
}

// pictures is the head of the graph: progressive pictures of the source's size.
func (p *planner) pictures() string {
	v := p.src.Video
	if v == nil {
		// Black, paced by the sound: a generated picture of its own would not end with the feed. The
		// idle loop ends with its last picture: FFmpeg counts the sound's end in the wrong unit, and fps would go on until
		// then.
		p.note("the source has no video: black is encoded")
		return fmt.Sprintf("[0:i:%d]showwaves=s=64x36:r=%s:colors=black:split_channels=0,"+
			"loop=loop=0:size=1,format=yuv420p,lutyuv=y=16:u=128:v=128",
			p.src.Audio[0].PID, p.ch.Grid.Rate)
	}
	// no work, unless the size changes in mid-run
	g := fmt.Sprintf("[0:i:%d]scale=%d:%d", p.src.VideoPID, v.Width, v.Height)
	if mode := p.deinterlacer(); mode != "" {
		g += "," + mode
	}
	if v.drops(p.ch.Grid.Rate) {
		// Captions are a stream at the source's rate: some of its frames without the others are garbage.
		captions := ""
		if v.Captions {
			captions = ", and so are the captions"
		}
		p.note("the source has %s pictures a second and the channel %s: some are left out%s", v.Rate, p.ch.Grid.Rate,
			captions)
		g += ",sidedata=mode=delete:type=A53_CC"
	} else {
		p.Captions = v.Captions
	}
	return g
}

// mayInterlace tells whether interlaced pictures have to be expected: film in a broadcast service is flagged
// progressive
// picture by picture, and the next programme is not.
func (v Video) mayInterlace() bool {
	if v.Interlaced {
		return true
	}
	switch v.Height {
	case 480, 486, 576, 1080, 1088:
		slow := v.Rate.Num <= 30*v.Rate.Den && v.Rate.Num > 24*v.Rate.Den
		return slow && (v.Codec == "h264" || v.Codec == "mpeg2video")
	}
	return false
}

// fields tells whether a channel of that rate runs at the field rate of v, should v be interlaced.
func (v Video) fields(channel tick.Rate) bool {
	return channel.Num*v.Rate.Den*2 > v.Rate.Num*channel.Den*3
}

// KeepsCaptions tells whether the captions of v survive in a channel of that picture rate.
func (v Video) KeepsCaptions(channel tick.Rate) bool { return v.Captions && !v.drops(channel) }

// deinterlacer is bwdif on the pictures that are flagged interlaced; others pass.
func (p *planner) deinterlacer() string {
	if !p.src.Video.mayInterlace() {
		return ""
	}
	mode := "send_frame"
	if p.src.Video.fields(p.ch.Grid.Rate) {
		mode = "send_field"
	}
	return "bwdif=mode=" + mode + ":parity=auto:deint=interlaced"
}

// drops tells whether pictures are left out on the way from the source's rate to the channel's.
func (v Video) drops(channel tick.Rate) bool {
	if v.Rate.IsZero() || v.mayInterlace() && v.fields(channel) {
		return false
	}
	return v.Rate.Num*channel.Den*100 > channel.Num*v.Rate.Den*104
}

// slots puts the pictures on the frame grid: the first is at the run's start exactly, whatever the source's own times.
func (p *planner) slots() string {
	if p.at.Hold > 0 {
		return p.still()
	}
	s := fmt.Sprintf("fps=%s:start_time=%s:round=near", p.ch.Grid.Rate, seconds(p.at.Start-p.at.Base))
	if p.Captions {
		// A repeated picture, and the second of the two that a deinterlacer makes, carries the captions once more: a
		// picture from the same place in the feed as the one before loses them.
		// (The expression is evaluated more than once for a picture, so it changes its memory only when the time has
		// changed.)
		s += ",sidedata=mode=delete:type=A53_CC:enable='if(eq(t,ld(1)),0,st(2,eq(pos,ld(0)));st(0,pos);st(1,t));ld(2)'"
	}
	return s
}

// still puts the last picture of the feed on the slots of a time after it: the pictures before are shown on theirs, the
// last one goes on, and what lies before the run's start is cut off.
func (p *planner) still() string {
	rate := p.ch.Grid.Rate
	from := rate.Slot(p.at.From)
	first := rate.Slot(p.at.Start) - from
	end := first + max(1, rate.Slot(p.at.Hold))
	return fmt.Sprintf("fps=%s:start_time=%s:round=near,tpad=stop=%d:stop_mode=clone,trim=start_frame=%d:end_frame=%d",
		rate, seconds(rate.At(from)-p.at.Base), end, first, end)
}

// picture is one rendition's picture: scaled with its aspect ratio kept, square pixels, BT.709 in 8 bit 4:2:0.
func (p *planner) picture(r ladder.Rendition) string {
	w, h := r.Width, r.Height
	var g string
	if v := p.src.Video; v != nil {
		if fw, fh := ladder.Fit(r, v.Width, v.Height, v.SARNum, v.SARDen); fw <= r.Width && fh <= r.Height {
			w, h = fw, fh
		}
		g = v.normalise(w, h)
	} else {
		g = fmt.Sprintf("scale=%d:%d", w, h)
	}
	if w != r.Width || h != r.Height {
		g += fmt.Sprintf(",pad=%d:%d:-1:-1", r.Width, r.Height) // another shape than the channel's first source
	}
	g += ",setsar=1,format=yuv420p,setparams=" + normalised
	switch family(r) {
	case vaapi:
		g += ",format=nv12,hwupload"
	case qsv:
		g += ",format=nv12"
	}
	return g
}

// normalise scales to w x h and converts whatever the source's colour is to BT.709, narrow range.
func (v Video) normalise(w, h int) string {
	if v.Primaries == "bt2020" && v.Transfer != "arib-std-b67" && v.Transfer != "smpte2084" {
		// Wide colour without high dynamic range. Its transfer is that of BT.709, in 10 bit (BT.2020-2 table 4).
		return fmt.Sprintf("zscale=w=%d:h=%d:f=bicubic:min=%s:tin=bt709:pin=bt2020:rin=%s:t=linear,format=gbrpf32le,"+
			"zscale=p=bt709,zscale=t=bt709:m=bt709:r=tv", w, h, v.zmatrix(), zrange(v.Range))
	}
	if v.Transfer == "arib-std-b67" || v.Transfer == "smpte2084" {
		return fmt.Sprintf("zscale=w=%d:h=%d:f=bicubic:min=bt2020nc:tin=%s:pin=bt2020:rin=%s:t=linear:npl=%d,"+
			"format=gbrpf32le,"+
			"zscale=p=bt709,tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv",
			w, h, v.Transfer, zrange(v.Range), nominalPeak)
	}
	in, full := v.matrix(), "tv"
	if v.Range == "pc" {
		full = "pc"
	}
	return fmt.Sprintf("scale=%d:%d:in_color_matrix=%s:in_range=%s:out_color_matrix=bt709:out_range=tv", w, h, in, full)
}

// matrix names the source's YCbCr matrix as the scaler does. What is not said is what the size suggests.
func (v Video) matrix() string {
	switch v.Matrix {
	case "bt709":
		return "bt709"
	case "bt470bg", "smpte170m", "bt470m":
		return "bt601"
	case "fcc":
		return "fcc"
	case "smpte240m":
		return "smpte240m"
	case "bt2020nc", "bt2020c":
		return "bt2020"
	}
	if v.Height > 576 || v.Width > 1024 {
		return "bt709"
	}
	return "bt601"
}

// zmatrix names the matrix of a source of wide colour for zscale.
func (v Video) zmatrix() string {
	switch v.Matrix {
	case "bt709":
		return "709"
	case "bt2020c":
		return "2020_cl"
	}
	return "2020_ncl"
}

func zrange(r string) string {
	if r == "pc" {
		return "full"
	}
	return "limited"
}

// nominalPeak is the brightness in cd/m2 that the tone mapper takes for 1.0. With 100, HDR reference white (BT.2408) of
// PQ
// and of HLG both come out at 76 % of SDR white; with 203 at 62 %.
const nominalPeak = 100
