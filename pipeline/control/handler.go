package control

// Source is a channel as the handler sees it. All methods may be called from any goroutine.
type Source interface {
	// Status is a snapshot of the channel; the caller owns what it gets.
	Status() Status
	// Fresh is nil while playlists may be served, else why not: the rule of the origin's 503.
	Fresh() error
	// SwitchInput moves the channel to the named input, "auto" gives the choice back. The error is the caller's fault
	// (no such input) when it wraps ErrNoInput, else the channel's.
	SwitchInput(name string) error
}
