package workspace

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The files of each case are made in a repository; what git does not ignore
// is what is copied.
func TestIgnoreAgreesWithGit(t *testing.T) {
	needGit(t)
	paths := []string{
		"a", "a.o", "b.o/x", "build/x", "build/y/z", "sub/build/x", "sub/a.o", "sub/deep/a.o", "sub/deep/keep.o", "sub/foo.go", "sub/foo.txt",
		"foo.txt", "foo.go", "doc/x.txt", "doc/y/x.txt", "a!b", "#hash", "!bang", "sp ace", "tail ", "A.O", "Build2/x", "é.txt", "[x]", "x1", "xa",
		"p/q/r/s", "p/x/q/y/q/s", "p/s", "logs/debug.log", "logs/a/debug.log", "back\\slash", "star*", "-dash", "node_modules/m/i.js", "sub/node_modules/m/i.js",
	}
	long := strings.Repeat("a*", 60) + "b"
	for name, files := range map[string]map[string]string{
		"names":                      {".gitignore": "*.o\n"},
		"comments and blank lines":   {".gitignore": "# *.go\n\n   \n*.o\n\\#hash\n"},
		"line ends of another house": {".gitignore": "*.o\r\nfoo.go\r\n"},
		"a byte order mark":          {".gitignore": "\xef\xbb\xbf*.o\n"},
		"spaces at the end":          {".gitignore": "foo.go   \ntail\\ \nsp ace\n"},
		"folders only":               {".gitignore": "build/\na.o/\n"},
		"anchored":                   {".gitignore": "/build\n/a.o\n/sub/a.o\n"},
		"with a slash inside":        {".gitignore": "doc/*.txt\nsub/build\n"},
		"brought back":               {".gitignore": "*.o\n!keep.o\n!bang\n\\!bang\n"},
		"not brought back from an ignored folder": {".gitignore": "sub/\n!sub/foo.go\n"},
		"all but some":              {".gitignore": "*\n!*/\n!*.go\n!.gitignore\n"},
		"all of a folder but one":   {".gitignore": "/sub/*\n!/sub/deep\n/sub/deep/*\n!/sub/deep/keep.o\n"},
		"two stars before":          {".gitignore": "**/build\n**/deep/*.o\n"},
		"two stars after":           {".gitignore": "sub/**\n!sub/foo.go\n"},
		"two stars between":         {".gitignore": "p/**/s\n"},
		"two stars that go on":      {".gitignore": "p/**/q/s\n"},
		"two stars in a name":       {".gitignore": "f**.txt\nsub/f**.go\n"},
		"only stars":                {".gitignore": "**\n"},
		"question marks":            {".gitignore": "x?\nfoo.g?\n"},
		"sets":                      {".gitignore": "x[0-9]\n[[]x]\nfoo.[!t]*\n"},
		"sets of classes":           {".gitignore": "x[[:digit:]]\n[[:upper:]]*\n[^[:alnum:]]*\n"},
		"sets without an end":       {".gitignore": "x[a\n[\nx[]\n"},
		"a bad class":               {".gitignore": "x[[:nope:]a]\n"},
		"a bracket in a set":        {".gitignore": "[]-a]*\n[a-]\n"},
		"backslashes":               {".gitignore": "back\\\\slash\nstar\\*\nfoo.go\\\n"},
		"a slash alone":             {".gitignore": "/\n//\n!\n!/\n"},
		"in a folder":               {"sub/.gitignore": "*.o\n/build\n", "sub/deep/.gitignore": "!keep.o\n"},
		"a deeper file wins":        {".gitignore": "*.o\n", "sub/.gitignore": "!a.o\n", "sub/deep/.gitignore": "*.o\n"},
		"ignores itself":            {"build/.gitignore": "*\n"},
		"info/exclude":              {".git/info/exclude": "*.o\nfoo.go\n", ".gitignore": "!foo.go\n"},
		"ignoring case":             {".git/config": "[core]\n\tignorecase = true\n\trepositoryformatversion = 0\n", ".gitignore": "*.o\nbuild2/\nX[a-z]\nfoo.[G]O\n"},
		"many stars":                {".gitignore": long + "\n"},
		"trailing slash and stars":  {".gitignore": "sub/*/\n*/build/**\n"},
		"a leading slash and stars": {".gitignore": "/**/a.o\n/*/deep\n"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			git(t, dir, "init", "-q")
			write(t, dir, files)
			for _, path := range paths {
				// One name may be a file here and a folder there.
				_ = os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o755)
				_ = os.WriteFile(filepath.Join(dir, path), nil, 0o644)
			}
			want := strings.Split(strings.TrimSuffix(git(t, dir, "ls-files", "-z", "--others", "--exclude-standard"), "\x00"), "\x00")
			if want[0] == "" {
				want = nil
			}
			wantList(t, "copied", tree(t, copyOf(t, dir).target), want...)
		})
	}
}

// Patterns come from the agent: none may take for ever.
func TestGlobIsBounded(t *testing.T) {
	name := strings.Repeat("a", 255)
	path := strings.Split(strings.Repeat("a/", 200)+"b", "/")
	done := make(chan bool)
	go func() {
		defer close(done)
		if globName(strings.Repeat("a*", 100)+"b", name, false) || globPath(strings.Split(strings.Repeat("**/a*/", 90)+"c", "/"), path, false) {
			t.Error("it matches")
		}
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("matching does not end")
	}
}

func FuzzGlob(f *testing.F) {
	f.Add("a*[!b-c]?\\", "abc/def")
	f.Add("**/x/**", "a/x/b")
	f.Fuzz(func(t *testing.T, line, path string) {
		if len(line) > 200 || len(path) > 200 {
			return
		}
		for _, p := range parseIgnore([]byte(line)) {
			p.match(strings.Split(path, "/"), true, true)
		}
		// A name without what is special matches itself.
		if name := strings.NewReplacer("*", "", "?", "", "[", "", "\\", "", "/", "").Replace(path); !globName(name, name, false) {
			t.Errorf("%q does not match itself", name)
		}
	})
}
