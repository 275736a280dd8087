package fec

import "onair/pkg/tick"

// Stats counts what came and what was made of it.
type Stats struct {
	Packets       uint64 // FEC packets
	Recovered     uint64 // media packets brought back before they came, if they ever did
	Unrecoverable uint64 // media packets that are missing and cannot be brought back any more
	Refused       uint64 // datagrams that are no FEC of this kind
	Stray         uint64 // FEC packets of media that is not known, as that from before the start
	Mismatched    uint64 // recoveries whose result could not be a packet of the stream

	Columns, Rows int       // of the matrix, as last seen; 0: not told, since a row does not say how many rows there are
	Lateness      tick.Tick // of FEC behind the first packet that it protects, at most, lately
	Delay         tick.Tick // how long after its place in the stream a packet may be brought back; 0: not known yet
}

// Stats is the state so far.
func (d *Decoder) Stats() Stats {
	s := d.stats
	s.Columns, s.Rows, s.Lateness, s.Delay = d.columns, d.rows, max(d.lateness.now, d.lateness.before), d.Delay()
	return s
}

// Delay is how long after its place in the stream a packet may be brought back, from what was seen lately and a half
// more: a column may be solved only by another one that comes after it. 0: that is not known, before the first
// matrices have come with all of their FEC.
func (d *Decoder) Delay() tick.Tick {
	const least = 10 * tick.Millisecond
	l := &d.lateness
	if l.n == 0 && l.before == 0 || d.max-d.begin < d.learning {
		return 0
	}
	most := max(l.now, l.before)
	return most + most/2 + least
}

// lateness is how long after the first packet that they protect FEC packets come: the longest of the last ones.
type lateness struct {
	n           int
	now, before tick.Tick
}

func (l *lateness) note(t tick.Tick) {
	const window = 128
	if l.n == window {
		l.n, l.now, l.before = 0, 0, l.now
	}
	l.n++
	l.now = max(l.now, t)
}
