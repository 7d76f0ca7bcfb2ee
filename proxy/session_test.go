package proxy

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

const splitValue = "h7Jq2mXz9bLw4TnRv8cYk1Ge5sPd6uQa3WxZ0fHk"

func splitRig(t *testing.T, up http.Handler) *rig {
	return newRig(t, up, Config{Scan: dlp.Options{Known: []dlp.Known{{Name: "db", Value: splitValue}}}})
}

// A secret in pieces of 12 bytes is stopped before more than 60 % has left, over
// hosts and places of requests.
func TestSecretInPieces(t *testing.T) {
	up := &upstreamLog{}
	r := splitRig(t, up)
	r.reroute(Route{Host: "example.com"}, Route{Host: "other.example.com"})
	if status, _ := r.post("https://example.com/", "text/plain", "note "+splitValue[24:36]); status != 200 {
		t.Fatalf("the first piece: %d", status)
	}
	for name, send := range map[string]func() (int, string){
		"the query": func() (int, string) { return r.get("https://other.example.com/?q=" + splitValue[12:24]) },
		"a header":  func() (int, string) { return r.get("https://example.com/", "X-Note", splitValue[:12]) },
		"a body":    func() (int, string) { return r.post("https://example.com/", "text/plain", splitValue[12:26]) },
		"a compressed body": func() (int, string) {
			return r.post("https://example.com/", "text/plain", string(compress(t, "gzip", splitValue[12:26])), "Content-Encoding", "gzip")
		},
		"a body in deflate": func() (int, string) {
			return r.post("https://example.com/", "text/plain", string(compress(t, "deflate", splitValue[12:26])), "Content-Encoding", "deflate")
		},
		"a long body": func() (int, string) {
			return r.post("https://example.com/", "text/plain", strings.Repeat("some text. ", 200000)+splitValue[12:26])
		},
	} {
		status, text := send()
		if d := denialIn(t, text); status != 400 || d.Rule != "dlp:known-secret" || !strings.Contains(d.Message, "a piece of the secret db") {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	if journal := fmt.Sprintf("%+v", up.take()); strings.Contains(journal, splitValue[12:24]) {
		t.Error("the piece that told it left")
	}
}

func TestPiecesOutliveAReload(t *testing.T) {
	r := splitRig(t, &upstreamLog{})
	if status, _ := r.post("https://example.com/", "text/plain", splitValue[:12]); status != 200 {
		t.Fatal(status)
	}
	if err := r.server.Reload(context.Background(), r.cfg); err != nil {
		t.Fatal(err)
	}
	if status, text := r.post("https://example.com/", "text/plain", splitValue[12:24]); status != 400 {
		t.Errorf("after a reload: %d %s", status, text)
	}
}

func TestSecretInDrips(t *testing.T) {
	for name, send := range map[string]func(r *rig, part string) (int, string){
		"a parameter": func(r *rig, part string) (int, string) { return r.get("https://example.com/?id=7&q=" + part) },
		"a header":    func(r *rig, part string) (int, string) { return r.get("https://example.com/", "X-Note", part) },
		"a path":      func(r *rig, part string) (int, string) { return r.get("https://example.com/items/" + part) },
		"a body":      func(r *rig, part string) (int, string) { return r.post("https://example.com/", "text/plain", part) },

		"behind many parameters": func(r *rig, part string) (int, string) {
			return r.get("https://example.com/?" + strings.Repeat("a&", 128) + "q=" + part)
		},
		"behind empty parameters": func(r *rig, part string) (int, string) {
			return r.get("https://example.com/?"+strings.Repeat("&", 2*maxDripFields), "X-Note", part)
		},
		"in the middle of a path": func(r *rig, part string) (int, string) { return r.get("https://example.com/" + part + "/x") },
		"a parameter's name":      func(r *rig, part string) (int, string) { return r.get("https://example.com/?id=7&" + part + "=x") },
		"a padded parameter": func(r *rig, part string) (int, string) {
			return r.get("https://example.com/?q=" + strings.Repeat("%20", 64) + part + strings.Repeat("+", 64))
		},
		"a filled parameter": func(r *rig, part string) (int, string) {
			return r.get("https://example.com/?q=" + strings.Repeat("_", 64) + part + strings.Repeat("-", 64))
		},
		"a padded body": func(r *rig, part string) (int, string) {
			return r.post("https://example.com/", "text/plain", part+strings.Repeat(" \n", 64))
		},
		"a chunked body": func(r *rig, part string) (int, string) {
			req := request("POST", "https://example.com/", part)()
			req.ContentLength = -1
			return r.do(req)
		},
		"a compressed body": func(r *rig, part string) (int, string) {
			return r.post("https://example.com/", "text/plain", string(compress(t, "gzip", part)), "Content-Encoding", "gzip")
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := splitRig(t, &upstreamLog{})
			left := 0
			for i := 0; i < len(splitValue); i += 4 {
				status, text := send(r, splitValue[i:i+4])
				if status == 400 {
					if d := denialIn(t, text); d.Rule != "dlp:known-secret" || !strings.Contains(d.Message, "put together") {
						t.Errorf("%s", text)
					}
					break
				}
				left += 4
			}
			if 10*left > 6*len(splitValue) {
				t.Errorf("%d of %d bytes left", left, len(splitValue))
			}
		})
	}
}

// More short values than are looked at are not let through in silence.
func TestTooManyShortValues(t *testing.T) {
	const url = "https://example.com/?"
	many := url + strings.Repeat("a&", maxDripFields+1)
	r := splitRig(t, &upstreamLog{})
	status, text := r.get(many)
	if d := denialIn(t, text); status != 400 || d.Rule != "dlp:unscanned" || !strings.Contains(d.Message, "too many short values") {
		t.Errorf("%d %s", status, text)
	}
	if status, text := r.get(url + strings.Repeat("a&", maxDripFields/2)); status != 200 {
		t.Errorf("fewer: %d %s", status, text)
	}
	r.cfg.DLP.Rules = map[string]dlp.Action{dlp.RuleUnscanned: dlp.Warn}
	r.reroute(Route{Host: "example.com"})
	if status, text := r.get(many); status != 200 {
		t.Errorf("where that is let pass: %d %s", status, text)
	}
	warned := 0
	for _, e := range r.journal.all() {
		for _, f := range e.Findings {
			if e.Type == EventEnd && f.Rule == dlp.RuleUnscanned && f.Action == string(dlp.Warn) && f.Where == "url" {
				warned++
			}
		}
	}
	if warned != 1 {
		t.Errorf("the journal has it %d times", warned)
	}
}

func TestUnpadded(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "a": "a", " a b ": "a b", "aaaaaaa": "aaaaaaa", "aaaaaaaa": "", "xxxxxxxxyyyyyyyy a zzzzzzzz ": "a", "abxxxxxxx": "abxxxxxxx",
	} {
		if got := string(unpadded([]byte(in))); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestShortBody(t *testing.T) {
	pad := strings.Repeat(" ", 3*maxPadded+7)
	for name, c := range map[string]struct{ body, want string }{
		"short": {"abcd", "abcd"}, "padded behind": {"abcd" + pad, "abcd"}, "padded before": {pad + "abcd", "abcd"},
		"long": {strings.Repeat("abcd", maxPadded), ""}, "nothing": {"", ""},
	} {
		for _, size := range []int{1, 100, 1 << 20} {
			var b shortBody
			for chunk := range slices.Chunk([]byte(c.body), size) {
				b.add(chunk)
				if len(b.text) > maxPadded {
					t.Fatalf("%s: %d bytes are held", name, len(b.text))
				}
			}
			if got := string(unpadded(b.text)); got != c.want {
				t.Errorf("%s, %d bytes at a time: %q", name, size, got)
			}
		}
	}
}

func TestSessionsAreApart(t *testing.T) {
	r := splitRig(t, &upstreamLog{})
	a, b := r.server.dlpSession("a"), r.server.dlpSession("b")
	if a == b || a != r.server.dlpSession("a") {
		t.Error("sessions are not told apart by their name")
	}
}
