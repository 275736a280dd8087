package ffmpeg

import (
	"fmt"
	"strings"

	"onair/pkg/tick"
)

// What a monitor's FFmpeg waits for before it tells of a still picture or a silent sound.
const (
	FreezeLeast  = tick.Second / 2
	SilenceLeast = tick.Second / 2
)

// Bounds of a monitor's detectors.
const (
	// lookEvery is the least distance of two pictures that are looked at: five a second at most.
	lookEvery = 190 * tick.Millisecond
	// A picture is black when 98 % of it are darker than this share of the range from black to white, which leaves a
	// station's logo out.
	blackLevel = "0.06"
	blackShare = "0.98"
	// stillNoise is the mean difference, of the whole range, up to which two pictures are the same. Measured on frozen
	// pictures encoded at starved bit rates, of which each key picture is a little different (0.0004 to 0.0013), and on
	// a nearly still shot with noise and one small thing that moves (from 0.002 on within two seconds).
	stillNoise = "0.0015"
	// silent is the level that no sample of a silent sound exceeds.
	silent = "-60dB"
)

// lookSize is what pictures are scaled to: averaging takes coding noise out of the comparison and leaves what moves.
const lookSize = "64:36"

// MonitorPlan is an FFmpeg that looks at a picture and listens to a sound and prints what its detectors find, with the
// times of its feed in milliseconds, in the form that package content reads.
type MonitorPlan struct {
	Args    []string // without the program's name
	PIDs    []uint16 // tracks to feed, ascending
	Picture int      // index of the output (descriptor 3+i) about the picture; -1: none
	Sound   int      // the same about the sound
	Outputs int
}

// NewMonitorPlan is the command for watching src: its picture, and of its sound the track that the first selector
// means, the first track without one. Pictures that no other refers to are not decoded, and none is deblocked.
func NewMonitorPlan(src Source, choice []string) MonitorPlan {
	p := MonitorPlan{Picture: -1, Sound: -1, Args: []string{
		"-hide_banner", "-nostdin", "-nostats",
		"-loglevel", "error", // the tail of stderr is shown to the user; detectors tell what they find as information
		"-copyts",
		"-max_error_rate", "1", // a damaged feed is no reason to fail
		"-threads", "1",
		"-skip_frame:v", "noref", "-skip_loop_filter:v", "all", // half the work: nobody watches these pictures
		"-analyzeduration", "400000", "-probesize", "2000000",
		"-f", "mpegts", "-i", "pipe:0",
	}}
	var maps []string
	if src.Video != nil {
		p.Picture = p.Outputs
		p.Outputs++
		p.PIDs = append(p.PIDs, src.VideoPID)
		p.Args = append(p.Args, "-filter_complex", pictureGraph(firstPipe+p.Picture))
		maps = append(maps, "-map", "[v]", "-c:v", "wrapped_avframe", "-f", "null", "-")
	}
	if t := soundTrack(src, choice); t >= 0 {
		p.Sound = p.Outputs
		p.Outputs++
		p.PIDs = append(p.PIDs, src.Audio[t].PID)
		p.Args = append(p.Args, "-filter_complex", soundGraph(src.Audio[t].PID, firstPipe+p.Sound))
		maps = append(maps, "-map", "[a]", "-c:a", "pcm_s16le", "-f", "null", "-")
	}
	p.Args = append(p.Args, maps...)
	return p
}

// soundTrack is the index of the track that is listened to, -1 without sound.
func soundTrack(src Source, choice []string) int {
	if len(src.Audio) == 0 {
		return -1
	}
	if len(choice) > 0 {
		return max(0, find(src.Audio, choice[0]))
	}
	return 0
}

// pictureGraph looks at a few small pictures a second. select, not fps: what is looked at twice would stand still.
func pictureGraph(pipe int) string {
	return strings.Join([]string{
		fmt.Sprintf("[0:v:0]select='isnan(prev_selected_t)+gte(t-prev_selected_t,%s)+lt(t,prev_selected_t)'",
			seconds(lookEvery)),
		// The pixel format has a range of its own nowhere, and more steps than eight bits: averages are no whole numbers.
		"scale=" + lookSize + ":flags=area:out_range=tv", "format=yuv420p16le",
		fmt.Sprintf("blackdetect=d=0:pic_th=%s:pix_th=%s", blackShare, blackLevel),
		fmt.Sprintf("freezedetect=n=%s:d=%s", stillNoise, seconds(FreezeLeast)),
		"settb=1/1000",
		"metadata=mode=add:key=onair:value=1", // something to print of each picture
		fmt.Sprintf("metadata=mode=print:file=pipe\\\\:%d:direct=1[v]", pipe),
	}, ",")
}

// soundGraph listens to all channels as they are: a mix of two that are opposite would be silent. ebur128 comes first,
// it makes new frames and would lose what was noted of the old ones.
func soundGraph(pid uint16, pipe int) string {
	return strings.Join([]string{
		fmt.Sprintf("[0:i:%d]ebur128=metadata=1", pid),
		fmt.Sprintf("silencedetect=n=%s:d=%s", silent, seconds(SilenceLeast)),
		"asettb=1/1000",
		fmt.Sprintf("ametadata=mode=print:file=pipe\\\\:%d:direct=1[a]", pipe),
	}, ",")
}

// ThumbnailWidth is the width of a thumbnail, in pixels.
const ThumbnailWidth = 320

// ThumbnailArgs are the arguments of an FFmpeg that reads a TS on its standard input and writes its first picture to
// its standard output, as a JPEG in the picture's own shape.
func ThumbnailArgs() []string {
	return []string{
		"-hide_banner", "-nostdin", "-nostats", "-loglevel", "error",
		"-threads", "1", "-analyzeduration", "400000", "-probesize", "2000000",
		"-f", "mpegts", "-i", "pipe:0", "-map", "0:v:0", "-frames:v", "1",
		// yadif: an interlaced picture shows both its fields; the scale makes pixels square and the height even
		"-vf", fmt.Sprintf("yadif=deint=interlaced,scale=%d:'max(2,trunc(ow/dar/2)*2)',setsar=1", ThumbnailWidth),
		"-pix_fmt", "yuvj420p", "-strict", "unofficial", "-c:v", "mjpeg", "-q:v", "5", "-f", "image2pipe", "pipe:1",
	}
}
