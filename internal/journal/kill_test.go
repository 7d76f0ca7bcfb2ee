package journal

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"testing"
)

// writeForever prints the id of each decision that was recorded.
func writeForever(dir string) {
	w, err := Open(dir, Options{SegmentSize: 256 << 10})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for g := range 4 {
		go func() {
			for i := g; ; i += 4 {
				e := allowed(i)
				if i%50 == 0 {
					e = denied(i)
				}
				e.Path += strings.Repeat("a", i*997%6000)
				if err := w.Record(context.Background(), e); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				if err := w.Record(context.Background(), ended(i)); err != nil {
					os.Exit(1)
				}
				fmt.Println(e.ID)
			}
		}()
	}
	select {}
}

func TestKilledWriterLeavesAReadableJournal(t *testing.T) {
	for _, after := range []int{1, 200, 600} {
		t.Run(fmt.Sprintf("after %d decisions", after), func(t *testing.T) {
			dir := t.TempDir()
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), childEnv+"=write:"+dir)
			cmd.Stderr = os.Stderr
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			recorded := map[string]bool{}
			s := bufio.NewScanner(out)
			for s.Scan() {
				if recorded[s.Text()] = true; len(recorded) == after {
					if err := cmd.Process.Kill(); err != nil {
						t.Fatal(err)
					}
				}
			}
			_ = cmd.Wait() // killed
			if len(recorded) < after {
				t.Fatalf("the child recorded %d decisions", len(recorded))
			}

			for _, p := range verify(t, dir).Problems {
				if p.Kind != Torn {
					t.Errorf("after the kill: %+v", p)
				}
			}
			missing(t, dir, recorded)
			w := open(t, dir, Options{})
			record(t, w, allowed(1))
			closeOK(t, w)
			if r := verify(t, dir); !r.OK {
				t.Errorf("opened again: %+v", r.Problems)
			}
			missing(t, dir, recorded)
		})
	}
}

// missing fails the test unless the journal has all that was recorded.
func missing(t *testing.T, dir string, recorded map[string]bool) {
	t.Helper()
	have := map[string]bool{}
	for _, e := range read(t, dir, Filter{}) {
		if e.Type != "end" {
			have[e.ID] = true
		}
	}
	n := 0
	for id := range recorded {
		if !have[id] {
			n++
		}
	}
	if n > 0 {
		t.Errorf("%d of %d recorded decisions are not in the journal", n, len(recorded))
	}
}
