package card

import (
	"fmt"
	"image"
	"image/draw"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// line is a place for one centred line of text.
type line struct {
	font  *opentype.Font
	face  font.Face
	width int // of the picture
	size  int // of the letters, pixels
	y     int // middle of the line
	mask  *image.Alpha
}

func newLine(bold bool, width, size, y int) (*line, error) {
	ttf := goregular.TTF
	if bold {
		ttf = gobold.TTF
	}
	f, err := opentype.Parse(ttf)
	if err != nil {
		return nil, fmt.Errorf("the card's font: %w", err)
	}
	l := &line{font: f, width: width, size: max(size, 8), y: y}
	l.face, err = l.faceOf(l.size)
	return l, err
}

func (l *line) faceOf(size int) (font.Face, error) {
	face, err := opentype.NewFace(l.font, &opentype.FaceOptions{Size: float64(size), DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		return nil, fmt.Errorf("the card's font in size %d: %w", size, err)
	}
	return face, nil
}

func (l *line) close() { _ = l.face.Close() }

// draw draws text, made smaller if it is too long for the picture.
func (l *line) draw(f *frame, text string) {
	if text == "" {
		return
	}
	face := l.face
	if long, most := font.MeasureString(face, text).Ceil(), l.width*9/10; long > most {
		smaller, err := l.faceOf(max(6, l.size*most/long))
		if err != nil {
			return
		}
		defer smaller.Close() //nolint:errcheck // it holds nothing
		face = smaller
	}
	m := face.Metrics()
	w, h := font.MeasureString(face, text).Ceil()+2, (m.Ascent + m.Descent).Ceil()
	if w > 4*l.width { // not even the smallest letters fit
		return
	}
	if l.mask == nil || l.mask.Bounds().Dx() != w || l.mask.Bounds().Dy() != h {
		l.mask = image.NewAlpha(image.Rect(0, 0, w, h))
	}
	draw.Draw(l.mask, l.mask.Bounds(), image.Transparent, image.Point{}, draw.Src)
	d := font.Drawer{Dst: l.mask, Src: image.Opaque, Face: face, Dot: fixed.Point26_6{X: fixed.I(1), Y: m.Ascent}}
	d.DrawString(text)
	f.blend(l.mask, (l.width-w)/2, l.y-h/2)
}
