// Package verify proves the containment of a bottle from both sides.
//
// The outer half plants canaries on the host: a TCP and a UDP listener, a DNS
// server, an abstract unix socket, a file in the home folder, a process, a key
// in the session keyring, a variable, an open descriptor. The inner half
// attacks them, and everything else that must not be reachable.
//
// The inner half runs twice: first on the host, which shows that each canary
// can be reached and the attack is a real one, then in the bottle. Contained
// means that the canary saw nothing, not that the attack reported an error.
package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/bot-bottle/bottle/internal/throwaway"
)

// Outcome is how one row ended.
type Outcome string

// The outcomes.
const (
	Pass Outcome = "pass"
	Fail Outcome = "fail"
	// Untested means that the attack does not work on the host either, for
	// want of a canary, so its failure in the bottle shows nothing.
	Untested Outcome = "untested"
)

// Row is the result of one attack.
type Row struct {
	Name    string  `json:"name"`
	Attack  string  `json:"attack"`
	Outcome Outcome `json:"outcome"`
	Detail  string  `json:"detail"`
}

// Report is the result of a run.
type Report struct {
	Rows []Row `json:"rows"`
}

// Contained reports whether no attack came through. It says nothing about the
// rows that could not be tested.
func (r *Report) Contained() bool {
	for _, row := range r.Rows {
		if row.Outcome == Fail {
			return false
		}
	}
	return true
}

// Runner runs the inner half: a program with these arguments, stdin and stdout.
type Runner func(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error

// Options of Run.
type Options struct {
	// Outside runs the inner half on the host, Inside in a bottle that it makes
	// for that.
	Outside, Inside Runner
	// Home is the folder that gets the file canary.
	Home string
	// DeniedURL is what the bottle's proxy must refuse, such as the metadata
	// service of clouds.
	DeniedURL string
	// Gateway is the address of the host in a virtual machine that has a network; ""
	// for smolvm's.
	Gateway string
	// Progress, when set, is told what is being done.
	Progress func(string)
}

// attempt is what the inner half says of one attack.
type attempt struct {
	Name string `json:"name"`
	// Reached: the attack worked as far as the attacker can tell.
	Reached bool `json:"reached"`
	// Proof is what was read from the canary.
	Proof  string `json:"proof,omitempty"`
	Detail string `json:"detail"`
}

// maxReport bounds what is read from the inner half.
const maxReport = 1 << 20

// Run plants the canaries, attacks them from both sides and takes them away.
func Run(ctx context.Context, opt Options) (*Report, error) {
	if opt.Progress == nil {
		opt.Progress = func(string) {}
	}
	opt.Progress("planting canaries on the host")
	c, err := plant(ctx, opt)
	if err != nil {
		return nil, fmt.Errorf("plant canaries: %w", err)
	}
	defer c.remove()
	opt.Progress("attacking them from outside, to see that each can be reached")
	control, err := c.attack(ctx, opt.Outside)
	if err != nil {
		return nil, fmt.Errorf("the attacks on the host itself: %w", err)
	}
	opt.Progress("attacking them from inside the bottle")
	inside, err := c.attack(ctx, opt.Inside)
	if err != nil {
		return nil, fmt.Errorf("the attacks in the bottle: %w", err)
	}
	report := &Report{}
	for _, a := range attacks {
		report.Rows = append(report.Rows, judge(a, control[a.name], inside[a.name]))
	}
	return report, nil
}

// observed is one attack as seen from both ends.
type observed struct {
	attempt
	seen bool // the canary saw it
	ran  bool // the inner half told about it
}

// hostRefuses marks an attack that shows nothing of the bottle's own fences.
const hostRefuses = " (the host refuses it too)"

// judge compares what happened in the bottle with what happens on the host.
func judge(a attack, control, inside observed) Row {
	row := Row{Name: a.name, Attack: a.what}
	switch {
	case !inside.ran:
		row.Outcome, row.Detail = Fail, "the inner half did not report it"
	case inside.seen || inside.Reached:
		row.Outcome, row.Detail = Fail, "not held: "+inside.Detail
	case !control.seen && !control.Reached && a.needsControl:
		row.Outcome, row.Detail = Untested, "cannot be reached from outside either: "+control.Detail
	default:
		row.Outcome, row.Detail = Pass, inside.Detail
		if !control.seen && !control.Reached && !a.insideOnly {
			row.Detail += hostRefuses
		}
	}
	return row
}

// attack runs the inner half through run and looks at the canaries.
func (c *canaries) attack(ctx context.Context, run Runner) (map[string]observed, error) {
	c.reset()
	input, err := json.Marshal(c.targets)
	if err != nil {
		return nil, err
	}
	out := &throwaway.Buffer{Limit: maxReport}
	if err := run(ctx, []string{"verify", "--inner"}, strings.NewReader(string(input)), out); err != nil {
		return nil, err
	}
	var attempts []attempt
	if err := json.Unmarshal(out.Bytes(), &attempts); err != nil {
		return nil, fmt.Errorf("its report cannot be read: %w", err)
	}
	if err := c.settle(ctx); err != nil {
		return nil, err
	}
	result := map[string]observed{}
	for _, a := range attempts {
		o := observed{attempt: a, ran: true, seen: c.saw(a.Name)}
		// What is read is believed only when it is the canary's.
		if a.Proof != "" && a.Proof == c.targets.Nonce {
			o.seen = true
		}
		result[a.Name] = o
	}
	return result, nil
}

// Inner is the inner half: it reads the targets from r, attacks, and writes
// what it found to w. It fails only when it cannot do that.
func Inner(ctx context.Context, r io.Reader, w io.Writer) error {
	b, err := io.ReadAll(io.LimitReader(r, maxReport))
	if err != nil {
		return err
	}
	var t targets
	if err := json.Unmarshal(b, &t); err != nil {
		return fmt.Errorf("targets: %w", err)
	}
	var attempts []attempt
	for _, a := range attacks {
		got := a.try(ctx, t)
		got.Name = a.name
		attempts = append(attempts, got)
	}
	return json.NewEncoder(w).Encode(attempts)
}
