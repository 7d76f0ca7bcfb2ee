package dlp

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
)

// eachJudge calls the functions of this package that judge what has no fixed
// beginning at every place of b, and report with what they find.
func eachJudge(b []byte, report func(rule string, at, from, to int)) {
	for i := 0; i < len(b); i++ {
		end := runByte.span(b, i, len(b))
		if end-i >= 15 {
			lo, hi := max(0, i-runContext), min(len(b), end+runContext)
			if r, from, to, ok := findRun(b[lo:hi:hi], i-lo, end-lo, rulesFor(b[lo:hi:hi], i-lo, end-lo)); ok {
				report(r.ID, i, lo+from, lo+to)
			}
		}
		i = max(i, end)
	}
	for at := range b {
		if from, to, ok := cardNumber(b, at); ok {
			report("card", at, from, to)
		}
		if from, to, ok := iban(b, at); ok {
			report("iban", at, from, to)
		}
		if from, to, ok := seedPhrase(b, at); ok {
			report("seed", at, from, to)
		}
		if rule, from, to, ok := credentialURL(b, at); ok {
			report(rule, at, from, to)
		}
	}
}

// FuzzFormless checks that no text makes a judge panic or report what is not in
// the window, and that the bytes far away change nothing.
func FuzzFormless(f *testing.F) {
	r := newRand(1)
	for _, sample := range tokenSamples {
		f.Add([]byte("x " + sample(r) + " y"))
	}
	for _, in := range []string{
		"", "4", "://", "://@", "a://b:@c", "Bearer ", "Basic ", "0x", "%", "\\", "\\u", "DE", "DE89", "abandon", `","`, "\\n", "<P>", "<D></D>", `"d":"`,
		"card " + cardSample(r, "4", 16) + " 123", "IBAN " + inFours(ibanSample(r, "DE", "0-9")), strings.Join(mnemonic(randomBytes(r, 32)), " "), `token="` + randText(r, "A-Za-z0-9", 30) + `"`,
		"https://u:" + "kd83Jd0s9Kd2" + "@a.corp.io/", "\\" + strings.Repeat("n", 20), "%22" + strings.Repeat("2", 20), strings.Repeat("Q~", 20), strings.Repeat("a.", 40), "AC" + randText(r, "0-9a-f", 32) + ":" + randText(r, "0-9a-f", 32),
		"aws " + base64.StdEncoding.EncodeToString(randomBytes(r, 30)), encode58(append([]byte{0x80}, randomBytes(r, 32)...)), strings.Repeat("1 ", 100), strings.Repeat("4444 ", 30),
	} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) > 4<<10 {
			in = in[:4<<10]
		}
		type found struct {
			rule     string
			from, to int
		}
		all := map[found]bool{}
		eachJudge(in, func(rule string, at, from, to int) {
			if from < 0 || from >= to || to > len(in) {
				t.Fatalf("%s at %d: %d to %d of %d", rule, at, from, to, len(in))
			}
			if at < from-maxSeparator-16 || from < at-1<<10 || to > max(at, from)+1<<10 && rule != "jwk-private-key" && rule != "xml-private-key" {
				t.Fatalf("%s at %d: %d to %d is far away", rule, at, from, to)
			}
			all[found{rule, from, to}] = true
		})
		// The start and the end of a stream are as good as a line break.
		pad := strings.Repeat("\n", 700)
		again := map[found]bool{}
		eachJudge([]byte(pad+string(in)+pad), func(rule string, at, from, to int) {
			again[found{rule, from - len(pad), to - len(pad)}] = true
		})
		if !maps.Equal(all, again) {
			t.Fatalf("%v, and with line breaks around %v", all, again)
		}
	})
}

// No judge allocates, whatever it finds.
func TestJudgesAllocateNothing(t *testing.T) {
	r := newRand(2)
	var b strings.Builder
	for _, sample := range tokenSamples {
		fmt.Fprintf(&b, "x %s\n", sample(r))
	}
	for range 10 {
		fmt.Fprintf(&b, "token=%s\ncard %s iban %s https://u:%s@a.corp.io seed: %s\n", value(r), cardSample(r, "4", 16), ibanSample(r, "FR", "0-9"), value(r), strings.Join(mnemonic(randomBytes(r, 16)), " "))
		fmt.Fprintf(&b, "Basic %s\nBearer %s\n%s\n", base64.StdEncoding.EncodeToString([]byte("svc:"+randText(r, "A-Za-z0-9", 12))), value(r), encode58(append([]byte{0x80}, randomBytes(r, 32)...)))
	}
	text := []byte(b.String())
	found := 0
	count := func(string, int, int, int) { found++ }
	if n := testing.AllocsPerRun(5, func() { eachJudge(text, count) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if found == 0 {
		t.Error("found nothing")
	}
}

// Random bytes in any spelling are nothing that would be blocked.
func TestRandomTextIsNoCredential(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	blob := randomBytes(r, 1<<18)
	for name, in := range map[string][]byte{
		"bytes":  blob,
		"base64": []byte(base64.StdEncoding.EncodeToString(blob)),
		"url":    []byte(base64.RawURLEncoding.EncodeToString(blob)),
		"hex":    fmt.Appendf(nil, "%x", blob),
		"lines":  []byte(wrapLines(base64.StdEncoding.EncodeToString(blob), 76)),
		"digits": []byte(randText(r, "0-9", 1<<18)),
		"uuids":  uuids(blob),
	} {
		eachJudge(in, func(rule string, _, from, to int) {
			t.Errorf("%s: %s %q", name, rule, in[from:min(to, from+100)])
		})
	}
}

func wrapLines(text string, n int) string {
	var b strings.Builder
	for len(text) > n {
		b.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	return b.String() + text
}

func uuids(blob []byte) []byte {
	var out []byte
	for i := 0; i+16 <= len(blob); i += 16 {
		b := blob[i : i+16]
		out = fmt.Appendf(out, "token=%x-%x-%x-%x-%x\n", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	}
	return out
}
