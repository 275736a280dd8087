package testpicture

// The number is shown in two rows of sixteen cells over the whole width, in the top sixth of the picture: a white
// cell, the number's bits from the highest, its check bits, and a black cell. White and black tell the levels that a
// decoder gives.
const (
	columns, rows = 16, 2
	cells         = columns * rows
	bands         = 12 // the picture's height is laid out in twelfths; a row of cells is one
	numberBits    = 24
	checkBits     = cells - 2 - numberBits
)

// Numbers is how many picture numbers there are: number n is shown as n modulo Numbers.
const Numbers = 1 << numberBits

// code is the cells for number n, the first cell in the highest bit.
func code(n int64) uint32 {
	v := uint32(n) & (Numbers - 1)
	return 1<<(cells-1) | v<<(checkBits+1) | check(v)<<1
}

// check is a CRC-6 (polynomial x^6+x+1, ITU-T G.704) of the number, begun with ones so that 0 has a check too.
func check(v uint32) uint32 {
	const poly = 0x03
	const all = 1<<checkBits - 1
	crc := uint32(all)
	for i := numberBits - 1; i >= 0; i-- {
		top := crc>>(checkBits-1) ^ v>>i&1
		crc = crc << 1 & all
		if top&1 != 0 {
			crc ^= poly
		}
	}
	return crc
}

// Luma is a plane of brightness in bytes.
type Luma struct {
	Pix           []byte
	Stride        int // bytes from one row to the next; 0: Width
	Width, Height int
}

// Reading is what a picture says of itself.
type Reading struct {
	Number uint32 // modulo Numbers
	Flash  bool
}

// Read finds what Paint painted, in a plane of any size that shows the whole picture, in its shape or not. It is not ok
// where no number can be read for sure: a picture of something else, or two pictures mixed.
func Read(l Luma) (Reading, bool) {
	if l.Stride == 0 {
		l.Stride = l.Width
	}
	if l.Width < 2*columns || l.Height < 2*bands || l.Stride < l.Width || len(l.Pix) < l.Stride*(l.Height-1)+l.Width {
		return Reading{}, false
	}
	var levels [cells]int
	for i := range levels {
		levels[i] = l.mean(cell(i))
	}
	low, high := levels[cells-1], levels[0]
	const leastContrast = 40
	if high-low < leastContrast {
		return Reading{}, false
	}
	bits := uint32(0)
	for _, level := range levels {
		part := (level - low) * 100 / (high - low)
		if part > 35 && part < 65 { // neither white nor black
			return Reading{}, false
		}
		bits <<= 1
		if part >= 50 {
			bits |= 1
		}
	}
	number := bits >> (checkBits + 1) & (Numbers - 1)
	return Reading{Number: number, Flash: l.mean(flashBox) > (low+high)/2}, bits == code(int64(number))
}

// box is a part of the picture: x in units of 1/(2*columns) of the width, y in units of 1/(2*bands) of the height.
type box struct{ x0, y0, x1, y1 int }

// cell is where cell i lies.
func cell(i int) box {
	x, y := 2*(i%columns), 2*(i/columns)
	return box{x, y, x + 2, y + 2}
}

// mean is the brightness in the middle of a box, where scaling brings nothing in from beside it.
func (l Luma) mean(b box) int {
	x0, x1 := middle(b.x0*l.Width, b.x1*l.Width, 2*columns)
	y0, y1 := middle(b.y0*l.Height, b.y1*l.Height, 2*bands)
	sum := 0
	for y := y0; y < y1; y++ {
		for _, v := range l.Pix[y*l.Stride+x0 : y*l.Stride+x1] {
			sum += int(v)
		}
	}
	return sum / ((x1 - x0) * (y1 - y0))
}

// middle is the pixels in the middle half from a/unit to b/unit, one at least.
func middle(a, b, unit int) (from, to int) {
	quarter := (b - a) / 4
	from, to = (a+quarter)/unit, (b-quarter)/unit
	return from, max(to, from+1)
}
