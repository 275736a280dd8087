package store

import (
	"bytes"
	"context"
	"errors"
	"path"
	"strings"
	"sync"
)

// Extensions of CMAF tracks (ISO/IEC 23000-19 §7.3), by which a receiver tells them apart.
const (
	cmafVideo = ".cmfv"
	cmafAudio = ".cmfa"
)

// CMAF sends a channel to a receiver of DASH-IF Live Media Ingest 1.2, interface 1 (CMAF ingest): the header of each
// track, then its segments, one in a request, and the MPD. What a player is told, and what expires, is the receiver's
// business, so HLS playlists and removals are not sent, and nothing is read back: a process that starts again goes on
// with its numbers and sends its headers again.
//
// Names are those of the channel with the extensions of CMAF: ch/v720/init-<v>.cmfv, ch/v720/<K>.cmfv, ch/a1/<K>.cmfa.
type CMAF struct {
	to *HTTP

	mu      sync.Mutex
	headers map[string]*cmafHeader // by the folder of the track
}

// cmafHeader is the newest header of a track.
type cmafHeader struct {
	object Object
	again  bool // a segment was refused since: the receiver may have lost it
}

var _ Store = (*CMAF)(nil)

// NewCMAF sends to a receiver; its error is the configuration's.
func NewCMAF(c HTTPConfig) (*CMAF, error) {
	to, err := NewHTTP(c)
	if err != nil {
		return nil, err
	}
	return &CMAF{to: to, headers: map[string]*cmafHeader{}}, nil
}

// Put sends what a receiver takes. After a segment that it has refused, the header of its track is sent before the
// next.
func (c *CMAF) Put(ctx context.Context, o Object) error {
	if err := checkObject(ctx, o); err != nil {
		return err
	}
	switch path.Ext(o.Name) {
	case ".mp4":
		return c.header(ctx, o)
	case ".m4s":
		return c.segment(ctx, o)
	case ".mpd":
		o.Body = cmafManifest(o.Body)
		return c.to.Put(ctx, o)
	}
	return nil
}

// Create is Put: a receiver knows nothing of conditions.
func (c *CMAF) Create(ctx context.Context, o Object) error { return c.Put(ctx, o) }

func (c *CMAF) header(ctx context.Context, o Object) error {
	track, ext := path.Dir(o.Name), cmafVideo
	if strings.HasPrefix(o.Type, "audio/") {
		ext = cmafAudio
	}
	o.Name = strings.TrimSuffix(o.Name, ".mp4") + ext
	o.Type = ""
	c.mu.Lock()
	c.headers[track] = &cmafHeader{object: o}
	c.mu.Unlock()
	return c.to.Put(ctx, o)
}

func (c *CMAF) segment(ctx context.Context, o Object) error {
	c.mu.Lock()
	h := c.headers[path.Dir(o.Name)]
	again := h != nil && h.again
	c.mu.Unlock()
	if h == nil {
		return errors.New("sending " + o.Name + ": its track has no header yet")
	}
	if again {
		if err := c.to.Put(ctx, h.object); err != nil {
			return err
		}
	}
	o.Name = strings.TrimSuffix(o.Name, ".m4s") + path.Ext(h.object.Name)
	o.Type = ""
	err := c.to.Put(ctx, o)
	c.mu.Lock()
	h.again = err != nil
	c.mu.Unlock()
	return err
}

// cmafManifest names the files of an MPD as they are sent.
func cmafManifest(mpd []byte) []byte {
	sets := bytes.Split(mpd, []byte("<AdaptationSet "))
	for i, s := range sets[1:] {
		ext := cmafVideo
		if head, _, _ := bytes.Cut(s, []byte(">")); bytes.Contains(head, []byte(`contentType="audio"`)) {
			ext = cmafAudio
		}
		s = bytes.ReplaceAll(s, []byte(`.m4s"`), []byte(ext+`"`))
		sets[i+1] = bytes.ReplaceAll(s, []byte(`.mp4"`), []byte(ext+`"`))
	}
	return bytes.Join(sets, []byte("<AdaptationSet "))
}

// Get finds nothing: a receiver is written to only.
func (c *CMAF) Get(ctx context.Context, name string) (Object, error) {
	return Object{}, errors.Join(ctx.Err(), CheckName(name), ErrNotFound)
}

// List finds nothing.
func (c *CMAF) List(ctx context.Context, _ string) ([]Info, error) { return nil, ctx.Err() }

// Delete leaves what has expired to the receiver.
func (c *CMAF) Delete(ctx context.Context, name string) error {
	return errors.Join(ctx.Err(), CheckName(name))
}

// String names the receiver.
func (c *CMAF) String() string { return c.to.String() }
