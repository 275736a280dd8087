package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
)

// Bounds of the API.
const (
	maxEvents  = 100  // events in an answer
	maxRequest = 4096 // bytes of a request's body
)

// List is the answer of /api/v1/channels.
type List struct {
	Channels []Status `json:"channels"`
}

// Problem is the body of every answer of the API that is no success.
type Problem struct {
	Error string `json:"error"` // what is wrong and what to do about it
}

// Switch is the request of /api/v1/channels/<channel>/input.
type Switch struct {
	Name string `json:"name"` // of the input, or "auto"
}

func (h *handler) getChannels(w http.ResponseWriter, _ *http.Request) {
	list := List{Channels: make([]Status, 0, len(h.channels))}
	for _, c := range h.channels {
		list.Channels = append(list.Channels, snapshot(c.source))
	}
	h.answer(w, http.StatusOK, list)
}

func (h *handler) getChannel(w http.ResponseWriter, _ *http.Request, s Source) {
	h.answer(w, http.StatusOK, snapshot(s))
}

// withChannel answers 404 where the path names no channel.
func (h *handler) withChannel(next func(http.ResponseWriter, *http.Request, Source)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("channel")
		s := h.find(name)
		if s == nil {
			refuse(w, http.StatusNotFound, fmt.Sprintf("no channel %q here", name))
			return
		}
		next(w, r, s)
	}
}

// postInput switches the input; the guard has let the request pass.
func (h *handler) postInput(w http.ResponseWriter, r *http.Request, s Source) {
	var req Switch
	if code, err := decode(w, r, &req); err != nil {
		refuse(w, code, err.Error())
		return
	}
	if req.Name == "" {
		refuse(w, http.StatusBadRequest, `name is missing: give an input's name, or "auto"`)
		return
	}
	switch err := s.SwitchInput(req.Name); {
	case errors.Is(err, ErrNoInput):
		refuse(w, http.StatusNotFound, err.Error())
	case err != nil:
		refuse(w, http.StatusConflict, err.Error())
	default:
		h.log.Info().Str("channel", r.PathValue("channel")).Str("input", req.Name).
			Str("remote", r.RemoteAddr).Msg("input switched by request")
		h.answer(w, http.StatusOK, snapshot(s))
	}
}

// apiElse answers what no route of the API takes.
func (h *handler) apiElse(w http.ResponseWriter, r *http.Request) {
	allow := ""
	switch rest, ok := strings.CutPrefix(r.URL.Path, "/api/v1/channels"); {
	case !ok:
	case (strings.HasSuffix(rest, "/input") || strings.HasSuffix(rest, "/reload")) && strings.Count(rest, "/") == 2:
		allow = "POST"
	case strings.HasSuffix(rest, "/thumbnail.jpg") && strings.Count(rest, "/") == 4:
		allow = "GET, HEAD"
	case strings.HasSuffix(rest, "/events") && strings.Count(rest, "/") == 2:
		allow = "GET, HEAD"
	case strings.Count(rest, "/") <= 1:
		allow = "GET, HEAD"
	}
	if allow == "" {
		refuse(w, http.StatusNotFound, "no such path in the API: begin at /api/v1/channels")
		return
	}
	w.Header().Set("Allow", allow)
	refuse(w, http.StatusMethodNotAllowed, r.Method+" is not allowed here, only "+allow)
}

// snapshot is a source's status as the API and the metrics show it: no nil lists, newest events only.
func snapshot(s Source) Status {
	st := s.Status()
	if err := s.Fresh(); err != nil {
		st.Stale = err.Error()
	}
	st.Events = orEmpty(st.Events)
	enc := &st.Encoder
	enc.Presets, enc.LeftOut, enc.Enforced = orEmpty(enc.Presets), orEmpty(enc.LeftOut), orEmpty(enc.Enforced)
	if len(st.Events) > maxEvents {
		st.Events = st.Events[:maxEvents]
	}
	st.Inputs, st.Runs = orEmpty(st.Inputs), orEmpty(st.Runs)
	st.Renditions, st.Stores = orEmpty(st.Renditions), orEmpty(st.Stores)
	if st.Reloads == nil {
		st.Reloads = map[string]uint64{}
	}
	if st.Switches == nil {
		st.Switches = map[string]uint64{}
	}
	for i := range st.Runs {
		st.Runs[i].Command = orEmpty(st.Runs[i].Command)
	}
	for i := range st.Inputs {
		in := &st.Inputs[i]
		in.Legs, in.Checks = orEmpty(in.Legs), orEmpty(in.Checks)
		for j := range in.Legs {
			if in.Legs[j].Rejections == nil {
				in.Legs[j].Rejections = map[string]uint64{}
			}
		}
		if in.Program != nil {
			in.Program.Streams = orEmpty(in.Program.Streams)
		}
	}
	return st
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// decode reads a JSON body that must hold v's fields and nothing else; the code goes with the error.
func decode(w http.ResponseWriter, r *http.Request, v any) (int, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return http.StatusUnsupportedMediaType, fmt.Errorf("content type is %q, must be application/json",
			r.Header.Get("Content-Type"))
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
	d.DisallowUnknownFields()
	if err = d.Decode(v); err == nil {
		if _, err = d.Token(); err == nil {
			err = errors.New("more follows the first value")
		} else if errors.Is(err, io.EOF) {
			return 0, nil
		}
	}
	var tooBig *http.MaxBytesError
	if errors.As(err, &tooBig) {
		return http.StatusRequestEntityTooLarge, fmt.Errorf("the body is longer than %d bytes", maxRequest)
	}
	return http.StatusBadRequest, fmt.Errorf("the body is not as asked for: %w", err)
}

// answer prints v as JSON.
func (h *handler) answer(w http.ResponseWriter, code int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // a number that JSON does not know: our fault
		h.log.Error().Err(err).Msg("status cannot be printed")
		refuse(w, http.StatusInternalServerError, "the status cannot be printed: "+err.Error())
		return
	}
	writeJSON(w, code, body)
}

// refuse answers with a problem.
func refuse(w http.ResponseWriter, code int, why string) {
	body, err := json.Marshal(Problem{why})
	if err != nil {
		body = []byte(`{"error":"unprintable"}`)
	}
	writeJSON(w, code, body)
}

func writeJSON(w http.ResponseWriter, code int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = w.Write(append(body, '\n')) // a peer that is gone needs no answer
}
