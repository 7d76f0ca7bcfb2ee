package proxy

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

// upload sends a body in pieces of n bytes, with or without its length.
func upload(body []byte, length int64, n int, header ...string) *http.Request {
	req := request("POST", "https://example.com/", "", header...)()
	req.Body, req.ContentLength = io.NopCloser(&cutReader{b: body, n: n}), length
	return req
}

// fewCompressors are all but those that are like others, where all takes long.
func fewCompressors(t testing.TB) map[string]func(io.Writer) flusher {
	all := compressors(t)
	if raceEnabled {
		maps.DeleteFunc(all, func(name string, _ func(io.Writer) flusher) bool { return name != "br" })
	}
	return all
}

func TestLargeCompressedBodies(t *testing.T) {
	up := &upstreamLog{}
	r := newRig(t, up, Config{Secrets: []Secret{fixedSecret("acme", testPlaceholder, testValue, Inject{Body: true})}})
	r.reroute(Route{Host: "example.com", Secrets: []string{"acme"}})
	before, after := noise(decideBytes+1000), strings.Repeat(" and so on", 2000)
	for name := range fewCompressors(t) {
		fits := compress(t, name, before+after)
		leak := string(compress(t, name, before+" key "+githubToken+after+noise(decideBytes)))
		tests := []struct {
			name   string
			body   string
			status int
			rule   string
			says   string
		}{
			{"fits", string(fits), 200, "", ""},
			{"with a token", leak, 400, "dlp:github-token", ""},
			{"with a token at its end", string(compress(t, name, before+" "+githubToken)), 400, "dlp:github-token", ""},
			{"with a placeholder", string(compress(t, name, before+testPlaceholder+after)), 400, "content-encoding", "a placeholder in it"},
			{"cut off", string(fits[:len(fits)-3]), 400, "content-encoding", "cannot be decompressed"},
			{"followed by a token", string(fits) + " " + githubToken, 400, "", ""},
			{"not compressed at all", someText(2 * decideBytes), 400, "content-encoding", "cannot be decompressed"},
		}
		for _, tt := range tests {
			for _, declared := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s %s, declared %v", name, tt.name, declared), func(t *testing.T) {
					length := int64(-1)
					if declared {
						length = int64(len(tt.body))
					}
					req := upload([]byte(tt.body), length, 60_000, "Content-Encoding", coding(name))
					if !declared {
						req.Trailer = http.Header{"X-Up": {"there"}}
					}
					status, answer := r.do(req)
					got := up.take()
					if status != tt.status {
						t.Fatalf("%d %q", status, answer)
					}
					if status == 200 {
						got = slices.DeleteFunc(got, func(q received) bool { return q.err != nil }) // of the test before
						if len(got) != 1 || got[0].body != tt.body || got[0].err != nil || got[0].header.Get("Content-Encoding") != coding(name) || !declared && got[0].trailer.Get("X-Up") != "there" {
							t.Errorf("upstream got %d requests", len(got))
						}
						return
					}
					if d := denialIn(t, answer); tt.rule != "" && d.Rule != tt.rule || !strings.Contains(d.Message, tt.says) {
						t.Errorf("%q", answer)
					}
					for _, q := range got {
						if q.err == nil {
							t.Error("the upstream took it for a whole request")
						}
						if text, _ := decoded(t, coding(name), []byte(q.body)); strings.Contains(string(text), githubToken[:8]) || strings.Contains(q.body, githubToken[:8]) {
							t.Errorf("what the upstream has of it, %d bytes, has the beginning of the token", len(q.body))
						}
					}
				})
			}
		}
	}
}

func TestBombsThatStream(t *testing.T) {
	up := &upstreamLog{}
	r := newRig(t, up, Config{})
	zeros := strings.Repeat("\x00", 16<<20)
	for name := range fewCompressors(t) {
		body := compress(t, name, zeros)
		status, answer := r.do(upload(body, -1, len(body), "Content-Encoding", coding(name)))
		if d := denialIn(t, answer); status != 400 || (d.Rule != "content-encoding" || !strings.Contains(d.Message, "200 times")) && d.Rule != "dlp:unscanned" {
			t.Errorf("%s: %d %q", name, status, answer)
		}
		for _, q := range up.take() {
			if q.err == nil {
				t.Errorf("%s: the upstream took it for a whole request", name)
			}
		}
	}
}

// TestACompressedStreamIsNotHeldUp: what a client has flushed arrives while it waits
// for an answer to it.
func TestACompressedStreamIsNotHeldUp(t *testing.T) {
	for name, open := range compressors(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				_ = http.NewResponseController(w).EnableFullDuplex()
				dec, err := newDecoder(q.Header.Get("Content-Encoding"), q.Body)
				if err != nil {
					t.Error(err)
					return
				}
				line := make([]byte, len("line 0\n"))
				for {
					if _, err := io.ReadFull(dec, line); err != nil {
						return
					}
					_, _ = w.Write(line)
					w.(http.Flusher).Flush()
				}
			}), Config{})
			pr, pw := io.Pipe()
			defer pw.Close()
			req := request("POST", "https://example.com/", "", "Content-Encoding", coding(name))()
			req.Body, req.ContentLength = pr, -1
			z := open(pw)
			lines := make(chan int, 1)
			defer close(lines)
			go func() {
				for i := range lines {
					fmt.Fprintf(z, "line %d\n", i)
					_ = z.Flush()
				}
			}()
			lines <- 0
			resp, err := r.client(false).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			for i := range 3 {
				line := make([]byte, len("line 0\n"))
				if _, err := io.ReadFull(resp.Body, line); err != nil || string(line) != fmt.Sprintf("line %d\n", i) {
					t.Fatalf("%q, %v", line, err)
				}
				lines <- i + 1
			}
		})
	}
}

func TestLongCompressedConversation(t *testing.T) {
	up := &upstreamLog{}
	r := modelRig(t, up)
	plain := message("see: " + base64.StdEncoding.EncodeToString([]byte(noise(decideBytes))) + " " + fakeToken + " .")
	body := compress(t, "zstd", plain)
	req := upload(body, -1, len(body), "Content-Encoding", "zstd", "Content-Type", "application/json")
	req.URL.Path = "/v1/responses"
	status, answer := r.do(req)
	got := up.take()
	if status != 200 || len(got) != 1 {
		t.Fatalf("%d %s", status, answer)
	}
	if q := got[0]; q.header.Get("Content-Encoding") != "" || strings.Contains(q.body, fakeToken) || !json.Valid([]byte(q.body)) || len(q.body) < len(plain) {
		t.Errorf("the model got %d bytes of %d with %v", len(q.body), len(plain), q.header)
	}
}

func TestCompressedBodiesThatNobodyLooksInto(t *testing.T) {
	up := &upstreamLog{}
	r := newRig(t, up, Config{DLP: dlp.Policy{Action: dlp.Off}})
	body := []byte(noise(2 * decideBytes))
	if status, answer := r.do(upload(body, int64(len(body)), len(body), "Content-Encoding", "exotic")); status != 200 {
		t.Errorf("%d %q", status, answer)
	}
	if got := up.take(); len(got) != 1 || !bytes.Equal([]byte(got[0].body), body) {
		t.Errorf("the upstream got %d requests", len(got))
	}
}
