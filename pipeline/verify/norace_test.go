//go:build !race

package verify_test

// raced tells that the race detector is on, with which decoding and parsing take ten times as long.
const raced = false
