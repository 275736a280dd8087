package control

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Bounds of an answer about events.
const (
	usualEvents = 100
	mostEvents  = 1000
)

// Level of an event.
type Level string

// Levels of an event: Error is what a viewer may see, Warning what endangers the channel, Info the rest.
const (
	Info    Level = "info"
	Warning Level = "warning"
	Error   Level = "error"
)

// levels are all of them, the least first.
var levels = []Level{Info, Warning, Error}

// AtLeast tells whether a level is as grave as another. What is no level is the least of all.
func (l Level) AtLeast(least Level) bool { return l.gravity() >= least.gravity() }

func (l Level) gravity() int {
	for i, known := range levels {
		if l == known {
			return i
		}
	}
	return -1
}

// Event is something that happened to the channel and that its operator may want to know.
type Event struct {
	Seq     uint64    `json:"seq"` // counts the channel's events from 1, see Events.Began
	Time    time.Time `json:"time"`
	Level   Level     `json:"level"`
	Stage   string    `json:"stage"` // who tells: "ingest", "run", "publish" ...
	Input   string    `json:"input"` // the input that it is about; empty: none, or not known
	Code    string    `json:"code"`  // a word for what happened, see docs/events.md; empty: there is none
	Message string    `json:"message"`
}

// EventQuery says which of the events that are kept are wanted.
type EventQuery struct {
	Newest bool   // the newest ones; else those behind After, the oldest first
	After  uint64 // number of an event; one that does not exist yet is of an earlier process: all are wanted
	Limit  int    // no more than so many
	Least  Level  // this level and graver ones; empty: all
}

// Events are those that were asked for, oldest first.
type Events struct {
	Began  time.Time `json:"began"` // when the numbers began; another one than before: they began anew
	First  uint64    `json:"first"` // number of the oldest event that is kept; 0: there is none
	Last   uint64    `json:"last"`  // number to ask on from: nothing that matches lies between the answer and it
	Events []Event   `json:"events"`
}

// Webhook is where the events of a channel are posted.
type Webhook struct {
	Target      string    `json:"target"` // scheme and host; the rest may be secret
	Delivered   uint64    `json:"delivered"`
	Dropped     uint64    `json:"dropped"` // refused, tried for too long, or forgotten before they could be posted
	Queue       int       `json:"queue"`   // events that wait
	Requests    uint64    `json:"requests"`
	Failures    uint64    `json:"failures"`     // of the requests
	DeliveredAt time.Time `json:"delivered_at"` // the newest delivery; zero: none yet
	LastError   string    `json:"last_error"`   // of the newest request; empty: it went well, or there was none
}

// getEvents answers with the events that the query asks for.
func (h *handler) getEvents(w http.ResponseWriter, r *http.Request, s Source) {
	q, err := parseEvents(r.URL.Query())
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	list := s.Events(q)
	list.Events = orEmpty(list.Events)
	h.answer(w, http.StatusOK, list)
}

// parseEvents reads the query of a request for events.
func parseEvents(values url.Values) (EventQuery, error) {
	q := EventQuery{Newest: true, Limit: usualEvents, Least: Info}
	for name, given := range values {
		if len(given) != 1 {
			return q, fmt.Errorf("%s is given %d times, allowed is once", name, len(given))
		}
		var err error
		switch v := given[0]; name {
		case "after":
			q.Newest = false
			if q.After, err = strconv.ParseUint(v, 10, 63); err != nil {
				return q, errors.New("after is no number of an event, allowed is 0 or more")
			}
		case "limit":
			if q.Limit, err = strconv.Atoi(v); err != nil || q.Limit < 1 || q.Limit > mostEvents {
				return q, fmt.Errorf("limit is out of bounds, allowed is 1 to %d", mostEvents)
			}
		case "level":
			if q.Least = Level(v); q.Least.gravity() < 0 {
				return q, errors.New("level is unknown, allowed is info, warning or error")
			}
		default:
			return q, fmt.Errorf("%q is not known here, allowed are after, limit and level", name)
		}
	}
	return q, nil
}
