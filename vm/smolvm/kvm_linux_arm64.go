package smolvm

// runOn does nothing: that a processor was made says here that the real one can run it.
func runOn(_, _, _ int) error { return nil }
