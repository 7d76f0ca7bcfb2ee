package wirebench

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"
)

var (
	full     = flag.Bool("full", false, "measure; without it one round of tiny counts shows that it works")
	jsonFile = flag.String("json", "", "write the results to this file, too")
	rounds   = flag.Int("rounds", 5, "how often each way is measured")
	only     = flag.String("only", "", "a regular expression for the names of what is measured")
	profile  = flag.String("profile", "", "a folder for CPU profiles of bottle and reverse, of each measurement")
	before   = flag.String("before", "", "another build of this test, whose bottle is measured beside this one's, by turns")
	onlyWays = flag.String("ways", "", "measure no more than these ways, by their names")
	slice    = flag.Duration("slice", 0, "the time for one way in one round of small requests")
)

// roleVar has the role of a process that this test binary was started as.
const roleVar = "BOTTLE_WIREBENCH_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVar); role != "" {
		if err := serveRole(role); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", role, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// amount is how much is done for one number.
type amount struct {
	rounds  int
	slice   time.Duration // for small requests
	conns   int           // new connections
	hosts   int           // new hosts
	bulk    int64         // bytes
	stream  int64         // bytes, for the peak of memory
	tunnels int           // idle ones
	stalled int           // downloads that nobody reads
	events  int           // of a stream
	heads   int           // of late answers
}

var (
	tiny  = amount{rounds: 1, slice: time.Millisecond, conns: 2, hosts: 3, bulk: 1 << 20, stream: 1 << 20, tunnels: 3, stalled: 2, events: 3, heads: 2}
	whole = amount{slice: 300 * time.Millisecond, conns: 150, hosts: 1000, bulk: 128 << 20, stream: 1 << 30, tunnels: 400, stalled: 100, events: 200, heads: 60}
)

// TestWire measures with -full, and is a smoke test without.
func TestWire(t *testing.T) {
	b := newBench(t)
	b.much = tiny
	if *full {
		b.much = whole
		b.much.rounds = *rounds
		b.much.slice = cmp.Or(*slice, b.much.slice)
	}
	b.run()
	if !*full {
		b.checkSmoke()
		return
	}
	b.report(os.Stdout)
	if *jsonFile != "" {
		if err := b.writeJSON(*jsonFile); err != nil {
			t.Fatal(err)
		}
	}
}
