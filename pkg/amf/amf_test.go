package amf_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"onair/pkg/amf"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		in   string
		want []any
	}{
		{"nothing", "", nil},
		{"number", "\x00\x3f\xf0\x00\x00\x00\x00\x00\x00", []any{1.0}},
		{"booleans", "\x01\x00\x01\x07", []any{false, true}},
		{"string and null", "\x02\x00\x02ab\x05\x06\x0d", []any{"ab", nil, nil, nil}},
		{"long string and XML", "\x0c\x00\x00\x00\x01a\x0f\x00\x00\x00\x01<", []any{"a", "<"}},
		{"object", "\x03\x00\x03app\x02\x00\x04live\x00\x00\x09", []any{amf.Object{{"app", "live"}}}},
		{"array with names", "\x08\x00\x00\x00\x09\x00\x01a\x05\x00\x00\x09", []any{amf.Object{{"a", nil}}}},
		{"object of a class", "\x10\x00\x01C\x00\x01a\x01\x01\x00\x00\x09", []any{amf.Object{{"a", true}}}},
		{"list", "\x0a\x00\x00\x00\x02\x05\x01\x01", []any{[]any{nil, true}}},
		{"date", "\x0b\x40\x00\x00\x00\x00\x00\x00\x00\x00\x00", []any{2.0}},
	} {
		got, err := amf.Decode([]byte(c.in))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, %v; want %v", c.name, got, err, c.want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"cut number":       "\x00\x00",
		"cut string":       "\x02\x00\x05ab",
		"longer than is":   "\x0c\xff\xff\xff\xffab",
		"open object":      "\x03\x00\x01a\x05",
		"endless list":     "\x0a\xff\xff\xff\xff\x05",
		"reference":        "\x07\x00\x00",
		"AMF 3":            "\x11\x01",
		"levels":           strings.Repeat("\x0a\x00\x00\x00\x01", 20) + "\x05",
		"number of values": strings.Repeat("\x05", 3000),
	} {
		if got, err := amf.Decode([]byte(in)); !errors.Is(err, amf.ErrBad) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestObject(t *testing.T) {
	t.Parallel()
	o := amf.Object{{"a", "b"}, {"n", 1.0}}
	if o.Text("a") != "b" || o.Text("n") != "" || o.Get("n") != 1.0 || o.Get("x") != nil {
		t.Error(o)
	}
}

// FuzzDecode: what can be read is the same once it was written.
func FuzzDecode(f *testing.F) {
	f.Add(amf.Append(nil, "connect", 1, amf.Object{{"app", "live"}, {"x", []any{true, nil, amf.Object{}}}}))
	f.Add([]byte("\x08\x00\x00\x00\x09\x00\x01a\x05\x00\x00\x09"))
	f.Fuzz(func(t *testing.T, b []byte) {
		values, err := amf.Decode(b)
		if err != nil {
			return
		}
		written := amf.Append(nil, values...)
		again, err := amf.Decode(written)
		if err != nil || !bytes.Equal(amf.Append(nil, again...), written) && len(b) < 1<<16 {
			t.Errorf("%x: %v, then %v, %v", b, values, again, err)
		}
	})
}
