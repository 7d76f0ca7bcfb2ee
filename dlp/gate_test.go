package dlp

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// Every byte has its bits in the masks, wherever it stands and whatever is beside.
func TestSurveyIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	text := []byte("\"'`\\=\n\r\t .:+-_/ux0n~|&")
	for c := range 256 {
		for at := range 4 * blockLen {
			var b [blockLen]byte
			for i := range b {
				b[i] = byte(r.Uint32())
				if i&1 != at&1 {
					b[i] = text[r.IntN(len(text))]
				}
			}
			b[at%blockLen] = byte(c)
			got := survey(&b)
			checkMask(t, "run", &b, got.run, func(i int) bool { return runByte[b[i]] })
			checkMask(t, "joiner", &b, transpose(got.joiner), func(i int) bool { return runByte[b[i]] && !alnum[b[i]] })
			checkMask(t, "high", &b, transpose(got.high), func(i int) bool { return b[i] >= 0x80 })
			checkMask(t, "binary", &b, transpose(got.binary), func(i int) bool { return isBinary(b[i:i+1], 0) })
			checkMask(t, "zero", &b, transpose(got.zero), func(i int) bool { return b[i] == 0 })
			checkMask(t, "odd", &b, transpose(got.odd), func(i int) bool { return !plainText(b[i : i+1]) })
			next := func(i int, c *class) bool { return i+1 == len(b) || c[b[i+1]] }
			last := func(i int, c *class) bool { return i == 0 || c[b[i-1]] }
			checkSigns(t, &b, transpose(got.marks)|transpose(got.lines), func(i int) bool {
				switch b[i] {
				case '\\':
					return next(i, newClass("uUx/0-3")) || next(i, newClass("nr")) && last(i, newClass("A-Za-z0-9+/_=.\\-"))
				case '%':
					return next(i, newClass("0-9A-Fa-fuU"))
				case '&':
					return next(i, newClass("A-Za-z#"))
				case '<':
					return next(i, newClass("~"))
				case '=':
					return next(i, quotedNext)
				case '\n':
					return last(i, newClass("A-Za-z0-9+/_=.\\\t\r\n-"))
				}
				return quoteByte[b[i]] && next(i, joinNext) && last(i, joinAny)
			})
		}
	}
}

func checkMask(t *testing.T, name string, b *[blockLen]byte, got uint64, has func(int) bool) {
	t.Helper()
	for i := range b {
		if (got>>i&1 != 0) != has(i) {
			t.Fatalf("the mask of %s of %q at %d is %v", name, b, i, !has(i))
		}
	}
}

func TestLongRuns(t *testing.T) {
	for start := range 64 {
		for n := range 65 - start {
			m := (uint64(1)<<n - 1) << start
			want := uint64(0)
			if n >= minRun {
				want = (1<<(n-minRun+1) - 1) << start
			}
			if got := longRuns(m); got != want {
				t.Fatalf("of %d ones at %d: %b, want %b", n, start, got, want)
			}
		}
	}
}

// checkSigns wants all bytes in the mask that are to be there.
func checkSigns(t *testing.T, b *[blockLen]byte, got uint64, has func(int) bool) {
	t.Helper()
	for i := range b {
		if got>>i&1 == 0 && has(i) {
			t.Fatalf("the mask of signs of %q does not have %d", b, i)
		}
	}
}

func TestShortRunsMayBeText(t *testing.T) {
	text := []byte("bG93ZXIgVVBQRVI0") // twelve bytes of ASCII, and no other phase of it
	for at := range 4 * groupLen {
		run := append(bytes.Repeat([]byte("z"), at), text...)
		for n := range groupLen {
			if b := append(run, bytes.Repeat([]byte("z"), n)...); !mayBeText(b) {
				t.Errorf("not in %q", b)
			}
		}
	}
	if b := bytes.Repeat([]byte("z"), blockLen); mayBeText(b) {
		t.Errorf("in %q", b)
	}
}

// Lines of text and of programs end in what is no token that goes on.
func TestFindWrapped(t *testing.T) {
	for _, tt := range []struct {
		text string
		sign bool
	}{
		{"what errStillRunning.\nCopyright of it", false},
		{"see example.org/issue/67401.\nCloned from it", false},
		{"of TLSClientConfigServerName\nwhen it is empty", false},
		{"method = reqMethod\n\t\tshouldRedirect = true", false},
		{"what comes of HTTP2Transport1\ntogether with it", false},
		{"x4Kd92mQz7Lp3RtY8w\nV6bN1cXs5HjG0fAe", true},
		{"x4Kd92mQz7Lp3RtY8w\nab\"", true},
		{"eyJhbGciOiJIUzI1NiJ9.\neyJzdWIiOiIxMjM0NTY3ODkwIn0", true},
		{"Zm9vYmFyYmF6cXV4Zm9v\nYmFyYmF6cXV4Zm9vYmFy", true},
	} {
		if got := findWrapped([]byte(tt.text), 0) < len(tt.text); got != tt.sign {
			t.Errorf("%q is a sign: %v", tt.text, got)
		}
	}
}
