// Package fmp4 reads and writes fragmented MP4: frames out of an encoder's pipe, CMAF headers and CMAF segments.
//
// Each file has one track. Header parsing and the base of a CMAF header come from mediacommon; mp4ff adds the boxes
// that CMAF wants beyond it. The fragment code is our own, because it runs for each frame and copies no media data.
package fmp4

import "errors"

// Kind tells what a track carries.
type Kind uint8

// The kinds of tracks.
const (
	Video Kind = iota + 1
	Audio
)

// String is "video" or "audio".
func (k Kind) String() string {
	switch k {
	case Video:
		return "video"
	case Audio:
		return "audio"
	default:
		return "unknown"
	}
}

// ErrFormat is wrapped by every error that says the bytes are not the MP4 that is expected here, as opposed to an
// error of the reader beneath. The fault is with whoever wrote the bytes.
var ErrFormat = errors.New("malformed mp4")

// Bounds on what is read: a damaged size field must not make us allocate or wait for more than real media needs.
const (
	maxHeader  = 64 << 10 // ftyp, moov: an empty one-track moov takes less than 2 kB
	maxMoof    = 1 << 20
	maxMdat    = 64 << 20
	maxSamples = 1 << 16 // in one segment; ten seconds of 60 pictures are 600
)

// TrackID is the id of the one track in every header and segment written here.
const TrackID = 1
