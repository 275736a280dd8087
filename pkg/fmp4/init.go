package fmp4

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	ffav1 "github.com/Eyevinn/mp4ff/av1"
	"github.com/Eyevinn/mp4ff/avc"
	ff "github.com/Eyevinn/mp4ff/mp4"
	mcfmp4 "github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
)

// Init writes the track's CMAF header: ftyp iso6, cmfc (and cmf2 for video), durations 0, mvex, colr and pasp for
// video, no edit list, no btrt, nothing that names an encoder, a bitrate or a date. Two runs whose parameter sets,
// timescale and language are equal get the same bytes.
func (h Header) Init() ([]byte, error) {
	if h.codec == nil {
		return nil, fmt.Errorf("header without a codec: it was not read from a file")
	}
	base := mcfmp4.Init{Tracks: []*mcfmp4.InitTrack{{ID: TrackID, TimeScale: h.Timescale, Codec: h.codec}}}
	var buf seekablebuffer.Buffer
	if err := base.Marshal(&buf); err != nil {
		return nil, fmt.Errorf("writing moov: %w", err)
	}
	file, err := ff.DecodeFile(bytes.NewReader(buf.Bytes()))
	if err != nil || file.Moov == nil || file.Moov.Trak == nil {
		return nil, fmt.Errorf("reading our own moov: %w", err)
	}
	if err := h.refine(file.Moov); err != nil {
		return nil, err
	}
	brands := []string{"iso6", "cmfc"}
	if h.Kind == Video {
		brands = append(brands, "cmf2") // ISO/IEC 23000-19 §7.7.2: trun v1, no edit list, defaults in every traf
	}
	var out bytes.Buffer
	if err := ff.NewFtyp("iso6", 0, brands).Encode(&out); err != nil {
		return nil, fmt.Errorf("writing ftyp: %w", err)
	}
	if err := file.Moov.Encode(&out); err != nil {
		return nil, fmt.Errorf("writing moov: %w", err)
	}
	return out.Bytes(), nil
}

// refine turns mediacommon's moov into a CMAF one.
func (h Header) refine(moov *ff.MoovBox) error {
	moov.Mvhd.NextTrackID = TrackID + 1
	trak := moov.Trak
	h.setLanguage(trak.Mdia)
	stsd := trak.Mdia.Minf.Stbl.Stsd
	if len(stsd.Children) != 1 {
		return fmt.Errorf("stsd with %d entries", len(stsd.Children))
	}
	var entry ff.Box
	var err error
	switch old := stsd.Children[0].(type) {
	case *ff.VisualSampleEntryBox:
		trak.Tkhd.Width = ff.Fixed32(uint64(h.Width) << 16 * uint64(h.sar[0]) / uint64(h.sar[1]))
		entry, err = h.visualEntry(old)
	case *ff.AudioSampleEntryBox:
		entry, err = h.audioEntry(old)
	default:
		err = fmt.Errorf("unexpected sample entry %q", old.Type())
	}
	if err != nil {
		return err
	}
	stsd.Children = []ff.Box{entry}
	return nil
}

// visualEntry is the sample entry with the encoder's own configuration record, and colr and pasp after it.
func (h Header) visualEntry(old *ff.VisualSampleEntryBox) (ff.Box, error) {
	var config ff.Box
	name := h.Codec
	switch name {
	case "avc1":
		rec, err := avc.DecodeAVCDecConfRec(bytes.Clone(h.config))
		if err != nil {
			return nil, fmt.Errorf("avcC: %w", err)
		}
		config = &ff.AvcCBox{DecConfRec: rec}
	case "hvc1", "hev1":
		rec, err := parameterSets(h.config)
		if err != nil {
			return nil, err
		}
		name, config = "hvc1", &ff.HvcCBox{DecConfRec: rec} // HLS: parameter sets out of band only
	case "av01":
		rec, err := ffav1.DecodeAV1CodecConfRec(bytes.Clone(h.config))
		if err != nil {
			return nil, fmt.Errorf("av1C: %w", err)
		}
		config = &ff.Av1CBox{CodecConfRec: rec}
	default:
		return nil, fmt.Errorf("no support for sample entry %q", name)
	}
	entry := ff.CreateVisualSampleEntryBox(name, old.Width, old.Height, config)
	entry.CompressorName = ""
	c := h.colour
	entry.AddChild(&ff.ColrBox{
		ColorType: ff.ColorTypeOnScreenColors, ColorPrimaries: c.primaries,
		TransferCharacteristics: c.transfer, MatrixCoefficients: c.matrix, FullRangeFlag: c.full,
	})
	entry.AddChild(&ff.PaspBox{HSpacing: h.sar[0], VSpacing: h.sar[1]})
	return entry, nil
}

// audioEntry is mediacommon's entry without btrt and without a bitrate in its esds.
func (h Header) audioEntry(old *ff.AudioSampleEntryBox) (ff.Box, error) {
	if old.Esds == nil || old.Esds.DecConfigDescriptor == nil {
		return nil, fmt.Errorf("mp4a without esds")
	}
	conf := old.Esds.DecConfigDescriptor
	conf.MaxBitrate, conf.AvgBitrate = 0, 0
	return ff.CreateAudioSampleEntryBox("mp4a", old.ChannelCount, old.SampleSize, old.SampleRate, old.Esds), nil
}

// setLanguage puts a three-letter code into mdhd and anything else into an elng box.
func (h Header) setLanguage(mdia *ff.MdiaBox) {
	if isISO639(h.Language) {
		mdia.Mdhd.SetLanguage(h.Language)
		return
	}
	mdia.Mdhd.SetLanguage("und")
	children := mdia.Children
	mdia.Children = nil
	for _, c := range children {
		mdia.Children = append(mdia.Children, c)
		if c.Type() == "mdhd" {
			mdia.Elng = ff.CreateElng(h.Language)
			mdia.Children = append(mdia.Children, mdia.Elng)
		}
	}
}

func isISO639(lang string) bool {
	if len(lang) != 3 {
		return false
	}
	for _, c := range []byte(lang) {
		if c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

// Version names a set of init segments: eight hexadecimal digits that depend on every byte of each and on their order.
func Version(inits ...[]byte) string {
	sum := sha256.New()
	for _, b := range inits {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		sum.Write(n[:])
		sum.Write(b)
	}
	return hex.EncodeToString(sum.Sum(nil)[:4])
}
