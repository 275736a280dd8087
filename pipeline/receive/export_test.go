package receive

import "context"

// Sweep removes what is too old.
func Sweep(ctx context.Context, rc *Receiver) { rc.sweep(ctx) }
