package encode

import "fmt"

// Codes of events, for those who read them by machine.
const (
	CodeSwitch    = "input_switch"     // another input, or none, is to be shown
	CodeRestart   = "run_restart"      // a run died, stalled or could not be started; another one follows
	CodeHandover  = "run_handover"     // a run took over from another as planned
	CodeSkip      = "media_skipped"    // what ended one run after the other is left out
	CodeMute      = "audio_lost"       // a track of the input has stopped
	CodeSound     = "audio_back"       // it is back
	CodeSlate     = "slate_lost"       // not even the slate can be shown
	CodeSlow      = "encoder_slow"     // less is encoded because there is no time for all, or more again
	CodeRendition = "rendition_failed" // one rendition fails alone and is left out, or is tried again
	CodeLadder    = "ladder_failed"    // another ladder could not take over: the old one stays, and it is tried again
	CodeNote      = "run_note"         // what is to be known about how an input is encoded
)

// Event is what the operator should know.
type Event struct {
	Level   string // "info", "warning" or "error"
	Code    string // one of those above; empty: none
	Input   string // the input that it is about; empty: none
	Message string
}

// tell makes an event of what is to be known about an input, once.
func (e *Encoder) tell(input, level, what string) {
	text := fmt.Sprintf("input %s: %s", input, what)
	if !e.told[text] && len(e.told) < maxTold {
		e.told[text] = true
		e.event(Event{level, CodeNote, input, text})
	}
}

// maxTold bounds what is remembered of that.
const maxTold = 100

func (e *Encoder) event(ev Event) {
	if e.cfg.Event != nil {
		e.cfg.Event(ev)
	}
}
