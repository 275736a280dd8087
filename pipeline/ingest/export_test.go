package ingest

import "onair/pkg/leg"

// Parse finds the TS in a datagram as a leg of a scheme does.
func Parse(scheme leg.Scheme, b []byte) (ts []byte, sequenced bool, why string) {
	p := path{url: leg.URL{Scheme: scheme}}
	return p.parse(b)
}
