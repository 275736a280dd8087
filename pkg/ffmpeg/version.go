package ffmpeg

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"onair/pkg/ladder"
)

// Oldest version that the plans are made for.
const (
	minMajor = 5
	minMinor = 1
)

// VersionArgs make ffmpeg or ffprobe print what ParseVersion reads.
func VersionArgs() []string { return []string{"-hide_banner", "-version"} }

// EncodersArgs make ffmpeg print what ParseEncoders reads.
func EncodersArgs() []string { return []string{"-hide_banner", "-loglevel", "error", "-encoders"} }

// Version is that of an FFmpeg.
type Version struct {
	Text         string // as printed: "5.1.9-0+deb12u1"
	Major, Minor int    // 0 for a build from the development branch, which is taken to be new enough
}

var (
	versionLine  = regexp.MustCompile(`(?m)^ff(?:mpeg|probe) version (\S+)`)
	versionParts = regexp.MustCompile(`^n?(\d+)\.(\d+)`)
)

// ParseVersion reads what `ffmpeg -version` printed. Anything else than FFmpeg is an error.
func ParseVersion(out []byte) (Version, error) {
	m := versionLine.FindSubmatch(out)
	if m == nil {
		return Version{}, fmt.Errorf("the program is no FFmpeg: it says %.40q", firstLine(out))
	}
	v := Version{Text: string(m[1])}
	if parts := versionParts.FindStringSubmatch(v.Text); parts != nil {
		v.Major, _ = strconv.Atoi(parts[1])
		v.Minor, _ = strconv.Atoi(parts[2])
	}
	return v, nil
}

// Check is an error for an FFmpeg that is too old.
func (v Version) Check() error {
	if v.Major == 0 || v.Major > minMajor || v.Major == minMajor && v.Minor >= minMinor {
		return nil
	}
	return fmt.Errorf("FFmpeg %s is too old: %d.%d or newer is needed", v.Text, minMajor, minMinor)
}

func firstLine(b []byte) string {
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}

// Capabilities are the encoders that an FFmpeg was built with.
type Capabilities map[string]bool

// ParseEncoders reads what `ffmpeg -encoders` printed.
func ParseEncoders(out []byte) Capabilities {
	caps := Capabilities{}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) >= 2 && len(f[0]) == 6 && strings.ContainsAny(f[0][:1], "VAS") && f[1] != "=" {
			caps[f[1]] = true
		}
	}
	return caps
}

// Check is an error that names the renditions whose encoder this FFmpeg lacks.
func (c Capabilities) Check(renditions []ladder.Rendition) error {
	var missing []string
	for _, r := range renditions {
		name, err := Encoder(r)
		if err != nil {
			return err
		}
		if !c[name] {
			missing = append(missing, fmt.Sprintf("%s (rendition %s)", name, r.Name))
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("this FFmpeg was built without %s", strings.Join(missing, ", "))
	}
	return nil
}
