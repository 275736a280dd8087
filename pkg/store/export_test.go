package store

// LockError is what Lock makes of an error of the system.
var LockError = lockError
