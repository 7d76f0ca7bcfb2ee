package dlp

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// cardSample makes a number that starts with first and has n digits.
func cardSample(r *rand.Rand, first string, n int) string {
	for {
		num := []byte(first + randText(r, "0-9", n-len(first)))
		for c := byte('0'); c <= '9'; c++ {
			num[n-1] = c
			// Few digits, and six in a row, are taken for fillers.
			if luhn(num) && distinct(num) >= 6 && !hasRun(num) {
				return string(num)
			}
		}
	}
}

var cardIssuers = []struct {
	first string
	n     int
	parts []int
}{
	{"4", 16, []int{4, 4, 4, 4}}, {"51", 16, []int{4, 4, 4, 4}}, {"55", 16, []int{4, 4, 4, 4}}, {"2221", 16, []int{4, 4, 4, 4}}, {"2720", 16, []int{4, 4, 4, 4}},
	{"34", 15, []int{4, 6, 5}}, {"37", 15, []int{4, 6, 5}}, {"6011", 16, []int{4, 4, 4, 4}}, {"65", 16, []int{4, 4, 4, 4}}, {"36", 14, []int{4, 6, 4}}, {"3528", 16, []int{4, 4, 4, 4}},
	{"62", 16, []int{4, 4, 4, 4}}, {"62", 19, []int{4, 4, 4, 4, 3}}, {"6759", 16, []int{4, 4, 4, 4}},
}

func grouped(num string, parts []int, sep string) string {
	var out []string
	for _, n := range parts {
		out = append(out, num[:n])
		num = num[n:]
	}
	return strings.Join(out, sep)
}

// anywhere calls f with the index of each byte of text in in, and wants the same.
func wantCard(t *testing.T, in, text string) {
	t.Helper()
	start := strings.Index(in, text)
	for at := start; at < start+len(text); at++ {
		if from, to, ok := cardNumber([]byte(in), at); !ok || in[from:to] != text {
			t.Errorf("cardNumber(%q, %d) = %d, %d, %v", in, at, from, to, ok)
			return
		}
	}
}

func wantNoCard(t *testing.T, name, in string) {
	t.Helper()
	for at := range in {
		if from, to, ok := cardNumber([]byte(in), at); ok {
			t.Errorf("%s: cardNumber(%q, %d) = %q", name, in, at, in[from:to])
			return
		}
	}
}

var cardFrames = []frame{
	{"", ""}, {"card ", " 12/27"}, {`{"pan":"`, `"}`}, {`{"card":`, `,"cvv":123}`}, {"card=", "&cvv=1"}, {`card\n`, `\nnext`}, {"card=%22", "%22"}, {`card \u0022`, `\u0022`}, {"pan:", "."}, {"(card ", ")"}, {"card: ", ", exp"}, {"cc,", ",12,27"},
	{"pan\t", "\t123"}, {"card ", " 123"}, {"ccn ", "\n"},
}

func TestCards(t *testing.T) {
	r := newRand(1)
	for range 30 {
		for _, c := range cardIssuers {
			num := cardSample(r, c.first, c.n)
			for _, f := range cardFrames {
				if c.n <= 16 || f.before != "" {
					wantCard(t, f.before+num+f.after, num)
				}
				for _, sep := range []string{" ", "-"} {
					text := grouped(num, c.parts, sep)
					if repeatsText(text, sep) || f.after == " 123" && strings.Contains("4 62 65 6011", c.first) {
						continue // equal groups, or 19 digits
					}
					wantCard(t, f.before+text+f.after, text)
				}
			}
		}
	}
}

func repeatsText(text, sep string) bool {
	seen := map[string]bool{}
	for _, p := range strings.Split(text, sep) {
		if seen[p] {
			return true
		}
		seen[p] = true
	}
	return false
}

func TestNotCards(t *testing.T) {
	r := newRand(2)
	for range 50 {
		num := cardSample(r, "4", 16)
		other := []byte(num)
		other[7] = '0' + (other[7]-'0'+1)%10
		spaced := grouped(num, []int{4, 4, 4, 4}, " ")
		for name, in := range map[string]string{
			"wrong check digit":   "card " + string(other),
			"in a word":           "card" + num,
			"before a word":       num + "th",
			"longer":              num + "0",
			"a fraction":          "O(-." + num + ")",
			"a fraction of a sum": "3.5*t+." + num + "*r",
			"in hex":              "a" + num + "f",
			"a float":             "0." + num,
			"a float before":      num + ".25",
			"a UUID":              "d2f1b7a0-" + num,
			"with a dash behind":  num + "-a",
			"signed":              "-" + num,
			"an id":               `{"id":` + num + `}`,
			"a user's id":         `{"userId": "` + num + `"}`,
			"a timestamp":         "timestamp=" + num,
			"an argument":         "uint64(" + num + ")",
			"in a list":           "[17, " + num + ", 12]",
			"in a row":            "2553969831 " + num + " 4767485306",
			"in a table":          "5099 " + spaced + " 5096",
			"in a table of hex":   "52AE " + spaced + " 52DE",
			"mixed separators":    num[:4] + " " + num[4:8] + "-" + num[8:12] + " " + num[12:],
			"two spaces":          strings.ReplaceAll(spaced, " ", "  "),
			"other groups":        grouped(num, []int{5, 4, 4, 3}, " "),
			"a path":              "/" + num + "/",
			"in a longer number":  "12345" + num + "6789",
			"in a list of ids":    "[1732803600," + num + "]",
			"a currency's amount": "$" + num,
		} {
			wantNoCard(t, name, in)
		}
		wantNoCard(t, "no issuer", "card "+cardSample(r, "9", 16))
		wantNoCard(t, "too long for its issuer", "card "+cardSample(r, "51", 17))
	}
	for _, n := range testCards {
		num := strconv.FormatUint(n, 10)
		wantNoCard(t, "a test number", "card "+num)
		if len(num) == 16 {
			wantNoCard(t, "a test number", "card "+grouped(num, []int{4, 4, 4, 4}, " "))
		}
	}
	for _, in := range []string{"card 4242 4242 4242 4242", "4111-1111-1111-1111", "3782 822463 10005", "card 4000 0000 0000 0002", "1732803600123", "1732803600123456789", "2024-11-28 14:03:22.123456", "+49 30 901820 12345"} {
		wantNoCard(t, "known", in)
	}
}

// Numbers of tests have to be some, or they would not need to be listed.
func TestTestCardsAreCards(t *testing.T) {
	for _, n := range testCards {
		num := []byte(strconv.FormatUint(n, 10))
		if !luhn(num) {
			t.Errorf("%d has a wrong check digit", n)
		}
	}
}

func TestLuhn(t *testing.T) {
	r := newRand(3)
	for range 2000 {
		num := randText(r, "0-9", 1+r.IntN(19))
		sum := 0
		for i := range len(num) {
			d := int(num[len(num)-1-i] - '0')
			if i%2 == 1 {
				d *= 2
			}
			sum += d/10 + d%10
		}
		if got := luhn([]byte(num)); got != (sum%10 == 0) {
			t.Fatalf("luhn(%s) = %v", num, got)
		}
	}
}

// Of random numbers in telemetry hardly any is one.
func TestCardsInTelemetry(t *testing.T) {
	r := newRand(4)
	var b strings.Builder
	for b.Len() < 1<<20 {
		fmt.Fprintf(&b, `{"id":%d,"ts":%d,"duration_ns":%d,"value":%v,"trace":"%016x","user_id":"%d"}`+"\n", r.Uint64N(1e16), 1732803600000+r.Uint64N(1e9), r.Uint64N(1e12), r.Float64(), r.Uint64(), r.Uint64N(1e19))
	}
	wantNoCardIn(t, b.String())
}

func wantNoCardIn(t *testing.T, in string) {
	t.Helper()
	text := []byte(in)
	for at := 0; at < len(text); at += 4 {
		if from, to, ok := cardNumber(text, at); ok {
			t.Errorf("%q", text[max(0, from-20):min(len(text), to+20)])
			return
		}
	}
}

// A number of a card is found wherever in their blocks its digits stand.
func TestCardsAnywhere(t *testing.T) {
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := newRand(9)
	for range 4 {
		diners, amex := cardSample(r, "36", 14), cardSample(r, "37", 15)
		for _, num := range []string{cardSample(r, "4", 13), diners, amex, cardSample(r, "4", 16), grouped(diners, []int{4, 6, 4}, " "), grouped(amex, []int{4, 6, 5}, "-")} {
			for pad := range 3 * blockLen {
				for _, text := range []string{strings.Repeat("x", pad) + " card \"" + num + "\" and more", strings.Repeat("some word ", 20)[:pad] + " visa\n" + num + "."} {
					s := e.NewScanner()
					if !slices.ContainsFunc(append(slices.Clone(s.Write([]byte(text))), s.Close()...), func(f Finding) bool { return f.Rule == RuleCard }) {
						t.Errorf("%s behind %d bytes is not found: %q", num, pad, text)
					}
				}
			}
		}
	}
}
