package dlp_test

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

// noise fills b with bytes without meaning, as media and what is encrypted have: the
// same for the same seed.
func noise(b []byte, seed uint64) {
	var key, iv [aes.BlockSize]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err)
	}
	clear(b)
	cipher.NewCTR(block, iv[:]).XORKeyStream(b, b)
}

// Of bytes without meaning hardly any are taken for a format that is not read: none is
// in gigabytes of them.
func TestNoise(t *testing.T) {
	const size, lineBytes = 4 << 20, 3000
	streams := uint64(4)
	if *full {
		streams = 2500
	}
	e := mustEngine(t, testKnown()...)
	plain, lines := rate{name: "noise"}, rate{name: "noise in base64"}
	b, text := make([]byte, size), make([]byte, 0, 2*size)
	for seed := range streams {
		noise(b, seed)
		plain.add(b, e.Scan(b), fmt.Sprint(seed))
		if seed%8 != 0 {
			continue
		}
		text = text[:0]
		for i := 0; i < len(b); i += lineBytes {
			text = append(base64.StdEncoding.AppendEncode(text, b[i:min(len(b), i+lineBytes)]), '\n')
		}
		lines.add(text, e.Scan(text), fmt.Sprint(seed, " in base64"))
	}
	for _, s := range plain.seen {
		t.Error(s)
	}
	for _, s := range lines.seen { // some are taken for tokens
		fmt.Println(s)
	}
	if lines.unread > 0 {
		t.Errorf("%d parts in base64 were not read", lines.unread)
	}
	table("Findings in noise", [][]string{rateHead, plain.row(), lines.row()})
}

// A magic in noise is not enough: of as many as there are in terabytes, few count.
func TestMagicsInNoise(t *testing.T) {
	const each = 4 << 10
	e := mustEngine(t)
	for _, c := range []struct {
		magic string
		most  float64 // the share of them that may
	}{
		{"\x28\xb5\x2f\xfd", 0.25}, // libzstd reads blocks that are longer than they may be
		{"\x04\x22\x4d\x18", 0.001}, {"\x1f\x8b\x08", 0}, {"PK\x03\x04", 0.001}, {"\x52\x2a\x4d\x18", 0}, {"x\x9c", 0}, {"x\xda", 0}, {"BZh9", 0},
	} {
		const size = 16 << 20
		b := make([]byte, size)
		noise(b, 1<<32)
		for i := 0; i+each < len(b); i += each {
			copy(b[i+each/2:], c.magic)
		}
		n := 0
		for i := 0; i < len(b); i += each {
			for _, f := range e.Scan(b[i : i+each]) {
				if f.Kind == dlp.KindUnscanned {
					n++
				}
			}
		}
		if float64(n) > c.most*size/each {
			t.Errorf("%q: %d of %d", c.magic, n, size/each)
		}
		t.Logf("%q: %d of %d", c.magic, n, size/each)
	}
}

// What repeats one group of base64 is no text that is too deep to be read; what else
// stands beside it is.
func TestTextThatIsTooDeep(t *testing.T) {
	e := mustEngine(t)
	three := chain(base64Std, base64Std, base64Std)
	text := base64Std(fmt.Sprintf(story, "of no interest"))
	same := strings.Repeat("QQQQ", 1000)
	for name, c := range map[string]struct {
		in   string
		want bool
	}{
		"text":               {three(text), true},
		"a group":            {three(same), false},
		"text in groups":     {three(same + text + same), true},
		"text behind groups": {three(same + text), true},
		"a few bytes":        {"BOTTLE_REDACTED_STACKHAWK_KEY_FNCHAI7XVI3H\\n ASIAYLM4FWCNT4N", false},
	} {
		for _, step := range []int{len(c.in), 1000, 61} {
			found := scanChunks(t, e.NewScanner(), []byte(c.in), func() int { return step })
			got := slices.ContainsFunc(found, func(f dlp.Finding) bool { return f.Name == dlp.UnscannedDepth })
			if got != c.want || !c.want && len(found) > 0 {
				t.Errorf("%s by %d: %+v", name, step, found)
			}
		}
	}
}
