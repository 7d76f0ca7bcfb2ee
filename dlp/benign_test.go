package dlp_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"go/build"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// corpora are texts without a credential, made the same way each time.
func corpora(t testing.TB) map[string][]byte {
	const size = 1 << 20
	r := rand.New(rand.NewPCG(6, 6))
	blob := make([]byte, size)
	for i := range blob {
		blob[i] = byte(r.Uint32())
	}
	out := map[string][]byte{
		"random": blob,
		"base64": []byte(base64.StdEncoding.EncodeToString(blob)),
		"hex":    fmt.Appendf(nil, "%x", blob),
		"source": goSource(t, 4*size),
	}
	var uuids, digests, parts, integrity strings.Builder
	for i := 0; uuids.Len() < size; i += 16 {
		b := blob[i : i+64]
		fmt.Fprintf(&uuids, "%x-%x-%x-%x-%x\n", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
		fmt.Fprintf(&digests, "commit %x\nsha256:%x\n0x%x\n", b[:20], b[20:52], b[:32])
		fmt.Fprintf(&integrity, "\"node_modules/a%d\": {\"version\": \"1.%d.0\", \"integrity\": \"sha512-%s\"},\n", i, i, base64.StdEncoding.EncodeToString(b))
		fmt.Fprintf(&parts, "cursor=%s&state=%s\n", base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"id":%d,"at":"%x"}`, i, b[:8])), base64.RawURLEncoding.EncodeToString(b[:40]))
	}
	out["uuids"], out["digests"], out["lock file"], out["single parts"] = []byte(uuids.String()), []byte(digests.String()), []byte(integrity.String()), []byte(parts.String())
	out["talk of tokens"] = []byte(strings.Repeat(tokenTalk, size/len(tokenTalk)))
	out["prose"] = comments(out["source"])
	out["json"] = chat(t, string(out["prose"]), string(out["source"]))
	return out
}

// comments returns the text of line comments, which is prose.
func comments(source []byte) []byte {
	var b []byte
	for line := range strings.Lines(string(source)) {
		if text, ok := strings.CutPrefix(line, "// "); ok {
			b = append(b, text...)
		}
	}
	return b
}

const tokenTalk = `A token such as the ones GitHub, Slack or Stripe hand out starts with a prefix (ghp_, xoxb-, sk_live_) so that scanners
can tell what it is. Keys of AWS start with AKIA; a JWT starts with eyJ, because a JSON object starts with a brace and a
quote. A private key is kept between -----BEGIN PRIVATE KEY----- and -----END PRIVATE KEY-----, never in a repository.
Set DATABASE_URL=postgres://user:password@localhost:5432/app for a local run, or redis://localhost:6379. The task-based
risk-averse disk-bound sk-learn user exports HF_TOKEN=hf_... and npm_config_registry, and reads npm_lifecycle_event.
=====================================================================================================================
---------------------------------------------------------------------------------------------------------------------
| column | SKU0001 | SK-12 | https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX | dapi |

`

// chat is a request of a model's API that holds prose and source text.
func chat(t testing.TB, prose, source string) []byte {
	type message struct {
		Role    string              `json:"role"`
		Content []map[string]string `json:"content"`
	}
	var body struct {
		Model    string    `json:"model"`
		Messages []message `json:"messages"`
	}
	body.Model = "claude-sonnet-4-5-20250929"
	for i := 0; len(source) > 3000 && len(prose) > 1000; i++ {
		body.Messages = append(body.Messages, message{[]string{"user", "assistant"}[i%2], []map[string]string{{"type": "text", "text": prose[:1000]}, {"type": "text", "text": source[:3000]}}})
		prose, source = prose[1000:], source[3000:]
	}
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// goSource returns files of the standard library that have no test keys.
func goSource(t testing.TB, size int) []byte {
	root := build.Default.GOROOT
	var b []byte
	for _, pkg := range []string{"net/http", "go/types", "reflect", "encoding/json", "encoding/base64", "runtime", "strconv", "os", "fmt", "regexp"} {
		files, err := filepath.Glob(filepath.Join(root, "src", pkg, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			b = append(b, text...)
		}
	}
	if len(b) < 1<<20 {
		t.Fatalf("only %d bytes of source under %s", len(b), root)
	}
	return b[:min(len(b), size)]
}

func TestBenignTextHasNoFindings(t *testing.T) {
	e := mustEngine(t)
	for name, text := range corpora(t) {
		for _, f := range e.Scan(text) {
			from, to := max(0, f.Offset-20), min(int64(len(text)), f.Offset+int64(f.Length)+20)
			t.Errorf("%s: %s in %q", name, f.Rule, text[from:to])
		}
	}
}

// Clean text costs no allocation, however it is cut.
func TestCleanTextAllocatesNothing(t *testing.T) {
	e := mustEngine(t, testKnown()...)
	sc := e.NewScanner()
	for name, text := range corpora(t) {
		text = text[:64<<10]
		if n := testing.AllocsPerRun(5, func() {
			sc.Reset()
			for p := text; len(p) > 0; p = p[min(len(p), 1000):] {
				sc.Write(p[:min(len(p), 1000)])
			}
			sc.Flush()
			sc.Close()
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
