// Package amf reads and writes values of Action Message Format 0, in which RTMP writes its commands.
package amf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Object is an AMF object or associative array: properties in their order.
type Object []Property

// Property is one property of an object. Its value is a float64, bool, string, nil, Object or []any.
type Property struct {
	Name  string
	Value any
}

// Get is the value of the first property of a name, nil without one.
func (o Object) Get(name string) any {
	for _, p := range o {
		if p.Name == name {
			return p.Value
		}
	}
	return nil
}

// Text is the value of a property that is a string, "" for any other.
func (o Object) Text(name string) string {
	s, _ := o.Get(name).(string)
	return s
}

// The markers of types (AMF 0 specification §2.1).
const (
	number byte = iota
	boolean
	text
	object
	movieClip
	null
	undefined
	reference
	ecmaArray
	objectEnd
	strictArray
	date
	longText
	unsupported
	recordSet
	xmlDocument
	typedObject
)

// Limits of what is decoded: no command of RTMP comes near them.
const (
	maxDepth  = 8
	maxValues = 2048 // with those within others
)

// ErrBad is the error of what is not AMF 0, or more than a command needs.
var ErrBad = errors.New("no AMF 0")

// Decode reads all values. Objects with a class lose its name; dates become milliseconds since 1970, XML a string,
// undefined and unsupported nil. References and AMF 3 are refused, as are more than 2048 values or 8 levels.
func Decode(b []byte) ([]any, error) {
	d := decoder{rest: b}
	var out []any
	for len(d.rest) > 0 && d.err == nil {
		out = append(out, d.value(0))
	}
	if d.err != nil {
		return nil, d.err
	}
	return out, nil
}

// decoder keeps the first error, after which everything is zero.
type decoder struct {
	rest   []byte
	values int
	err    error
}

func (d *decoder) fail(what string) { d.err = errors.Join(d.err, fmt.Errorf("%w: %s", ErrBad, what)) }

// take is the next n bytes, nil if there are fewer.
func (d *decoder) take(n int) []byte {
	if d.err != nil {
		return nil
	}
	if n < 0 || n > len(d.rest) {
		d.fail("cut short")
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

// uint is a big-endian number of n bytes.
func (d *decoder) uint(n int) (v uint64) {
	for _, c := range d.take(n) {
		v = v<<8 | uint64(c)
	}
	return v
}

func (d *decoder) string(lengthBytes int) string { return string(d.take(int(d.uint(lengthBytes)))) }

func (d *decoder) value(depth int) any {
	if d.values++; d.values > maxValues || depth > maxDepth {
		d.fail("too many values or levels")
		return nil
	}
	switch marker := byte(d.uint(1)); marker {
	case number:
		return math.Float64frombits(d.uint(8))
	case boolean:
		return d.uint(1) != 0
	case text:
		return d.string(2)
	case longText, xmlDocument:
		return d.string(4)
	case null, undefined, unsupported:
		return nil
	case date:
		ms := math.Float64frombits(d.uint(8))
		d.uint(2) // a time zone that nobody may use
		return ms
	case typedObject:
		d.string(2)
		return d.object(depth)
	case ecmaArray:
		d.uint(4) // how many there are is told by the end too
		return d.object(depth)
	case object:
		return d.object(depth)
	case strictArray:
		return d.array(depth)
	default:
		d.fail(fmt.Sprintf("type %d", marker))
		return nil
	}
}

func (d *decoder) object(depth int) Object {
	var o Object
	for d.err == nil {
		name := d.string(2)
		if name == "" && len(d.rest) > 0 && d.rest[0] == objectEnd {
			d.take(1)
			return o
		}
		o = append(o, Property{name, d.value(depth + 1)})
	}
	return nil
}

func (d *decoder) array(depth int) []any {
	n := d.uint(4)
	var out []any
	for range n {
		if d.err != nil {
			return nil
		}
		out = append(out, d.value(depth+1))
	}
	return out
}

// Append writes values behind b: what Decode gives, and int. A value of another type becomes null, a string is cut at
// 65535 bytes.
func Append(b []byte, values ...any) []byte {
	for _, v := range values {
		switch v := v.(type) {
		case float64:
			b = binary.BigEndian.AppendUint64(append(b, number), math.Float64bits(v))
		case int:
			b = binary.BigEndian.AppendUint64(append(b, number), math.Float64bits(float64(v)))
		case bool:
			bit := byte(0)
			if v {
				bit = 1
			}
			b = append(b, boolean, bit)
		case string:
			b = appendText(append(b, text), v)
		case Object:
			b = append(b, object)
			for _, p := range v {
				b = Append(appendText(b, p.Name), p.Value)
			}
			b = append(b, 0, 0, objectEnd)
		case []any:
			b = Append(binary.BigEndian.AppendUint32(append(b, strictArray), uint32(len(v))), v...)
		default:
			b = append(b, null)
		}
	}
	return b
}

func appendText(b []byte, s string) []byte {
	s = s[:min(len(s), math.MaxUint16)]
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}
