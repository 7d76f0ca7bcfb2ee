package scan

import (
	"testing"

	"github.com/bot-bottle/bottle/gitgate/object"
	"github.com/bot-bottle/bottle/gitgate/oid"
)

// A name is watched for in any case of letters, as the rules about files fold it.
func TestNamesOfTreesAreWatchedFor(t *testing.T) {
	for _, c := range []struct {
		name, in string
		lacks    bool
	}{
		{".github", ".github", false}, {".github", ".GitHub", false}, {".github", ".gİthub", false},
		{".github", ".githuba", true}, {".github", "github", true}, {"kelvin", "\u212Aelvin", false}, {"kelvin", "kelvın", true},
	} {
		s := newScan(t)
		s.Watch([]string{c.name, "other"})
		if err := s.Begin(object.Tree, 0); err != nil {
			t.Fatal(err)
		}
		_, _ = s.Write(append([]byte("100644 "+c.in+"\x00"), make([]byte, 20)...))
		if err := s.End(0, oid.ID{}); err != nil {
			t.Fatal(err)
		}
		if s.Lacks([]string{c.name}) != c.lacks {
			t.Errorf("%q among trees with %q: lacks is %v", c.name, c.in, !c.lacks)
		}
		if !s.Lacks([]string{"other"}) || s.Lacks([]string{"other", "unwatched"}) {
			t.Error("other names are not as they were watched for")
		}
	}
	if newScan(t).Lacks([]string{"x"}) {
		t.Error("what was not watched for is taken to be absent")
	}
}
