package dlp

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

// bigMod97 is mod97 by its definition.
func bigMod97(num string) int64 {
	var digits strings.Builder
	for _, c := range num[4:] + num[:4] {
		if c >= 'A' {
			fmt.Fprint(&digits, c-'A'+10)
		} else {
			fmt.Fprint(&digits, c-'0')
		}
	}
	n, _ := new(big.Int).SetString(digits.String(), 10)
	return n.Mod(n, big.NewInt(97)).Int64()
}

func ibanSample(r *rand.Rand, country string, class string) string {
	n := int(ibanLengths[ibanCountry(country[0], country[1])])
	body := randText(r, class, n-4)
	return fmt.Sprintf("%s%02d%s", country, 98-bigMod97(country+"00"+body), body)
}

func inFours(num string) string {
	var parts []string
	for len(num) > 4 {
		parts = append(parts, num[:4])
		num = num[4:]
	}
	return strings.Join(append(parts, num), " ")
}

func wantIBAN(t *testing.T, in, text string) {
	t.Helper()
	start := strings.Index(in, text)
	for at := start + 3; at < start+len(text); at++ {
		if from, to, ok := iban([]byte(in), at); !ok || in[from:to] != text {
			t.Errorf("iban(%q, %d) = %d, %d, %v", in, at, from, to, ok)
			return
		}
	}
}

func wantNoIBAN(t *testing.T, name, in string) {
	t.Helper()
	for at := range in {
		if from, to, ok := iban([]byte(in), at); ok {
			t.Errorf("%s: iban(%q, %d) = %q", name, in, at, in[from:to])
			return
		}
	}
}

func TestIBANs(t *testing.T) {
	r := newRand(1)
	for a := byte('A'); a <= 'Z'; a++ {
		for b := byte('A'); b <= 'Z'; b++ {
			if ibanLengths[ibanCountry(a, b)] == 0 {
				continue
			}
			for _, class := range []string{"0-9", "0-9A-Z"} {
				num := ibanSample(r, string([]byte{a, b}), class)
				for _, text := range []string{num, inFours(num)} {
					for _, f := range []frame{{"", ""}, {"IBAN: ", "\n"}, {`{"iban":"`, `"}`}, {"iban=", "&"}, {`to\n`, `\nthanks`}, {"%22", "%22"}, {"(", ")."}, {"pay ", " now"}, {"TO ", ", NOW"}} {
						wantIBAN(t, f.before+text+f.after, text)
					}
				}
				for name, in := range map[string]string{
					"longer": num + "7", "in a word": "X" + num, "lower case": strings.ToLower(num), "a digit changed": num[:6] + string('0'+(num[6]-'0'+1)%10) + num[7:],
					"shorter": num[:len(num)-1], "other groups": num[:5] + " " + num[5:], "two spaces": strings.ReplaceAll(inFours(num), " ", "  "), "no country": "ZZ" + num[2:],
				} {
					if name == "a digit changed" && (num[6] < '0' || num[6] > '9') {
						continue
					}
					wantNoIBAN(t, name, in)
				}
			}
		}
	}
}

func TestExampleIBANs(t *testing.T) {
	for _, num := range exampleIBANs {
		if mod97([]byte(num)) != 1 || len(num) != int(ibanLengths[ibanCountry(num[0], num[1])]) {
			t.Errorf("%s is none: rest %d, length %d", num, mod97([]byte(num)), len(num))
		}
		wantNoIBAN(t, "an example", num)
		wantNoIBAN(t, "an example", "IBAN "+inFours(num))
	}
}

func TestMod97(t *testing.T) {
	r := newRand(2)
	for range 1000 {
		num := randText(r, "0-9A-Z", 15+r.IntN(20))
		if got, want := mod97([]byte(num)), bigMod97(num); int64(got) != want {
			t.Fatalf("mod97(%s) = %d, want %d", num, got, want)
		}
	}
}
