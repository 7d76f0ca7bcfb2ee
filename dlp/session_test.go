package dlp_test

import (
	"encoding/base64"
	hexcode "encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

func sessionEngine(t testing.TB, known ...dlp.Known) *dlp.Engine {
	t.Helper()
	e, err := dlp.New(dlp.Options{Known: known, Sessions: true})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// sendIn scans a text as a message of a session, in chunks of n bytes.
func sendIn(e *dlp.Engine, s *dlp.Session, text string, n int) []dlp.Finding {
	sc := e.NewScanner()
	sc.Attach(s)
	var out []dlp.Finding
	for len(text) > 0 {
		k := min(n, len(text))
		out = append(out, sc.Write([]byte(text[:k]))...)
		text = text[k:]
	}
	return append(out, sc.Close()...)
}

func partsOf(value string, n int) []string {
	var out []string
	for i := 0; i < len(value); i += n {
		out = append(out, value[i:min(i+n, len(value))])
	}
	return out
}

// splitSecrets are values in the formats that are sent in pieces most.
func splitSecrets() map[string]string {
	return map[string]string{
		"github":     "gh" + "p_" + random(11, alnum, 36),
		"anthropic":  "sk-" + "ant-api03-" + random(12, "A-Za-z0-9_-", 93) + "AA",
		"openai":     "sk-" + "proj-" + random(13, "A-Za-z0-9_-", 48),
		"aws":        random(14, "A-Za-z0-9+/", 40),
		"slack":      "xox" + "b-" + "123456789012-123456789012-" + random(15, alnum, 24),
		"gitlab":     "gl" + "pat-" + random(16, "A-Za-z0-9_-", 20),
		"stripe":     "sk" + "_live_" + random(17, alnum, 24),
		"hex":        random(18, "0-9a-f", 64),
		"punctuated": "q9!Zr/7w+Lk2\"vX\nTb5&mP0",
		"sixteen":    random(19, alnum, 16),
		"jwt":        sampleJWT(20, 120),
	}
}

// Shuffled pieces of 12 bytes are told before more than 60 % has left, each in a
// request of its own, between other text, in every chunking and encoding.
func TestPiecesAreFound(t *testing.T) {
	encode := map[string]func(string) string{
		"plain":     func(s string) string { return `{"note":"` + s + `","n":1}` },
		"long text": func(s string) string { return strings.Repeat("some other text, and more of it. ", 60) + s + " end" },
		"base64":    func(s string) string { return "d=" + base64.StdEncoding.EncodeToString([]byte(s)) + "&x=1" },
		"base64 of more": func(s string) string {
			return base64.RawURLEncoding.EncodeToString([]byte("part: " + s + " of it"))
		},
		"hex":      func(s string) string { return "h=" + hexcode.EncodeToString([]byte(s)) },
		"reversed": func(s string) string { return "r=" + reversed(s) + reversed("0123456789") },
	}
	for name, value := range splitSecrets() {
		for how, enc := range encode {
			for _, chunk := range []int{1, 7, 1 << 20} {
				t.Run(fmt.Sprintf("%s %s %d", name, how, chunk), func(t *testing.T) {
					e := sessionEngine(t, dlp.Known{Name: name, Value: value})
					s := dlp.NewSession(e)
					parts := partsOf(value, 12)
					rand.New(rand.NewPCG(1, 2)).Shuffle(len(parts), func(i, k int) { parts[i], parts[k] = parts[k], parts[i] })
					left := 0
					for _, p := range parts {
						if found := sendIn(e, s, enc(p), chunk); len(found) > 0 {
							f := found[0]
							if f.Rule != dlp.RuleKnown || f.Name != name || !strings.HasSuffix(f.Path, "pieces") {
								t.Fatalf("found %+v", f)
							}
							break
						}
						left += len(p)
					}
					if 100*left > 60*len(value) {
						t.Errorf("%d of %d bytes left", left, len(value))
					}
				})
			}
		}
	}
}

// They are in whatever order they come.
func TestPiecesInAnyOrderAreFound(t *testing.T) {
	for name, value := range splitSecrets() {
		e := sessionEngine(t, dlp.Known{Name: name, Value: value})
		for seed := range uint64(100) {
			s := dlp.NewSession(e)
			parts := partsOf(value, 12)
			rand.New(rand.NewPCG(1, seed)).Shuffle(len(parts), func(i, k int) { parts[i], parts[k] = parts[k], parts[i] })
			left := 0
			for _, p := range parts {
				if len(sendIn(e, s, `{"note":"`+p+`","n":1}`, 1<<20)) > 0 {
					break
				}
				left += len(p)
			}
			if 100*left > 60*len(value) {
				t.Errorf("%s, order %d: %d of %d bytes left", name, seed, left, len(value))
			}
		}
	}
}

func reversed(s string) string {
	b := []byte(s)
	for i, k := 0, len(b)-1; i < k; i, k = i+1, k-1 {
		b[i], b[k] = b[k], b[i]
	}
	return string(b)
}

func TestPiecesOfEightBytesInShortMessages(t *testing.T) {
	value := "gh" + "p_" + random(21, alnum, 36)
	e := sessionEngine(t, dlp.Known{Name: "gh", Value: value})
	for start := range 12 {
		s := dlp.NewSession(e)
		found := false
		for i := 4; i+8 <= len(value); i += 8 {
			found = found || len(sendIn(e, s, strings.Repeat("-", start)+value[i:i+8], 1<<20)) > 0
		}
		if !found {
			t.Errorf("pieces of 8 bytes at %d are not found", start)
		}
	}
}

func TestPiecesThatAreNone(t *testing.T) {
	value := "sk-" + "ant-api03-" + random(31, "A-Za-z0-9_-", 93) + "AA"
	shared := random(32, alnum, 20)
	secret, placeholder := "gh"+"p_"+shared+random(33, alnum, 16), "gh"+"p_"+shared+random(34, alnum, 16)
	passphrase := "the quick brown foxes jump over lazy dogs"
	dsn := "postgres://app:" + random(35, alnum, 24) + "@database.internal.corp.io:5432/application"
	account := "{\"type\": \"service_account\", \"auth_uri\": \"https://accounts.example-idp.com/o/oauth2/auth\", \"private_key\": \"" + random(36, alnum, 64) + "\"}"
	e := sessionEngine(t,
		dlp.Known{Name: "a", Value: value},
		dlp.Known{Name: "gh", Value: secret},
		dlp.Known{Name: "gh", Value: placeholder, Kind: dlp.KnownPlaceholder},
		dlp.Known{Name: "phrase", Value: passphrase},
		dlp.Known{Name: "dsn", Value: dsn},
		dlp.Known{Name: "account", Value: account})
	tests := []struct{ name, text string }{
		{"the public prefix of a format", "sk-" + "ant-api03-"},
		{"fewer than eight bytes", value[20:27] + " " + value[40:47] + " " + value[60:67] + " " + value[80:87]},
		{"random text", random(37, "A-Za-z0-9_-", 4000)},
		{"a placeholder", "token " + placeholder},
		{"a part of a placeholder", "token " + placeholder[:24] + " " + placeholder[24:]},
		{"words that a passphrase has", "the quick brown animal, foxes jump, over lazy"},
		{"the host of a URL", "connect to database.internal.corp.io:5432/application"},
		{"the names in a file of settings", `{"type": "service_account", "auth_uri": "https://accounts.example-idp.com/o/oauth2/auth"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := dlp.NewSession(e)
			for range 5 {
				for _, f := range sendIn(e, s, tt.text, 1<<20) {
					if f.Kind == dlp.KindKnown {
						t.Errorf("found %+v", f)
					}
				}
			}
		})
	}
}

// A value that passes whole is one finding, in plain text and in encodings, and
// does not make pieces of it findings.
func TestWholeValueIsNoPiece(t *testing.T) {
	value := "gh" + "p_" + random(41, alnum, 36)
	e := sessionEngine(t, dlp.Known{Name: "gh", Value: value})
	for _, chunk := range []int{1, 9, 1 << 20} {
		for _, text := range []string{"token " + value + " end", "t=" + base64.StdEncoding.EncodeToString([]byte("user:"+value)), hexcode.EncodeToString([]byte(value))} {
			s := dlp.NewSession(e)
			found := sendIn(e, s, text, chunk)
			if len(found) != 1 || strings.HasSuffix(found[0].Path, "pieces") {
				t.Errorf("in %d: found %v", chunk, ruleLines(found))
			}
		}
		s := dlp.NewSession(e)
		sendIn(e, s, "token "+value+" end", chunk)
		if found := sendIn(e, s, "see "+value[10:20], chunk); len(found) > 0 {
			t.Errorf("in %d: a piece of what passed whole is found: %v", chunk, ruleLines(found))
		}
	}
}

func TestPiecesOfOtherSessions(t *testing.T) {
	value := random(51, alnum, 40)
	e := sessionEngine(t, dlp.Known{Name: "k", Value: value})
	for i := 0; i < 36; i += 12 {
		if found := sendIn(e, dlp.NewSession(e), value[i:i+12], 99); len(found) > 0 {
			t.Errorf("found %v", ruleLines(found))
		}
	}
	if found := sendIn(e, nil, value[:12]+" "+value[12:24]+" "+value[24:36], 99); len(found) > 0 {
		t.Errorf("without a session: %v", ruleLines(found))
	}
}

func TestCoverageOutlivesAnEngine(t *testing.T) {
	value, gone := random(61, alnum, 40), random(62, alnum, 40)
	first := sessionEngine(t, dlp.Known{Name: "k", Value: value}, dlp.Known{Name: "gone", Value: gone})
	s := dlp.NewSession(first)
	sendIn(first, s, value[:12], 99)
	sendIn(first, s, gone[:12], 99)
	without := sessionEngine(t, dlp.Known{Name: "k", Value: value})
	s.Use(without)
	again := sessionEngine(t, dlp.Known{Name: "gone", Value: gone}, dlp.Known{Name: "renamed", Value: value})
	s.Use(again)
	if found := sendIn(again, s, gone[12:24], 99); len(found) > 0 {
		t.Errorf("what was forgotten counts: %v", ruleLines(found))
	}
	if got := strings.Join(ruleLines(sendIn(again, s, value[12:24], 99)), ""); got != "known-secret renamed in pieces" {
		t.Errorf("found %q", got)
	}
}

func TestResetStaysAttached(t *testing.T) {
	value := random(71, alnum, 40)
	e := sessionEngine(t, dlp.Known{Name: "k", Value: value})
	sc := e.NewScanner()
	sc.Attach(dlp.NewSession(e))
	sc.Write([]byte(value[:12]))
	sc.Close()
	sc.Reset()
	sc.Write([]byte(value[12:24]))
	if len(sc.Close()) != 1 {
		t.Error("a scanner lost its session at a Reset")
	}
	sc.Reset()
	sc.Attach(nil)
	sc.Write([]byte(value[12:24]))
	if len(sc.Close()) != 0 {
		t.Error("a scanner that was detached counts")
	}
}

// A piece that spans a flush, and one in a long message that is sent byte by byte,
// are held until they are judged.
func TestPieceIsHeldAndGoesOverFlush(t *testing.T) {
	value := random(72, alnum, 40)
	e := sessionEngine(t, dlp.Known{Name: "k", Value: value})
	s := dlp.NewSession(e)
	sendIn(e, s, value[:14], 99)
	sc := e.NewScanner()
	sc.Attach(s)
	text := strings.Repeat(". ", 2000) + value[14:30]
	for _, c := range []byte(text) {
		if found := sc.Write([]byte{c}); len(found) > 0 {
			t.Fatalf("found before its end: %v", ruleLines(found))
		}
	}
	if safe := sc.Safe(); safe > 4002 {
		t.Errorf("%d bytes of a piece were let go", safe-4000)
	}
	if found := sc.Flush(); len(found) != 1 || found[0].Offset != 4000 || found[0].Length != 16 {
		t.Errorf("at the flush: %+v", found)
	}
}

func TestCanary(t *testing.T) {
	value := random(81, alnum, 32)
	e := sessionEngine(t, dlp.Known{Name: "bait", Value: value, Kind: dlp.KnownCanary})
	found := e.Scan([]byte("key=" + value))
	if len(found) != 1 || found[0].Rule != dlp.RuleCanary || found[0].Name != "bait" {
		t.Fatalf("found %+v", found)
	}
	if got := (dlp.Policy{}).Decide(found[0], "example.com"); got != dlp.Block {
		t.Errorf("its action is %s", got)
	}
	if got := strings.Join(ruleLines(sendIn(e, dlp.NewSession(e), value[:16]+" "+value[16:24], 99)), ""); got != "canary bait in pieces" {
		t.Errorf("in pieces: %q", got)
	}
}

func TestDrips(t *testing.T) {
	value := "gh" + "p_" + random(91, alnum, 36)
	token := "gl" + "pat-" + random(92, alnum, 20)
	e := sessionEngine(t, dlp.Known{Name: "gh", Value: value})
	tests := []struct {
		name, value string
		step        int
		want        string
	}{
		{"a known value, a byte at a time", value, 1, "known-secret gh in drip>pieces"},
		{"a known value, three at a time", value, 3, "known-secret gh in drip>pieces"},
		{"a format", token, 5, "gitlab-token in drip"},
		{"digits of pages", "4111111111111111", 4, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := dlp.NewSession(e)
			var got []string
			for _, p := range partsOf(tt.value, tt.step) {
				if found := s.Drip("example.com", "q", []byte(p)); len(found) > 0 {
					got = ruleLines(found)
					break
				}
				if found := s.Drip("example.com", "other", []byte("1")); len(found) > 0 {
					t.Errorf("in another field: %v", ruleLines(found))
				}
			}
			if strings.Join(got, ", ") != tt.want {
				t.Errorf("found %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSessionIsConcurrentAndBounded(t *testing.T) {
	value := random(95, alnum, 40)
	e := sessionEngine(t, dlp.Known{Name: "k", Value: value})
	s := dlp.NewSession(e)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 400 {
				s.Drip(fmt.Sprint("host", g, i), "q", []byte("value"))
				sendIn(e, s, value[i%30:i%30+10], 99)
				s.Use(e)
			}
		})
	}
	wg.Wait()
	if n := s.Drips(); n > 512 {
		t.Errorf("%d fields are kept", n)
	}
}

// How a stream is cut into chunks changes nothing about the pieces that are found.
func TestPiecesInAnyChunks(t *testing.T) {
	var known []dlp.Known
	var values []string
	for name, v := range splitSecrets() {
		if name == "punctuated" {
			continue // in base64 it is met as text and decoded, which differ by a character
		}
		known = append(known, dlp.Known{Name: name, Value: v})
		values = append(values, v)
	}
	slices.Sort(values)
	e := sessionEngine(t, known...)
	found := 0
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 9))
		var b strings.Builder
		for b.Len() < 200+r.IntN(6000) {
			v := values[r.IntN(len(values))]
			from := r.IntN(len(v) - 8)
			part := v[from:min(len(v), from+8+r.IntN(30))]
			switch r.IntN(4) {
			case 0:
				part = base64.StdEncoding.EncodeToString([]byte(part))
			case 1:
				part = reversed(part)
			}
			b.WriteString(part + random(r.Uint64(), " -~", 1+r.IntN(80)))
		}
		text := b.String()
		want := sendIn(e, dlp.NewSession(e), text, len(text))
		found += len(want)
		for _, size := range []int{1, 13, 1000} {
			got := sendIn(e, dlp.NewSession(e), text, size)
			sortFindings(got)
			sortFindings(want)
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d in chunks of %d: %s", seed, size, difference(got, want))
			}
		}
	}
	if found < 100 {
		t.Errorf("only %d findings", found)
	}
}

// Ordinary traffic has no pieces of fifty secrets, in one session.
func TestBenignTextHasNoPieces(t *testing.T) {
	var known []dlp.Known
	for i := range uint64(50) {
		known = append(known, dlp.Known{Name: fmt.Sprint(i), Value: random(1000+i, alnum, 20+int(i))})
	}
	e := sessionEngine(t, known...)
	s := dlp.NewSession(e)
	for name, text := range corpora(t) {
		for _, f := range sendIn(e, s, string(text), 64<<10) {
			if f.Kind == dlp.KindKnown {
				t.Errorf("%s: %+v", name, f)
			}
		}
	}
}

// A Redactor puts its marker where a piece stands that is still held.
func TestRedactPieces(t *testing.T) {
	value := random(97, alnum, 40)
	e := sessionEngine(t, dlp.Known{Name: "k", Value: value})
	for size := 1; size < 60; size += 7 {
		s := dlp.NewSession(e)
		sendIn(e, s, value[:14], 99)
		sc := e.NewScanner()
		sc.Attach(s)
		r := dlp.NewRedactor(sc, dlp.RedactOptions{Decide: redactAll})
		in := `{"text":"` + value[14:28] + ` and more","t":"` + base64.StdEncoding.EncodeToString([]byte("part "+value[20:36])) + `"}`
		out := redactChunks(t, r, []byte(in), func() int { return size })
		if strings.Contains(out, value[16:28]) || strings.Contains(out, base64.StdEncoding.EncodeToString([]byte(value[22:34]))) || strings.Count(out, "KNOWN_SECRET") != 2 {
			t.Errorf("in chunks of %d: %s", size, out)
		}
	}
}
