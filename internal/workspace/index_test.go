package workspace

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadIndexAgreesWithGit(t *testing.T) {
	needGit(t)
	files := map[string]string{}
	for n := 1; n < 20; n++ { // each length of padding
		files["dir/"+strings.Repeat("x", n)] = "c"
	}
	files[strings.Repeat("long/", 40)+strings.Repeat("n", 200)] = "c"
	files["intent"] = "c"
	for _, version := range []string{"2", "3", "4"} {
		dir := newRepo(t, files)
		write(t, dir, map[string]string{"later": "x"})
		git(t, dir, "add", "--intent-to-add", "later") // an extended entry: version 3
		git(t, dir, "update-index", "--index-version", version)
		var got []string
		must(t, readIndex(bytes.NewReader([]byte(read(t, dir, ".git/index"))), 20, func(path string) error {
			got = append(got, path)
			return nil
		}))
		wantList(t, "paths of version "+version, got, strings.Split(strings.TrimSuffix(git(t, dir, "ls-files", "-z"), "\x00"), "\x00")...)
	}
}

func FuzzReadIndex(f *testing.F) {
	f.Add([]byte("DIRC\x00\x00\x00\x02\x00\x00\x00\x01"+strings.Repeat("\x00", 60)+"\x00\x01a\x00"), true)
	f.Add([]byte("DIRC\x00\x00\x00\x04\x00\x00\x00\x01"+strings.Repeat("\x00", 60)+"\x00\x01\x00abc\x00"), false)
	f.Fuzz(func(t *testing.T, data []byte, sha1 bool) {
		size := map[bool]int{true: 20, false: 32}[sha1]
		n := 0
		err := readIndex(bytes.NewReader(data), size, func(path string) error {
			if n += len(path); path == "" || len(path) > maxName {
				t.Fatalf("path %q", path)
			}
			return nil
		})
		if err != nil && !errors.Is(err, errIndex) {
			t.Fatal(err)
		}
	})
}

func FuzzReadBase(f *testing.F) {
	dir := f.TempDir()
	path := filepath.Join(dir, "base")
	b, err := newBaseWriter(path)
	if err != nil {
		f.Fatal(err)
	}
	b.record(record{'f', 0o644, 1, 2, 3, "abc", "a \"b\"\n\xff", nil})
	b.record(record{kind: 'g', path: "b", past: &past{form{'f', "abc", true}, &form{}}})
	b.line("r %q", ".")
	b.line("R %s %q", "abc", "refs/heads/x")
	b.ignores(".", "a b", parseIgnore([]byte("*.o\n!/x y/\n")))
	if err := b.finish(); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Fuzz(func(t *testing.T, data []byte) {
		lines := 0
		err := readBase(bytes.NewReader(data), baseReader{
			file: func(record) error { lines++; return nil },
			ref:  func(_, _, _ string) error { lines++; return nil }, ignore: func(_, _, _ string) error { lines++; return nil },
		})
		if err == nil && bytes.Count(data, []byte("\n")) < lines+1 {
			t.Fatalf("%d records of %q", lines, data)
		}
		if err != nil && !errors.Is(err, ErrNoBase) {
			t.Fatalf("another error: %v", err)
		}
	})
}
