package dlp

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
)

// breaksAndWords are texts of which some go on in the next line or string, and most do not.
var breaksAndWords = []string{"\n", "\n\t", "\\n", "\\n\\t\\t", "\r\n", "\\r\\n", "\\\\n", "\n    ", "\" + \"", "\"\n\t\"", "\\\" \\\"", "' . '", "\"\"", "` + `", ".", ". ", ":", "/", "(", ", ", ",", "=", " = ", "-", "_", "//", "\"", "}", "word", "Name", "camelCase", "HTTP2Config", "golang.org/issue/17494",
	"x4Kd92mQz7Lp3RtY8w", "aB3dE6gH9", "0x1F", "SHA256", "func ", "return ", " ", "\t", "averylongnameofsomething", "eyJhbGciOiJIUzI1NiJ9", "https://"}

func randomText(r *rand.Rand, parts []string, least int) []byte {
	var text []byte
	for len(text) < least {
		text = append(text, parts[r.IntN(len(parts))]...)
	}
	return text
}

// Where noWrap says that nothing is joined, wrap joins nothing.
func TestNoWrapIsRight(t *testing.T) {
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(11, 12))
	s, seen, left := e.NewScanner(), 0, 0
	for range 4000 {
		text := randomText(r, breaksAndWords, 1+r.IntN(30*blockLen))
		s.Reset()
		s.buf = append(s.buf, text...)
		s.surveyAll(0, func(first, last int) {
			v := s.survey
			v.signs.find(&v.masks, first, last, minRun)
			v.signs.each(signBreak, func(k int, m uint64) {
				for ; m != 0; m &= m - 1 {
					at := v.origin + k*blockLen + bits.TrailingZeros64(m)
					if seen++; at+1 >= len(text) || !s.noWrap(at) {
						continue
					}
					left++
					if text[at] == '\\' {
						at = s.firstSlash(at)
					}
					if _, to := wrap(s.buf, at); to > 0 {
						t.Fatalf("the break at %d of %q is left out", at, text)
					}
				}
			})
		})
	}
	if left < seen/8 {
		t.Errorf("%d of %d breaks are left out", left, seen)
	}
}

// What is found in parts that are joined is found whatever is told of them before.
func TestWhatIsJoinedIsFound(t *testing.T) {
	known := []Known{{Name: "known", Value: "Qz8v-Lk2_Wm5xTr9bYh3nPc6"}}
	e, err := New(Options{Known: known})
	if err != nil {
		t.Fatal(err)
	}
	all, err := New(Options{Known: known})
	if err != nil {
		t.Fatal(err)
	}
	all.outOfRuns = true // then nothing is told before
	tokens := []struct{ name, value string }{
		{"", "gh" + "p_" + "n3Kp8vWs2YtRq6HbZx0LmJc7DfGa4UeXo5Ti"},
		{"", "xox" + "b-123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx"},
		{"", known[0].Value},
		{"", "SG" + ".ngeVfQFYQlKU0ufo8x5d1A.TwL2iGABf9DHoTf-09kqeF8tAmbihYzrnopKc-1s5cr"},
		{"", "AKIA" + "YRWQG5EJLPZLBYNP"},
		{"", "dp.st.dev." + "Kp8vWs2YtRq6HbZx0LmJc7DfGa4UeXo5TiKp8vWs"},
		{"", "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4ifQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV9adQssw5c"},
		{"password = ", "n3Kp8vWs2YtRq6HbZx0LmJ"},
		{"aws_secret_access_key: ", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEX4MP1eKy"},
		{"", "4111 1111 1111 1111"},
	}
	joints := breaksAndWords[:16]
	r := rand.New(rand.NewPCG(13, 14))
	joined := 0
	for round := range 2000 {
		token := tokens[r.IntN(len(tokens))]
		joint := joints[r.IntN(len(joints))]
		rest, text := token.value, token.name+"\""
		for range 1 + r.IntN(3) {
			if at := minWrapped + r.IntN(2*minWrapped); at < len(rest) {
				text, rest = text+rest[:at]+joint, rest[at:]
			}
		}
		stream := slices.Concat(randomText(r, breaksAndWords, r.IntN(3*blockLen)), []byte(" "+text+rest+"\" "), randomText(r, breaksAndWords, r.IntN(3*blockLen)))
		got, want := joinedIn(e, stream), joinedIn(all, stream)
		for _, f := range want {
			if joined++; !slices.Contains(got, f) {
				t.Fatalf("round %d: %v is not found in %q, but %v", round, f, stream, got)
			}
		}
	}
	if joined < 500 {
		t.Errorf("only %d are found joined", joined)
	}
}

// joinedIn returns what is found in parts that are joined.
func joinedIn(e *Engine, text []byte) (found []string) {
	s := e.NewScanner()
	for _, f := range append(slices.Clone(s.Write(text)), s.Close()...) {
		if f.Path == "wrapped" || f.Path == "concat" {
			found = append(found, fmt.Sprint(f.Rule, " ", f.Name, " ", f.Path, " at ", f.Offset))
		}
	}
	return found
}
