package flv

import "onair/pkg/mpegts"

// Units of 1/90 000 s.
const (
	clockRate = 90_000
	roundedBy = 100 // a little more than the millisecond to which a publisher rounds
)

// beat gives frames of AAC times that are exact where those of the publisher are rounded to milliseconds: those of the
// samples as long as the two agree.
type beat struct {
	samples int64 // of a frame; 0: not known
	rate    int64
	base    int64 // time of the frame that is counted from
	n       int64 // frames since then
}

// frame says which frames there will be.
func (b *beat) frame(codec mpegts.Codec, config []byte) {
	*b = beat{}
	if codec == mpegts.AAC {
		const lowComplexity = 1024
		b.samples, b.rate = lowComplexity, aacRate(config)
	}
}

// at is the time of the next frame, which the publisher has at ms.
func (b *beat) at(ms int64) int64 {
	told := ms * per90k
	if b.rate == 0 {
		return told
	}
	exact := b.base + b.n*b.samples*clockRate/b.rate
	if off := exact - told; b.n == 0 || off > roundedBy || off < -roundedBy {
		b.base, b.n, exact = told, 0, told
	}
	b.n++
	return exact
}

// aacRate is the sampling rate of an AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1), 0 if it does not tell.
func aacRate(config []byte) int64 {
	rates := [...]int64{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}
	const escape = 31
	if len(config) < 2 || config[0]>>3 == escape {
		return 0
	}
	if i := int(config[0]&7)<<1 | int(config[1])>>7; i < len(rates) {
		return rates[i]
	}
	return 0
}

// opusChannels is the channel count of an OpusHead (RFC 7845 §5.1), 2 if there is none.
func opusChannels(head []byte) int {
	const at, stereo = 9, 2
	if len(head) <= at || string(head[:8]) != "OpusHead" || head[at] == 0 {
		return stereo
	}
	return int(head[at])
}
