package control

var legFamilies = []family[Leg]{
	counter("leg_packets", "Datagrams received", ofLeg, func(l *Leg) float64 { return float64(l.Packets) }),
	counter("leg_bytes", "Bytes received", ofLeg, func(l *Leg) float64 { return float64(l.Bytes) }),
	gauge("leg_bitrate_bits_per_second", "Over the last second", ofLeg,
		func(l *Leg) float64 { return float64(l.Bitrate) }),
	counter("leg_lost", "Datagrams this leg did not bring", ofLeg, func(l *Leg) float64 { return float64(l.Lost) }),
	counter("leg_recovered", "Datagrams missing on this leg that another leg brought", ofLeg,
		func(l *Leg) float64 { return float64(l.Recovered) }),
	counter("leg_late", "Datagrams that came after the merge window", ofLeg,
		func(l *Leg) float64 { return float64(l.Late) }),
	counter("leg_duplicates", "Datagrams this leg brought twice", ofLeg,
		func(l *Leg) float64 { return float64(l.Duplicates) }),
	counter("leg_reordered", "Datagrams that came behind a later one", ofLeg,
		func(l *Leg) float64 { return float64(l.Reordered) }),
	counter("leg_wrong_type", "Datagrams that are no RTP, no MP2T or no whole packets", ofLeg,
		func(l *Leg) float64 { return float64(l.WrongType) }),
	counter("leg_rejected", "Datagrams and connections of senders that are not allowed", ofLeg,
		func(l *Leg) float64 { return float64(l.Rejected) }),
	gauge("leg_path_difference_seconds", "How far the leg is behind the fastest", ofLeg,
		func(l *Leg) float64 { return l.PathDifferenceMs / 1000 }),
}

var srtFamilies = []family[SRT]{
	gauge("leg_srt_rtt_seconds", "Round trip to the SRT peer", ofLeg, func(s *SRT) float64 { return s.RTTMs / 1000 }),
	counter("leg_srt_lost", "Packets SRT found missing", ofLeg, func(s *SRT) float64 { return float64(s.Loss) }),
	counter("leg_srt_dropped", "Packets SRT gave up", ofLeg, func(s *SRT) float64 { return float64(s.Drop) }),
	counter("leg_srt_retransmitted", "Packets that came as retransmissions", ofLeg,
		func(s *SRT) float64 { return float64(s.Retransmitted) }),
	counter("leg_srt_undecrypted", "Packets that could not be decrypted", ofLeg,
		func(s *SRT) float64 { return float64(s.Undecrypted) }),
}

// The run that is on air; a new run begins its counters at 0.
var runFamilies = []family[Run]{
	gauge("run_speed_ratio", "Speed of the run on air; 1 is real time", ofInput, func(r *Run) float64 { return r.Speed }),
	gauge("run_frames_per_second", "Frames encoded a second by the run on air", ofInput,
		func(r *Run) float64 { return r.FPS }),
	counter("run_frames", "Frames encoded by the run on air", ofInput, func(r *Run) float64 { return float64(r.Frames) }),
	counter("run_repeated_frames", "Frames it repeated to fill the grid", ofInput,
		func(r *Run) float64 { return float64(r.Dup) }),
	counter("run_dropped_frames", "Frames it dropped to fit the grid", ofInput,
		func(r *Run) float64 { return float64(r.Drop) }),
	gauge("run_behind_seconds", "Its newest frame behind the input's newest packet", ofInput,
		func(r *Run) float64 { return r.Behind }),
}

var renditionFamilies = []family[Rendition]{
	gauge("rendition_last_segment", "K of the newest segment; 0 while there is none", ofRendition,
		func(r *Rendition) float64 { return float64(r.LastK) }),
	counter("rendition_segments", "Segments made", ofRendition, func(r *Rendition) float64 { return float64(r.Segments) }),
	counter("rendition_bytes", "Bytes of segments made", ofRendition,
		func(r *Rendition) float64 { return float64(r.Bytes) }),
	counter("rendition_frames", "Frames taken from runs", ofRendition,
		func(r *Rendition) float64 { return float64(r.Frames) }),
	counter("rendition_gaps", "Segments listed as GAP", ofRendition,
		func(r *Rendition) float64 { return float64(r.Gaps) }),
	counter("rendition_holes", "Times frames were missing from the encoder", ofRendition,
		func(r *Rendition) float64 { return float64(r.Holes) }),
	gauge("rendition_segment_seconds", "Length of the newest segment", ofRendition,
		func(r *Rendition) float64 { return r.SegmentSeconds }),
	gauge("rendition_bitrate_bits_per_second", "Bitrate of the newest segment", ofRendition,
		func(r *Rendition) float64 { return float64(r.Bitrate) }),
	gauge("rendition_target_bitrate_bits_per_second", "Bitrate asked for", ofRendition,
		func(r *Rendition) float64 { return float64(r.TargetBitrate) }),
	gauge("rendition_publish_latency_seconds", "Arrival of the newest segment's last frame to its listing", ofRendition,
		func(r *Rendition) float64 { return r.PublishLatencyMs / 1000 }),
}

var storeFamilies = []family[Store]{
	gauge("store_last_segment", "K of the newest segment listed", ofStore,
		func(s *Store) float64 { return float64(s.LastK) }),
	gauge("store_listed_timestamp_seconds", "When it was listed (Unix time); 0: never", ofStore,
		func(s *Store) float64 { return unix(s.ListedAt) }),
	counter("store_writes", "Objects written", ofStore, func(s *Store) float64 { return float64(s.Writes) }),
	counter("store_errors", "Writes that failed, retries included", ofStore,
		func(s *Store) float64 { return float64(s.Errors) }),
	counter("store_gaps", "Segments that the store did not take in time", ofStore,
		func(s *Store) float64 { return float64(s.Gaps) }),
	gauge("store_queue_segments", "Segments waiting to be written", ofStore,
		func(s *Store) float64 { return float64(s.Queue) }),
	gauge("store_write_latency_seconds", "Duration of the newest write", ofStore,
		func(s *Store) float64 { return s.LatencyMs / 1000 }),
}
