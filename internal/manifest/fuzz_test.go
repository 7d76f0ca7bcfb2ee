package manifest

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzLoad loads any text as a project's manifest. Whatever it is, there is no
// panic, and either a manifest that can be used or mistakes that have a place.
func FuzzLoad(f *testing.F) {
	example, err := os.ReadFile(filepath.Join(docs, "example.bottle.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(example))
	for _, s := range []string{
		"version: 1\n", "", "a: &a [*a]\n", "version: 1\nenv: {A: \"\\0\"}\n", "version: 1\nbottles: {x: [1]}\n", "version: 1\nbottles: 3\negress: {routes: {}}\n",
		"- - - a\n", "? [a]\n: b\n", "{{{", "%YAML 1.2\n---\n", "a: |\n  b\n c", "version: 1\negress:\n  routes:\n  - host: a\n    tls: passthrough\n  - host: a\n",
		"version: 1\nsecrets: {s: {from: {command: [a], ttl: 1h}, inject: {header: [a, \"*\"]}}}\n", "version: 1\nmounts: [{path: ~}, {path: a, at: ~/../..}]\n",
		"version: !!int 1\n", "version: 1\n<<: {agent: x}\n", "version: 0x1\nresources: {cpus: 1e400, pids: -1, memory: 9999999999TiB}\n", "&a : b\n", "'\\': \"\\u2028\"\n",
	} {
		f.Add(s)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(dir, FileName)
		l := &loader{opts: &Options{Environ: []string{"HOME=/home/u"}}, dir: dir, home: "/home/u"}
		lv := &level{path: path, text: []byte(text)}
		root, err := parse(&source{shown: FileName, base: FileName, dir: dir}, lv.text)
		if err := l.merge(err); err != nil {
			t.Fatalf("an error without a place: %v", err)
		}
		if lv.root = root; root != nil {
			l.check(root)
		}
		m := l.manifest(lv, nil)
		for _, e := range l.list {
			if e.File != FileName || e.Line < 1 || e.Column < 1 || e.Message == "" {
				t.Errorf("a mistake without a place: %+v", e)
			}
		}
		if l.err() != nil {
			return
		}
		if root == nil {
			t.Fatal("neither a manifest nor a mistake")
		}
		_ = m.Summary()
		if w := Wider(m, m); len(w) > 0 {
			t.Errorf("wider than itself: %q", w)
		}
		if _, err := m.Explain("GET", "https://example.com/"); err != nil {
			t.Error(err)
		}
	})
}
