package pipeline

import (
	"context"
	"testing"

	"onair/pipeline/config"
)

// TestAnOutputThatComesAtTheEnd: a channel that ends takes no more stores, and can still be asked for its state.
func TestAnOutputThatComesAtTheEnd(t *testing.T) {
	ch := newChannel(t, t.TempDir(), "")
	ch.found(picture(25, 1, false))
	air, err := ch.prepare(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	publishing, stop := context.WithCancel(context.Background())
	air.publish = func(o *output) { o.end = start(publishing, o.run) }
	air.publish(ch.outputs()[0])
	ch.air.Store(air)
	stop()
	if err := ch.endOutputs(air); err != nil {
		t.Fatal(err)
	}
	more, err := openOutput(config.Store{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ch.changeOutputs([]*output{ch.outputs()[0], more})
	if st := ch.Status(); len(st.Stores) != 1 {
		t.Errorf("stores %+v", st.Stores)
	}
}
