//go:build race

package proxy

// raceEnabled says that everything is ten times slower.
const raceEnabled = true
