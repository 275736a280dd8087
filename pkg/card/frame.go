package card

import (
	"image"
)

// frame is one picture, yuv420p.
type frame struct {
	w, h int
	pix  []byte
}

func newFrame(w, h int) frame { return frame{w, h, make([]byte, w*h*3/2)} }

func (f *frame) fill(y, u, v byte) {
	n := f.w * f.h
	for i := range n {
		f.pix[i] = y
	}
	for i := range n / 4 {
		f.pix[n+i], f.pix[n+n/4+i] = u, v
	}
}

// rule is a horizontal line.
func (f *frame) rule(left, right, top, thick int) {
	for y := max(top, 0); y < min(top+thick, f.h); y++ {
		for x := left; x < right; x++ {
			f.pix[y*f.w+x] = lineY
		}
	}
}

// darken halves the brightness of rows.
func (f *frame) darken(top, bottom int) {
	const black = 16
	for i := max(top, 0) * f.w; i < bottom*f.w; i++ {
		f.pix[i] = byte(black + (max(int(f.pix[i]), black)-black)*2/5)
	}
}

// blend draws white through a mask whose top left corner lies at x, y.
func (f *frame) blend(mask *image.Alpha, x0, y0 int) {
	n := f.w * f.h
	b := mask.Bounds()
	for y := range b.Dy() {
		if y+y0 < 0 || y+y0 >= f.h {
			continue
		}
		for x := range b.Dx() {
			a := int(mask.Pix[y*mask.Stride+x])
			if a == 0 || x+x0 < 0 || x+x0 >= f.w {
				continue
			}
			mix(&f.pix[(y+y0)*f.w+x+x0], white, a)
			if (x+x0)%2 == 0 && (y+y0)%2 == 0 {
				c := (y+y0)/2*(f.w/2) + (x+x0)/2
				mix(&f.pix[n+c], neutral, a)
				mix(&f.pix[n+n/4+c], neutral, a)
			}
		}
	}
}

// mix moves a sample towards a level, a of 255.
func mix(p *byte, level, a int) { *p = byte((int(*p)*(255-a) + level*a) / 255) }
