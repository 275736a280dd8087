package send

import (
	"encoding/binary"

	"onair/pkg/testpicture"
	"onair/pkg/tick"
)

// An AVI stream of raw pictures and samples carries both through one pipe, in an order that cannot lock up. Its lengths
// are left open (0), which FFmpeg takes for "to the end".

// aviHeader describes a stream of I420 pictures and 16-bit samples.
func aviHeader(width, height int, rate tick.Rate) []byte {
	picture := uint32(width * height * 3 / 2)
	num, den := uint32(rate.Num), uint32(rate.Den)
	video := list("strl",
		chunk("strh", []byte("vids"), []byte("I420"), u32(0, 0, 0, den, num, 0, 0, picture, 0, 0, 0, 0)),
		chunk("strf", u32(40, uint32(width), uint32(height)), u16(1, 12), []byte("I420"), u32(picture, 0, 0, 0, 0)))
	const each, perSecond = testpicture.SampleBytes, testpicture.SampleRate * testpicture.SampleBytes
	audio := list("strl",
		chunk("strh", []byte("auds"), u32(0, 0, 0, 0, each, perSecond, 0, 0, 0, 0, each, 0, 0)),
		chunk("strf", u16(1, testpicture.Channels), u32(testpicture.SampleRate, perSecond), u16(each, 16)))
	frame := uint32(rate.Frame().Duration().Microseconds())
	const interleaved = 0x100
	main := chunk("avih", u32(frame, 0, 0, interleaved, 0, 0, 2, 0, uint32(width), uint32(height), 0, 0, 0, 0))
	out := append([]byte("RIFF"), u32(0)...)
	out = append(out, "AVI "...)
	out = append(out, list("hdrl", main, video, audio)...)
	out = append(out, "LIST"...)
	out = append(out, u32(0)...)
	return append(out, "movi"...)
}

// chunkHeader begins a chunk of picture or sound data.
func chunkHeader(out []byte, name string, size int) []byte {
	return binary.LittleEndian.AppendUint32(append(out, name...), uint32(size))
}

func chunk(name string, parts ...[]byte) []byte {
	var body []byte
	for _, p := range parts {
		body = append(body, p...)
	}
	return append(chunkHeader(nil, name, len(body)), body...)
}

func list(name string, parts ...[]byte) []byte {
	return chunk("LIST", append([][]byte{[]byte(name)}, parts...)...)
}

func u32(values ...uint32) []byte {
	var out []byte
	for _, v := range values {
		out = binary.LittleEndian.AppendUint32(out, v)
	}
	return out
}

func u16(values ...uint16) []byte {
	var out []byte
	for _, v := range values {
		out = binary.LittleEndian.AppendUint16(out, v)
	}
	return out
}
