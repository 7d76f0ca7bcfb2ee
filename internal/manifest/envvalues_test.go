package manifest

import (
	"strings"
	"testing"
)

func TestVariablesOfTheHostInEnvAreWarnedAbout(t *testing.T) {
	p := newPlace(t).manifest("version: 1\nenv:\n  P: \"${HOME}/x\"\n  Q: $PATH\n  R: cost $5, ${secret:s}, $x\negress: {routes: [{host: a.example, secrets: [s]}]}\nsecrets: {s: {from: {env: GOOD}}}\n")
	m, trust := p.mustLoad(), newTrust(t)
	mustTrust(t, trust, m)
	warnings, err := m.Check(trust, secretOptions())
	got := strings.Join(warnings, "\n")
	if !strings.Contains(got, "env: P (bottle.yaml:3) has ${HOME}, which stays as it stands") || !strings.Contains(got, "env: Q (bottle.yaml:4) has $PATH") || strings.Contains(got, "env: R") {
		t.Errorf("got %s, %v", got, err)
	}
}
