package webhook

import "time"

// Status describes a webhook.
type Status struct {
	Target    string // scheme and host
	Seen      uint64 // number of the newest event that was delivered or given up
	Delivered uint64 // events
	Dropped   uint64 // events: forgotten before they could be posted, refused, or tried for too long
	Requests  uint64
	Failures  uint64    // of the requests
	LastError string    // of the newest request; empty: it went well, or there was none
	At        time.Time // of the newest delivery; zero: none yet
}

// Status tells the state.
func (h *Hook) Status() Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.st
}

// passed notes events up to a number as delivered or dropped.
func (h *Hook) passed(last, delivered, dropped uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.st.Seen = last
	h.st.Delivered += delivered
	h.st.Dropped += dropped
}

// well notes a batch that was taken.
func (h *Hook) well(last, n uint64) {
	h.passed(last, n, 0)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.st.Requests++
	h.st.LastError, h.st.At = "", time.Now()
	if h.uneasy {
		h.cfg.Log.Info().Str("webhook", h.st.Target).Msg("webhook: works again")
		h.uneasy = false
	}
}

// failed counts a request that failed and logs at most once a minute, with the count of what was left out.
func (h *Hook) failed(err error) {
	text := h.hide(err.Error())
	h.mu.Lock()
	defer h.mu.Unlock()
	h.st.Requests++
	h.st.Failures++
	h.st.LastError = text
	h.muted++
	now := time.Now()
	if !h.logged.IsZero() && now.Sub(h.logged) < logEvery {
		return
	}
	h.cfg.Log.Warn().Str("webhook", h.st.Target).Str("error", text).Uint64("times", h.muted).
		Msg("webhook: events are not delivered")
	h.muted, h.logged, h.uneasy = 0, now, true
}
