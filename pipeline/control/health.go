package control

import (
	"io"
	"net/http"
	"strings"
)

// healthz tells that the process is alive.
func healthz(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") }

// readyz tells whether every channel is fresh, else which is not and why.
func (h *handler) readyz(w http.ResponseWriter, _ *http.Request) {
	var why strings.Builder
	for _, c := range h.channels {
		if err := c.source.Fresh(); err != nil {
			why.WriteString(c.name + ": " + err.Error() + "\n")
		}
	}
	if why.Len() > 0 {
		plain(w, http.StatusServiceUnavailable, why.String())
		return
	}
	plain(w, http.StatusOK, "ok\n")
}

func plain(w http.ResponseWriter, code int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, body) // a peer that is gone needs no answer
}
