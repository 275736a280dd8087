package store

// LockError is what Lock makes of an error of the system.
var LockError = lockError

// ParseList is parseList.
var ParseList = parseList

// Infos is infos.
func (p ListPage) Infos(prefix, after string) ([]Info, string, error) { return p.infos(prefix, after) }
