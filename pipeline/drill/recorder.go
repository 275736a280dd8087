package drill

import (
	"slices"
	"strings"
	"sync"
	"time"

	"onair/pipeline/viewer"
)

// Record is one fault of a drill, and what the viewers suffered from its beginning to that of the next one.
type Record struct {
	At      float64  `json:"at"`      // seconds from the beginning
	Fault   string   `json:"fault"`   // its kind
	Target  string   `json:"target"`  // whom it was for: a target or a region
	Done    string   `json:"done"`    // what exactly was done
	Seconds float64  `json:"seconds"` // how long it lasted
	Whole   float64  `json:"whole_again"`
	LeftOut string   `json:"left_out"`
	Error   string   `json:"error"`
	Pause   float64  `json:"longest_pause_seconds"`
	Lost    float64  `json:"lost_seconds"`
	Off     float64  `json:"off_seconds"`
	Errors  int64    `json:"errors"`
	Effects []Effect `json:"effects"`
}

// Effect is what one viewer suffered of one fault. Who noticed nothing has none.
type Effect struct {
	Viewer string  `json:"viewer"`
	Pause  float64 `json:"longest_pause_seconds"`
	Lost   float64 `json:"lost_seconds"`
	Off    float64 `json:"off_seconds"`
	Errors int64   `json:"errors"`
}

// recorder puts what viewers suffer down to faults.
type recorder struct {
	mu     sync.Mutex
	began  time.Time
	notice float64 // a pause of so many seconds is noticed
	faults []*Record
	calm   Record // before the first fault
}

func newRecorder() *recorder { return &recorder{calm: Record{Effects: []Effect{}}} }

// noticed is how many segments' time without a new one is more than usual (RFC 8216bis §6.2.1).
const noticed = 1.5

func (r *recorder) begin(now time.Time, segment time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.began, r.notice = now, segment.Seconds()*noticed
}

// chosen notes that a fault begins, or is left out.
func (r *recorder) chosen(a Action, now time.Time, leftOut string) *Record {
	target := a.Region
	if target == "" {
		target = strings.Join(a.Targets, ", ")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	x := &Record{
		At: now.Sub(r.began).Seconds(), Fault: string(a.Fault.Kind), Target: target, LeftOut: leftOut, Effects: []Effect{},
	}
	r.faults = append(r.faults, x)
	return x
}

// over notes what was done, and that it is undone.
func (r *recorder) over(x *Record, now time.Time, done string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	x.Seconds, x.Done = now.Sub(r.began).Seconds()-x.At, done
	if err != nil {
		x.Error = err.Error()
	}
}

// wholeAgain notes when the targets of a fault were whole again.
func (r *recorder) wholeAgain(x *Record, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !at.IsZero() {
		x.Whole = at.Sub(r.began).Seconds()
	}
}

// suffer puts something down to the fault that began last.
func (r *recorder) suffer(e viewer.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	to := &r.calm
	for _, x := range slices.Backward(r.faults) {
		if x.LeftOut == "" {
			to = x
			break
		}
	}
	if e.Kind == viewer.Pause {
		to.Pause = max(to.Pause, e.Seconds)
		if e.Seconds <= r.notice {
			return
		}
	}
	i := slices.IndexFunc(to.Effects, func(f Effect) bool { return f.Viewer == e.Viewer })
	if i < 0 {
		i = len(to.Effects)
		to.Effects = append(to.Effects, Effect{Viewer: e.Viewer})
	}
	f := &to.Effects[i]
	switch {
	case e.Kind == viewer.Pause:
		f.Pause = max(f.Pause, e.Seconds)
	case e.Kind == viewer.Lost:
		f.Lost += e.Seconds
		to.Lost = max(to.Lost, f.Lost)
	case e.Kind == viewer.Off:
		f.Off += e.Seconds
		to.Off = max(to.Off, f.Off)
	case e.Error:
		f.Errors++
		to.Errors++
	}
}

// records are all faults so far.
func (r *recorder) records() (out []Record, calm Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out = []Record{}
	for _, x := range r.faults {
		one := *x
		one.Effects = slices.Clone(x.Effects)
		out = append(out, one)
	}
	return out, r.calm
}
