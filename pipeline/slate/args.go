package slate

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"onair/pkg/tick"
)

// args are FFmpeg's for the stream: raw pictures in, each a key frame out. MPEG-2 is what every FFmpeg can make, at any
// size and as seldom as once a second. The first picture is shown at due: the times of one FFmpeg go on from those of
// the one before.
func (s *Slate) args(due tick.Tick) []string {
	return []string{
		"-hide_banner", "-loglevel", "error", "-nostats",
		"-analyzeduration", "0", "-probesize", "32", // the first picture is not waited with for the second
		"-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", s.size("x"), "-framerate", "1", "-i", "pipe:0",
		"-fps_mode", "passthrough", // constant rate would wait for the next picture
		"-c:v", "mpeg2video", "-threads", "1", "-g", "1", "-bf", "0", "-flags", "+low_delay", // no delay by reordering
		"-b:v", "400k", "-maxrate:v", "400k", "-bufsize:v", "400k", "-qmin", "2", // at most 50 kB a picture
		"-strict", "unofficial", // a rate that MPEG-2 does not list
		"-output_ts_offset", fmt.Sprint(int64(due / tick.Second)), // which it counts in 33 bits
		"-f", "mpegts", "-muxdelay", "0", "-muxpreload", "0", "-flush_packets", "1",
		"-mpegts_flags", "initial_discontinuity", // its counters begin anew
		"-omit_video_pes_length", "0", // a demuxer that knows where a picture ends does not wait for the next
		"pipe:3",
	}
}

func (s *Slate) size(between string) string { return fmt.Sprint(s.w, between, s.h) }

// loading bounds how long a picture file may take.
const loading = 20 * time.Second

// load reads the picture file. One that cannot be read is replaced by the plain card, and an event says so.
func (s *Slate) load(ctx context.Context, image string) []byte {
	if image == "" {
		return nil
	}
	p, err := Load(ctx, s.cfg.FFmpeg, image, s.w, s.h)
	if err != nil && ctx.Err() == nil {
		s.cfg.Event(Event{"error", "", fmt.Sprintf("the slate shows a plain card: %v", err)})
	}
	return p
}

// Load reads a picture of any kind that FFmpeg knows, fitted into w x h with its shape kept, as yuv420p.
func Load(ctx context.Context, program, file string, w, h int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, loading)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "-hide_banner", "-loglevel", "error", "-nostdin",
		"-i", "file:"+file, "-frames:v", "1", "-an", "-sn", "-dn", "-vf", fmt.Sprintf(
			"scale=w='max(2,trunc(min(%[1]d,%[2]d*dar)/2)*2)':h='max(2,trunc(min(%[2]d,%[1]d/dar)/2)*2)'"+
				":out_color_matrix=bt709:out_range=tv,setsar=1,pad=%[1]d:%[2]d:-1:-1,format=yuv420p", w, h),
		"-f", "rawvideo", "pipe:1")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil || out.Len() != w*h*3/2 {
		why := strings.TrimSpace(errs.String())
		if i := strings.LastIndexByte(why, '\n'); i >= 0 {
			why = why[i+1:]
		}
		if why == "" {
			why = "it holds no picture"
		}
		return nil, fmt.Errorf("picture file %s: %s", file, why)
	}
	return out.Bytes(), nil
}
