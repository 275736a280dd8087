package dash

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
)

// maxManifest bounds what is read.
const maxManifest = 16 << 20

// ReadPeriods reads the period ids of a manifest that MPD wrote, ascending, so that a window restored from playlists
// keeps the id of a Period whose first segment has left it. The MPD library only writes here: its reader does not
// return from some malformed documents.
func ReadPeriods(data []byte) ([]int64, error) {
	if len(data) > maxManifest {
		return nil, fmt.Errorf("mpd of %d bytes is too long", len(data))
	}
	var m struct {
		XMLName xml.Name `xml:"MPD"`
		Periods []struct {
			ID string `xml:"id,attr"`
		} `xml:"Period"`
	}
	if err := xml.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("reading mpd: %w", err)
	}
	var out []int64
	for _, p := range m.Periods {
		id, err := strconv.ParseInt(strings.TrimPrefix(p.ID, "P"), 10, 64)
		if err != nil || !strings.HasPrefix(p.ID, "P") || id < 0 {
			return nil, fmt.Errorf("reading mpd: period id %q is not P and a segment number", p.ID)
		}
		out = append(out, id)
	}
	return out, nil
}
