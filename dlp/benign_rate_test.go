package dlp_test

import (
	"fmt"
	"go/build"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

// rate counts what is found in a kind of text that has no credential.
type rate struct {
	name   string
	size   int
	blocks int
	keys   int // of blocks, the private keys
	unread int // of blocks, what was not read in full
	warns  map[string]int
	seen   []string
}

// keyRules find private keys by their structure: what they find is one.
var keyRules = []string{"private-key", "openssh-private-key", "putty-private-key", "jwk-private-key", "xml-private-key", "ed25519-der-hex"}

func (r *rate) add(text []byte, found []dlp.Finding, where string) {
	r.size += len(text)
	for _, f := range found {
		if (dlp.Policy{}).Decide(f, "") == dlp.Warn {
			if r.warns == nil {
				r.warns = map[string]int{}
			}
			r.warns[f.Rule]++
			continue
		}
		r.blocks++
		if slices.Contains(keyRules, f.Rule) {
			r.keys++
		}
		if f.Kind == dlp.KindUnscanned {
			r.unread++
		}
		from, to := max(0, f.Offset-30), min(int64(len(text)), f.Offset+int64(f.Length)+30)
		r.seen = append(r.seen, fmt.Sprintf("%s: %s %s %s at %d: %.160q", where, f.Rule, f.Name, f.Path, f.Offset, text[from:to]))
	}
}

func (r *rate) row() []string {
	mb := float64(r.size) / 1e6
	var warns []string
	for rule, n := range r.warns {
		warns = append(warns, fmt.Sprintf("%s %.2f", rule, float64(n)/mb))
	}
	slices.Sort(warns)
	return []string{r.name, fmt.Sprintf("%.1f", mb), fmt.Sprint(r.blocks), fmt.Sprint(r.keys), fmt.Sprint(r.unread), strings.Join(warns, ", ")}
}

var rateHead = []string{"corpus", "MB", "blocked", "private keys", "not read in full", "warned of, per MB"}

// Nothing of what agents send and get all day is taken for a credential.
func TestBenignCorpora(t *testing.T) {
	size := 128 << 10 // of each
	if *full {
		size = 3 << 20
	}
	e := mustEngine(t, testKnown()...)
	m := newMaker(t, 11)
	rows, total := [][]string{rateHead}, rate{name: "all"}
	for _, kind := range benign {
		r := rate{name: kind.name}
		for r.size < size {
			text := kind.make(m)
			found := e.Scan(text)
			r.add(text, found, kind.name)
			total.add(text, found, kind.name)
		}
		for _, s := range r.seen[:min(3, len(r.seen))] {
			t.Error(s)
		}
		rows = append(rows, r.row())
	}
	table("Findings in what has no credential", append(rows, total.row()))
}

// Source trees of other projects have hardly anything that is taken for a
// credential; what is has been looked at.
func TestSourceTrees(t *testing.T) {
	if !*full {
		t.Skip("reads hundreds of megabytes; run make accuracy")
	}
	roots := []string{filepath.Join(build.Default.GOROOT, "src")}
	for _, path := range filepath.SplitList(build.Default.GOPATH) {
		roots = append(roots, filepath.Join(path, "pkg", "mod"))
	}
	const apart = 20e6 // bytes, between findings that are no private keys
	e := mustEngine(t)
	rows := [][]string{rateHead}
	others, size := 0, 0
	for _, root := range roots {
		r := rate{name: root}
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err == nil && d.IsDir() && path == filepath.Join(root, "cache"): // the same once more, packed
				return filepath.SkipDir
			case err != nil || !d.Type().IsRegular():
				return nil
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			r.add(text, e.Scan(text), strings.TrimPrefix(path, root))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r.row())
		others, size = others+r.blocks-r.keys, size+r.size
		for _, s := range r.seen {
			fmt.Println(s)
		}
	}
	if float64(others)*apart > float64(size) {
		t.Errorf("%d findings that are no private keys in %d MB", others, size/1e6)
	}
	table("Findings in source trees", rows)
}
