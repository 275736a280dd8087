package control

import (
	"errors"
	"net/http"
	"strings"
)

// Reloaded is the answer of /api/v1/channels/<channel>/reload.
type Reloaded struct {
	Changes []Change `json:"changes"` // what is applied; empty: the file says what it said
}

// Change is one key of the channel's file that has another value.
type Change struct {
	Key    string `json:"key"`    // such as inputs[0].legs
	Change string `json:"change"` // without secrets
}

// ReloadRefused is why a file was not taken: nothing has changed.
type ReloadRefused struct {
	Problems []string // "file:line: key: what is wrong"
}

// Error is one problem a line.
func (r ReloadRefused) Error() string { return strings.Join(r.Problems, "\n") }

// Refused is the body of a refusal of /api/v1/channels/<channel>/reload.
type Refused struct {
	Error    string   `json:"error"`
	Problems []string `json:"problems"`
}

// postReload reads the channel's file again; the guard has let the request pass.
func (h *handler) postReload(w http.ResponseWriter, r *http.Request, s Source) {
	out, err := s.Reload()
	if err == nil {
		h.log.Info().Str("channel", r.PathValue("channel")).Str("remote", r.RemoteAddr).Msg("reloaded by request")
		out.Changes = orEmpty(out.Changes)
		h.answer(w, http.StatusOK, out)
		return
	}
	refused := ReloadRefused{}
	if !errors.As(err, &refused) {
		refused.Problems = []string{err.Error()}
	}
	h.answer(w, http.StatusConflict, Refused{"the file is not taken, all stays as it was", refused.Problems})
}
