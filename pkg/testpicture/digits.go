package testpicture

// The segments of a digit, from the top clockwise, the middle one last; of a colon, two dots.
const (
	segmentTop = 1 << iota
	segmentTopRight
	segmentBottomRight
	segmentBottom
	segmentBottomLeft
	segmentTopLeft
	segmentMiddle
)

var segments = [10]int{0x3F, 0x06, 0x5B, 0x4F, 0x66, 0x6D, 0x7D, 0x07, 0x7F, 0x6F}

// digits writes digits and colons into a box, each character equally wide.
func (p *Painter) digits(luma plane, b box, text string) {
	x0, y0, x1, y1 := p.pixels(b)
	pitch := (x1 - x0) / len(text)
	stroke := max(1, min(pitch/6, (y1-y0)/10))
	for i := range len(text) {
		g := glyph{luma, x0 + i*pitch + stroke, y0 + stroke, x0 + (i+1)*pitch - stroke, y1 - stroke, stroke}
		if text[i] == ':' {
			g.colon()
			continue
		}
		g.digit(int(text[i] - '0'))
	}
}

// glyph is the place of one character.
type glyph struct {
	luma           plane
	x0, y0, x1, y1 int
	stroke         int
}

func (g glyph) digit(d int) {
	on := segments[d]
	s, middle := g.stroke, (g.y0+g.y1)/2
	bars := []struct{ segment, x0, y0, x1, y1 int }{
		{segmentTop, g.x0, g.y0, g.x1, g.y0 + s},
		{segmentMiddle, g.x0, middle - s/2, g.x1, middle - s/2 + s},
		{segmentBottom, g.x0, g.y1 - s, g.x1, g.y1},
		{segmentTopLeft, g.x0, g.y0, g.x0 + s, middle},
		{segmentTopRight, g.x1 - s, g.y0, g.x1, middle},
		{segmentBottomLeft, g.x0, middle, g.x0 + s, g.y1},
		{segmentBottomRight, g.x1 - s, middle, g.x1, g.y1},
	}
	for _, bar := range bars {
		if on&bar.segment != 0 {
			g.luma.fill(max(bar.x0, 0), bar.y0, bar.x1, bar.y1, white)
		}
	}
}

func (g glyph) colon() {
	x, height := (g.x0+g.x1-g.stroke)/2, g.y1-g.y0
	for _, y := range []int{g.y0 + height/3, g.y0 + height*2/3} {
		g.luma.fill(x, y-g.stroke/2, x+g.stroke, y-g.stroke/2+g.stroke, white)
	}
}
