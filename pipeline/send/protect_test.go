package send_test

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"onair/pipeline/send"
	"onair/pkg/fec"
	"onair/pkg/leg"
	"onair/pkg/tick"
)

// TestWhatIsLostComesBackByFEC: with the FEC that is sent beside the media a receiver has every packet of the stream.
func TestWhatIsLostComesBackByFEC(t *testing.T) {
	t.Parallel()
	media, column, row := receiveFEC(t)
	s := stream(2 * time.Second)
	n := run(t, send.Config{
		Source: s, Columns: 5, Rows: 4, Seed: 4,
		Legs: []send.Leg{{URL: media.url(t, "rtp"), Impairment: send.Impairment{Loss: 0.03}}},
	})
	all := slices.Concat(media.end(), column.end(), row.end())
	isMedia := func(b []byte) bool { return b[1]&0x7F == 33 }
	slices.SortStableFunc(all, func(a, b arrival) int { return a.at.Compare(b.at) })
	packets := map[uint16][]byte{}
	d, err := fec.New(fec.Config{Out: func(b []byte) { packets[sequence(b)] = bytes.Clone(b) }})
	if err != nil {
		t.Fatal(err)
	}
	var now tick.Tick
	var came, others uint64
	for _, a := range all {
		now += tick.Millisecond
		if isMedia(a.data) {
			packets[sequence(a.data)] = a.data
			d.Media(a.data, now)
			came++
			continue
		}
		others++
		if err := d.FEC(a.data, now); err != nil {
			t.Fatal(err)
		}
	}
	var got []byte
	for i := range uint16(n.Datagrams) {
		if p := packets[n.FirstSequence+i]; p != nil {
			got = append(got, p[12:]...)
		}
	}
	st := d.Stats()
	if n.Legs[0].Dropped < 10 || came != n.Datagrams-n.Legs[0].Dropped || n.Legs[0].FEC != others {
		t.Errorf("%d media and %d FEC packets came: %+v", came, others, n)
	}
	if st.Columns != 5 || st.Rows != 4 || st.Mismatched != 0 || st.Recovered != n.Legs[0].Dropped {
		t.Errorf("%+v of %d dropped", st, n.Legs[0].Dropped)
	}
	if !bytes.Equal(got, s.bytes()) {
		t.Errorf("%d bytes are not the %d of the stream", len(got), len(s.bytes()))
	}
}

// receiveFEC receives on a port and on those two and four above it.
func receiveFEC(t *testing.T) (media, column, row *receiver) {
	t.Helper()
	for {
		media = receive(t, "udp", "127.0.0.1:0")
		port := media.conn.LocalAddr().(*net.UDPAddr).Port
		free := port < 65000
		for _, offset := range []int{2, 4} {
			c, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port+offset))
			if err != nil {
				free = false
				continue
			}
			c.Close()
		}
		if free {
			at := func(offset int) *receiver { return receive(t, "udp", fmt.Sprintf("127.0.0.1:%d", port+offset)) }
			return media, at(2), at(4)
		}
	}
}

func TestFECThatCannotBeSent(t *testing.T) {
	t.Parallel()
	rtp := destination(t, "rtp://127.0.0.1:5000")
	for want, c := range map[string]send.Config{
		"a matrix of 3x4":          {Columns: 3, Rows: 4, Legs: []send.Leg{{URL: rtp}}},
		"a matrix of 20x20":        {Columns: 20, Rows: 20, Legs: []send.Leg{{URL: rtp}}},
		"FEC is for rtp://":        {Columns: 8, Rows: 4, Legs: []send.Leg{{URL: destination(t, "udp://127.0.0.1:5000")}}},
		"there is no port 4 above": {Columns: 8, Rows: 4, Legs: []send.Leg{{URL: leg.URL{Scheme: leg.RTP, Host: "127.0.0.1", Port: 65533}}}},
	} {
		c.Source = made{}
		if _, err := send.New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want ...%s...", err, want)
		}
	}
}
