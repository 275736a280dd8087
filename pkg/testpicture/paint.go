package testpicture

import "onair/pkg/tick"

// Where things are, see box.
var (
	clockBox  = box{1, 6, 24, 12}
	flashBox  = box{26, 6, 31, 12}
	numberBox = box{1, 13, 14, 16}
	trackBox  = box{15, 13, 31, 16} // of the square that runs to and fro
	stripBox  = box{0, 17, 32, 24}
)

// plane is one component of a picture.
type plane struct {
	pix   []byte
	width int
}

func (p plane) fill(x0, y0, x1, y1 int, v byte) {
	if x0 >= x1 || y0 >= y1 {
		return
	}
	first := p.pix[y0*p.width+x0 : y0*p.width+x1]
	for i := range first {
		first[i] = v
	}
	for y := y0 + 1; y < y1; y++ {
		copy(p.pix[y*p.width+x0:y*p.width+x1], first)
	}
}

// pixels are the corners of a box.
func (p *Painter) pixels(b box) (x0, y0, x1, y1 int) {
	w, h := p.c.Width, p.c.Height
	return b.x0 * w / (2 * columns), b.y0 * h / (2 * bands), b.x1 * w / (2 * columns), b.y1 * h / (2 * bands)
}

// planes are the components of a picture; without colour the last two are empty.
func (p *Painter) planes(frame []byte) (y, u, v plane) {
	w, n := p.c.Width, p.c.Width*p.c.Height
	y = plane{frame[:n], w}
	if !p.c.Gray {
		u, v = plane{frame[n : n+n/4], w / 2}, plane{frame[n+n/4 : n+n/2], w / 2}
	}
	return y, u, v
}

// newTemplate is a shaded background with dark panels.
func (p *Painter) newTemplate() []byte {
	const dark, bright, panel = 50, 110, 30
	frame := make([]byte, p.Size())
	luma, u, v := p.planes(frame)
	for y := range p.c.Height {
		luma.fill(0, y, p.c.Width, y+1, byte(dark+(bright-dark)*y/p.c.Height))
	}
	for _, b := range []box{clockBox, numberBox, trackBox} {
		x0, y0, x1, y1 := p.pixels(b)
		luma.fill(x0, y0, x1, y1, panel)
	}
	if p.c.Gray {
		return frame
	}
	_, _, _, top := p.pixels(cell(cells - 1))
	u.fill(0, 0, p.c.Width/2, p.c.Height/2, neutral)
	v.fill(0, 0, p.c.Width/2, p.c.Height/2, neutral)
	u.fill(0, top/2, p.c.Width/2, p.c.Height/2, neutral+20)
	v.fill(0, top/2, p.c.Width/2, p.c.Height/2, neutral-10)
	return frame
}

// Paint paints picture n, counted from 0, into frame, which is Size bytes long. at is the time of day that its clock
// shows, in UTC, with the number of the picture within its second.
func (p *Painter) Paint(frame []byte, n int64, at tick.Tick) {
	copy(frame, p.template)
	luma, u, v := p.planes(frame)
	bits := code(n)
	for i := range cells {
		level := byte(black)
		if bits>>(cells-1-i)&1 != 0 {
			level = white
		}
		p.fill(luma, cell(i), level)
	}
	flash := byte(black)
	if p.Flash(n) {
		flash = white
	}
	p.fill(luma, flashBox, flash)
	p.digits(luma, clockBox, p.clock(at))
	p.digits(luma, numberBox, decimal(n%Numbers, 8))
	p.square(luma, n)
	p.scroll(luma, u, v, n)
}

func (p *Painter) fill(luma plane, b box, level byte) {
	x0, y0, x1, y1 := p.pixels(b)
	luma.fill(x0, y0, x1, y1, level)
}

// clock is hours, minutes, seconds and the picture within the second.
func (p *Painter) clock(at tick.Tick) string {
	second := int64(at / tick.Second)
	first := p.c.Rate.NextSlot(tick.Tick(second) * tick.Second)
	frame := max(0, p.c.Rate.Slot(at)-first)
	hours, minutes := second/3600%24, second/60%60
	return decimal(hours, 2) + ":" + decimal(minutes, 2) + ":" + decimal(second%60, 2) + ":" + decimal(frame, 2)
}

// decimal is n in exactly so many digits.
func decimal(n int64, digits int) string {
	b := make([]byte, digits)
	for i := digits - 1; i >= 0; i-- {
		b[i] = '0' + byte(n%10)
		n /= 10
	}
	return string(b)
}

// square runs to and fro, a quarter of its track each second.
func (p *Painter) square(luma plane, n int64) {
	x0, y0, x1, y1 := p.pixels(trackBox)
	size := y1 - y0
	way := x1 - x0 - size
	if way <= 0 {
		return
	}
	at := int(p.c.Rate.At(n).Units(1000) % 8000)
	if at > 4000 {
		at = 8000 - at
	}
	x := x0 + way*at/4000
	luma.fill(x, y0, x+size, y1, white-20)
}

// scroll shows the strip, moved by two pixels for each picture before.
func (p *Painter) scroll(luma, u, v plane, n int64) {
	_, y0, _, y1 := p.pixels(stripBox)
	from := int(2 * n % int64(p.c.Width))
	for y := y0; y < y1; y++ {
		copy(luma.pix[y*luma.width:(y+1)*luma.width], p.strip.y[from:])
	}
	if p.c.Gray {
		return
	}
	for y := y0 / 2; y < y1/2; y++ {
		copy(u.pix[y*u.width:(y+1)*u.width], p.strip.u[from/2:])
		copy(v.pix[y*v.width:(y+1)*v.width], p.strip.v[from/2:])
	}
}

// strip is a line of colour bars, twice as long as a picture is wide and repeating after its width.
type strip struct{ y, u, v []byte }

func newStrip(width int) strip {
	bars := [8][3]byte{ // 75 % bars in BT.709 (ITU-R BT.471)
		{180, 128, 128}, {168, 44, 136}, {145, 147, 44}, {133, 63, 52},
		{63, 193, 204}, {51, 109, 212}, {28, 212, 120}, {16, 128, 128},
	}
	s := strip{make([]byte, 2*width), make([]byte, width), make([]byte, width)}
	for x := range 2 * width {
		s.y[x] = bars[x%width*len(bars)/width][0]
	}
	for x := range width {
		bar := bars[2*x%width*len(bars)/width]
		s.u[x], s.v[x] = bar[1], bar[2]
	}
	return s
}
