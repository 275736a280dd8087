package pipeline

import (
	"fmt"
	"slices"

	"onair/pipeline/config"
	"onair/pipeline/ingest"
	"onair/pkg/selector"
)

// noSuchProgramme are the programmes that a newer reading of the file asks for and that are not in the streams which
// come: a slip that would show only when the programme of before ends.
func (c *Channel) noSuchProgramme(next *config.Channel) (problems config.Problems) {
	before := c.latest.Load().Inputs
	for i, cfg := range next.Inputs {
		named := func(in config.Input) bool { return in.Name == cfg.Name }
		was := slices.IndexFunc(before, named)
		at := slices.IndexFunc(c.inputs(), func(in *input) bool { return in.name == cfg.Name })
		if was < 0 || at < 0 || cfg.Program == 0 || cfg.Program == before[was].Program || !cfg.SameLegs(before[was]) {
			continue
		}
		st := c.inputs()[at].programme.Stats()
		if _, there := st.Announced[uint16(cfg.Program)]; !there && c.now()-st.LastPacket < selector.Settle {
			problems = append(problems, next.Refuse(fmt.Sprintf("inputs[%d].program", i), fmt.Sprintf(
				"program %d is not in the stream that comes: it has %s", cfg.Program, ingest.Numbers(st.Announced))))
		}
	}
	return problems
}
