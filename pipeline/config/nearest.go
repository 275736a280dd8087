package config

import "strings"

// nearest is the allowed key that was probably meant, or none.
func nearest(key string, allowed []string) string {
	best, least := "", 3
	for _, a := range allowed {
		if d := distance(strings.ToLower(key), a); d < least && d < len(a) {
			best, least = a, d
		}
	}
	return best
}

// distance is the number of letters to insert, remove or change (Levenshtein) between two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
