package ladder

import "fmt"

// level is the row of a codec's level table that decides here.
type level struct {
	name    string // as encoders take it
	idc     int    // as the codec string carries it
	picture int64  // largest picture: macroblocks (H.264) or luma samples
	rate    int64  // macroblocks or luma samples per second
	bitrate int64  // bits per second of the profile that Profile names
	dpb     int64  // H.264: macroblocks in the decoded picture buffer
}

// ITU-T H.264 table A-1; bitrates are those of High profile (1.25 times the table's).
var h264Levels = []level{
	{"1.0", 10, 99, 1_485, 80_000, 396},
	{"1.1", 11, 396, 3_000, 240_000, 900},
	{"1.2", 12, 396, 6_000, 480_000, 2_376},
	{"1.3", 13, 396, 11_880, 960_000, 2_376},
	{"2.0", 20, 396, 11_880, 2_500_000, 2_376},
	{"2.1", 21, 792, 19_800, 5_000_000, 4_752},
	{"2.2", 22, 1_620, 20_250, 5_000_000, 8_100},
	{"3.0", 30, 1_620, 40_500, 12_500_000, 8_100},
	{"3.1", 31, 3_600, 108_000, 17_500_000, 18_000},
	{"3.2", 32, 5_120, 216_000, 25_000_000, 20_480},
	{"4.0", 40, 8_192, 245_760, 25_000_000, 32_768},
	{"4.1", 41, 8_192, 245_760, 62_500_000, 32_768},
	{"4.2", 42, 8_704, 522_240, 62_500_000, 34_816},
	{"5.0", 50, 22_080, 589_824, 168_750_000, 110_400},
	{"5.1", 51, 36_864, 983_040, 300_000_000, 184_320},
	{"5.2", 52, 36_864, 2_073_600, 300_000_000, 184_320},
	{"6.0", 60, 139_264, 4_177_920, 300_000_000, 696_320},
	{"6.1", 61, 139_264, 8_355_840, 600_000_000, 696_320},
	{"6.2", 62, 139_264, 16_711_680, 1_000_000_000, 696_320},
}

// ITU-T H.265 tables A.8 and A.9, Main tier.
var hevcLevels = []level{
	{"1.0", 30, 36_864, 552_960, 128_000, 0},
	{"2.0", 60, 122_880, 3_686_400, 1_500_000, 0},
	{"2.1", 63, 245_760, 7_372_800, 3_000_000, 0},
	{"3.0", 90, 552_960, 16_588_800, 6_000_000, 0},
	{"3.1", 93, 983_040, 33_177_600, 10_000_000, 0},
	{"4.0", 120, 2_228_224, 66_846_720, 12_000_000, 0},
	{"4.1", 123, 2_228_224, 133_693_440, 20_000_000, 0},
	{"5.0", 150, 8_912_896, 267_386_880, 25_000_000, 0},
	{"5.1", 153, 8_912_896, 534_773_760, 40_000_000, 0},
	{"5.2", 156, 8_912_896, 1_069_547_520, 60_000_000, 0},
	{"6.0", 180, 35_651_584, 1_069_547_520, 60_000_000, 0},
	{"6.1", 183, 35_651_584, 2_139_095_040, 120_000_000, 0},
	{"6.2", 186, 35_651_584, 4_278_190_080, 240_000_000, 0},
}

// AV1 annex A.3, Main tier: rate is MaxDisplayRate.
var av1Levels = []level{
	{"2.0", 0, 147_456, 4_423_680, 1_500_000, 0},
	{"2.1", 1, 278_784, 8_363_520, 3_000_000, 0},
	{"3.0", 4, 665_856, 19_975_680, 6_000_000, 0},
	{"3.1", 5, 1_065_024, 31_950_720, 10_000_000, 0},
	{"4.0", 8, 2_359_296, 70_778_880, 12_000_000, 0},
	{"4.1", 9, 2_359_296, 141_557_760, 20_000_000, 0},
	{"5.0", 12, 8_912_896, 267_386_880, 30_000_000, 0},
	{"5.1", 13, 8_912_896, 534_773_760, 40_000_000, 0},
	{"5.2", 14, 8_912_896, 1_069_547_520, 60_000_000, 0},
	{"6.0", 16, 35_651_584, 1_069_547_520, 60_000_000, 0},
	{"6.1", 17, 35_651_584, 2_139_095_040, 100_000_000, 0},
	{"6.2", 18, 35_651_584, 4_278_190_080, 160_000_000, 0},
}

// dpbPictures is how many decoded pictures the level must hold: 3 references and the current one, as the encoder is
// told.
const dpbPictures = 4

// Level is the lowest level of the codec that holds the size, rate and bitrate: "4.0". The highest, if none does.
func (r Rendition) Level() string { return r.level().name }

func (r Rendition) level() level {
	table, picture := h264Levels, int64((r.Width+15)/16)*int64((r.Height+15)/16)
	switch r.Codec {
	case HEVC:
		table, picture = hevcLevels, int64((r.Width+7)/8*8)*int64((r.Height+7)/8*8)
	case AV1:
		table, picture = av1Levels, int64(r.Width)*int64(r.Height)
	}
	num, den := r.Rate.Num, max(1, r.Rate.Den)
	if r.Rate.IsZero() {
		num = 30
	}
	for _, l := range table {
		if picture > l.picture || picture*num > l.rate*den || r.MaxRate() > l.bitrate || r.BufSize() > l.bitrate {
			continue
		}
		if l.dpb > 0 && picture*dpbPictures > l.dpb {
			continue
		}
		return l
	}
	return table[len(table)-1]
}

// Profile is the codec's profile as encoders name it: "high" for H.264, "main" for HEVC and AV1, "aac_low" for AAC-LC.
func (r Rendition) Profile() string {
	switch r.WithDefaults().Codec {
	case H264:
		return "high"
	case AAC:
		return "aac_low"
	}
	return "main"
}

// CodecString is the RFC 6381 string that the rendition's bitstream is expected to have: 8 bit 4:2:0 of the profile and
// level above. Manifests carry the one read from the bitstream; this one serves a plan made before there is any.
func CodecString(r Rendition) string {
	r = r.WithDefaults()
	switch r.Codec {
	case H264:
		return fmt.Sprintf("avc1.6400%02x", r.level().idc)
	case HEVC:
		return fmt.Sprintf("hvc1.1.6.L%d.90", r.level().idc)
	case AV1:
		return fmt.Sprintf("av01.0.%02dM.08", r.level().idc)
	case AAC:
		return "mp4a.40.2"
	}
	return ""
}
