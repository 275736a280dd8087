package verify

import "onair/pkg/likeness"

// Whose fault it is when two outputs of one channel differ.
const (
	causeConfig   = likeness.Config
	causeFeed     = "feed"
	causeClock    = "clock"
	causePipeline = likeness.Pipeline
	causeDelivery = "delivery"
)

// What to do about it.
const (
	adviseConfig = likeness.AdviseConfig
	adviseGrid   = likeness.AdviseGrid
	adviseClock  = "the two pipelines place the feed differently: give both the same timeline: store, and look at the " +
		"lock of each input in the API; feeds without the same timestamps cannot be locked"
	adviseFeed = "what the two pipelines receive is not the same, or one began or ended in the middle of the segment: " +
		"compare events, loss and the active input of both in the API, and where their feeds come from"
	adviseMissing = "nothing is wrong with what is there: whoever delivers takes these segments from the other " +
		"pipeline; the events of the one that lacks them say why"
	adviseDelivery = "an output that does not answer cannot be compared: look at its pipeline, its origin and the network"
	adviseMedia    = likeness.AdviseMedia
	adviseReload   = likeness.AdviseReload
	adviseDecode   = "install FFmpeg, or verify fewer renditions or for a shorter time on a machine that has room"
)

func twin(r *rule, cause, advice string) *rule {
	r.cause, r.advice = cause, advice
	return r
}

// aspect is a hard rule about an aspect of segments.
func aspect(a likeness.Aspect, clause, text string) *rule {
	cause, advice := a.Fault()
	return twin(hard("twin."+string(a), clause, text), cause, advice)
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

	twinBreaks = twin(soft("twin.discontinuity-sequence", "RFC 8216bis §6.2.4",
		"a segment has the same discontinuity sequence number in both"), causePipeline, adviseReload)

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

// twinAspects are the rules of what makes segments of two outputs interchangeable.
var twinAspects = map[likeness.Aspect]*rule{
	likeness.Name:   aspect(likeness.Name, "onair contract", "a segment has the same name in both"),
	likeness.Extinf: aspect(likeness.Extinf, "RFC 8216bis §4.4.4.1", "a segment has the same EXTINF in both"),
	likeness.Date:   aspect(likeness.Date, "RFC 8216bis §6.2.4", "a segment has the same date in both"),
	likeness.Discontinuity: aspect(likeness.Discontinuity, "RFC 8216bis §6.2.4",
		"a segment follows a discontinuity in both or in neither"),
	likeness.Init: aspect(likeness.Init, "ISO/IEC 23000-19 §7.3",
		"init segments have the same name and the same bytes"),
	likeness.KeyID: aspect(likeness.KeyID, "ISO/IEC 23001-7 §8.2", "encrypted tracks have the same default_KID"),
	likeness.Start: aspect(likeness.Start, "onair contract", "a segment begins at the same decode time in both"),
	likeness.Sequence: aspect(likeness.Sequence, "onair contract",
		"a segment has the same mfhd number in both"),
	likeness.Samples: aspect(likeness.Samples, "onair contract",
		"a segment has the same number of samples in both"),
	likeness.Durations: aspect(likeness.Durations, "onair contract", "every sample lasts as long in both"),
	likeness.Presentation: aspect(likeness.Presentation, "ISO/IEC 23000-19 §7.3",
		"the first sample and the earliest one are presented at the same time in both"),
	likeness.RandomAccess: aspect(likeness.RandomAccess, "ISO/IEC 23000-19 §7.3.2",
		"a segment begins with a sync sample in both: an IDR picture, where it is video"),
}

// twinRules is every rule of two outputs, in the order of reports.
var twinRules = []*rule{
	twinCommon, twinRenditions, twinVariants, twinMPD, twinNumber, twinTarget,
	twinAspects[likeness.Name], twinAspects[likeness.Init], twinAspects[likeness.KeyID],
	twinAspects[likeness.Extinf], twinAspects[likeness.Date], twinAspects[likeness.Discontinuity], twinBreaks,
	twinAspects[likeness.Start], twinAspects[likeness.Sequence], twinAspects[likeness.Samples],
	twinAspects[likeness.Durations], twinAspects[likeness.Presentation], twinAspects[likeness.RandomAccess],
	twinDecode, twinContent,
	twinAlike, twinGap, twinListed, twinHead, twinSlate, twinAnswers, twinDecoded,
}
