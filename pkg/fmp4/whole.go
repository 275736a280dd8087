package fmp4

import "fmt"

// Whole tells why a file cannot be all of what was written: it does not end where its last box ends. Boxes are not
// looked into. No box may last to the end of the file: what is written piece by piece never says that, but a file whose
// rest was lost and reads as zeros would. Its error wraps ErrFormat.
func Whole(b []byte) error {
	if len(b) == 0 {
		return fmt.Errorf("%w: no box", ErrFormat)
	}
	for rest := b; len(rest) > 0; {
		c, next, err := cutBox(rest)
		if err != nil {
			return err
		}
		if [4]byte(rest[:4]) == ([4]byte{}) {
			return fmt.Errorf("%w: box %q without a size", ErrFormat, name(c.kind))
		}
		rest = next
	}
	return nil
}
