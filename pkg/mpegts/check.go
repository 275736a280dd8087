package mpegts

import "onair/pkg/tick"

// Check is one check of ETSI TR 101 290 V1.4.1, tables 5.0a and 5.0b.
type Check uint8

// The checks of priority 1 and 2 that software can honestly make. PCR_accuracy (2.4) is left out: it needs stamps of
// the hardware on arrival.
const (
	SyncLoss Check = iota
	SyncByte
	PATError
	ContinuityError
	PMTError
	PIDError
	TransportErrors
	CRCError
	PCRRepetition
	PCRDiscontinuity
	PTSError
	CATError
	numChecks
)

// Limits of TR 101 290.
const (
	tableInterval = tick.Second / 2         // PAT and program maps
	pidInterval   = 5 * tick.Second         // a referenced video, audio or PCR PID: left to the user, 5 s is usual
	ptsInterval   = 700 * tick.Millisecond  // between timestamps of a stream
	pcrInterval   = 100 * tick.Millisecond  // between PCRs, by their values
	pcrAbsent     = 1000 * tick.Millisecond // without any PCR, by arrival
)

var checkNames = [numChecks]struct{ id, name string }{
	{"1.1", "TS_sync_loss"},
	{"1.2", "Sync_byte_error"},
	{"1.3.a", "PAT_error_2"},
	{"1.4", "Continuity_count_error"},
	{"1.5.a", "PMT_error_2"},
	{"1.6", "PID_error"},
	{"2.1", "Transport_error"},
	{"2.2", "CRC_error"},
	{"2.3.a", "PCR_repetition_error"},
	{"2.3.b", "PCR_discontinuity_indicator_error"},
	{"2.5", "PTS_error"},
	{"2.6", "CAT_error"},
}

// ID is the number of the check in TR 101 290: "1.1".
func (c Check) ID() string { return checkNames[c%numChecks].id }

// String is the name of the check in TR 101 290: "TS_sync_loss".
func (c Check) String() string { return checkNames[c%numChecks].name }

// Priority is 1 or 2.
func (c Check) Priority() int { return int(c.ID()[0] - '0') }

// CheckCount is how often one check failed.
type CheckCount struct {
	Check       Check
	Errors      uint64
	First, Last tick.Tick // of the first and the last error
	PID         uint16    // of the last error; PIDNull if it is of no PID
}

// PIDReport is the traffic of one PID.
type PIDReport struct {
	PID             uint16
	Packets         uint64
	Bitrate         int64 // bits/s over the last whole second
	Average         int64 // bits/s since the first packet of the stream; 0 while no time has passed
	Lost            uint64
	Duplicates      uint64
	Scrambled       uint64
	TransportErrors uint64
	PCRs            uint64
	PCRGap          tick.Tick // longest distance of two PCRs by value, discontinuities left out
	Timestamps      uint64    // PES packets with a PTS
	Untimed         uint64    // PES packets that have room for a PTS and carry none
	FirstPTS        uint64
	LastPTS         uint64
}

// Report is the state of a Monitor.
type Report struct {
	First       tick.Tick // arrival of the first packet
	Elapsed     tick.Tick // from the first packet to the newest instant
	Packets     uint64
	NullPackets uint64
	Bitrate     int64 // bits/s over the last whole second
	Average     int64 // bits/s since the first packet; 0 while no time has passed
	Checks      []CheckCount
	PIDs        []PIDReport // ascending
	Tables      TablesStats
}

// deadline watches something that has to come at least every limit.
type deadline struct {
	last    tick.Tick
	overdue bool // the present gap has been counted
}

// passed tells, once for each gap, that the limit is exceeded.
func (d *deadline) passed(now, limit tick.Tick) bool {
	if d.overdue || now-d.last <= limit {
		return false
	}
	d.overdue = true
	return true
}

func (d *deadline) met(now tick.Tick) { d.last, d.overdue = now, false }
