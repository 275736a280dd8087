package fmp4

import "fmt"

// tencKID is where the KID of a tenc lies: behind version, flags, a reserved byte, the pattern, isProtected and the
// size of its IVs (ISO/IEC 23001-7 §8.2).
const tencKID = 8

// DefaultKIDs lists the key ids (default_KID) of an encrypted track's header, in order; none if it is not encrypted. It
// reads headers that ParseInit does not, whose sample entries are encv and enca. Errors wrap ErrFormat.
func DefaultKIDs(init []byte) ([][16]byte, error) {
	if len(init) > 2*maxHeader {
		return nil, fmt.Errorf("%w: a header of %d bytes", ErrFormat, len(init))
	}
	var w kidWalker
	if err := children(init, w.box); err != nil {
		return nil, err
	}
	return w.kids, nil
}

type kidWalker struct {
	kids  [][16]byte
	depth int
}

// entryHeads is how much of a sample entry lies before its boxes (ISO/IEC 14496-12 §12.1.3, §12.2.3); what is in a stsd
// lies behind its version and its count.
var entryHeads = map[string]int{"encv": 78, "enca": 28, "stsd": 8}

func (w *kidWalker) box(c box) error {
	kind := name(c.kind)
	switch kind {
	case "moov", "trak", "mdia", "minf", "stbl", "sinf", "schi", "stsd", "encv", "enca":
		return w.deeper(c.body, entryHeads[kind])
	case "tenc":
		if len(c.body) < tencKID+16 {
			return fmt.Errorf("%w: tenc is cut short", ErrFormat)
		}
		w.kids = append(w.kids, [16]byte(c.body[tencKID:tencKID+16]))
	}
	return nil
}

func (w *kidWalker) deeper(body []byte, skip int) error {
	if len(body) < skip || w.depth >= 16 {
		return fmt.Errorf("%w: nested too deep, or cut short", ErrFormat)
	}
	w.depth++
	defer func() { w.depth-- }()
	return children(body[skip:], w.box)
}
