package ffmpeg

import (
	"fmt"
	"strconv"

	"onair/pkg/ladder"
	"onair/pkg/tick"
)

// Encoder families: what takes the same options.
const (
	libx264 = "libx264"
	libx265 = "libx265"
	libaom  = "libaom-av1"
	nvenc   = "nvenc"
	vaapi   = "vaapi"
	qsv     = "qsv"
)

// encoders are the encoders that a rendition may name, with the codec each makes and its family.
var encoders = map[string]struct{ codec, family string }{
	"libx264":    {ladder.H264, libx264},
	"libx265":    {ladder.HEVC, libx265},
	"libaom-av1": {ladder.AV1, libaom},
	"h264_nvenc": {ladder.H264, nvenc}, "hevc_nvenc": {ladder.HEVC, nvenc}, "av1_nvenc": {ladder.AV1, nvenc},
	"h264_vaapi": {ladder.H264, vaapi}, "hevc_vaapi": {ladder.HEVC, vaapi}, "av1_vaapi": {ladder.AV1, vaapi},
	"h264_qsv": {ladder.H264, qsv}, "hevc_qsv": {ladder.HEVC, qsv}, "av1_qsv": {ladder.AV1, qsv},
}

// Encoder is FFmpeg's name of the encoder for r. An unknown one, or one of another codec, is the channel file's fault.
func Encoder(r ladder.Rendition) (string, error) {
	r = r.WithDefaults()
	if r.Kind == ladder.Audio {
		if r.Codec != ladder.AAC || r.Encoder != "" && r.Encoder != "aac" {
			return "", fmt.Errorf("rendition %s: audio codec %q with encoder %q is not supported (aac is)", r.Name, r.Codec,
				r.Encoder)
		}
		return "aac", nil
	}
	if r.Encoder == "" {
		switch r.Codec {
		case ladder.H264:
			return "libx264", nil
		case ladder.HEVC:
			return "libx265", nil
		case ladder.AV1:
			return "libaom-av1", nil // libsvtav1 ignores forced key frames in FFmpeg 5.1
		}
		return "", fmt.Errorf("rendition %s: video codec %q is not supported (h264, hevc and av1 are)", r.Name, r.Codec)
	}
	e, ok := encoders[r.Encoder]
	if !ok {
		return "", fmt.Errorf("rendition %s: encoder %q is not supported", r.Name, r.Encoder)
	}
	if e.codec != r.Codec {
		return "", fmt.Errorf("rendition %s: encoder %q makes %s, not %s", r.Name, r.Encoder, e.codec, r.Codec)
	}
	return r.Encoder, nil
}

// family of the encoder that r uses; empty when there is none.
func family(r ladder.Rendition) string {
	name, err := Encoder(r)
	if err != nil {
		return ""
	}
	return encoders[name].family
}

// output are the options of rendition i: encoder and container.
func (p *planner) output(i int, r ladder.Rendition) error {
	encoder, err := Encoder(r)
	if err != nil {
		return err
	}
	p.add("-map", "[o"+strconv.Itoa(i)+"]")
	r = r.WithDefaults()
	if r.Kind == ladder.Audio {
		p.add("-c:a", encoder, "-b:a", strconv.FormatInt(r.Bitrate, 10))
	} else {
		r.Rate = p.ch.Grid.Rate
		p.add("-c:v", encoder)
		p.add("-fps_mode", "passthrough") // the graph has made the grid already
		p.encode(r)
		// n counts from the run's first frame; the remainder moves the key frames onto the channel's grid.
		p.add("-force_key_frames", fmt.Sprintf("expr:eq(mod(n+%d,%d),0)", p.phase(), p.ch.Grid.GOP))
		// 90 000 is inexact for the 1001 rates
		p.add("-video_track_timescale", strconv.FormatInt(r.Timescale(), 10))
	}
	p.container(firstPipe + i)
	return nil
}

// phase is the position of the run's first frame in its GOP.
func (p *planner) phase() int64 {
	n := p.ch.Grid.Rate.Slot(p.at.Start) % p.ch.Grid.GOP
	if n < 0 {
		n += p.ch.Grid.GOP
	}
	return n
}

// container is a fragmented MP4 from which every frame can be read as soon as it is there, with absolute times: tfdt is
// absolute only with frag_discont and without an edit list.
func (p *planner) container(fd int) {
	p.add("-f", "mp4", "-movflags",
		"empty_moov+default_base_moof+frag_every_frame+skip_trailer+delay_moov+frag_discont+negative_cts_offsets")
	p.add("-use_editlist", "0", "-avoid_negative_ts", "disabled", "-flush_packets", "1")
	p.add("pipe:" + strconv.Itoa(fd))
}

// encode are the options of a video encoder.
func (p *planner) encode(r ladder.Rendition) {
	switch family(r) {
	case libx264:
		p.x264(r)
	case libx265:
		p.x265(r)
	case libaom:
		p.aom(r)
	case nvenc:
		p.nvenc(r)
	case vaapi:
		p.vaapi(r)
	case qsv:
		p.qsv(r)
	}
}

// rate are target, peak and bucket.
func (p *planner) rate(r ladder.Rendition) {
	p.add("-b:v", strconv.FormatInt(r.Bitrate, 10))
	p.add("-maxrate:v", strconv.FormatInt(r.MaxRate(), 10), "-bufsize:v", strconv.FormatInt(r.BufSize(), 10))
}

// preset is the rendition's or the channel's, or the default of the encoder's family.
func (c Channel) preset(r ladder.Rendition, otherwise string) string {
	switch {
	case r.Preset != "":
		return r.Preset
	case c.Preset != "" && r.Encoder == "" && r.Codec != ladder.AV1: // the channel's preset is x264's and x265's
		return c.Preset
	}
	return otherwise
}

// lookahead is how many frames rate control may look ahead: presets say up to 60, which a live channel pays as delay.
func (p *planner) lookahead() int64 {
	return max(4, min(20, p.ch.Grid.Rate.Slot(400*tick.Millisecond)))
}

// Every option that shapes the parameter sets is given, because presets differ in them and init segments must not.

func (p *planner) x264(r ladder.Rendition) {
	p.add("-preset", p.ch.hurriedPreset(r), "-profile:v", r.Profile(), "-level:v", r.Level())
	p.rate(r)
	p.add("-bf", "2", "-refs", "3", "-a53cc", "1")
	p.add("-x264-params", fmt.Sprintf(
		"keyint=infinite:scenecut=0:open-gop=0:force-cfr=1:b-pyramid=none:weightp=1:weightb=1"+
			":cabac=1:8x8dct=1:nal-hrd=none:aud=0:chromaloc=0"+
			":rc-lookahead=%d:sync-lookahead=0:sliced-threads=0:threads=%d%s", p.lookahead(), threads(r), p.ch.chroma(r)))
}

// threads bounds the encoder's frame threads by what the size needs: each delays the picture by a frame.
func threads(r ladder.Rendition) int {
	switch pixels := r.Width * r.Height; {
	case pixels > 1920*1088:
		return 8
	case pixels > 1280*736:
		return 4
	case pixels > 640*368:
		return 3
	}
	return 2
}

func (p *planner) x265(r ladder.Rendition) {
	p.add("-preset", p.ch.hurriedPreset(r), "-profile:v", "main", "-forced-idr", "1")
	p.add("-tag:v", "hvc1") // parameter sets out of band, as Apple's players want
	p.rate(r)
	p.add("-x265-params", fmt.Sprintf(
		"keyint=-1:min-keyint=1:scenecut=0:open-gop=0:repeat-headers=0:bframes=2:b-pyramid=0:ref=3"+
			":weightp=1:weightb=0:hrd=0:aud=0:chromaloc=0"+
			":level-idc=%s:high-tier=0:rc-lookahead=%d:frame-threads=%d:wpp=1:pools=%d:info=0:log-level=warning",
		r.Level(), p.lookahead(), min(2, threads(r)), threads(r)))
}

func (p *planner) aom(r ladder.Rendition) {
	speed := r.Preset
	if speed == "" {
		speed = "8"
	}
	p.add("-usage", "realtime", "-cpu-used", speed, "-row-mt", "1", "-tiles", tiles(r), "-threads:v",
		strconv.Itoa(threads(r)))
	p.add("-lag-in-frames", "0", "-g", "9999", "-keyint_min", "9999", "-error-resilience", "0", "-aq-mode", "3")
	p.rate(r)
}

func tiles(r ladder.Rendition) string {
	switch {
	case r.Width > 1920:
		return "4x2"
	case r.Width > 640:
		return "2x2"
	}
	return "2x1"
}

// The three below map the same wishes to encoders in hardware. They have not been run: the names and values are those
// of
// FFmpeg 5.1's own option tables.

func (p *planner) nvenc(r ladder.Rendition) {
	p.add("-preset:v", p.ch.preset(r, "p4"), "-tune:v", "hq", "-rc:v", "vbr", "-forced-idr", "1", "-no-scenecut", "1")
	if r.Codec != ladder.AV1 {
		p.add("-profile:v", r.Profile(), "-level:v", r.Level())
	}
	p.rate(r)
	p.add("-bf", "2", "-g", "100000", "-rc-lookahead", strconv.FormatInt(p.lookahead(), 10), "-delay", "0")
	p.tag(r)
}

func (p *planner) vaapi(r ladder.Rendition) {
	p.add("-rc_mode", "VBR", "-profile:v", r.Profile(), "-async_depth", "2")
	p.rate(r)
	p.add("-bf", "2", "-g", "100000", "-idr_interval", "0")
	p.tag(r)
}

func (p *planner) qsv(r ladder.Rendition) {
	p.add("-preset:v", p.ch.preset(r, "veryfast"), "-profile:v", r.Profile(), "-look_ahead", "0", "-async_depth", "2")
	p.add("-forced_idr", "1")
	p.rate(r)
	p.add("-bf", "2", "-g", "100000", "-idr_interval", "0")
	p.tag(r)
}

func (p *planner) tag(r ladder.Rendition) {
	if r.Codec == ladder.HEVC {
		p.add("-tag:v", "hvc1")
	}
}
