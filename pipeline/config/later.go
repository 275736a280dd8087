package config

import (
	"fmt"
)

// notYet is what the problem of a key says whose function is still to come.
const notYet = "is not in this version"

// later refuses what a file asks for and this version cannot do: doing nothing about it silently would be worse. What
// has its default value asks for nothing.
func (r *reader) later(c *Channel) {
	for i, in := range c.Inputs {
		path := fmt.Sprintf("inputs[%d]", i)
		r.check(in.Timecode != timecodeSEI, path+".timecode", notYet, "allowed is none")
	}
}
