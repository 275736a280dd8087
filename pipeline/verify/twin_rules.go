package verify

// Whose fault it is when two outputs of one channel differ.
const (
	causeConfig   = "config"
	causeFeed     = "feed"
	causeClock    = "clock"
	causePipeline = "pipeline"
	causeDelivery = "delivery"
)

// What to do about it.
const (
	adviseConfig = "the two pipelines do not run the same channel file: compare frame_rate, segment, gop, video and " +
		"audio (onair check prints what is derived), and the versions of onair and FFmpeg"
	adviseGrid = "the two pipelines count segments on different grids: give both the same channel file and the same " +
		"timeline: store, which keeps the grid of the channel's first start"
	adviseClock = "the two pipelines place the feed differently: give both the same timeline: store, and look at the " +
		"lock of each input in the API; feeds without the same timestamps cannot be locked"
	adviseFeed = "what the two pipelines receive is not the same, or one began or ended in the middle of the segment: " +
		"compare events, loss and the active input of both in the API, and where their feeds come from"
	adviseMissing = "nothing is wrong with what is there: whoever delivers takes these segments from the other " +
		"pipeline; the events of the one that lacks them say why"
	adviseDelivery = "an output that does not answer cannot be compared: look at its pipeline, its origin and the network"
	adviseMedia    = "one of the two files is damaged, or a pipeline has made other frames than its grid says: keep " +
		"both files, and look at the events of both pipelines around that time"
	adviseReload = "one pipeline has been reloaded or started anew since the other: reload both, and verify again when " +
		"the window has passed"
	adviseDecode = "install FFmpeg, or verify fewer renditions or for a shorter time on a machine that has room"
)

func twin(r *rule, cause, advice string) *rule {
	r.cause, r.advice = cause, advice
	return r
}

// Rules of two outputs that are to be interchangeable.
var (
	twinCommon = twin(hard("twin.common", "onair contract",
		"both outputs list media of the same numbers, of every rendition"), causeClock, adviseGrid)
	twinRenditions = twin(hard("twin.renditions", "RFC 8216bis §6.2.4", "both outputs have the same renditions"),
		causeConfig, adviseConfig)
	twinVariants = twin(hard("twin.multivariant", "RFC 8216bis §4.4.6",
		"both multivariant playlists declare the same: bandwidths, codecs, sizes, rates, groups"), causeConfig, adviseConfig)
	twinMPD = twin(hard("twin.mpd", "ISO/IEC 23009-1 §5.3",
		"both MPDs describe the same: epoch, Representations, codecs, templates, timescales"), causeConfig, adviseConfig)
	twinNumber = twin(hard("twin.mpd-number", "onair contract", "a number has the same time and files in both MPDs"),
		causeConfig, adviseGrid)
	twinTarget = twin(hard("twin.target-duration", "RFC 8216bis §6.2.4", "both declare the same target duration"),
		causeConfig, adviseGrid)

	twinName = twin(hard("twin.name", "onair contract", "a segment has the same name in both"), causePipeline,
		adviseConfig)
	twinInit = twin(hard("twin.init", "ISO/IEC 23000-19 §7.3", "init segments have the same name and the same bytes"),
		causeConfig, adviseConfig)
	twinKID = twin(hard("twin.key-id", "ISO/IEC 23001-7 §8.2", "encrypted tracks have the same default_KID"), causeConfig,
		"the two pipelines use different keys: both have to ask for them with the same content id and key ids")
	twinExtinf = twin(hard("twin.extinf", "RFC 8216bis §4.4.4.1", "a segment has the same EXTINF in both"), causeConfig,
		adviseGrid)
	twinDate = twin(hard("twin.program-date-time", "RFC 8216bis §6.2.4", "a segment has the same date in both"),
		causeConfig, adviseGrid)
	twinBreak = twin(hard("twin.discontinuity", "RFC 8216bis §6.2.4",
		"a segment follows a discontinuity in both or in neither"), causePipeline, adviseReload)
	twinBreaks = twin(soft("twin.discontinuity-sequence", "RFC 8216bis §6.2.4",
		"a segment has the same discontinuity sequence number in both"), causePipeline, adviseReload)

	twinStart = twin(hard("twin.tfdt", "onair contract", "a segment begins at the same decode time in both"), causeConfig,
		adviseGrid)
	twinSequence = twin(hard("twin.sequence-number", "onair contract", "a segment has the same mfhd number in both"),
		causePipeline, adviseMedia)
	twinSamples = twin(hard("twin.samples", "onair contract", "a segment has the same number of samples in both"),
		causePipeline, adviseMedia)
	twinDurations = twin(hard("twin.durations", "onair contract", "every sample lasts as long in both"), causePipeline,
		adviseMedia)
	twinPresented = twin(hard("twin.presentation-time", "ISO/IEC 23000-19 §7.3",
		"the first sample and the earliest one are presented at the same time in both"), causeConfig, adviseConfig)
	twinSync = twin(hard("twin.random-access", "ISO/IEC 23000-19 §7.3.2",
		"a segment begins with a sync sample in both: an IDR picture, where it is video"), causePipeline, adviseMedia)

	twinDecode = twin(hard("twin.decode", "onair contract",
		"segments taken from both in turns decode without an error, to as many frames as there are samples"), causePipeline,
		adviseMedia)
	twinContent = twin(hard("twin.content", "onair contract", "a number shows the same moment in both"), causeClock,
		adviseClock)

	twinAlike = twin(soft("twin.alike", "onair contract", "both show the same programme"), causeFeed, adviseFeed)
	twinGap   = twin(soft("twin.gap", "RFC 8216bis §4.4.4.7", "what one has as media is no gap in the other"),
		causePipeline, adviseMissing)
	twinListed = twin(soft("twin.listed", "onair contract", "what one lists the other lists, too"), causePipeline,
		adviseMissing)
	twinHead = twin(soft("twin.live-edge", "onair contract", "both list as far as the other, one segment more or less"),
		causePipeline, adviseMissing)
	twinSlate = twin(soft("twin.slate", "DASH-IF ingest", "a segment is slate in both or in neither"), causeFeed,
		adviseFeed)
	twinAnswers = twin(soft("twin.answers", "onair contract", "both outputs answer at every look"), causeDelivery,
		adviseDelivery)
	twinDecoded = twin(soft("twin.decoded", "onair contract", "all that is compared is decoded, too"), causeDelivery,
		adviseDecode)
)

// twinRules is every rule of two outputs, in the order of reports.
var twinRules = []*rule{
	twinCommon, twinRenditions, twinVariants, twinMPD, twinNumber, twinTarget,
	twinName, twinInit, twinKID, twinExtinf, twinDate, twinBreak, twinBreaks,
	twinStart, twinSequence, twinSamples, twinDurations, twinPresented, twinSync,
	twinDecode, twinContent,
	twinAlike, twinGap, twinListed, twinHead, twinSlate, twinAnswers, twinDecoded,
}
