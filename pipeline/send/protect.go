package send

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"onair/pkg/fec"
	"onair/pkg/leg"
)

// Where FEC goes: so far above the media's port (ST 2022-1 §8.1).
var fecPorts = map[fec.Kind]uint16{fec.Column: 2, fec.Row: 4}

// protector sends the FEC of what is sent. A nil one sends none.
type protector struct {
	s     *Sender
	enc   *fec.Encoder
	now   datagram // of the call under way
	fates []Fate   // of that datagram, by leg
}

// newProtector checks the matrix; nil: no FEC is asked for.
func newProtector(s *Sender) (*protector, error) {
	if s.c.Columns == 0 && s.c.Rows == 0 {
		return nil, nil //nolint:nilnil // no FEC is no error
	}
	p := &protector{s: s}
	any := false
	for _, l := range s.lines {
		if l.url.Scheme != leg.RTP {
			continue
		}
		any = true
		if l.url.Port > 65535-fecPorts[fec.Row] {
			return nil, fmt.Errorf("destination %s: there is no port %d above it for FEC", l.url, fecPorts[fec.Row])
		}
	}
	if !any {
		return nil, errors.New("FEC is for rtp:// destinations, and there is none")
	}
	var err error
	p.enc, err = fec.NewEncoder(fec.EncoderConfig{Columns: s.c.Columns, Rows: s.c.Rows, Out: p.out})
	return p, err
}

// open opens the ports of a leg that gets FEC.
func (p *protector) open(ctx context.Context, l *line) error {
	if p == nil || l.url.Scheme != leg.RTP {
		return nil
	}
	l.fec = map[fec.Kind]destination{}
	for kind, offset := range fecPorts {
		u := l.url
		u.Port += offset
		to, err := open(ctx, u)
		if err != nil {
			return err
		}
		l.fec[kind] = to
	}
	return nil
}

// protect takes a datagram that was handed to the legs.
func (p *protector) protect(d datagram, fates []Fate) error {
	if p == nil {
		return nil
	}
	p.now, p.fates = d, fates
	return p.enc.Media(d.rtp)
}

// out hands an FEC packet to the legs.
func (p *protector) out(kind fec.Kind, packet []byte) {
	d := datagram{at: p.now.at, rtp: bytes.Clone(packet)}
	for i, l := range p.s.lines {
		l.putFEC(d, kind, p.fates[i])
	}
}
