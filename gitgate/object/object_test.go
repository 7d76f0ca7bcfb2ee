package object

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/gitgate/oid"
)

var (
	one = strings.Repeat("1", 40)
	two = strings.Repeat("2", 40)
)

const people = "author A B <a@example.com> 1700000000 +0100\ncommitter C <c@example.com> 1700000001 +0000\n"

func TestACommitIsRead(t *testing.T) {
	c, err := ParseCommit([]byte("tree "+one+"\nparent "+two+"\nparent "+one+"\n"+people+"encoding ISO-8859-1\ngpgsig -----BEGIN\n tree of nothing\n -----END\n\nsubject\n\nparent "+two+"\n"), oid.SHA1)
	if err != nil {
		t.Fatal(err)
	}
	if c.Tree.String() != one || len(c.Parents) != 2 || c.Parents[0].String() != two || c.Parents[1].String() != one {
		t.Errorf("tree %v, parents %v", c.Tree, c.Parents)
	}
	if string(c.Author.Name) != "A B" || string(c.Author.Email) != "a@example.com" || string(c.Committer.Email) != "c@example.com" {
		t.Errorf("by %q %q, %q", c.Author.Name, c.Author.Email, c.Committer.Email)
	}
	if string(c.Message) != "subject\n\nparent "+two+"\n" {
		t.Errorf("message %q", c.Message)
	}
	for name, b := range map[string]string{"no message": "tree " + one + "\n" + people, "an empty one": "tree " + one + "\n" + people + "\n", "no names": "tree " + one + "\nauthor <> 1 +0\ncommitter <> 1 +0\n"} {
		if _, err := ParseCommit([]byte(b), oid.SHA1); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestACommitThatCouldBeReadInTwoWaysIsRefused(t *testing.T) {
	tree := "tree " + one + "\n"
	for name, b := range map[string]string{
		"nothing":                 "",
		"no tree":                 people + "\n",
		"two trees":               tree + tree + people + "\n",
		"a parent first":          "parent " + two + "\n" + tree + people,
		"a parent behind":         tree + people + "parent " + two + "\n\n",
		"two authors":             tree + "author a <a> 1 +0\n" + people + "\n",
		"a second author behind":  tree + people + "author a <a> 1 +0\n\n",
		"no committer":            tree + "author a <a> 1 +0\n\n",
		"an ID of another format": "tree " + strings.Repeat("1", 64) + "\n" + people,
		"two addresses":           tree + "author a <a> <b> 1 +0\ncommitter a <a> 1 +0\n\n",
		"no address":              tree + "author a 1 +0\ncommitter a <a> 1 +0\n\n",
		"brackets turned round":   tree + "author a >a< 1 +0\ncommitter a <a> 1 +0\n\n",
		"no time":                 tree + "author a <a>\ncommitter a <a> 1 +0\n\n",
		"a NUL in a name":         tree + "author a\x00b <a> 1 +0\ncommitter a <a> 1 +0\n\n",
		"a NUL in a header":       tree + people + "x \x00\n\n",
		"cut in a header":         tree + people + "x",
	} {
		if c, err := ParseCommit([]byte(b), oid.SHA1); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}

func TestATagIsRead(t *testing.T) {
	b := "object " + one + "\ntype commit\ntag v1\ntagger A <a@example.com> 1 +0\n\nfirst\n"
	g, err := ParseTag([]byte(b), oid.SHA1)
	if err != nil || g.Object.String() != one || g.Kind != Commit || string(g.Name) != "v1" || string(g.Message) != "first\n" {
		t.Errorf("%+v, %v", g, err)
	}
	if _, err := ParseTag([]byte(strings.Replace(b, "tagger A <a@example.com> 1 +0\n", "", 1)), oid.SHA1); err != nil {
		t.Errorf("without a tagger: %v", err)
	}
	for name, b := range map[string]string{
		"no object":        "type commit\ntag v1\n\n",
		"a type of no one": "object " + one + "\ntype branch\ntag v1\n\n",
		"no name":          "object " + one + "\ntype commit\ntag \n\n",
		"two objects":      "object " + one + "\ntype commit\ntag v1\nobject " + two + "\n\n",
	} {
		if g, err := ParseTag([]byte(b), oid.SHA1); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v, %v", name, g, err)
		}
	}
}

// tree makes one of "mode name" entries.
func tree(entries ...string) []byte {
	var b []byte
	for i, e := range entries {
		b = append(append(append(b, e...), 0), strings.Repeat(string(rune('a'+i)), 20)...)
	}
	return b
}

func list(b []byte, format oid.Format) (names []string, err error) {
	for e, err := range Entries(b, format) {
		if err != nil {
			return names, err
		}
		names = append(names, fmt.Sprintf("%o %s %s", e.Mode, e.Kind(), e.Name))
	}
	return names, nil
}

func TestATreeIsRead(t *testing.T) {
	got, err := list(tree("100644 .gitignore", "100755 a", "100664 a-", "40000 a.b", "160000 a0", "120000 b", "040000 c"), oid.SHA1)
	want := "[100644 blob .gitignore 100755 blob a 100664 blob a- 40000 tree a.b 160000 commit a0 120000 blob b 40000 tree c]"
	if err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := list(append([]byte("40000 a\x00"), make([]byte, 32)...), oid.SHA256); err != nil || len(got) != 1 {
		t.Errorf("in the other format: %v, %v", got, err)
	}
	for e := range Entries(tree("100644 a"), oid.SHA1) {
		if id := e.ID(oid.SHA1); id.String() != strings.Repeat("61", 20) {
			t.Errorf("the ID is %v", id)
		}
	}
}

func TestATreeThatAnotherReadsOtherwiseIsRefused(t *testing.T) {
	for name, b := range map[string][]byte{
		"cut in the ID":       tree("100644 a")[:20],
		"cut in the name":     []byte("100644 a"),
		"cut in the mode":     []byte("100644"),
		"no mode":             tree(" a"),
		"a mode of letters":   tree("x a"),
		"a mode of no one":    tree("100777 a"),
		"a mode that is long": tree("00100644 a"),
		"no name":             tree("100644 "),
		"a slash":             tree("100644 a/b"),
		"the folder":          tree("40000 ."),
		"the one above":       tree("40000 .."),
		"git's folder":        tree("40000 .git"),
		"in capitals":         tree("40000 .GiT"),
		"with NTFS's name":    tree("40000 GIT~1"),
		"with a dot":          tree("40000 .git. ."),
		"as a stream":         tree("40000 .git::$INDEX_ALLOCATION"),
		"with what is unseen": tree("40000 .g\u200cit"),
		"unseen first":        tree("40000 \u200c.git"),
		"behind a backslash":  tree(`100644 a\.git\config`),
		"one name twice":      tree("100644 a", "40000 a"),
		"twice, not in a row": tree("100644 a", "100644 a-", "100644 a-b", "100644 a.", "40000 a"),
		"a name without end":  tree("100644 " + strings.Repeat("a", MaxName+1)),
		"the wrong order":     tree("100644 b", "100644 a"),
		"a tree like a file":  tree("40000 a", "100644 a.b"),
	} {
		if got, err := list(b, oid.SHA1); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestGitModulesHaveManyNames(t *testing.T) {
	for name, want := range map[string]bool{
		".gitmodules": true, ".GitModules": true, ".gitmodules ": true, ".gitmodules. .": true, ".gitmodules::$DATA": true, ".git\u200cmodules": true,
		"\ufeff.gitmodules": true, "GITMOD~1": true, "gi7eba~9": true, "gi7e~123": true, "gitmod~5": false, "gitmod~1x": false, "gi~1": false,
		".gitmodule": false, ".gitmodules2": false, "gitmodules": false, "": false,
	} {
		if got := IsGitModules(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func FuzzObjects(f *testing.F) {
	f.Add([]byte("tree " + one + "\n" + people + "\nhello"))
	f.Add([]byte("object " + one + "\ntype commit\ntag v1\n\nhello"))
	f.Add(tree("100644 a", "40000 b"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := ParseCommit(b, oid.SHA1); err == nil && !strings.HasSuffix(string(b), string(c.Message)) {
			t.Errorf("%q has the message %q", b, c.Message)
		}
		if g, err := ParseTag(b, oid.SHA1); err == nil && !strings.HasSuffix(string(b), string(g.Message)) {
			t.Errorf("%q has the message %q", b, g.Message)
		}
		n := 0
		for e, err := range Entries(b, oid.SHA1) {
			if err != nil {
				return
			}
			n += len(fmt.Sprintf("%o", e.Mode)) + 1 + len(e.Name) + 1 + len(e.Sum)
		}
		if n > len(b) {
			t.Errorf("%d bytes of entries in %d", n, len(b))
		}
	})
}
