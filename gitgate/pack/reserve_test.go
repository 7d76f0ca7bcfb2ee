package pack

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/gitgate/object"
	"github.com/bot-bottle/bottle/gitgate/oid"
)

// Memory is asked for before it is taken, and who refuses it ends the reception.
func TestMemoryIsReserved(t *testing.T) {
	large := strings.Repeat("x", 3<<20)
	b := newBuilder(oid.SHA1).add(object.Blob, large).ofs(0, delta(len(large), len(large)+1, take(0, len(large)), insert("1"))).add(object.Blob, "y").bytes()
	held, calls := int64(0), 0
	reserve := func(n int64) error {
		held, calls = held+n, calls+1
		return nil
	}
	p, err := receive(t, b, Options{Visitor: newRecorder(t), Limits: Limits{Cache: 1 << 20}, Reserve: reserve})
	if err != nil {
		t.Fatal(err)
	}
	// The delta makes one byte more than its base has.
	if want := int64(1<<20+maxQueue+3*objectMemory) + pieces*int64(len(large)+1); held != want || calls != 3 {
		t.Errorf("%d bytes in %d calls, want %d in 3", held, calls, want)
	}
	if _, err := p.Read(nil, 0); err != nil || calls != 3 {
		t.Errorf("reading it again reserves more: %d, %v", calls, err)
	}
	for last := range 3 {
		calls := 0
		refuse := func(int64) error {
			if calls++; calls > last {
				return io.ErrShortBuffer
			}
			return nil
		}
		if _, err := receive(t, b, Options{Reserve: refuse}); !errors.Is(err, io.ErrShortBuffer) {
			t.Errorf("refused at call %d: %v", last+1, err)
		}
	}
}
