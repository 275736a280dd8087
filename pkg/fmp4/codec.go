package fmp4

import (
	"bytes"
	"errors"
	"fmt"

	ffav1 "github.com/Eyevinn/mp4ff/av1"
	"github.com/Eyevinn/mp4ff/avc"
	ffbits "github.com/Eyevinn/mp4ff/bits"
	"github.com/Eyevinn/mp4ff/hevc"
	ff "github.com/Eyevinn/mp4ff/mp4"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4"
)

// readConfig reads the codec's configuration record and derives what follows from its parameter sets: size, codec
// string, and the colour, which the bitstream states with more authority than a box beside it.
func (h *Header) readConfig() error {
	var err error
	switch h.Codec {
	case "avc1":
		err = h.readAVC()
	case "hvc1", "hev1":
		err = h.readHEVC()
	case "av01":
		err = h.readAV1()
	case "mp4a":
		err = h.readAAC()
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrFormat, h.Codec, err)
	}
	return nil
}

func (h *Header) readAVC() error {
	rec, err := avc.DecodeAVCDecConfRec(bytes.Clone(h.config))
	if err != nil {
		return err
	}
	if len(rec.SPSnalus) == 0 || len(rec.PPSnalus) == 0 {
		return errors.New("avcC without SPS or PPS")
	}
	c := &mp4.CodecH264{SPS: rec.SPSnalus[0], PPS: rec.PPSnalus[0]}
	var sps h264.SPS
	if err := sps.Unmarshal(c.SPS); err != nil {
		return fmt.Errorf("SPS: %w", err)
	}
	h.codec, h.Width, h.Height = c, sps.Width(), sps.Height()
	h.string = fmt.Sprintf("%s.%02x%02x%02x", h.Codec, c.SPS[1], c.SPS[2], c.SPS[3])
	if v := sps.VUI; v != nil && v.ColourDescriptionPresentFlag {
		h.setColour(v.ColourPrimaries, v.TransferCharacteristics, v.MatrixCoefficients, v.VideoFullRangeFlag)
	}
	return nil
}

func (h *Header) readHEVC() error {
	rec, err := hevc.DecodeHEVCDecConfRec(bytes.Clone(h.config))
	if err != nil {
		return err
	}
	vps, spss, pps := rec.GetNalusForType(hevc.NALU_VPS), rec.GetNalusForType(hevc.NALU_SPS),
		rec.GetNalusForType(hevc.NALU_PPS)
	if len(vps) == 0 || len(spss) == 0 || len(pps) == 0 {
		return errors.New("hvcC without VPS, SPS or PPS")
	}
	var sps h265.SPS
	if err := sps.Unmarshal(spss[0]); err != nil {
		return fmt.Errorf("SPS: %w", err)
	}
	h.codec = &mp4.CodecH265{VPS: vps[0], SPS: spss[0], PPS: pps[0]}
	h.Width, h.Height = sps.Width(), sps.Height()
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

func (h *Header) readAV1() error {
	rec, err := ffav1.DecodeAV1CodecConfRec(bytes.Clone(h.config))
	if err != nil {
		return err
	}
	var obus av1.Bitstream
	if err := obus.Unmarshal(rec.ConfigOBUs); err != nil {
		return fmt.Errorf("av1C: %w", err)
	}
	for _, obu := range obus {
		var head av1.OBUHeader
		if err := head.Unmarshal(obu); err == nil && head.Type == av1.OBUTypeSequenceHeader {
			return h.readSequenceHeader(obu, rec)
		}
	}
	return errors.New("av1C without a sequence header")
}

func (h *Header) readSequenceHeader(obu []byte, rec ffav1.CodecConfRec) error {
	var seq av1.SequenceHeader
	if err := seq.Unmarshal(obu); err != nil {
		return fmt.Errorf("sequence header: %w", err)
	}
	full, err := rec.SequenceHeader()
	if err != nil {
		return fmt.Errorf("sequence header: %w", err)
	}
	h.codec = &mp4.CodecAV1{SequenceHeader: obu}
	h.Width, h.Height = seq.Width(), seq.Height()
	h.string = full.CodecString(h.Codec)
	if v := seq.ColorConfig; v.ColorDescriptionPresentFlag {
		h.setColour(uint8(v.ColorPrimaries), uint8(v.TransferCharacteristics), uint8(v.MatrixCoefficients),
			v.ColorRange)
	}
	return nil
}

func (h *Header) readAAC() error {
	in := fields{b: h.config}
	in.full()
	if in.short {
		return errors.New("esds is cut short")
	}
	es, err := ff.DecodeESDescriptor(ffbits.NewFixedSliceReader(in.b), uint32(len(in.b)))
	if err != nil {
		return fmt.Errorf("esds: %w", err)
	}
	d := es.DecConfigDescriptor
	if d == nil || d.DecSpecificInfo == nil || d.ObjectType != objectAAC {
		return errors.New("esds without the configuration of an MPEG-4 audio decoder")
	}
	c := &mp4.CodecMPEG4Audio{}
	if err := c.Config.Unmarshal(d.DecSpecificInfo.DecConfig); err != nil {
		return fmt.Errorf("AudioSpecificConfig: %w", err)
	}
	h.codec, h.SampleRate, h.Channels = c, c.Config.SampleRate, c.Config.ChannelCount
	kind := c.Config.Type
	if c.Config.ExtensionType != 0 { // HE-AAC that says so: 5 with SBR, 29 with PS
		kind = c.Config.ExtensionType
	}
	h.string = fmt.Sprintf("mp4a.40.%d", kind)
	return nil
}

// objectAAC is the object type of ISO/IEC 14496-3 audio in an esds.
const objectAAC = 0x40

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
