package leg

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// FEC says on which ports of a leg's address its ST 2022-1 streams come; 0: none.
type FEC struct {
	Column uint16
	Row    uint16
}

// Where the streams are unless told otherwise (ST 2022-1 §8.1): so far above the media's port.
const (
	columnPort = 2
	rowPort    = 4
)

// On tells whether there is any.
func (f FEC) On() bool { return f != FEC{} }

// Ports are the ports in use, the columns' first.
func (f FEC) Ports() []uint16 {
	var out []uint16
	for _, p := range []uint16{f.Column, f.Row} {
		if p != 0 {
			out = append(out, p)
		}
	}
	return out
}

// usualFEC is what fec=1 stands for.
func (u *URL) usualFEC() FEC { return FEC{u.Port + columnPort, u.Port + rowPort} }

func setFEC(u *URL, value string) error {
	switch value {
	case "0":
		return nil
	case "1":
		if u.Port > 65535-rowPort {
			return fmt.Errorf("there is no port %d above %d", rowPort, u.Port)
		}
		u.FEC = u.usualFEC()
		return nil
	}
	column, row, two := strings.Cut(value, ",")
	c, err := fecPort(column)
	if err != nil {
		return err
	}
	u.FEC = FEC{Column: c}
	if two {
		if u.FEC.Row, err = fecPort(row); err != nil {
			return err
		}
	}
	if c == u.Port || u.FEC.Row == u.Port || c == u.FEC.Row {
		return errors.New("media, columns and rows come on ports of their own")
	}
	return nil
}

func fecPort(s string) (uint16, error) {
	const least = 2 // 1 says "on"
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n < least {
		return 0, fmt.Errorf("%q: allowed are 0, 1 (ports +%d and +%d), a port for columns, or two: columns,rows",
			printable(s), columnPort, rowPort)
	}
	return uint16(n), nil
}

// fecText is the option's value; "" is the default.
func (u *URL) fecText() string {
	switch {
	case !u.FEC.On():
		return ""
	case u.FEC == u.usualFEC() && u.FEC.Row != 0: // which it is where there is no port so high
		return "1"
	case u.FEC.Row == 0:
		return strconv.Itoa(int(u.FEC.Column))
	}
	return fmt.Sprintf("%d,%d", u.FEC.Column, u.FEC.Row)
}
