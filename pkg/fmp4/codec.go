package fmp4

import (
	"bytes"
	"fmt"

	"github.com/Eyevinn/mp4ff/av1"
	"github.com/Eyevinn/mp4ff/hevc"
	mcav1 "github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4"
)

// derive fills what follows from the codec's parameter sets: the codec string, and the colour, which the bitstream states
// with more authority than a box beside it.
func (h *Header) derive() error {
	switch c := h.codec.(type) {
	case *mp4.CodecH264:
		return h.deriveH264(c)
	case *mp4.CodecH265:
		return h.deriveH265(c)
	case *mp4.CodecAV1:
		return h.deriveAV1(c)
	case *mp4.CodecMPEG4Audio:
		h.SampleRate, h.Channels = c.Config.SampleRate, c.Config.ChannelCount
		kind := int(c.Config.Type)
		if c.Config.ExtensionType != 0 { // HE-AAC that says so: 5 with SBR, 29 with PS
			kind = int(c.Config.ExtensionType)
		}
		h.string = fmt.Sprintf("mp4a.40.%d", kind)
		return nil
	}
	return fmt.Errorf("%w: no support for %T in %q", ErrFormat, h.codec, h.Codec)
}

func (h *Header) deriveH264(c *mp4.CodecH264) error {
	var sps h264.SPS
	if err := sps.Unmarshal(c.SPS); err != nil || len(c.SPS) < 4 {
		return fmt.Errorf("%w: H.264 SPS: %v", ErrFormat, err)
	}
	h.Width, h.Height = sps.Width(), sps.Height()
	h.string = fmt.Sprintf("%s.%02x%02x%02x", h.Codec, c.SPS[1], c.SPS[2], c.SPS[3])
	if v := sps.VUI; v != nil && v.ColourDescriptionPresentFlag {
		h.setColour(v.ColourPrimaries, v.TransferCharacteristics, v.MatrixCoefficients, v.VideoFullRangeFlag)
	}
	return nil
}

func (h *Header) deriveH265(c *mp4.CodecH265) error {
	var sps h265.SPS
	if err := sps.Unmarshal(c.SPS); err != nil {
		return fmt.Errorf("%w: H.265 SPS: %w", ErrFormat, err)
	}
	h.Width, h.Height = sps.Width(), sps.Height()
	rec, err := hevc.DecodeHEVCDecConfRec(h.config)
	if err != nil {
		return fmt.Errorf("%w: hvcC: %w", ErrFormat, err)
	}
	h.string = hevc.CodecString(h.Codec, &hevc.SPS{ProfileTierLevel: hevc.ProfileTierLevel{
		GeneralProfileSpace:              rec.GeneralProfileSpace,
		GeneralTierFlag:                  rec.GeneralTierFlag,
		GeneralProfileIDC:                rec.GeneralProfileIDC,
		GeneralProfileCompatibilityFlags: rec.GeneralProfileCompatibilityFlags,
		GeneralConstraintIndicatorFlags:  rec.GeneralConstraintIndicatorFlags,
		GeneralLevelIDC:                  rec.GeneralLevelIDC,
	}})
	if v := sps.VUI; v != nil && v.ColourDescriptionPresentFlag {
		h.setColour(v.ColourPrimaries, v.TransferCharacteristics, v.MatrixCoefficients, v.VideoFullRangeFlag)
	}
	return nil
}

func (h *Header) deriveAV1(c *mp4.CodecAV1) error {
	var seq mcav1.SequenceHeader
	if err := seq.Unmarshal(c.SequenceHeader); err != nil {
		return fmt.Errorf("%w: AV1 sequence header: %w", ErrFormat, err)
	}
	h.Width, h.Height = seq.Width(), seq.Height()
	rec, err := av1.DecodeAV1CodecConfRec(h.config)
	if err != nil {
		return fmt.Errorf("%w: av1C: %w", ErrFormat, err)
	}
	full, err := rec.SequenceHeader()
	if err != nil || full == nil {
		return fmt.Errorf("%w: av1C without a sequence header: %v", ErrFormat, err)
	}
	h.string = full.CodecString(h.Codec)
	if v := seq.ColorConfig; v.ColorDescriptionPresentFlag {
		h.setColour(uint8(v.ColorPrimaries), uint8(v.TransferCharacteristics), uint8(v.MatrixCoefficients), v.ColorRange)
	}
	return nil
}

func (h *Header) setColour(primaries, transfer, matrix uint8, full bool) {
	h.colour = colour{primaries: uint16(primaries), transfer: uint16(transfer), matrix: uint16(matrix), full: full}
}

// parameterSets is an hvcC's record reduced to VPS, SPS and PPS and marked complete, as hvc1 demands (ISO/IEC 14496-15
// §8.4.1.1). Encoders put an SEI with their whole command line beside them, which must not reach an init segment.
func parameterSets(config []byte) (hevc.DecConfRec, error) {
	rec, err := hevc.DecodeHEVCDecConfRec(bytes.Clone(config))
	if err != nil {
		return rec, fmt.Errorf("hvcC: %w", err)
	}
	arrays := rec.NaluArrays
	rec.NaluArrays = nil
	for _, a := range arrays {
		switch a.NaluType() {
		case hevc.NALU_VPS, hevc.NALU_SPS, hevc.NALU_PPS:
			rec.NaluArrays = append(rec.NaluArrays, hevc.NewNaluArray(true, a.NaluType(), a.Nalus))
		}
	}
	return rec, nil
}
