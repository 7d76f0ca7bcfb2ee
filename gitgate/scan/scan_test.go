package scan

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"unsafe"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/gitgate/object"
	"github.com/bot-bottle/bottle/gitgate/oid"
)

const secret = "correct-horse-battery-staple-7391"

func newScan(t *testing.T) *Scan {
	t.Helper()
	engine, err := dlp.New(dlp.Options{Known: []dlp.Known{{Name: "db", Value: secret}}})
	if err != nil {
		t.Fatal(err)
	}
	return New(oid.SHA1, engine.NewScanner(), func(f dlp.Finding) bool { return f.Rule == dlp.RuleKnown })
}

// show shows an object in pieces of a size.
func show(s *Scan, n int, kind object.Kind, content string, size int) error {
	if err := s.Begin(kind, int64(len(content))); err != nil {
		return err
	}
	for len(content) > 0 {
		piece := content[:min(size, len(content))]
		content = content[len(piece):]
		if _, err := s.Write([]byte(piece)); err != nil {
			return err
		}
	}
	return s.End(n, oid.ID{})
}

func entry(mode, name string) string { return mode + " " + name + "\x00" + strings.Repeat("x", 20) }

func TestFindingsAreThoseOfTheirObject(t *testing.T) {
	people := "tree " + strings.Repeat("1", 40) + "\nauthor A <a> 1 +0\ncommitter A <a> 1 +0\n\n"
	s := newScan(t)
	for i, c := range []struct {
		kind    object.Kind
		content string
	}{
		{object.Blob, "nothing"},
		{object.Blob, strings.Repeat("text ", 40000) + secret + " and more"},
		{object.Commit, people + secret},
		{object.Blob, secret[:20]}, // not the beginning of what follows
		{object.Blob, secret[20:]},
		{object.Tag, "object " + strings.Repeat("1", 40) + "\ntype commit\ntag v1\n\n" + secret},
		{object.Tree, entry("100644", "a file") + entry("100644", secret)},
		{object.Tree, entry("100644", "other") + entry("100644", "secret")}, // the name was there
	} {
		if err := show(s, i, c.kind, c.content, 1000); err != nil {
			t.Fatal(err)
		}
	}
	want := []Hit{{Object: 1, Kind: object.Blob}, {Object: 2, Kind: object.Commit}, {Object: 5, Kind: object.Tag}, {Object: 6, Kind: object.Tree, Name: secret}}
	if len(s.Hits()) != len(want) {
		t.Fatalf("%d hits", len(s.Hits()))
	}
	for i, h := range s.Hits() {
		if h.Object != want[i].Object || h.Kind != want[i].Kind || h.Name != want[i].Name || h.Finding.Name != "db" {
			t.Errorf("hit %d: %+v", i, h)
		}
	}
	if at := s.Hits()[0].Finding.Offset; at != 200000 {
		t.Errorf("it is at %d", at)
	}
	if s.Links() {
		t.Error("there is a link")
	}
}

func TestLinksAreSeen(t *testing.T) {
	for e, want := range map[string]bool{entry("120000", "a"): true, entry("160000", "a"): true, entry("100644", ".gitmodules"): true,
		entry("100644", ".GitModules"): true, entry("100644", "GITMOD~1"): true, entry("100644", ".gitmodule"): false, entry("40000", "a"): false} {
		s := newScan(t)
		if err := show(s, 0, object.Tree, e, 10); err != nil || s.Links() != want {
			t.Errorf("%q: %v, %v", e, s.Links(), err)
		}
	}
}

func TestFoldersThatAreElsewhereAreSeen(t *testing.T) {
	s := newScan(t)
	there := oid.SHA1.From([]byte(strings.Repeat("x", 20)))
	for i, c := range []struct {
		id      oid.ID
		content string
		want    bool
	}{
		{oid.ID{}, entry("160000", "a"), false},
		{oid.ID{}, entry("40000", "a"), true},
		{there, entry("100644", "a"), false},
	} {
		_ = s.Begin(object.Tree, int64(len(c.content))) // it is small
		_, _ = s.Write([]byte(c.content))               // as above
		if err := s.End(i, c.id); err != nil || s.Outside() != c.want {
			t.Errorf("%d: %v, %v", i, s.Outside(), err)
		}
	}
	for n := range maxFolders {
		s.folder(binary.BigEndian.AppendUint32(nil, uint32(n)), inPack)
	}
	if !s.Outside() {
		t.Error("of too many folders all are said to be there")
	}
}

// A name of many findings is held once, not once for each.
func TestTheNameOfManyFindingsIsHeldOnce(t *testing.T) {
	s := newScan(t)
	name := strings.Repeat(secret+" ", object.MaxName/(len(secret)+1))
	if err := show(s, 0, object.Tree, entry("100644", name), 1<<20); err != nil || len(s.Hits()) < 100 {
		t.Fatalf("%d hits: %v", len(s.Hits()), err)
	}
	for _, h := range s.Hits() {
		if unsafe.StringData(h.Name) != unsafe.StringData(s.Hits()[0].Name) {
			t.Fatal("a name is held twice")
		}
	}
}

func TestObjectsThatCannotBeReadEndAPush(t *testing.T) {
	for kind, content := range map[object.Kind]string{object.Commit: "x", object.Tag: "x", object.Tree: entry("100644", "a/b")} {
		if err := show(newScan(t), 0, kind, content, 10); !errors.Is(err, object.ErrMalformed) {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if err := newScan(t).Begin(object.Tree, maxParsed+1); !errors.Is(err, object.ErrMalformed) {
		t.Errorf("a large tree: %v", err)
	}
}

func TestThereAreNotTooManyHits(t *testing.T) {
	s := newScan(t)
	text := strings.Repeat(secret+"\n", MaxHits)
	if err := show(s, 0, object.Blob, text, 1<<20); err != nil || len(s.Hits()) != MaxHits {
		t.Fatalf("%d hits: %v", len(s.Hits()), err)
	}
	if err := show(s, 1, object.Blob, secret, 1<<20); !errors.Is(err, ErrTooMany) {
		t.Errorf("one more: %v", err)
	}
}
