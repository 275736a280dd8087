package ingest

import (
	"onair/pkg/mpegts"
	"onair/pkg/spool"
)

// read takes the time label of a picture, when the packet with that has come. entry is that of a PES packet that
// begins.
func (p *Programme) read(es *elementary, pkt mpegts.Packet, entry *spool.Entry) {
	if entry != nil {
		p.cfg.Labels.Picture(entry.Gen, entry.PTS)
	}
	if label, found := es.labels.Push(pkt); found {
		p.cfg.Labels.Label(label, p.now)
	}
}
