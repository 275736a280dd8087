package config

import (
	"reflect"
	"time"
)

// Drill is the plan of a drill, as onair drill reads it: validated, environment expanded, defaults applied.
// docs/drill.yaml is the commented reference.
type Drill struct {
	File     string    `yaml:"-"` // the file it came from, as given
	Warnings []Problem `yaml:"-"` // what is allowed and unwise

	Name     string        `yaml:"name"`
	Seed     int           `yaml:"seed"`     // of everything that is left to chance
	For      time.Duration `yaml:"for"`      // from the first moment that all viewers play
	Every    time.Duration `yaml:"every"`    // between the beginnings of two faults by chance; 0: by schedule
	Schedule []DrillStep   `yaml:"schedule"` // faults at their times; empty: by chance
	Settle   time.Duration `yaml:"settle"`   // how long it may take until all targets are ready and all viewers play
	AtOnce   int           `yaml:"at_once"`  // faults under way at a time
	Lasts    DrillLasts    `yaml:"lasts"`
	Amount   DrillAmount   `yaml:"amount"`
	Targets  []DrillTarget `yaml:"targets"`
	Keep     []DrillKeep   `yaml:"keep"`
	Viewers  []DrillViewer `yaml:"viewers"`
	Limits   DrillLimits   `yaml:"limits"`
}

// DrillStep is a fault at its time.
type DrillStep struct {
	At     time.Duration `yaml:"at"`
	Fault  string        `yaml:"fault"`
	Target string        `yaml:"target"` // name of a target, or of a region
	Leg    string        `yaml:"leg"`    // of a relay; empty: by chance
	For    Span          `yaml:"for"`    // zero: that of lasts
}

// DrillLasts says how long faults last, by kind.
type DrillLasts struct {
	Stop   Span `yaml:"stop"`
	Cut    Span `yaml:"cut"`
	Loss   Span `yaml:"loss"`
	Delay  Span `yaml:"delay"`
	Slow   Span `yaml:"slow"`
	Hang   Span `yaml:"hang"`
	Refuse Span `yaml:"refuse"`
	Break  Span `yaml:"break"`
	Fail   Span `yaml:"fail"`
	Fill   Span `yaml:"fill"`
	Region Span `yaml:"region"`
}

// DrillAmount says how grave faults are.
type DrillAmount struct {
	Loss  int           `yaml:"loss"`  // per cent of datagrams
	Delay time.Duration `yaml:"delay"` // of datagrams
	Slow  Bytes         `yaml:"slow"`  // a second
	Jump  time.Duration `yaml:"jump"`  // of a clock, forward or back
	Rest  Bytes         `yaml:"rest"`  // of a disk, left free
}

// DrillTarget is what faults may be done to: one of start, pid_file, container, relay, proxy and disk.
type DrillTarget struct {
	Name   string        `yaml:"name"`
	Region string        `yaml:"region"`
	Allow  []string      `yaml:"allow"` // faults that may be done to it; what is not here is never done
	Ready  string        `yaml:"ready"` // answers 200 where it is whole
	Whole  time.Duration `yaml:"whole"` // after a fault it is not whole before so long

	Start   []string      `yaml:"start"`   // program and arguments
	Env     []Secret      `yaml:"env"`     // NAME=value, beside the environment of the drill
	Dir     string        `yaml:"dir"`     // where it runs
	Log     string        `yaml:"log"`     // file that its output is appended to
	Restart time.Duration `yaml:"restart"` // from its end to its next start

	PidFile string `yaml:"pid_file"`
	Program string `yaml:"program"` // what the process of pid_file is called

	Container string `yaml:"container"`
	Engine    string `yaml:"engine"` // docker or podman

	Relay DrillRelay `yaml:"relay"`
	Proxy DrillProxy `yaml:"proxy"`
	Disk  string     `yaml:"disk"` // folder that is a mount of its own
}

// DrillRelay hands datagrams on.
type DrillRelay struct {
	Listen string     `yaml:"listen"`
	To     []DrillLeg `yaml:"to"`
}

// DrillLeg is one way on from a relay.
type DrillLeg struct {
	Name    string `yaml:"name"`
	Address string `yaml:"address"`
}

// DrillProxy hands connections on.
type DrillProxy struct {
	Listen string `yaml:"listen"`
	To     string `yaml:"to"`
}

// DrillKeep is a bound on what may be wrong at a time.
type DrillKeep struct {
	Of    []string `yaml:"of"`    // targets and regions
	Whole int      `yaml:"whole"` // so many of them at any time
}

// DrillViewer are viewers of one address.
type DrillViewer struct {
	Name  string `yaml:"name"`
	URL   string `yaml:"url"` // of a multivariant playlist or an MPD
	Count int    `yaml:"count"`
}

// DrillLimits say what passes.
type DrillLimits struct {
	Lost         time.Duration `yaml:"lost"`         // of the timeline, of any viewer
	Pause        time.Duration `yaml:"pause"`        // without a new segment; 0: three segments
	Errors       int           `yaml:"errors"`       // of any viewer
	Availability Percent       `yaml:"availability"` // of every viewer
}

func (d *Drill) setDefaults() {
	*d = Drill{
		File: d.File, Seed: 1, For: time.Hour, Settle: time.Minute, AtOnce: 1,
	}
	d.Lasts.setDefaults()
	d.Amount.setDefaults()
	d.Limits.setDefaults()
}

func (l *DrillLasts) setDefaults() {
	long := Span{5 * time.Second, 20 * time.Second}
	*l = DrillLasts{
		Stop: long, Cut: long, Loss: long, Delay: long, Slow: long, Hang: long, Refuse: long, Break: long, Fail: long,
		Fill: long, Region: Span{20 * time.Second, time.Minute},
	}
}

func (a *DrillAmount) setDefaults() {
	*a = DrillAmount{Loss: 10, Delay: 200 * time.Millisecond, Slow: 64 << 10, Jump: time.Hour, Rest: 0}
}

func (t *DrillTarget) setDefaults() {
	*t = DrillTarget{Whole: 10 * time.Second, Restart: 2 * time.Second, Engine: engineDocker}
}

func (k *DrillKeep) setDefaults() { k.Whole = 1 }

func (v *DrillViewer) setDefaults() { v.Count = 1 }

func (l *DrillLimits) setDefaults() { l.Availability = 99_999 }

// LoadDrill reads the plan of a drill. The error is of type Problems.
func LoadDrill(path string, env func(string) (string, bool)) (*Drill, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, Problems{{File: path, Wrong: err.Error()}}
	}
	d := &Drill{File: path}
	r, problem := fill(path, text, env, reflect.ValueOf(d).Elem(), "needed are name, targets and viewers")
	if problem != nil {
		return nil, Problems{*problem}
	}
	if !r.bad[""] {
		r.drillFile(d)
	}
	if len(r.problems) > 0 {
		return nil, Problems(sorted(r.problems))
	}
	r.adviseDrill(d)
	d.Warnings = sorted(r.warnings)
	return d, nil
}
