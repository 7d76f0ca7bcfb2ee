package pack

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/bot-bottle/bottle/gitgate/object"
	"github.com/bot-bottle/bottle/gitgate/oid"
)

func itoa(n int) string { return strconv.Itoa(n) }

func receive(t testing.TB, b []byte, opts Options) (*Pack, error) {
	t.Helper()
	if opts.Dir == "" {
		opts.Dir = t.TempDir()
	}
	p, err := Receive(context.Background(), bytes.NewReader(b), opts)
	if err == nil {
		t.Cleanup(func() { p.Close() })
	}
	if left, _ := os.ReadDir(opts.Dir); len(left) > 0 {
		t.Errorf("%d files are left in %s", len(left), opts.Dir)
	}
	return p, err
}

func TestEveryObjectIsShownAndReadAgain(t *testing.T) {
	for _, format := range []oid.Format{oid.SHA1, oid.SHA256} {
		t.Run(format.String(), func(t *testing.T) {
			base := strings.Repeat("line of text\n", 100)
			later := name(format, object.Blob, base+"3")
			b := newBuilder(format).
				ref(later, delta(len(base)+1, len(base)+2, take(0, len(base)), insert("34"))). // its base is a delta, and behind it
				add(object.Blob, base).
				add(object.Commit, "").
				ofs(1, delta(len(base), len(base)+1, take(0, len(base)), insert("1"))).
				ofs(3, delta(len(base)+1, len(base), take(1, len(base)))).
				ref(name(format, object.Blob, base), delta(len(base), len(base)+1, take(0, len(base)), insert("3"))).
				add(object.Tree, "x").add(object.Tag, "y").
				bytes()
			want := map[string]object.Kind{base + "34": object.Blob, base: object.Blob, "": object.Commit, base + "1": object.Blob, base[1:] + "1": object.Blob, base + "3": object.Blob, "x": object.Tree, "y": object.Tag}
			// With a cache and hardly with one, and with objects that count as large.
			for _, limits := range []Limits{{}, {Cache: 1}, {streamFrom: 1}, {Cache: 1, streamFrom: int64(len(base))}, {streamFrom: int64(len(base)) + 2}} {
				seen := newRecorder(t)
				p, err := receive(t, b, Options{Format: format, Visitor: seen, Limits: limits})
				if err != nil {
					t.Fatal(err)
				}
				if len(seen.found) != len(want) || p.Len() != len(want) || p.Bytes() != int64(len(b)) {
					t.Errorf("%d objects are shown, %d in the pack", len(seen.found), p.Len())
				}
				for content, kind := range want {
					checkObject(t, p, seen, kind, content)
				}
				if again, _ := io.ReadAll(p.Reader()); !bytes.Equal(again, b) {
					t.Error("the pack that is kept is another")
				}
			}
		})
	}
}

func checkObject(t *testing.T, p *Pack, seen *recorder, kind object.Kind, content string) {
	t.Helper()
	id := name(p.Format(), kind, content)
	if got, ok := seen.found[id]; !ok || got != content {
		t.Errorf("the %s of %q is shown as %q", kind, content, got)
	}
	n, ok := p.Find(id)
	if !ok || p.ID(n) != id || p.Kind(n) != kind || p.Size(n) != int64(len(content)) {
		t.Errorf("the %s of %q is not found", kind, content)
		return
	}
	if got, err := p.Read([]byte("before "), n); err != nil || string(got) != "before "+content {
		t.Errorf("the %s of %q is read as %q: %v", kind, content, got, err)
	}
}

func TestAPackOfNothing(t *testing.T) {
	p, err := receive(t, newBuilder(oid.SHA1).bytes(), Options{})
	if err != nil || p.Len() != 0 {
		t.Errorf("%v", err)
	}
	if _, ok := p.Find(oid.ID{}); ok {
		t.Error("there is something in it")
	}
}

func TestAPackArrivesInAnyPieces(t *testing.T) {
	large := strings.Repeat("0123456789abcde\n", streamFrom/16+100)
	b := newBuilder(oid.SHA1).add(object.Blob, large).add(object.Blob, "a").ofs(0, delta(len(large), 11, take(0, 5), insert("x"), take(6, 5))).bytes()
	for name, r := range map[string]io.Reader{"bytes": iotest.OneByteReader(bytes.NewReader(b)), "halves": iotest.HalfReader(bytes.NewReader(b)), "with its end": iotest.DataErrReader(bytes.NewReader(b))} {
		seen := newRecorder(t)
		p, err := Receive(context.Background(), r, Options{Visitor: seen, Dir: t.TempDir()})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		checkObject(t, p, seen, object.Blob, large)
		checkObject(t, p, seen, object.Blob, "01234x6789a")
		p.Close()
	}
}

func TestAPackThatIsDamagedIsRefused(t *testing.T) {
	base := "some text to stand on"
	whole := func() *builder { return newBuilder(oid.SHA1).add(object.Blob, base) }
	good := whole().bytes()
	flip := func(at int) []byte {
		b := bytes.Clone(good)
		b[(at+len(b))%len(b)] ^= 1
		return b
	}
	resealed := func(at int, v byte) []byte {
		b := bytes.Clone(good[:len(good)-20])
		b[at] = v
		return seal(b, oid.SHA1)
	}
	id := name(oid.SHA1, object.Blob, base)
	n := len(base)
	lengthy := whole().b
	lengthy = append(lengthy[:len(lengthy)-4], 0, 0, 0, 0)
	long := newBuilder(oid.SHA1)
	long.head(byte(object.Blob), 3)
	short := newBuilder(oid.SHA1)
	short.head(byte(object.Blob), 5)
	noType := newBuilder(oid.SHA1)
	noType.head(5, 1)
	typeZero := newBuilder(oid.SHA1)
	typeZero.head(0, 1)
	bigSize := newBuilder(oid.SHA1)
	bigSize.starts = append(bigSize.starts, 0)
	dict := newBuilder(oid.SHA1)
	dict.head(byte(object.Blob), 1)
	far := whole()
	far.head(offsetDelta, 4)
	self := whole()
	self.head(offsetDelta, 4)
	inner := whole()
	inner.head(offsetDelta, 4)
	for what, c := range map[string]struct {
		b    []byte
		want error
	}{
		"nothing":                         {nil, ErrCorrupt},
		"another signature":               {flip(0), ErrCorrupt},
		"another version":                 {resealed(7, 4), ErrCorrupt},
		"fewer entries than it says":      {whole().counted(2), ErrCorrupt},
		"more entries than it says":       {whole().counted(0), ErrCorrupt},
		"another check sum":               {flip(-1), ErrCorrupt},
		"another content":                 {flip(20), ErrCorrupt},
		"a byte behind":                   {append(bytes.Clone(good), 0), ErrCorrupt},
		"a pack behind":                   {append(bytes.Clone(good), good...), ErrCorrupt},
		"cut in the check sum":            {good[:len(good)-1], ErrCorrupt},
		"cut in the data":                 {good[:25], ErrCorrupt},
		"cut in the header":               {good[:5], ErrCorrupt},
		"another sum of the data":         {seal(lengthy, oid.SHA1), ErrCorrupt},
		"data that is longer":             {long.raw(deflate([]byte("long"))).bytes(), ErrCorrupt},
		"data that is shorter":            {short.raw(deflate([]byte("long"))).bytes(), ErrCorrupt},
		"type 5":                          {noType.raw(deflate([]byte("a"))).bytes(), ErrCorrupt},
		"type 0":                          {typeZero.raw(deflate([]byte("a"))).bytes(), ErrCorrupt},
		"a size without an end":           {bigSize.raw(bytes.Repeat([]byte{0xbf}, 20)).bytes(), ErrCorrupt},
		"a dictionary":                    {dict.raw([]byte{0x78, 0xbb, 0, 0, 0, 1}).raw(deflate([]byte("a"))[2:]).bytes(), ErrCorrupt},
		"no zlib":                         {resealed(14, 0), ErrCorrupt},
		"one object twice":                {whole().add(object.Blob, base).bytes(), ErrCorrupt},
		"a base before the pack":          {far.distance(1000).raw(deflate(delta(n, 1, take(0, 1)))).bytes(), ErrCorrupt},
		"a base of itself":                {self.distance(0).raw(deflate(delta(n, 1, take(0, 1)))).bytes(), ErrCorrupt},
		"a base inside of an entry":       {inner.distance(len(whole().b) - 13).raw(deflate(delta(n, 1, take(0, 1)))).bytes(), ErrCorrupt},
		"a distance without an end":       {whole().raw(bytes.Repeat([]byte{0xe4}, 1)).raw(bytes.Repeat([]byte{0xff}, 12)).counted(2), ErrCorrupt},
		"a base of another size":          {whole().ofs(0, delta(n+1, 1, take(0, 1))).bytes(), ErrCorrupt},
		"a copy behind the base":          {whole().ofs(0, delta(n, 2, take(n-1, 2))).bytes(), ErrCorrupt},
		"a copy from behind the base":     {whole().ofs(0, delta(n, 2, take(1<<31, 2))).bytes(), ErrCorrupt},
		"more than it says":               {whole().ofs(0, delta(n, 1, take(0, 2))).bytes(), ErrCorrupt},
		"more inserted than it says":      {whole().ofs(0, delta(n, 1, insert("ab"))).bytes(), ErrCorrupt},
		"less than it says":               {whole().ofs(0, delta(n, 3, take(0, 2))).bytes(), ErrCorrupt},
		"the instruction of no one":       {whole().ofs(0, delta(n, 1, []byte{0}, take(0, 1))).bytes(), ErrCorrupt},
		"a copy that is cut":              {whole().ofs(0, delta(n, 1, []byte{0x91})).bytes(), ErrCorrupt},
		"an insert that is cut":           {whole().ofs(0, delta(n, 5, []byte{5, 'a'})).bytes(), ErrCorrupt},
		"a delta without sizes":           {whole().ofs(0, []byte{0x80}).bytes(), ErrCorrupt},
		"a base that is elsewhere":        {whole().ref(name(oid.SHA1, object.Blob, "elsewhere"), delta(9, 1, take(0, 1))).bytes(), ErrThin},
		"a delta on one that has no base": {newBuilder(oid.SHA1).ref(id, delta(n, 1, take(0, 1))).ofs(0, delta(1, 1, take(0, 1))).bytes(), ErrThin},
		"deltas on each other":            {newBuilder(oid.SHA1).ref(name(oid.SHA1, object.Blob, "ab"), delta(2, 2, insert("cd"))).ref(name(oid.SHA1, object.Blob, "cd"), delta(2, 2, insert("ab"))).bytes(), ErrThin},
		"a pack of the other format":      {newBuilder(oid.SHA256).add(object.Blob, base).bytes(), ErrCorrupt},
	} {
		for _, from := range []int64{0, 1, int64(n) + 1} {
			if _, err := receive(t, c.b, Options{Limits: Limits{streamFrom: from}}); !errors.Is(err, c.want) {
				t.Errorf("%s, large from %d: %v, want %v", what, from, err, c.want)
			}
		}
	}
	if _, err := receive(t, good, Options{}); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

func TestAPackIsRefusedThatIsTooMuch(t *testing.T) {
	mega := strings.Repeat("\x00", 1<<20)
	bomb := newBuilder(oid.SHA1).add(object.Blob, mega)
	var doubled [][]byte
	for range 64 {
		doubled = append(doubled, take(0, 1<<20))
	}
	for i := range 60 { // 60 objects of 64 MiB, each of a few bytes
		bomb.ofs(0, delta(1<<20, 64<<20+1, append(doubled, insert(string(rune('!'+i))))...))
	}
	deep := newBuilder(oid.SHA1).add(object.Blob, "0")
	for i := range 30 {
		deep.ofs(i, delta(i+1, i+2, take(0, i+1), insert("x")))
	}
	zipped := newBuilder(oid.SHA1).add(object.Blob, strings.Repeat("\x00", 8<<20)).bytes()
	claim := newBuilder(oid.SHA1)
	claim.head(byte(object.Blob), 1<<40)
	deltaClaim := newBuilder(oid.SHA1).add(object.Blob, "abc").ofs(0, delta(3, 1<<40, take(0, 3))).bytes()
	big := newBuilder(oid.SHA1).add(object.Blob, "a")
	big.head(offsetDelta, 60<<20)
	for what, c := range map[string]struct {
		b      []byte
		limits Limits
		want   string
	}{
		"a bomb of deltas":          {bomb.bytes(), Limits{}, "unfold"},
		"a bomb of zlib":            {zipped, Limits{FreeWork: 1 << 20}, "unfold"},
		"4 billion entries":         {newBuilder(oid.SHA1).counted(4_000_000_000), Limits{}, "objects"},
		"one object more":           {newBuilder(oid.SHA1).add(object.Blob, "a").add(object.Blob, "b").bytes(), Limits{Objects: 1}, "objects"},
		"a large object":            {claim.raw(deflate([]byte("a"))).bytes(), Limits{}, "bytes in an object"},
		"a delta of a large object": {deltaClaim, Limits{}, "bytes in an object"},
		"a large delta":             {big.distance(10).raw(deflate([]byte("a"))).bytes(), Limits{}, "bytes in an object"},
		"one byte more":             {newBuilder(oid.SHA1).add(object.Blob, "abcde").bytes(), Limits{Object: 4}, "bytes in an object"},
		"deltas on deltas":          {deep.bytes(), Limits{Depth: 29}, "deltas"},
		"a large pack":              {zipped, Limits{Pack: int64(len(zipped) - 1)}, "bytes in the pack"},
	} {
		var over *LimitError
		if _, err := receive(t, c.b, Options{Limits: c.limits}); !errors.As(err, &over) || !strings.Contains(over.What, c.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, c := range map[string]struct {
		b      []byte
		limits Limits
	}{"depth": {deep.bytes(), Limits{Depth: 30}}, "pack": {zipped, Limits{Pack: int64(len(zipped))}}, "object": {newBuilder(oid.SHA1).add(object.Blob, "abcde").bytes(), Limits{Object: 5}}} {
		if _, err := receive(t, c.b, Options{Limits: c.limits}); err != nil {
			t.Errorf("just at the limit of %s: %v", what, err)
		}
	}
}

// clock goes on by a step at each look.
type clock struct {
	at   time.Time
	step time.Duration
}

func (c *clock) now() time.Time {
	c.at = c.at.Add(c.step)
	return c.at
}

func TestTheTimeOfAPackGrowsWithWhatArrived(t *testing.T) {
	noise := make([]byte, 12<<20)
	for i, x := 0, uint32(1); i < len(noise); i++ { // nothing that can be compressed
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		noise[i] = byte(x)
	}
	b := newBuilder(oid.SHA1).add(object.Blob, string(noise)).bytes()
	c := clock{step: 500 * time.Millisecond}
	var over *LimitError
	if _, err := receive(t, b, Options{Now: c.now, Limits: Limits{Time: time.Second}}); !errors.As(err, &over) || !strings.Contains(over.What, "seconds") {
		t.Errorf("slow work: %v", err)
	}
	if _, err := receive(t, b, Options{Now: c.now, Limits: Limits{Time: 300 * time.Second}}); err != nil {
		t.Errorf("with more time: %v", err)
	}
	small := newBuilder(oid.SHA1).add(object.Blob, "a").bytes()
	waiting := clock{}
	r := readFunc(func(p []byte) (int, error) {
		waiting.at = waiting.at.Add(time.Hour) // the client's time, not that of work
		if len(small) == 0 {
			return 0, io.EOF
		}
		n := copy(p[:1], small)
		small = small[n:]
		return n, nil
	})
	p, err := Receive(context.Background(), r, Options{Now: waiting.now, Dir: t.TempDir()})
	if err != nil {
		t.Fatalf("a slow client: %v", err)
	}
	p.Close()
}

func TestAReceptionEndsWithItsReasons(t *testing.T) {
	small := newBuilder(oid.SHA1).add(object.Blob, "a").bytes()
	gone := errors.New("gone")
	dir := t.TempDir()
	if _, err := Receive(context.Background(), io.MultiReader(bytes.NewReader(small[:15]), iotest.ErrReader(gone)), Options{Dir: dir}); !errors.Is(err, gone) {
		t.Errorf("a client that went away: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Receive(ctx, bytes.NewReader(small), Options{Dir: dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("a reception that is called off: %v", err)
	}
	for step := range 3 {
		if _, err := Receive(context.Background(), bytes.NewReader(small), Options{Dir: dir, Visitor: &failing{step: step, err: gone}}); !errors.Is(err, gone) {
			t.Errorf("a visitor that fails at step %d: %v", step, err)
		}
	}
	if _, err := Receive(context.Background(), bytes.NewReader(small), Options{Dir: dir + "/none"}); err == nil {
		t.Error("a folder that is not there is no error")
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%d files are left", len(left))
	}
}

// A visitor that fails ends a reception that goes on, and one that is slow ends by
// the time.
func TestAReceptionEndsWithItsVisitor(t *testing.T) {
	gone := errors.New("gone")
	b := newBuilder(oid.SHA1).add(object.Blob, "a").bytes()
	endless := io.MultiReader(bytes.NewReader(b[:len(b)-20]), readFunc(func(p []byte) (int, error) { return copy(p, b[12:len(b)-20]), nil }))
	b[8] = 0x20 // the number of entries is some 536 million
	if _, err := Receive(context.Background(), endless, Options{Dir: t.TempDir(), Visitor: &failing{step: 2, err: gone}, Limits: Limits{Objects: 1 << 30}}); !errors.Is(err, gone) {
		t.Errorf("it ends with %v", err)
	}
	synctest.Test(t, func(t *testing.T) {
		small := newBuilder(oid.SHA1).add(object.Blob, strings.Repeat("a", 3<<20)).bytes()
		slow := &slowly{time: 6 * time.Second}
		var over *LimitError
		if _, err := Receive(context.Background(), bytes.NewReader(small), Options{Dir: t.TempDir(), Visitor: slow}); !errors.As(err, &over) || slow.calls != 2 {
			t.Errorf("after %d calls it ends with %v", slow.calls, err)
		}
	})
}

// slowly takes its time for each piece.
type slowly struct {
	failing
	time  time.Duration
	calls int
}

func (s *slowly) Write(p []byte) (int, error) {
	s.calls++
	time.Sleep(s.time) // of the bubble
	return len(p), nil
}

type failing struct {
	step int
	err  error
}

func (f *failing) at(step int) error {
	if step == f.step {
		return f.err
	}
	return nil
}
func (f *failing) Begin(object.Kind, int64) error { return f.at(0) }
func (f *failing) Write(p []byte) (int, error)    { return len(p), f.at(1) }
func (f *failing) End(int, oid.ID) error          { return f.at(2) }
