package hls

import (
	"bytes"
	"time"

	"github.com/grafov/m3u8"

	"onair/pkg/presentation"
)

const (
	dateTag = "#EXT-X-PROGRAM-DATE-TIME:"
	gapTag  = "#EXT-X-GAP"
)

const minuteMs = 60_000

// dates writes the date of each segment, and the gap tag where there is no media. All segments share one: m3u8 encodes
// their tags in their order, once each. m3u8's own date would lack the milliseconds where they are zero.
type dates struct {
	segs   []presentation.Segment
	next   int
	buf    bytes.Buffer
	minute int64  // since the epoch
	prefix []byte // the tag up to that minute
}

var _ m3u8.CustomTag = (*dates)(nil)

// TagName implements m3u8.CustomTag.
func (d *dates) TagName() string { return dateTag }

// Encode implements m3u8.CustomTag. The date is the start of the media, floored to the millisecond as everywhere.
func (d *dates) Encode() *bytes.Buffer {
	seg := &d.segs[d.next%len(d.segs)]
	d.next++
	d.buf.Reset()
	if seg.Gap {
		d.buf.WriteString(gapTag + "\n")
	}
	ms := seg.Start.FloorMs()
	if minute := ms / minuteMs; minute != d.minute || d.prefix == nil {
		d.minute = minute
		d.prefix = time.UnixMilli(ms).UTC().AppendFormat(d.prefix[:0], dateTag+"2006-01-02T15:04:")
	}
	d.buf.Write(d.prefix)
	ms -= d.minute * minuteMs
	d.buf.Write([]byte{
		digit(ms / 10_000), digit(ms / 1000), '.', digit(ms / 100), digit(ms / 10), digit(ms), 'Z',
	})
	return &d.buf
}

func digit(v int64) byte { return '0' + byte(v%10) }

// String implements m3u8.CustomTag.
func (d *dates) String() string { return dateTag }
