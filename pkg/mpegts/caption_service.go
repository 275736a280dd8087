package mpegts

import "strconv"

// tagCaptionService is the caption_service_descriptor of the PMT (ATSC A/65 §6.9.2).
const tagCaptionService = 0x86

// CaptionService is one caption service that a stream's descriptors announce.
type CaptionService struct {
	Channel  string // "CC1" or "CC3" (the descriptor tells fields only), "SERVICE1" to "SERVICE63"
	Language string // ISO 639-2 code; empty when it is none
}

// AnnouncedCaptions reads the caption_service_descriptors in a loop of descriptors (Stream.Descriptors). What is
// malformed is left out.
func AnnouncedCaptions(loop []byte) []CaptionService {
	var out []CaptionService
	for len(loop) >= 2 && 2+int(loop[1]) <= len(loop) {
		tag, body := loop[0], loop[2:2+int(loop[1])]
		loop = loop[2+len(body):]
		if tag != tagCaptionService || len(body) == 0 {
			continue
		}
		n := int(body[0] & 0x1F)
		for body = body[1:]; n > 0 && len(body) >= 6; n, body = n-1, body[6:] {
			if s, ok := captionService(body); ok {
				out = append(out, s)
			}
		}
	}
	return out
}

func captionService(b []byte) (CaptionService, bool) {
	s := CaptionService{Language: letters(b[:3])}
	switch number := b[3] & 0x3F; {
	case b[3]&0x80 == 0:
		s.Channel = "CC" + strconv.Itoa(1+2*int(b[3]&1))
	case number == 0:
		return s, false
	default:
		s.Channel = "SERVICE" + strconv.Itoa(int(number))
	}
	return s, true
}

// letters is a language code in lower case, or empty when it is none.
func letters(b []byte) string {
	var out [3]byte
	for i := range out {
		if out[i] = b[i] | 0x20; out[i] < 'a' || out[i] > 'z' {
			return ""
		}
	}
	return string(out[:])
}
