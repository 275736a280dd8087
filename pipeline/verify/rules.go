package verify

// rule is one thing that an output must do (hard) or should do.
type rule struct {
	id     string
	hard   bool
	clause string
	text   string
	cause  string // of what it compares two outputs in: whose fault it is when they differ
	advice string // what to do then
}

func hard(id, clause, text string) *rule {
	return &rule{id: id, hard: true, clause: clause, text: text}
}
func soft(id, clause, text string) *rule { return &rule{id: id, clause: clause, text: text} }

// Rules of delivery.
var (
	httpStatus = hard("http.status", "RFC 8216bis §6.3",
		"what is listed can be fetched (status 200), without a redirect")
	httpType    = hard("http.content-type", "RFC 8216bis §4, DASH-IF", "the media type is that of the format")
	httpCORS    = hard("http.cors", "Fetch standard", "any page may read the object (Access-Control-Allow-Origin: *)")
	httpCaching = hard("http.caching", "RFC 8216bis B.1",
		"playlists are fresh for at most a target duration, media for longer, an error or slate for seconds")
	httpETag = hard("http.etag", "RFC 9110 §13.1.2",
		"objects carry an ETag and are not sent again to who has them (304)")
	httpRange = hard("http.range", "RFC 9110 §14", "a range of a segment can be fetched (206)")
	httpStale = hard("http.last-modified", "Apple 8.24",
		"a playlist's Last-Modified is at most 3 target durations behind Date")
	httpGzip     = soft("http.gzip", "Apple 10.1", "playlists and MPD are compressed for who accepts it")
	httpRetained = hard("http.retained", "RFC 8216bis §6.2.2",
		"a segment that left the playlist stays fetchable for its duration plus the playlist's")
)

// Rules of HLS playlists.
var (
	hlsSyntax = hard("hls.syntax", "RFC 8216bis §4",
		"the playlist can be read: UTF-8, tags once where once, attribute lists by the grammar")
	hlsVersion = soft("hls.version", "RFC 8216bis §8", "the declared version is that of the tags that are used")
	hlsTarget  = hard("hls.target-duration", "RFC 8216bis §4.4.3.1, Apple 7.7",
		"no EXTINF rounds to more than the target duration")
	hlsTargetSame = hard("hls.target-duration-fixed", "RFC 8216bis §6.2.1, Apple 5.6 8.2",
		"the target duration never changes and is that of every rendition")
	hlsLive        = hard("hls.live", "RFC 8216bis §4.4.3", "a channel has no ENDLIST and no PLAYLIST-TYPE")
	hlsIndependent = hard("hls.independent-segments", "Apple 9.11", "EXT-X-INDEPENDENT-SEGMENTS is given")
	hlsDate        = hard("hls.program-date-time", "RFC 8216bis §6.2.1, Apple 8.4",
		"every playlist has dates, with milliseconds and zone, at its head and at each discontinuity")
	hlsDateOfK = hard("hls.program-date-time-of-k", "onair contract", "a date is a function of the segment number")
	hlsName    = hard("hls.number-is-name", "onair contract",
		"the media sequence number is the number K in the segment's name")
	hlsMap = hard("hls.map", "RFC 8216bis §4.4.4.5",
		"an EXT-X-MAP precedes the media and changes only at a discontinuity")
	hlsLength    = hard("hls.length", "RFC 8216bis §6.2.2", "a playlist lists at least three target durations")
	hlsSix       = soft("hls.six-segments", "Apple 8.11", "a playlist lists at least six segments")
	hlsDiscontin = soft("hls.discontinuity-sequence", "Apple 8.17", "EXT-X-DISCONTINUITY-SEQUENCE is given")
	hlsGap       = soft("hls.gap", "RFC 8216bis §4.4.4.7", "nothing is missing (EXT-X-GAP)")
	hlsRegress   = hard("hls.sequence-regress", "RFC 8216bis §6.2.2",
		"sequence numbers never go back, and count what was removed")
	hlsChanged = hard("hls.listed-changed", "RFC 8216bis §6.2.1",
		"what is listed does not change: URI, duration, date, gap, discontinuity, map")
	hlsCadence = hard("hls.cadence", "RFC 8216bis §6.2.1",
		"a segment is added at most 1.5 target durations after the one before")
	hlsAligned = hard("hls.renditions-aligned", "Apple 8.15, onair contract",
		"renditions list the same numbers, with discontinuities at the same ones")
	hlsDuration = hard("hls.extinf", "RFC 8216bis §4.4.4.1, Apple 8.1",
		"EXTINF is the duration of the media, to the millisecond")

	hlsVariant = hard("hls.variant", "RFC 8216bis §4.4.6.2, Apple 9.1 9.2 9.14 9.15",
		"variants declare bandwidths, codecs, resolution and frame rate, in sensible values")
	hlsGroups = hard("hls.groups", "RFC 8216bis §4.4.6.1",
		"groups that are named exist and their members are well described")
	hlsCaptions  = hard("hls.closed-captions", "RFC 8216bis §4.4.6.2", "captions are declared, or NONE in every variant")
	hlsCodecs    = hard("hls.codecs", "RFC 6381", "CODECS are those of the init segments")
	hlsPeak      = hard("hls.bandwidth", "Apple 1.29", "no segment needs more than 125 % of BANDWIDTH")
	hlsAverage   = hard("hls.average-bandwidth", "Apple 1.28", "an hour needs less than 110 % of AVERAGE-BANDWIDTH")
	hlsAverageIs = soft("hls.average-bandwidth-so-far", "Apple 1.28",
		"the time watched needs less than 110 % of AVERAGE-BANDWIDTH")
	hlsIFrames = soft("hls.i-frame-playlists", "Apple 6.1", "I-frame playlists are given")
)

// Rules of DASH.
var (
	dashSyntax = hard("dash.syntax", "ISO/IEC 23009-1 §5.3", "the MPD can be read and has what a live one needs")
	dashEpoch  = hard("dash.availability-start", "DASH-IF ingest, onair contract",
		"availabilityStartTime is 1970-01-01T00:00:00Z")
	dashClock   = hard("dash.utc-timing", "DASH-IF IOP", "UTCTiming is given by an allowed scheme and works")
	dashPublish = hard("dash.publish-time", "ISO/IEC 23009-1 §5.3.1.2",
		"publishTime does not go back and changes with the content")
	dashFixed = hard("dash.invariants", "DASH-IF IOP timing §9",
		"what must not change between updates does not: periods, sets, representations, listed segments")
	dashContiguous = hard("dash.contiguous", "DASH-IF IOP timing", "a SegmentTimeline has no hole and no overlap")
	dashNumber     = hard("dash.number-is-k", "onair contract", "$Number$ is K and its time is where K begins")
	dashPeriod     = hard("dash.period", "ISO/IEC 23009-1 §5.3.2",
		"periods ascend, begin where their first segment does and are named after it")
	dashSameFiles = hard("dash.same-files", "onair contract", "MPD and playlists reference the same files")
	dashDescribed = hard("dash.representation", "ISO/IEC 23009-1 §5.3.5",
		"representations are described as in the playlists and the init segments")
	dashOpen = soft("dash.not-allowed", "DASH-IF IOP", "nothing is used that interoperability points forbid")
)

// Rules of media.
var (
	mediaInit = hard("media.init", "ISO/IEC 23000-19 §7.3",
		"init segments can be read, are CMAF headers, and stay as they are")
	mediaSegment = hard("media.segment", "ISO/IEC 23000-19 §7.3.3", "segments can be read and hold one track's samples")
	mediaStart   = hard("media.tfdt", "onair contract",
		"segment K begins exactly at K*T: video on it, audio with the first frame at or after it")
	mediaSequence = hard("media.sequence-number", "onair contract", "mfhd's sequence number is K modulo 2^32")
	mediaJoined   = hard("media.contiguous", "ISO/IEC 23000-19 §7.3.2.2", "a segment ends where the next begins")
	mediaLength   = hard("media.duration", "onair contract",
		"segment K ends exactly at (K+1)*T, all frames of one duration")
	mediaKey     = hard("media.random-access", "Apple 7.4", "a video segment begins with an IDR picture at its start")
	mediaAligned = hard("media.audio-video", "onair contract",
		"audio begins less than a frame after the video of the same segment")
	mediaBrands   = soft("media.brands", "ISO/IEC 23000-19 §7.2", "segments name the brands that they conform to")
	mediaProducer = hard("media.prft", "ISO/IEC 14496-12 §8.16.5",
		"the producer reference time, where given, is that of the media")
	mediaImmutable = hard("media.immutable", "onair contract", "a segment does not change under its name")
	mediaSlate     = soft("media.slate", "DASH-IF ingest", "the segment is content, not slate")
)

// allRules is every rule, in the order of reports.
var allRules = append([]*rule{
	httpStatus, httpType, httpCORS, httpCaching, httpETag, httpRange, httpStale, httpGzip, httpRetained,
	hlsSyntax, hlsVersion, hlsTarget, hlsTargetSame, hlsLive, hlsIndependent, hlsDate, hlsDateOfK, hlsName, hlsMap,
	hlsLength, hlsSix,
	hlsDiscontin, hlsGap, hlsRegress, hlsChanged, hlsCadence, hlsAligned, hlsDuration,
	hlsVariant, hlsGroups, hlsCaptions, hlsCodecs, hlsPeak, hlsAverage, hlsAverageIs, hlsIFrames,
	dashSyntax, dashEpoch, dashClock, dashPublish, dashFixed, dashContiguous, dashNumber, dashPeriod, dashSameFiles,
	dashDescribed, dashOpen,
	mediaInit, mediaSegment, mediaStart, mediaSequence, mediaJoined, mediaLength, mediaKey, mediaAligned, mediaBrands,
	mediaProducer,
	mediaImmutable, mediaSlate,
}, twinRules...)
