package oid

import (
	"strings"
	"testing"
)

func TestAnIDIsReadAsItIsWritten(t *testing.T) {
	for _, s := range []string{strings.Repeat("0a", 20), strings.Repeat("f9", 32), strings.Repeat("0", 40), strings.Repeat("0", 64)} {
		id, err := Parse(s)
		if err != nil || id.String() != s || id.Format().Size() != len(s)/2 {
			t.Errorf("%s: %v, %v", s, id, err)
		}
		if id.IsZero() != (strings.Trim(s, "0") == "") {
			t.Errorf("%s: zero is %v", s, id.IsZero())
		}
		if again := id.Format().From(id.Bytes()); again != id {
			t.Errorf("%s: from its bytes: %v", s, again)
		}
	}
	if SHA1.Zero() == SHA256.Zero() {
		t.Error("the zero IDs of both formats are the same")
	}
}

func TestWhatIsNoIDIsRefused(t *testing.T) {
	for _, s := range []string{"", "0a", strings.Repeat("0", 39), strings.Repeat("0", 41), strings.Repeat("0", 65), strings.Repeat("A", 40),
		strings.Repeat("g", 40), strings.Repeat("0", 39) + " ", "+" + strings.Repeat("0", 39)} {
		if id, err := Parse(s); err == nil {
			t.Errorf("%q is %v", s, id)
		}
	}
}

func TestTheNamesOfTheFormats(t *testing.T) {
	for _, f := range []Format{SHA1, SHA256} {
		if got, ok := ParseFormat(f.String()); !ok || got != f {
			t.Errorf("%v: %v, %v", f, got, ok)
		}
		if n := f.New().Size(); n != f.Size() {
			t.Errorf("%v: a sum of %d bytes", f, n)
		}
	}
	if _, ok := ParseFormat("SHA1"); ok {
		t.Error("SHA1 is a name")
	}
}
