package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"onair/pkg/store"
)

func (r *reader) stores(c *Channel) {
	if r.need("outputs", "needed is at least one store, like - dir: ./origin") && len(c.Outputs) == 0 {
		r.wrong("outputs", "is empty", "needed is at least one store, like - dir: ./origin")
	}
	seen := map[string]string{}
	for i, s := range c.Outputs {
		path := fmt.Sprintf("outputs[%d]", i)
		r.store(path, s)
		r.check(!s.Shared || s.Dir == "", path+".shared", "is true for a folder",
			"allowed for stores on a network: a folder has one writer")
		r.receiver(path, s, i == 0)
		key := s.key()
		if first, ok := seen[key]; ok && key != "" && !r.bad[path] {
			r.wrong(path, "is the same store as "+first, "allowed is each store once")
			continue
		}
		seen[key] = path
	}
	if r.given("timeline") {
		r.store("timeline", c.Timeline)
		r.check(!r.given("timeline.shared"), "timeline.shared", "is not needed", "whoever reaches a timeline shares it")
		r.check(!c.Timeline.CMAF, "timeline.cmaf", "is true", readBack)
	}
	r.sharing(c)
	r.twin(c)
}

// twin checks where the other pipeline publishes, which is nowhere that this one does.
func (r *reader) twin(c *Channel) {
	if !r.given("twin") {
		return
	}
	r.store("twin", c.Twin)
	for i, s := range c.Outputs {
		if key := s.key(); key != "" && key == c.Twin.key() && !r.bad["twin"] {
			r.wrong("twin", fmt.Sprintf("is the same store as outputs[%d]", i),
				"needed is that of the other pipeline; one that both publish to is shared: true")
		}
	}
	r.check(!r.given("twin.shared"), "twin.shared", "is for outputs", "allowed is a store that is only read")
	r.check(!c.Twin.CMAF, "twin.cmaf", "is true", readBack)
}

// readBack is what is needed where a receiver of CMAF ingest cannot be.
const readBack = "needed is a store that can be read: a receiver of CMAF ingest is written to only"

// receiver refuses a receiver of CMAF ingest where more is wanted of it than to take what is sent.
func (r *reader) receiver(path string, s Store, first bool) {
	if !s.CMAF {
		return
	}
	r.check(!first, path+".cmaf", "is true for the first output, which viewers of this process are served from", readBack)
	r.check(!s.Shared, path+".shared", "is true beside cmaf",
		"allowed is a receiver of one pipeline; it has two addresses for two")
}

// sharing refuses an output that two pipelines publish to without a timeline of their own.
func (r *reader) sharing(c *Channel) {
	shared := slices.IndexFunc(c.Outputs, func(s Store) bool { return s.Shared })
	if shared < 0 {
		return
	}
	timeline := c.Timeline
	if timeline.IsZero() {
		timeline = c.Outputs[0]
	}
	r.check(timeline.Dir == "" || !timeline.Same(c.Outputs[0]), fmt.Sprintf("outputs[%d].shared", shared),
		"is true, and the timeline is in this pipeline's own folder",
		"needed is a timeline that both pipelines reach, like the same store")
}

// SharesTimeline tells whether another pipeline of the channel can find the timeline: it is not in a folder that this
// one publishes to, which is its own.
func (c *Channel) SharesTimeline() bool {
	return c.Timeline.Dir == "" || !c.Timeline.Same(c.Outputs[0])
}

// Below names the place in the store where a channel's objects are.
func (s Store) Below(channel string) string {
	c, err := store.ParseS3(s.S3)
	if err != nil {
		return strings.TrimSuffix(s.String(), "/") + "/" + channel + "/"
	}
	endpoint := c.Endpoint
	c.Endpoint = ""
	place := c.String() + "/" + channel + "/"
	if endpoint != "" {
		place += " at " + endpoint
	}
	return place
}

// Same tells whether two stores are one, reached in the same way.
func (s Store) Same(other Store) bool {
	switch {
	case s.S3 != "" && other.S3 != "":
		a, errA := store.ParseS3(s.S3)
		b, errB := store.ParseS3(other.S3)
		return errA == nil && errB == nil && a == b
	case s.HTTP != "" && other.HTTP != "":
		a, errA := s.Origin()
		b, errB := other.Origin()
		return errA == nil && errB == nil && a == b
	}
	return s.key() == other.key()
}

// key is equal for two stores that are one place.
func (s Store) key() string {
	if s.Dir != "" {
		return filepath.Clean(s.Dir)
	}
	if c, err := store.ParseS3(s.S3); err == nil {
		return c.String()
	}
	if c, err := s.Origin(); err == nil {
		return c.String()
	}
	return s.S3 + s.HTTP
}

func (r *reader) store(path string, s Store) {
	if r.bad[path] || r.bad[path+".dir"] || r.bad[path+".s3"] || r.bad[path+".http"] {
		return
	}
	var kinds []string
	for _, kind := range []string{"dir", "s3", "http"} {
		if r.given(path + "." + kind) {
			kinds = append(kinds, kind)
		}
	}
	switch {
	case len(kinds) == 0:
		r.wrong(path, "names no store", "needed is one of dir, s3 and http")
		return
	case len(kinds) > 1:
		r.wrong(path, "has "+strings.Join(kinds, " and "),
			"allowed is one of dir, s3 and http; a second store is an item of its own")
		return
	}
	r.check(kinds[0] != "dir" || s.Dir != "", path+".dir", "is no folder", "allowed is a path like ./origin")
	if kinds[0] == "s3" {
		_, err := store.ParseS3(s.S3)
		r.check(err == nil, path+".s3", fmt.Sprintf("is no S3 store: %v", err),
			"allowed is s3://BUCKET/PREFIX?endpoint=...&region=...&path_style=1&profile=...&credentials=...")
	}
	r.origin(path, s, kinds[0] == "http")
}
