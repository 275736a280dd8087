package ladder

import "fmt"

// rung is one step of the default ladder: a 16:9 box and the H.264 bitrate for it.
type rung struct {
	width, height int
	bitrate       int64
}

// rungs are the default boxes, largest first. Bitrates are for H.264 at 25 to 30 pictures a second, near Apple's
// ladder.
var rungs = []rung{
	{3840, 2160, 16_000_000},
	{2560, 1440, 10_000_000},
	{1920, 1080, 6_000_000},
	{1280, 720, 3_000_000},
	{1024, 576, 1_800_000},
	{960, 540, 2_000_000},
	{854, 480, 1_400_000},
	{768, 432, 1_100_000},
	{640, 360, 800_000},
	{512, 288, 500_000},
	{426, 240, 400_000},
}

// steps are the heights offered below each top rung.
var steps = map[int][]int{
	2160: {2160, 1080, 720, 540, 360},
	1440: {1440, 1080, 720, 540, 360},
	1080: {1080, 720, 540, 360},
	720:  {720, 540, 360},
	576:  {576, 432, 288},
	540:  {540, 360},
	480:  {480, 360, 240},
	432:  {432, 288},
	360:  {360, 240},
	288:  {288},
	240:  {240},
}

// Default is the ladder for a source of width x height coded pixels with the sample aspect ratio sarNum:sarDen (0:0 is
// square). It never enlarges the picture (but for a size within 3 % of a rung, which is taken for it), keeps its
// aspect ratio, and has square pixels and even sizes; a portrait source gets portrait rungs. Renditions come largest
// first, are named v<short side of the box>, and have no rate: the channel's grid gives it. An unusable size gives
// nil.
func Default(width, height, sarNum, sarDen int) []Rendition {
	w, h := square(width, height, sarNum, sarDen)
	if w <= 0 || h <= 0 {
		return nil
	}
	long, short := max(w, h), min(w, h)
	var out []Rendition
	for _, top := range rungs {
		if long < top.width-top.width/64 && short < top.height-top.height/64 {
			continue // neither side fills the box: this rung would enlarge
		}
		for _, height := range steps[top.height] {
			out = append(out, rungFor(height, w, h))
		}
		return out
	}
	return []Rendition{{
		Name: "v", Kind: Video, Codec: H264, Width: even(w), Height: even(h),
		Bitrate: max(100_000, 400_000*int64(w)*int64(h)/(426*240)),
	}}
}

func rungFor(height, w, h int) Rendition {
	r := Rendition{Name: fmt.Sprintf("v%d", height), Kind: Video, Codec: H264}
	for _, g := range rungs {
		if g.height == height {
			r.Width, r.Height, r.Bitrate = g.width, g.height, g.bitrate
		}
	}
	if h > w {
		r.Width, r.Height = r.Height, r.Width
	}
	r.Width, r.Height = inside(w, h, r.Width, r.Height)
	return r
}

// Fit is the size of the picture of r: the source's picture (coded size and sample aspect ratio, 0:0 is square) scaled
// into r's box with its aspect ratio kept, square pixels and even sides. A box larger than the source is an order of
// the user's and is obeyed; no box at all is the source's own size.
func Fit(r Rendition, srcWidth, srcHeight, sarNum, sarDen int) (width, height int) {
	w, h := square(srcWidth, srcHeight, sarNum, sarDen)
	if w <= 0 || h <= 0 {
		return even(r.Width), even(r.Height)
	}
	if r.Width <= 0 || r.Height <= 0 {
		return even(w), even(h)
	}
	return inside(w, h, r.Width, r.Height)
}

// inside scales w x h into the box. A side within 1 % of the box is the box's: broadcast sample aspect ratios are
// rounded, and a picture of 1918 lines serves nobody.
func inside(w, h, boxW, boxH int) (width, height int) {
	if w*boxH >= h*boxW {
		width, height = boxW, (boxW*h+w/2)/w
	} else {
		width, height = (boxH*w+h/2)/h, boxH
	}
	if (boxW-width)*100 <= boxW {
		width = boxW
	}
	if (boxH-height)*100 <= boxH {
		height = boxH
	}
	return even(width), even(height)
}

// square is the size of the picture with square pixels, lines kept.
func square(width, height, sarNum, sarDen int) (w, h int) {
	if sarNum <= 0 || sarDen <= 0 {
		return width, height
	}
	return (width*sarNum + sarDen/2) / sarDen, height
}

// even rounds to the nearest even number, at least 2: 4:2:0 has half a chroma line for an odd one.
func even(v int) int { return max(2, (v+1)/2*2) }
