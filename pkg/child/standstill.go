package child

import "time"

// Standstill tells a child that does nothing although there is something for it to do, because it is stopped or waits
// in vain, from one that is slow or starved by a busy machine. The zero value is ready.
type Standstill struct {
	stood  time.Duration // for how long there has been no sign of life
	awake  time.Duration // of its threads, when they were last looked at
	looked bool          // they were, since there has been none
}

// Look takes what has been seen in the time passed since the last look: a sign of life is that something came out, or
// that nothing was there to be read. It tells whether there has been none for longer than limit, in most of which the
// child's threads have neither run nor waited for a processor. A time in which nobody could look, because the whole
// machine stood, should count as no more than a look or a few. It is for the goroutine that calls Awake.
func (s *Standstill) Look(p *Process, life bool, passed, limit time.Duration) bool {
	if life {
		*s = Standstill{}
		return false
	}
	s.stood += passed
	if s.stood <= limit/4 || s.looked && s.stood <= limit {
		return false
	}
	awake, err := p.Awake()
	if err != nil {
		return false // it has just ended, or the kernel does not tell
	}
	if !s.looked || s.awake != awake {
		s.stood, s.awake, s.looked = limit/4, awake, true
		return false
	}
	return true
}
