package tsmux

import (
	"bytes"

	ts "github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
)

// kind is what differs between H.264 and HEVC.
type kind interface {
	// sort tells what a NAL unit is, and of which parameter sets.
	sort(nal []byte) sort
	// sets is how many sorts of parameter sets there are.
	sets() int
	// key is the smallest access unit that the writer takes for one where decoding can begin.
	key() [][]byte
	// dts makes the extractor of decoding times.
	dts() extractor
	// order tells from an SPS how many pictures may be decoded before one that is shown earlier, and whether the
	// extractor cannot be used.
	order(sps []byte) (depth int, unfit bool)
	write(w *ts.Writer, t *ts.Track, pts, dts int64, au [][]byte) error
}

// sort is what a NAL unit is to a muxer.
type sort int

const (
	other sort = iota
	set0       // parameter sets in the order in which they have to come; the one before the last is the SPS
	set1
	set2
	delimiter
	slice    // of a picture
	keyPart  // a slice of a picture where decoding can begin
	comeback // says that decoding can begin here
	broken   // too short to be anything
)

// pictures are the access units of one video track.
type pictures struct {
	kind
	params [set2 + 1][][]byte // by sort
	unit   [][]byte           // the access unit in work: parameter sets first
	clock  decoding
}

// newPictures takes the parameter sets that are known from the beginning.
func newPictures(k kind, params [][]byte) *pictures {
	p := &pictures{kind: k}
	p.clock.kind = k
	p.learn(params)
	return p
}

// learn keeps the parameter sets among NAL units: those of a sort take the place of all of that sort.
func (p *pictures) learn(nals [][]byte) {
	var fresh [set2 + 1]bool
	for _, nal := range nals {
		s := p.sort(nal)
		if s < set0 || s > set2 {
			continue
		}
		if !fresh[s] {
			fresh[s] = true
			p.params[s] = nil
		}
		p.params[s] = append(p.params[s], bytes.Clone(nal))
	}
}

// take makes p.unit out of the NAL units of an access unit: where decoding can begin there all parameter sets, in
// order, before the pictures. It is false, and the unit empty, when there is no picture.
func (p *pictures) take(nals [][]byte) bool {
	p.unit = p.unit[:0]
	picture, begin := false, false
	for _, nal := range nals {
		switch p.sort(nal) {
		case slice:
			picture = true
		case keyPart:
			picture, begin = true, true
		case comeback:
			begin = true
		}
	}
	p.learn(nals)
	if !picture {
		return false
	}
	if begin {
		for s := set0; int(s) <= p.sets(); s++ {
			p.unit = append(p.unit, p.params[s]...)
		}
	}
	for _, nal := range nals {
		s := p.sort(nal)
		if s == broken || s == delimiter || begin && s >= set0 && s <= set2 {
			continue // the writer makes delimiters itself
		}
		p.unit = append(p.unit, nal)
	}
	return true
}

// decodeAt is the DTS of the unit in work; known tells whether it is more than a guess.
func (p *pictures) decodeAt(pts int64) (dts int64, known bool) {
	key := false
	for _, nal := range p.unit {
		key = key || p.sort(nal) == keyPart
	}
	var sps []byte
	if list := p.params[p.sets()-1]; len(list) > 0 {
		sps = list[0]
	}
	return p.clock.at(p.unit, sps, pts, key)
}
