// Package card draws a test card: a name, a text and a running clock, or a text over a picture.
//
// Pictures are planar 4:2:0 (yuv420p): the luma plane, then the two chroma planes of half its size, without padding.
// Text is drawn in the Go fonts, which the program carries: Latin, Greek and Cyrillic.
package card

import (
	"fmt"
	"strings"
	"time"
)

// Levels of BT.709 in narrow range.
const (
	white   = 235
	neutral = 128

	// the plain card
	backY, backU, backV = 42, 140, 120
	lineY               = 120
)

// Config says what is drawn. A card without a picture shows Title, Text and the clock, one with a picture only Text.
type Config struct {
	Width, Height int // pixels, even
	Title         string
	Text          string
	Picture       []byte // yuv420p of that size; nil: none
}

// Card is a card that can be drawn for any time.
type Card struct {
	cfg   Config
	still frame // all but the clock
	shown frame
	clock *line // nil: none
}

// New draws what does not change. A size that is odd or nothing, and a picture of another size, are errors.
func New(cfg Config) (*Card, error) {
	if cfg.Width <= 0 || cfg.Height <= 0 || cfg.Width%2 != 0 || cfg.Height%2 != 0 {
		return nil, fmt.Errorf("a card of %dx%d: both must be even", cfg.Width, cfg.Height)
	}
	c := &Card{cfg: cfg, still: newFrame(cfg.Width, cfg.Height), shown: newFrame(cfg.Width, cfg.Height)}
	if cfg.Picture != nil {
		if len(cfg.Picture) != len(c.still.pix) {
			return nil, fmt.Errorf("a picture of %d bytes on a card of %dx%d, which has %d", len(cfg.Picture), cfg.Width,
				cfg.Height, len(c.still.pix))
		}
		copy(c.still.pix, cfg.Picture)
		return c, c.caption()
	}
	c.still.fill(backY, backU, backV)
	return c, c.plain()
}

// Draw is the picture for a time, of which the clock shows hours, minutes and seconds. It is valid until the next Draw.
func (c *Card) Draw(now time.Time) []byte {
	if c.clock == nil {
		return c.still.pix
	}
	copy(c.shown.pix, c.still.pix)
	c.clock.draw(&c.shown, now.Format("15:04:05"))
	return c.shown.pix
}

// plain draws name, rule and text, and prepares the clock.
func (c *Card) plain() error {
	w, h := c.cfg.Width, c.cfg.Height
	title, err := newLine(true, w, h/6, h*36/100)
	if err != nil {
		return err
	}
	defer title.close()
	title.draw(&c.still, c.cfg.Title)
	c.still.rule(w*3/8, w*5/8, h*44/100, max(2, h/180))
	if err := c.lines(h*56/100, h/14); err != nil {
		return err
	}
	c.clock, err = newLine(false, w, h/10, h*86/100)
	return err
}

// caption draws the text over a picture, on a darker ground.
func (c *Card) caption() error {
	if c.cfg.Text == "" {
		return nil
	}
	h := c.cfg.Height
	size := h / 14
	rows := len(wrapped(c.cfg.Text))
	top := h - (rows+1)*size*3/2
	c.still.darken(top, h)
	return c.lines(top+size*3/2, size)
}

// lines draws the text, the first line's middle at y.
func (c *Card) lines(y, size int) error {
	for i, text := range wrapped(c.cfg.Text) {
		l, err := newLine(false, c.cfg.Width, size, y+i*size*3/2)
		if err != nil {
			return err
		}
		l.draw(&c.still, text)
		l.close()
	}
	return nil
}

// Bounds of the text.
const (
	maxRow  = 48 // characters in a line before it is broken
	maxRows = 3
)

// wrapped is a text in at most maxRows lines, broken at spaces.
func wrapped(text string) []string {
	var rows []string
	for row := range strings.Lines(text) {
		line := ""
		for _, word := range strings.Fields(row) {
			if line != "" && len([]rune(line))+1+len([]rune(word)) > maxRow {
				rows = append(rows, line)
				line = ""
			}
			line = strings.TrimSpace(line + " " + word)
		}
		if line != "" {
			rows = append(rows, line)
		}
	}
	return rows[:min(len(rows), maxRows)]
}
