package control

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Thumbnailer is a Source that shows its inputs.
type Thumbnailer interface {
	// Thumbnail is a small picture of the named input, a JPEG, and when it was made. The error says why there is none; it
	// wraps ErrNoInput when the channel has no such input.
	Thumbnail(ctx context.Context, input string) (jpeg []byte, made time.Time, err error)
}

// thumbnailAge is how long a thumbnail may be shown again, in seconds.
const thumbnailAge = "5"

// getThumbnail answers with the newest picture of an input.
func (h *handler) getThumbnail(w http.ResponseWriter, r *http.Request, s Source) {
	t, ok := s.(Thumbnailer)
	if !ok {
		refuse(w, http.StatusServiceUnavailable, "this channel shows no pictures of its inputs")
		return
	}
	jpeg, made, err := t.Thumbnail(r.Context(), r.PathValue("input"))
	switch {
	case errors.Is(err, ErrNoInput):
		refuse(w, http.StatusNotFound, err.Error())
	case err != nil:
		w.Header().Set("Retry-After", thumbnailAge)
		refuse(w, http.StatusServiceUnavailable, fmt.Sprintf("no picture of input %s: %v", r.PathValue("input"), err))
	default:
		w.Header().Set("Content-Type", "image/jpeg")
		w.Header().Set("Content-Length", strconv.Itoa(len(jpeg)))
		w.Header().Set("Cache-Control", "max-age="+thumbnailAge)
		w.Header().Set("Last-Modified", made.UTC().Format(http.TimeFormat))
		_, _ = w.Write(jpeg) // a peer that is gone needs no answer
	}
}
