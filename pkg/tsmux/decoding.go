package tsmux

import (
	"bytes"
	"slices"
)

// extractor finds the DTS of access units in decoding order from what they say about the order of pictures.
type extractor interface {
	Extract(au [][]byte, pts int64) (int64, error)
}

// decoding finds the decoding times of a video track.
type decoding struct {
	kind    kind
	extract extractor
	sps     []byte
	unfit   bool // the extractor cannot be used with these pictures
	lost    bool // it failed, and waits for the next picture where decoding can begin
	depth   int
	queue   []int64 // the newest presentation times that are not decoding times yet, in order
	last    int64
	running bool
}

// at is the DTS of the next access unit. known tells that it is the extractor's, or that order alone gives it.
func (d *decoding) at(au [][]byte, sps []byte, pts int64, key bool) (dts int64, known bool) {
	if !bytes.Equal(sps, d.sps) {
		d.depth, d.unfit = d.kind.order(sps)
		d.sps, d.queue, d.extract = sps, nil, nil
	}
	if jump := pts - d.last; d.running && (jump > 10*second || jump < -longestPause) {
		d.queue, d.extract = nil, nil
	}
	if d.extract == nil || d.lost && key {
		d.extract, d.lost = d.kind.dts(), false
	}
	dts = d.next(pts)
	if !d.unfit && !d.lost {
		if found, err := d.extract.Extract(au, pts); err != nil {
			d.lost = true
		} else {
			dts = found
		}
	}
	known = d.unfit || !d.lost
	if d.running && dts <= d.last && d.last < pts { // no two pictures are decoded at once
		dts = d.last + 1
	}
	d.last, d.running = min(dts, pts), true
	return d.last, known
}

// next guesses a DTS: with depth pictures out of order, the presentation times in order are the decoding times of the
// pictures that come depth later.
func (d *decoding) next(pts int64) int64 {
	const least = 90 // 1 ms
	if d.queue == nil {
		for i := d.depth; i > 0; i-- {
			d.queue = append(d.queue, pts-int64(i)*least)
		}
	}
	at, _ := slices.BinarySearch(d.queue, pts)
	d.queue = slices.Insert(d.queue, at, pts)
	first := d.queue[0]
	d.queue = slices.Delete(d.queue, 0, 1)
	return first
}
