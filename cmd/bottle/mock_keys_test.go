package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// fakeKeys are texts in the formats of credentials, made up anew from the same seed:
// no file of the repository holds one.
func fakeKeys() []string {
	random := rand.New(rand.NewPCG(1, 2)) // the same each time
	const lower, digits = "abcdefghijklmnopqrstuvwxyz", "0123456789"
	pick := func(from string, n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = from[random.IntN(len(from))]
		}
		return string(b)
	}
	all := strings.ToUpper(lower) + lower + digits
	word := func(n int) string { return pick(all, n) }
	hex := func(n int) string { return pick(digits+"abcdef", n) }
	pem := make([]string, 6)
	for i := range pem {
		pem[i] = word(64)
	}
	return []string{
		"github" + "_pat_" + word(22) + "_" + word(59), "gl" + "pat-" + word(20), "AK" + "IA" + pick("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16),
		"xo" + "xb-" + pick(digits, 12) + "-" + pick(digits, 12) + "-" + word(24), "sk-" + "ant-api03-" + word(93) + "AA", "sk-" + "proj-" + word(74) + "T3BlbkFJ" + word(74),
		"AI" + "za" + word(35), "sk_" + "live_" + word(24), "SG" + "." + word(22) + "." + word(43), "hf" + "_" + pick(strings.ToUpper(lower)+lower, 34),
		"dop" + "_v1_" + hex(64), "shp" + "at_" + hex(32), "lin" + "_api_" + word(40), "gs" + "k_" + word(52), "xa" + "i-" + word(80), "hv" + "s." + word(95),
		"glc" + "bt-1_" + word(20), "rk_" + "live_" + word(24), "dckr" + "_pat_" + word(27), "https://hooks" + ".slack.com/services/T" + pick(strings.ToUpper(lower)+digits, 8) + "/B" + pick(strings.ToUpper(lower)+digits, 10) + "/" + word(24),
		"-----BEGIN " + "PRIVATE KEY-----\n" + strings.Join(pem, "\n") + "\n-----END " + "PRIVATE KEY-----",
	}
}

// cmdFakeKeys writes them into a file: fakekeys FILE. With ! it makes sure that a file
// has none of them: ! fakekeys FILE.
func cmdFakeKeys(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] fakekeys file")
	}
	var b strings.Builder
	for i, k := range fakeKeys() {
		if strings.Contains(k, "\n") {
			fmt.Fprintf(&b, "%s\n", k)
		} else {
			fmt.Fprintf(&b, "KEY_%d=%s\n", i, k)
		}
	}
	if !neg {
		ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(b.String()), 0o600))
		return
	}
	text := ts.ReadFile(args[0])
	for i, k := range fakeKeys() {
		// Not a part of one either: what is replaced is replaced whole.
		lines := strings.Split(k, "\n")
		k = lines[len(lines)/2]
		if part := k[len(k)/2-6 : len(k)/2+6]; strings.Contains(text, part) {
			ts.Fatalf("%s has of key %d: %q", args[0], i, part)
		}
	}
}
