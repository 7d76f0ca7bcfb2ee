package dlp_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

func redactAll(f dlp.Finding) dlp.Action {
	if f.Kind == dlp.KindPlaceholder {
		return dlp.Off
	}
	return dlp.Redact
}

// redactChunks writes in chunks whose sizes next returns, and checks what a
// Redactor promises at every step.
func redactChunks(t testing.TB, r *dlp.Redactor, in []byte, next func() int) string {
	t.Helper()
	r.Reset()
	var out []byte
	markers := map[string]bool{}
	step := func(got []byte, redactions []dlp.Redaction, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		out = got
		for _, x := range redactions {
			if x.Action == dlp.Redact {
				markers[x.Marker] = true
			}
		}
	}
	for rest := in; len(rest) > 0; {
		n := min(len(rest), max(1, next()))
		p := slices.Clone(rest[:n])
		step(r.Write(out, p))
		clear(p)
		rest = rest[n:]
		if held := r.Held(); held > dlp.MaxRedactorHeld {
			t.Fatalf("%d bytes are held", held)
		}
	}
	step(r.Close(out))
	if r.Held() != 0 {
		t.Fatalf("%d bytes are held at the end", r.Held())
	}
	for m := range markers {
		if !bytes.Contains(out, []byte(m)) {
			t.Fatalf("the marker %q was returned and is not in %q", m, out)
		}
	}
	return string(out)
}

func redactWhole(t testing.TB, e *dlp.Engine, in string) string {
	t.Helper()
	r := dlp.NewRedactor(e.NewScanner(), dlp.RedactOptions{Decide: redactAll})
	return redactChunks(t, r, []byte(in), func() int { return len(in) })
}

// generic takes the hashes out of markers.
func generic(text string) string {
	parts := strings.Split(text, "BOTTLE_REDACTED_")
	for i := range parts[1:] {
		p := parts[i+1]
		if j := strings.LastIndexByte(p[:min(len(p), markerEnd(p))], '_'); j >= 0 {
			p = p[:j] + p[j+13:]
		}
		parts[i+1] = "<" + strings.ToLower(p[:markerEnd(p)]) + ">" + p[markerEnd(p):]
	}
	return strings.Join(parts, "")
}

func markerEnd(p string) int {
	n := strings.IndexFunc(p, func(c rune) bool { return c != '_' && (c < 'A' || c > 'Z') && (c < '0' || c > '9') })
	if n < 0 {
		return len(p)
	}
	return n
}

func TestRedact(t *testing.T) {
	gh := "gh" + "p_" + random(1, alnum, 36)
	const secret = "nab+/cde\\f\"fgh-ijkl\\"
	const digits, hexed = "9081726354453617", "2Fbc9d8e7a6b5c4d"
	e := mustEngine(t,
		dlp.Known{Name: "s", Value: secret}, dlp.Known{Name: "d", Value: digits}, dlp.Known{Name: "h", Value: hexed},
		dlp.Known{Name: "end", Value: `the-tail-of-it-all\`},
		dlp.Known{Name: "p", Value: "placeholder-12345", Kind: dlp.KnownPlaceholder})
	b64 := base64.RawStdEncoding.EncodeToString([]byte(secret))
	quoted, _ := json.Marshal(secret)
	tests := []struct{ name, in, want string }{
		{"nothing", "nothing to see\\n", "nothing to see\\n"},
		{"a token", "Bearer " + gh + "\n", "Bearer <github_token>\n"},
		{"two tokens", gh + " " + gh, "<github_token> <github_token>"},
		{"a placeholder stays", "a placeholder-12345 b", "a placeholder-12345 b"},
		{"behind an escape", `{"a":"x\n` + gh + `\n"}`, `{"a":"x\n<github_token>\n"}`},
		{"behind an escape in an escape", `{"a":"x\\n` + gh + `\\n"}`, `{"a":"x\\n<github_token>\\n"}`},
		{"in JSON", `{"a":` + string(quoted) + `}`, `{"a":"<known_secret>"}`},
		{"the letter of an escape belongs to it", `["x\` + secret + ` "]`, `["x<known_secret> "]`},
		{"and of one in JSON in JSON", `["x\\` + secret + ` "]`, `["x<known_secret> "]`},
		{"an escape at the end goes with it", `["the-tail-of-it-all\" x"]`, `["<known_secret> x"]`},
		{"so does a longer one", `["the-tail-of-it-all\u00e9 x"]`, `["<known_secret> x"]`},
		{"no escape at the end does not", `the-tail-of-it-all\ x`, `<known_secret> x`},
		{"digits of an escape", `["\u00` + hexed + `"]`, `["<known_secret>"]`},
		{"digits behind an escape", `["\u000a` + hexed + `"]`, `["\u000a<known_secret>"]`},
		{"an escape in a URL", "/a%" + hexed + "?b", "/a<known_secret>?b"},
		{"a run of base64 goes on", "a: " + b64 + "QUJDRA==; b", "a: <known_secret>; b"},
		{"and ends", "a=" + b64 + "&b=c", "a=<known_secret>&b=c"},
		{"another value behind it", b64 + "==" + gh, "<known_secret><github_token>"},
		{"a number in a string", `{"a":"` + digits + `"}`, `{"a":"<known_secret>"}`},
		{"a number in a form", "a=" + digits + "&b=1", "a=<known_secret>&b=1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := redactWhole(t, e, tt.in)
			if generic(got) != tt.want {
				t.Errorf("%q became %q, want %q", tt.in, got, tt.want)
			}
			r := dlp.NewRedactor(e.NewScanner(), dlp.RedactOptions{Decide: redactAll})
			for size := 1; size < len(tt.in); size++ {
				if chunked := redactChunks(t, r, []byte(tt.in), func() int { return size }); chunked != got {
					t.Fatalf("in chunks of %d: %q, want %q", size, chunked, got)
				}
			}
		})
	}
	for _, in := range []string{`{"a":` + digits + `}`, `[1, ` + digits + ` ]`, digits, `{"a":-` + digits + "}"} {
		out := redactWhole(t, e, in)
		var v any
		if err := json.Unmarshal([]byte(out), &v); err != nil || strings.Contains(out, digits) {
			t.Errorf("%s became %s: %v", in, out, err)
		}
	}
}

// A value has one marker, in whatever encoding it is found.
func TestMarkerIsStable(t *testing.T) {
	e := mustEngine(t, dlp.Known{Name: "s", Value: secretValue}, dlp.Known{Name: "t", Value: secretValue[1:] + "t"})
	gh := "gh" + "p_" + random(1, alnum, 36)
	quoted, _ := json.Marshal(secretValue)
	markers := map[string]bool{}
	for _, in := range []string{secretValue, base64.StdEncoding.EncodeToString([]byte("x" + secretValue + "y")), string(quoted)} {
		for _, f := range e.Scan([]byte(in)) {
			markers[e.Marker(f)] = true
		}
	}
	if len(markers) != 1 {
		t.Errorf("a known value has the markers %v", markers)
	}
	out := redactWhole(t, e, gh+" "+gh+" gh"+"p_"+random(2, alnum, 36))
	if w := strings.Fields(out); w[0] != w[1] || w[1] == w[2] {
		t.Errorf("equal tokens and another: %q", out)
	}
	for _, other := range []*dlp.Engine{mustEngine(t)} {
		if other.Marker(dlp.Finding{Rule: "a"}) == e.Marker(dlp.Finding{Rule: "a"}) {
			t.Error("markers do not depend on the engine's key")
		}
	}
}

func TestMarkersAreFoundByNoRule(t *testing.T) {
	rules := dlp.Rules()
	rules = append(rules, dlp.Rule{ID: "my.Own rule/ä"})
	var before []string
	for i, s := range samples {
		before = append(before, s.prefix, s.text(uint64(i))[:len(s.prefix)+12]+" ")
	}
	before = append(before, "", "x", "word", "9", "0x", "-", "/", `\n`, "%22", "password=", `"api_key": "`, "TOKEN: ", "postgres://app:", "Bearer ",
		"https://u:", "AK"+"IA ", "-----BEGIN "+"PRIVATE KEY-----\n", random(3, hex, 20), random(4, "0-9", 4))
	after := []string{"", "x", "word", "9", "-x", "/", `\n`, "%22", `"`, "@db.corp.io/app", "=", random(5, hex, 20), random(6, "0-9", 4), "\nnext"}
	e := mustEngine(t)
	var b bytes.Buffer
	for i, rule := range rules {
		for n := range fewer(t, 40) {
			marker := e.Marker(dlp.Finding{Rule: rule.ID, Hash: random(n, hex, 16)})
			if strings.Trim(marker, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
				t.Fatalf("marker %q", marker)
			}
			b.Reset()
			for j, l := range before {
				b.WriteString(l + marker + after[(i+j+int(n))%len(after)] + " ")
			}
			b.WriteString(marker + marker)
			for _, f := range e.Scan(b.Bytes()) {
				t.Fatalf("%s: %s is found at %q", rule.ID, f.Rule, b.String()[max(0, f.Offset-30):f.Offset+int64(f.Length)])
			}
		}
	}
}

// A document with secrets is the same document with markers for them.
func TestRedactedJSON(t *testing.T) {
	const known = "pa\"ss\n\\wo/rd <&> \u00e9-1234"
	e := mustEngine(t, dlp.Known{Name: "s", Value: known}, dlp.Known{Name: "n", Value: "nn9abcdef-q8w7xn"})
	r := dlp.NewRedactor(e.NewScanner(), dlp.RedactOptions{Decide: redactAll})
	secrets := []string{known, "nn9abcdef-q8w7xn"}
	for i, s := range samples {
		secrets = append(secrets, s.text(uint64(i)))
	}
	for seed := range uint64(400) {
		rnd := rand.New(rand.NewPCG(seed, 12))
		d := document{rnd: rnd, secrets: secrets}
		doc := d.value(0)
		in := d.encode(doc)
		out := redactChunks(t, r, in, func() int { return 1 + rnd.IntN(200) })
		var got any
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatalf("seed %d: %v\n%s\nbecame\n%s", seed, err, in, out)
		}
		if a, b := d.flat(doc), d.flat(got); !slices.Equal(a, b) {
			t.Fatalf("seed %d: got %q\nwant %q\nof %s", seed, b, a, in)
		}
		for _, s := range secrets {
			if strings.Contains(out, s) {
				t.Fatalf("seed %d: %q is left in %s", seed, s, out)
			}
		}
	}
}

// document makes JSON with secrets in strings, between separators.
type document struct {
	rnd     *rand.Rand
	secrets []string
}

var separators = []string{" ", "\n", "\t", "\"", "; ", "\\ ", "\r\n", "\x01", "é ", "(", " & ", " / "}

func (d *document) value(depth int) any {
	switch n := d.rnd.IntN(8); {
	case depth < 4 && n < 2:
		m := map[string]any{}
		for range d.rnd.IntN(6) {
			m[d.word()+d.word()] = d.value(depth + 1)
		}
		return m
	case depth < 4 && n < 4:
		var l []any
		for range d.rnd.IntN(6) {
			l = append(l, d.value(depth+1))
		}
		return append(l, "")
	case n == 4:
		return float64(d.rnd.IntN(1000))
	}
	var b strings.Builder
	for range d.rnd.IntN(6) {
		if d.rnd.IntN(2) == 0 {
			b.WriteString(d.word())
		} else {
			b.WriteString(d.secrets[d.rnd.IntN(len(d.secrets))])
		}
		b.WriteString(separators[d.rnd.IntN(len(separators))])
	}
	if d.rnd.IntN(5) == 0 { // JSON in JSON
		return string(d.encode(map[string]any{"k": b.String()}))
	}
	return b.String()
}

func (d *document) word() string { return random(d.rnd.Uint64(), "a-z", 1+d.rnd.IntN(6)) }

func (d *document) encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(d.rnd.IntN(2) == 0)
	if d.rnd.IntN(3) == 0 {
		enc.SetIndent("", "  ")
	}
	_ = enc.Encode(v)
	return b.Bytes()
}

// flat lists what a value has, without its secrets and markers.
func (d *document) flat(v any) (out []string) {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(mapKeys(v)) {
			out = append(append(out, k), d.flat(v[k])...)
		}
	case []any:
		for _, x := range v {
			out = append(out, d.flat(x)...)
		}
	case string:
		var inner any
		if strings.HasPrefix(v, "{") && json.Unmarshal([]byte(v), &inner) == nil {
			return d.flat(inner)
		}
		for _, s := range d.secrets {
			v = strings.ReplaceAll(v, s, "<>")
		}
		return []string{markers(v)}
	default:
		b, _ := json.Marshal(v)
		return []string{string(b)}
	}
	return out
}

func mapKeys(m map[string]any) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// markers puts <> for each marker.
func markers(text string) string {
	for {
		i := strings.Index(text, "BOTTLE_REDACTED_")
		if i < 0 {
			return text
		}
		text = text[:i] + "<>" + text[i+markerEnd(text[i:]):]
	}
}

// script is a scanner that finds what it is told. It knows everything as late
// as it may, and holds no more than it must.
type script struct {
	finds   []dlp.Finding
	known   []int64 // when they are reported
	written int64
	flushed int64
	next    []bool
}

func (s *script) Reset() { s.written, s.flushed, s.next = 0, 0, make([]bool, len(s.finds)) }

func (s *script) report(all bool) (out []dlp.Finding) {
	for i, f := range s.finds {
		if !s.next[i] && (s.known[i] <= s.written || all && f.Offset < s.written) {
			s.next[i] = true
			f.End = max(f.Offset+int64(f.Length), min(f.End, s.written))
			out = append(out, f)
		}
	}
	return out
}

func (s *script) Write(p []byte) []dlp.Finding { s.written += int64(len(p)); return s.report(false) }
func (s *script) Close() []dlp.Finding         { return s.Flush() }
func (s *script) Idle() []dlp.Finding          { return s.Flush() }
func (s *script) Flush() []dlp.Finding {
	out := s.report(true)
	s.flushed = s.written
	return out
}

func (s *script) Safe() int64 {
	safe := s.written
	for i, f := range s.finds {
		if !s.next[i] {
			safe = min(safe, f.Offset)
		}
	}
	return max(safe, s.flushed)
}

// find makes a finding of text[from:to] in the run text[start:end].
func find(rule, path string, start, from, to, end int) dlp.Finding {
	return dlp.Finding{Rule: rule, Path: path, Hash: rule, Offset: int64(from), Length: to - from, Start: int64(start), End: int64(end)}
}

func TestRedactRuns(t *testing.T) {
	long := strings.Repeat("abcd", 1000)
	tests := []struct {
		name, in string
		finds    []dlp.Finding
		want     string
	}{
		{"the whole run", "x=abcdefghijklmnop&y", []dlp.Finding{find("a", "base64", 2, 6, 10, 12)}, "x=<a>&y"},
		{"with its padding", "x abcdefghijklmnop== y", []dlp.Finding{find("a", "base64>json", 2, 6, 10, 10)}, "x <a> y"},
		{"a match in it that is not in an encoding", "x abcdefghijklmnop y", []dlp.Finding{find("a", "", 6, 6, 10, 10)}, "x abcd<a>ijklmnop y"},
		{"wrapped lines", "x abcd\nefgh\nijkl\nmnop y", []dlp.Finding{find("a", "base64", 2, 14, 16, 16)}, "x <a>\nmnop y"},
		{"hex", "x 00112233445566zz", []dlp.Finding{find("a", "hex", 2, 6, 10, 10)}, "x <a>zz"},
		{"what overlaps", "0123456789abcdef", []dlp.Finding{find("b", "", 5, 5, 9, 9), find("a", "", 3, 3, 7, 7), find("c", "", 8, 8, 12, 12)}, "012<a>cdef"},
		{"what touches", "0123456..!..def", []dlp.Finding{find("a", "", 3, 3, 7, 7), find("b", "", 7, 7, 9, 9)}, "012<a><b>!..def"},
		{"the longer of two", "012345678 abcdef", []dlp.Finding{find("a", "", 3, 3, 7, 7), find("b", "", 3, 3, 9, 9)}, "012<b> abcdef"},
		{"two in a run", "x abcdefghijklmnop y", []dlp.Finding{find("b", "base64", 2, 12, 14, 18), find("a", "base64", 2, 6, 8, 18)}, "x <a> y"},
		{"one before a run, and in it", "x tok-abcdefghijklmnop y", []dlp.Finding{find("a", "", 2, 2, 5, 5), find("b", "base64", 6, 12, 14, 22)}, "x <a>-<b> y"},
		{"a token that is held with the run behind it", "x tok-abcdefghijklmnop y", []dlp.Finding{find("a", "", 2, 2, 5, 5), find("b", "base64", 2, 12, 14, 22)}, "x <a> y"},
		{"far into a long run", "x " + long + " y", []dlp.Finding{find("a", "base64", 2, 3002, 3010, 3010)}, "x " + long[:3000-1024] + "<a> y"},
		{"percent", "x%20%61%62%63%64%20y", []dlp.Finding{find("a", "percent", 4, 4, 16, 16)}, "x%20<a>%20y"},
	}
	e := mustEngine(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, late := range []int64{0, 1, 3} {
				sc := &script{finds: tt.finds}
				for _, f := range tt.finds {
					sc.known = append(sc.known, min(f.Offset+int64(f.Length)+late, int64(len(tt.in))))
				}
				r := dlp.NewRedactorOf(e, sc, dlp.RedactOptions{Decide: redactAll})
				for size := 1; size <= len(tt.in); size += 1 + size/40 {
					if got := generic(redactChunks(t, r, []byte(tt.in), func() int { return size })); got != tt.want {
						t.Fatalf("in chunks of %d, %d late: %q, want %q", size, late, got, tt.want)
					}
				}
			}
		})
	}
}

// What a flush let pass is gone; what comes behind it is replaced.
func TestRedactBehindFlush(t *testing.T) {
	e := mustEngine(t)
	tests := []struct {
		name  string
		find  dlp.Finding
		flush int
		want  string
	}{
		{"before the match", find("a", "", 4, 4, 10, 10), 4, "0123<a>abcdef"},
		{"inside of it", find("a", "", 4, 4, 10, 10), 6, "012345<a>abcdef"},
		{"inside of its run", find("a", "hex", 4, 10, 12, 12), 6, "012345<a>"},
	}
	for _, tt := range tests {
		sc := &script{finds: []dlp.Finding{tt.find}, known: []int64{tt.find.Offset + int64(tt.find.Length)}}
		sc.Reset()
		sc.next[0] = true // not yet
		r := dlp.NewRedactorOf(e, sc, dlp.RedactOptions{Decide: redactAll})
		const in = "0123456789abcdef"
		out, _, _ := r.Write(nil, []byte(in[:tt.flush]))
		out, _, _ = r.Flush(out)
		if string(out) != in[:tt.flush] {
			t.Errorf("%s: %q came out at the flush", tt.name, out)
		}
		sc.next[0] = false
		out, _, _ = r.Write(out, []byte(in[tt.flush:]))
		out, _, _ = r.Close(out)
		if generic(string(out)) != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, out, tt.want)
		}
	}
}

func TestRedactActions(t *testing.T) {
	gh, gl := "gh"+"p_"+random(1, alnum, 36), "gl"+"pat-"+random(2, alnum, 20)
	e := mustEngine(t, dlp.Known{Name: "s", Value: secretValue})
	decide := func(f dlp.Finding) dlp.Action {
		return map[string]dlp.Action{"github-token": dlp.Warn, "gitlab-token": dlp.Block, dlp.RuleKnown: dlp.Redact}[f.Rule]
	}
	marker := func(f dlp.Finding) (string, bool) { return "the-placeholder", f.Name == "s" }
	r := dlp.NewRedactor(e.NewScanner(), dlp.RedactOptions{Decide: decide, Marker: marker})
	out, found, err := r.Write(nil, []byte(gh+" "+secretValue+" . "))
	if string(out) != gh+" the-placeholder . " || err != nil {
		t.Errorf("out came %q, %v", out, err)
	}
	if len(found) != 2 || found[0].Action != dlp.Warn || found[0].Marker != "" || found[1].Action != dlp.Redact || found[1].Marker != "the-placeholder" {
		t.Errorf("found %+v", found)
	}
	out, found, err = r.Write(out[:1], []byte("more "+gl+" and more"))
	var blocked *dlp.BlockedError
	if !errors.As(err, &blocked) || blocked.Finding.Rule != "gitlab-token" || len(found) != 1 || len(out) != 1 {
		t.Errorf("%q came out, found %+v, %v", out, found, err)
	}
	if out, _, err = r.Close(out); len(out) != 1 || !errors.As(err, &blocked) {
		t.Errorf("%q came out at the end, %v", out, err)
	}
	r.Reset()
	if out, _, err = r.Close(nil); len(out) != 0 || err != nil {
		t.Errorf("behind Reset: %q, %v", out, err)
	}
	sc := &script{finds: []dlp.Finding{find("a", "gzip", 0, 0, 5, 5)}, known: []int64{5}}
	r = dlp.NewRedactorOf(e, sc, dlp.RedactOptions{Decide: redactAll})
	r.Reset()
	if out, _, err = r.Write(nil, []byte("0123456789")); len(out) != 0 || !errors.As(err, &blocked) {
		t.Errorf("what cannot be replaced: %q, %v", out, err)
	}
}

func TestRedactorChunks(t *testing.T) {
	e := mustEngine(t, testKnown()...)
	r := dlp.NewRedactor(e.NewScanner(), dlp.RedactOptions{Decide: redactAll})
	parts := fragments()
	for seed := range fewer(t, 60) {
		rnd := rand.New(rand.NewPCG(seed, 21))
		checkRedactor(t, e, r, compose(rnd, parts, 1+rnd.IntN(20000)), rnd)
	}
}

func checkRedactor(t testing.TB, e *dlp.Engine, r *dlp.Redactor, in []byte, rnd *rand.Rand) {
	t.Helper()
	want := redactChunks(t, r, in, func() int { return len(in) })
	most := 1 << rnd.IntN(13)
	if got := redactChunks(t, r, in, func() int { return 1 + rnd.IntN(most) }); got != want && !slices.ContainsFunc(e.Scan(in), signIsLate) {
		i := 0
		for i < min(len(got), len(want)) && got[i] == want[i] {
			i++
		}
		t.Fatalf("in chunks up to %d, from %d on: %.200q, want %.200q", most, i, got[i:], want[i:])
	}
	for _, k := range testKnown() {
		if k.Kind == dlp.KnownSecret && len(k.Value) >= 16 && strings.Contains(want, k.Value) {
			t.Fatalf("%s is left in %q", k.Name, want)
		}
	}
}

// FuzzRedactor holds the output in any chunks to that of the whole.
func FuzzRedactor(f *testing.F) {
	addSeeds(f)
	e := mustEngine(f, testKnown()...)
	parts := fragments()
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		r := dlp.NewRedactor(e.NewScanner(), dlp.RedactOptions{Decide: redactAll})
		checkRedactor(t, e, r, expand(data, parts), rand.New(rand.NewPCG(seed, 0)))
	})
}

// What was replaced can be had back.
func TestReplaced(t *testing.T) {
	e := mustEngine(t, dlp.Known{Name: "s", Value: secretValue})
	in := "a gh" + "p_" + random(1, alnum, 36) + ", " + base64.StdEncoding.EncodeToString([]byte(secretValue+"!!")) + " gl" + "pat-" + random(2, alnum, 20)
	for size := 1; size < len(in); size++ {
		texts := map[string]string{}
		r := dlp.NewRedactor(e.NewScanner(), dlp.RedactOptions{Decide: redactAll, Replaced: func(m string, text []byte) { texts[m] = string(text) }})
		out := redactChunks(t, r, []byte(in), func() int { return size })
		if len(texts) != 3 {
			t.Fatalf("%d markers in %q", len(texts), out)
		}
		for m, text := range texts {
			out = strings.ReplaceAll(out, m, text)
		}
		if out != in {
			t.Fatalf("in chunks of %d: %q came back as %q", size, in, out)
		}
	}
	gone := 0
	sc := &script{finds: []dlp.Finding{find("a", "hex", 0, 0, 8, 8)}, known: []int64{8}}
	r := dlp.NewRedactorOf(e, sc, dlp.RedactOptions{Decide: redactAll, Replaced: func(_ string, text []byte) {
		if text == nil {
			gone++
		}
	}})
	redactChunks(t, r, []byte(strings.Repeat("0123456789abcdef", 10000)), func() int { return 1000 })
	if gone != 1 {
		t.Errorf("%d texts were too long", gone)
	}
}

func BenchmarkRedactor(b *testing.B) {
	e := mustEngine(b, testKnown()...)
	clean := []byte(strings.Repeat(`{"role":"user","content":"nothing to see here\n"},`, 2000))
	dst := make([]byte, 0, 2*len(clean))
	r := dlp.NewRedactor(e.NewScanner(), dlp.RedactOptions{})
	b.SetBytes(int64(len(clean)))
	for b.Loop() {
		_, _, _ = r.Write(dst, clean)
	}
}

func TestRedactorDoesNotAllocate(t *testing.T) {
	e := mustEngine(t, testKnown()...)
	r := dlp.NewRedactor(e.NewScanner(), dlp.RedactOptions{})
	clean := []byte(strings.Repeat(`{"role":"user","content":"nothing to see here\n"},`, 2000))
	dst := make([]byte, 0, 2*len(clean))
	r.Write(dst, clean)
	if n := testing.AllocsPerRun(20, func() { r.Write(dst, clean) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestStrictRedactor(t *testing.T) {
	gh := "gh" + "p_" + random(1, alnum, 36)
	long := random(3, alnum, 1000)
	pem := "-----BEGIN " + "RSA PRIVATE KEY-----\n" + random(5, alnum, 64) + "\n" + random(6, alnum, 64) + "\n-----END " + "RSA PRIVATE KEY-----\n"
	e := sessionEngine(t, dlp.Known{Name: "s", Value: secretValue}, dlp.Known{Name: "long", Value: long})
	tests := []struct {
		name, in string
		blocked  bool
	}{
		{"a token", "a " + gh + " b", false},
		{"a known value", "a " + secretValue + " b", false},
		{"an encoding", "a " + base64.StdEncoding.EncodeToString([]byte("x "+gh+" y")) + " b", false},
		{"the first line of a key", pem, true},
		{"a bearer token", "Authorization: Bearer " + random(8, alnum, 60) + "\n", false},
		{"one that is longer than what is looked at", "Authorization: Bearer " + random(8, alnum, 100) + "." + random(9, alnum, 100) + "." + random(10, alnum, 200) + "\n", true},
		{"a known value that is looked for in parts", long, true},
		{"compressed, in base64", "a " + base64.StdEncoding.EncodeToString([]byte(gzipped("x "+gh+" y"))) + " b", true},
	}
	for _, tt := range tests {
		for size := 1; size <= len(tt.in); size += 1 + size/4 {
			r := dlp.NewRedactor(e.NewScanner(), dlp.RedactOptions{Decide: redactAll, Strict: true})
			var out []byte
			var err error
			for rest := tt.in; rest != "" && err == nil; rest = rest[min(size, len(rest)):] {
				out, _, err = r.Write(out, []byte(rest[:min(size, len(rest))]))
			}
			if err == nil {
				out, _, err = r.Close(out)
			}
			if (err != nil) != tt.blocked || err == nil && !strings.Contains(string(out), "BOTTLE_REDACTED_") {
				t.Errorf("%s, in chunks of %d: %q, %v", tt.name, size, out, err)
			}
		}
	}
}

// Behind an Idle, what is found is blocked if it began before.
func TestStrictRedactorBehindIdle(t *testing.T) {
	gh := "gh" + "p_" + random(1, alnum, 36)
	e := mustEngine(t, dlp.Known{Name: "s", Value: secretValue})
	for _, text := range []string{gh, secretValue, base64.StdEncoding.EncodeToString([]byte("x " + gh)), strings.Replace(gh, "p", `\u0070`, 1)} {
		in := `{"a": "b ` + text + ` c"}`
		for at := range len(in) {
			r := dlp.NewRedactor(e.NewScanner(), dlp.RedactOptions{Decide: redactAll, Strict: true})
			out, _, _ := r.Write(nil, []byte(in[:at]))
			out, _, err := r.Idle(out)
			if err == nil {
				out, _, err = r.Write(out, []byte(in[at:]))
			}
			if err == nil {
				out, _, err = r.Close(out)
			}
			if err != nil { // what went before may be the beginning of the match
				if !strings.HasPrefix(in, string(out)) {
					t.Errorf("behind %q: %q", in[:at], out)
				}
				continue
			}
			if !json.Valid(out) || !strings.Contains(string(out), "BOTTLE_REDACTED_") || strings.Contains(string(out), text[len(text)/2:]) {
				t.Errorf("behind %q: %q", in[:at], out)
			}
		}
	}
}
