package dlp

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// Every sign has its bit in the masks, wherever it stands.
func TestMarksHaveAllSigns(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	parts := []string{"\"", "'", "`", "\\", "=", "\n", "\r\n", "\t", " ", ".", ":", "+", "-", "_", "/", "\\u0067", "\\x68", "\\n", "\\r\\n", "%67", "%u0067", "=67", "=\n", "= \r\n",
		"&#103;", "&amp;#x67;", "<~", "~>", "|", "&", "\" + \"", "\",\"", "aB3dE6gH9", "x4Kd92mQz7Lp3RtY8w", "word", "Name", "0", "{", "@"}
	for range 4000 {
		var text []byte
		for len(text) <= 3*blockLen {
			text = append(text, parts[r.IntN(len(parts))]...)
		}
		text = text[:3*blockLen+1]
		var m masks
		m.classify(1, 3, text)
		for k := 1; k < 4; k++ {
			b := block{&m, k}
			marks := marksOf(b) | breaksOf(b)
			for i := range blockLen {
				if at := (k-1)*blockLen + i; isSign(text[:3*blockLen], at) && marks>>i&1 == 0 {
					t.Fatalf("the masks of %q do not have %d", text, at)
				}
			}
		}
	}
}

// isSign says whether a sign is at b[at] for any of the views, or its last backslash.
func isSign(b []byte, at int) bool {
	start := at
	if b[at] == '\\' {
		if at+1 < len(b) && b[at+1] == '\\' {
			return false
		}
		start -= runBefore(b, at, escapeSlashes-1, backslash)
	}
	breaks := func() bool {
		_, to := wrap(b, start)
		return to > 0 && mayWrap(b, start)
	}
	switch b[at] {
	case '\\':
		return escapeAt(b, start) || at+1 < len(b) && (b[at+1] == 'n' || b[at+1] == 'r') && breaks()
	case '\n':
		return breaks()
	case '%':
		return suspectPercent(b, at)
	case '&':
		return isEntity(b, at, at+1)
	case '<':
		return at+1 < len(b) && b[at+1] == '~'
	case '=':
		return isQuoted(b, at)
	case '"', '\'', '`':
		return isJoin(b, at)
	}
	return false
}

func TestLongRuns(t *testing.T) {
	for start := range 64 {
		for n := range 65 - start {
			m := (uint64(1)<<n - 1) << start
			want := uint64(0)
			if n >= minRun {
				want = (1<<(n-minRun+1) - 1) << start
			}
			if got, _ := inRow(m, 0, minRun); got != want {
				t.Fatalf("of %d ones at %d: %b, want %b", n, start, got, want)
			}
		}
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

// A token is found wherever it stands in its blocks, and wherever the stream is cut
// in three.
func TestTokensAreFoundWhereverBlocksAndChunksEnd(t *testing.T) {
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	token := "gh" + "p_" + "n3Kp8vWs2YtRq6HbZx0LmJc7DfGa4UeXo5Ti"
	sc := e.NewScanner()
	for at := range 3 * blockLen {
		text := []byte(strings.Repeat(" ", at) + token + strings.Repeat(" ", blockLen))
		for first := max(0, at-3*blockLen/2); first < at+len(token); first += 7 {
			for second := first; second < at+len(token); second++ {
				sc.Reset()
				found := len(sc.Write(text[:first])) + len(sc.Write(text[first:second])) + len(sc.Write(text[second:]))
				if found += len(sc.Close()); found != 1 {
					t.Fatalf("%d findings at %d, cut at %d and %d", found, at, first, second)
				}
			}
		}
	}
}
