package control

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// docs/metrics.md lists all of these; a test keeps it so.

func desc(name, help string, labels []string) *prometheus.Desc {
	return prometheus.NewDesc("onair_"+name, help, labels, nil)
}

// Metrics whose value is a set of labels or states.
var (
	buildInfo  = desc("build_info", "1, with the version of onair and of Go", with(ofProcess, "version", "go"))
	goroutines = desc("goroutines", "Goroutines of the process", ofProcess)

	certificateEnd = desc("tls_certificate_expiration_timestamp_seconds",
		"When the certificate in use is valid no more (Unix time); there with HTTPS only", ofProcess)

	connectionsHeld    = desc("http_connections", "Connections to the HTTP addresses of the process", ofProcess)
	connectionsRefused = desc("http_connections_refused_total",
		"Connections closed at once, as more would take the descriptors that encoders need", ofProcess)

	switches = desc("channel_switches_total", "Changes of what is on air, by cause", with(ofChannel, "cause"))
	reloads  = desc("channel_reloads_total", "Times the channel's file was read again, by result",
		with(ofChannel, "result"))
	channelState = desc("channel_state", "1 for the state the channel is in, 0 for the others", with(ofChannel, "state"))
	inputState   = desc("input_state", "1 for the state the input is in, 0 for the others", with(ofInput, "state"))
	legState     = desc("leg_state", "1 for the state the leg is in, 0 for the others", with(ofLeg, "state"))
	legInfo      = desc("leg_info", "1, with the URL of the leg; legs are numbered from 1", with(ofLeg, "url"))
	legRejected  = desc("leg_rejected_total", "Datagrams and connections that were turned away, by cause",
		with(ofLeg, "cause"))
	runsByState   = desc("runs", "Runs (FFmpeg processes) by state", with(ofChannel, "state"))
	renditionInfo = desc("rendition_info", "1, with its kind and codec string", with(ofRendition, "kind", "codecs"))
	inputErrors   = desc("input_ts_errors_total", "Errors in the merged transport stream, by kind", with(ofInput, "kind"))
	inputChecks   = desc("input_tr101290_errors_total", "Errors by check of TR 101 290: 1.1 to 2.6",
		with(ofInput, "check"))
)

// tsErrors are the kinds of onair_input_ts_errors_total.
var tsErrors = []struct {
	kind  string
	count func(*TS) uint64
}{
	{"continuity", func(t *TS) uint64 { return t.Continuity }},
	{"transport", func(t *TS) uint64 { return t.Transport }},
	{"crc", func(t *TS) uint64 { return t.CRC }},
	{"scrambled", func(t *TS) uint64 { return t.Scrambled }},
	{"sync", func(t *TS) uint64 { return t.SyncLosses }},
	{"pes_without_pts", func(t *TS) uint64 { return t.PESWithoutPTS }},
}

var channelFamilies = []family[Status]{
	gauge("channel_fresh", "1 while playlists are served, 0 while they answer 503", ofChannel,
		func(s *Status) float64 { return truth(s.Stale == "") }),
	gauge("channel_state_entered_timestamp_seconds", "When the state was entered (Unix time)", ofChannel,
		func(s *Status) float64 { return unix(s.Since) }),
	gauge("channel_segment_target_seconds", "Length of a segment on the grid; 0 until known", ofChannel,
		func(s *Status) float64 {
			if s.Grid == nil {
				return 0
			}
			return s.Grid.SegmentSeconds
		}),
	counter("channel_slate_seconds", "How long the slate was on air", ofChannel,
		func(s *Status) float64 { return s.SlateSeconds }),
	gauge("channel_encoder_step", "Steps by which less is encoded than configured, for want of time; 0: none", ofChannel,
		func(s *Status) float64 { return float64(s.Encoder.Step) }),
	counter("channel_runs_started", "Runs started, planned hand-overs included", ofChannel,
		func(s *Status) float64 { return float64(s.RunsStarted) }),
	counter("channel_run_restarts", "Runs started because one before died or stalled", ofChannel,
		func(s *Status) float64 { return float64(s.RunRestarts) }),
	counter("channel_segments", "Segment numbers listed with media in the first store", ofChannel,
		func(s *Status) float64 { return float64(s.Segments) }),
}

var inputFamilies = []family[Input]{
	gauge("input_active", "1 while the input is on air", ofInput, func(i *Input) float64 { return truth(i.Active) }),
	gauge("input_bitrate_bits_per_second", "Transport stream after the merge", ofInput,
		func(i *Input) float64 { return float64(i.Bitrate) }),
	counter("input_ts_packets", "Transport stream packets after the merge", ofInput,
		func(i *Input) float64 { return float64(i.TS.Packets) }),
	counter("input_null_packets", "Null packets (PID 8191), dropped", ofInput,
		func(i *Input) float64 { return float64(i.TS.Null) }),
	counter("input_junk_bytes", "Bytes that belonged to no packet", ofInput,
		func(i *Input) float64 { return float64(i.TS.JunkBytes) }),
	counter("input_lost", "Datagrams that no leg brought", ofInput, func(i *Input) float64 { return float64(i.Lost) }),
	gauge("input_unmerged", "1 while the legs carry different bytes under equal numbers and only one is used", ofInput,
		func(i *Input) float64 { return truth(i.Unmerged) }),
	gauge("input_clock_offset_seconds", "Source clock, as anchored, against the host's clock", ofInput,
		func(i *Input) float64 { return i.ClockOffsetMs / 1000 }),
	counter("input_clock_generations", "Times the source clock jumped, restarted or was moved by a frame", ofInput,
		func(i *Input) float64 { return float64(i.Generations) }),
	gauge("input_locked", "1 while the timeline's store has the anchor of the source clock", ofInput,
		func(i *Input) float64 { return truth(i.Lock == Locked) }),
	gauge("input_timecode_rules", "1 while timecode in the pictures places them on the timeline", ofInput,
		func(i *Input) float64 { return truth(i.Timecode != nil && i.Timecode.Rules) }),
	gauge("input_timecode_offset_seconds", "How much later timecode puts pictures; 0 until known", ofInput,
		func(i *Input) float64 {
			if i.Timecode == nil || i.Timecode.OffsetMs == nil {
				return 0
			}
			return *i.Timecode.OffsetMs / 1000
		}),
	gauge("input_silence_seconds", "Age of the newest packet; -1 while none has come", ofInput,
		func(i *Input) float64 {
			if i.LastPacketMs < 0 {
				return -1
			}
			return i.LastPacketMs / 1000
		}),
	gauge("input_errors_last_second", "Stream errors in the last second, as failover.errors counts them", ofInput,
		func(i *Input) float64 { return float64(i.LastSecond) }),
	gauge("input_content_known", "1 while the picture or the sound is being watched", ofInput,
		func(i *Input) float64 { return truth(i.Content != nil) }),
	counter("input_monitor_restarts", "Times the FFmpeg that watches the content had died or hung", ofInput,
		func(i *Input) float64 { return float64(i.Restarts) }),
	gauge("input_spool_seconds", "Media in the spool", ofInput, func(i *Input) float64 { return i.Spool.Seconds }),
	gauge("input_spool_bytes", "Bytes in the spool", ofInput, func(i *Input) float64 { return float64(i.Spool.Bytes) }),
}

// unix is t in seconds; 0 for the zero time.
func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
