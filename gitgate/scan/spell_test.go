package scan

import (
	"testing"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/gitgate/object"
	"github.com/bot-bottle/bottle/gitgate/oid"
)

// Paths have to be put together only where all parts of a known value are names, or
// the first ones and a folder behind them that the push does not bring.
func TestPathsMaySpellWhatHasAllItsParts(t *testing.T) {
	engine, err := dlp.New(dlp.Options{Known: []dlp.Known{{Name: "path", Value: "abc/def-ghi/jklmnop-4711"}}})
	if err != nil {
		t.Fatal(err)
	}
	const file, dir = "100644", "40000" // git writes no zero before
	for what, c := range map[string]struct {
		trees []string
		want  bool
	}{
		"nothing":                     {nil, false},
		"other names":                 {[]string{entry(file, "a") + entry(dir, "ghi")}, false},
		"all parts":                   {[]string{entry(dir, "abc"), entry(dir, "def-ghi"), entry(file, "jklmnop-4711")}, true},
		"more at the ends":            {[]string{entry(dir, "x-abc"), entry(dir, "def-ghi"), entry(file, "jklmnop-4711.txt")}, true},
		"another part in the middle":  {[]string{entry(dir, "abc"), entry(dir, "def-ghix"), entry(file, "jklmnop-4711")}, true}, // abc is not in the pack
		"files only":                  {[]string{entry(file, "abc") + entry(file, "def-ghi")}, false},
		"the last parts":              {[]string{entry(dir, "def-ghi") + entry(file, "jklmnop-4711")}, false},
		"a folder that is elsewhere":  {[]string{entry(dir, "abc")}, true},
		"a folder in it, and no more": {[]string{entry(dir, "abc"), inFolder}, false},
	} {
		s := New(oid.SHA1, engine.NewScanner(), func(dlp.Finding) bool { return true })
		for n, tree := range c.trees {
			id := oid.SHA1.From([]byte(string(rune('a'+n)) + "xxxxxxxxxxxxxxxxxxx"))
			if tree == inFolder {
				tree, id = entry(file, "x"), oid.SHA1.From([]byte("xxxxxxxxxxxxxxxxxxxx"))
			}
			if err := s.Begin(object.Tree, int64(len(tree))); err != nil {
				t.Fatal(err)
			}
			_, _ = s.Write([]byte(tree))
			if err := s.End(n, id); err != nil {
				t.Fatal(err)
			}
		}
		if s.MaySpell() != c.want {
			t.Errorf("%s: it may is %v", what, !c.want)
		}
	}
}

// inFolder is a tree in the place of the folders that entry makes.
const inFolder = "in the folder"

func BenchmarkTreeNames(b *testing.B) {
	tree := ""
	for _, name := range []string{"Makefile", "README.md", "cmd", "docs", "go.mod", "internal", "main.go", "testdata", "vendor", "vm"} {
		tree += entry("100644", name)
	}
	for what, value := range map[string]string{"no-slash": "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLE", "slashes": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLE"} {
		b.Run(what, func(b *testing.B) {
			var known []dlp.Known
			for i := range 20 {
				known = append(known, dlp.Known{Name: "k", Value: string(rune('A'+i)) + "9" + value})
			}
			engine, err := dlp.New(dlp.Options{Known: known})
			if err != nil {
				b.Fatal(err)
			}
			s := New(oid.SHA1, engine.NewScanner(), func(dlp.Finding) bool { return true })
			for b.Loop() {
				_ = s.Begin(object.Tree, int64(len(tree)))
				_, _ = s.Write([]byte(tree))
				if err := s.End(0, oid.ID{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
