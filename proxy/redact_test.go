package proxy

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// spellings of a value that an upstream may send back.
func spellings(v string) map[string]string {
	j, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return map[string]string{
		"plain":             v,
		"base64":            base64.StdEncoding.EncodeToString([]byte(v)),
		"base64 in a pair":  base64.StdEncoding.EncodeToString([]byte("user:" + v)),
		"base64 for URLs":   base64.RawURLEncoding.EncodeToString([]byte(v)),
		"percent":           url.QueryEscape(v),
		"percent in a path": url.PathEscape(v),
		"JSON":              string(j),
		"JSON, slashes":     strings.ReplaceAll(string(j), "/", `\/`),
	}
}

// oddValue has what every encoding writes differently.
const oddValue = `acme/h7Jq2"Xz9+Lw4&nRv8<Yk1Ge5sPd6uQa`

func TestAnswersAreRedacted(t *testing.T) {
	for name, text := range spellings(oddValue) {
		for _, where := range []string{"small body", "stream", "header", "trailer", "1xx"} {
			t.Run(name+" in a "+where, func(t *testing.T) {
				up := &upstreamLog{answer: func(w http.ResponseWriter, q *http.Request) {
					switch where {
					case "small body":
						fmt.Fprintf(w, "a %s b", text)
					case "stream":
						w.(http.Flusher).Flush()
						for i := range len(text) { // every byte is a chunk
							io.WriteString(w, text[i:i+1])
							w.(http.Flusher).Flush()
						}
					case "header":
						w.Header().Set("X-Back", "a "+text)
					case "trailer":
						w.Header().Set("Trailer", "X-Back")
						io.WriteString(w, "body")
						w.Header().Set("X-Back", text)
					case "1xx":
						w.Header().Set("X-Back", text)
						w.WriteHeader(http.StatusEarlyHints)
						w.Header().Del("X-Back")
					}
				}}
				r := newRig(t, up, Config{Secrets: []Secret{fixedSecret("acme", testPlaceholder, oddValue, Inject{})}})
				r.reroute(Route{Host: "example.com", Secrets: []string{"acme"}})
				req, _ := http.NewRequest("GET", "https://example.com/", nil)
				var hints string
				req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{Got1xxResponse: func(_ int, h textproto.MIMEHeader) error {
					hints = fmt.Sprint(h)
					return nil
				}}))
				resp, err := r.client(false).Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				all := fmt.Sprintf("%s %v %v %s", body, resp.Header, resp.Trailer, hints)
				if strings.Contains(all, text) {
					t.Errorf("%q came back in %q", text, all)
				}
				if e := r.lastEnd(); e.Redacted != 1 {
					t.Errorf("%d noted as redacted", e.Redacted)
				}
			})
		}
	}
}

func TestWhatReplacesAValueKeepsItsLength(t *testing.T) {
	up := &upstreamLog{answer: func(w http.ResponseWriter, q *http.Request) {
		body := "token=" + testValue + ";"
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		io.WriteString(w, body)
	}}
	r := secretRig(t, up, Inject{})
	resp, err := r.client(false).Get("https://example.com/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	if string(b) != "token="+testPlaceholder+";" || resp.ContentLength != int64(len(b)) {
		t.Errorf("%q, declared %d", b, resp.ContentLength)
	}
}

func TestAnotherLengthIsRecomputed(t *testing.T) {
	for name, size := range map[string]int{"a small answer is buffered": 10, "a large one goes without": 2 * decideBytes} {
		t.Run(name, func(t *testing.T) {
			pad := strings.Repeat("x", size)
			up := &upstreamLog{answer: func(w http.ResponseWriter, q *http.Request) {
				body := "short-value-1" + pad + "short-value-1"
				w.Header().Set("Content-Length", fmt.Sprint(len(body)))
				io.WriteString(w, body)
			}}
			r := newRig(t, up, Config{Secrets: []Secret{fixedSecret("acme", testPlaceholder, "short-value-1", Inject{})}})
			r.reroute(Route{Host: "example.com", Secrets: []string{"acme"}})
			resp, err := r.client(false).Get("https://example.com/")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			want := testPlaceholder + pad + testPlaceholder
			if err != nil || string(b) != want {
				t.Errorf("%d bytes (%v), want %d", len(b), err, len(want))
			}
			if size < decideBytes && resp.ContentLength != int64(len(want)) || size > decideBytes && resp.ContentLength != -1 {
				t.Errorf("declared %d", resp.ContentLength)
			}
		})
	}
}

// flusher is what all compressors have in common.
type flusher interface {
	io.WriteCloser
	Flush() error
}

func compressors(t testing.TB) map[string]func(io.Writer) flusher {
	return map[string]func(io.Writer) flusher{
		"gzip":    func(w io.Writer) flusher { return gzip.NewWriter(w) },
		"br":      func(w io.Writer) flusher { return brotli.NewWriter(w) },
		"deflate": func(w io.Writer) flusher { return zlib.NewWriter(w) },
		"deflate as some servers send it": func(w io.Writer) flusher {
			f, err := flate.NewWriter(w, 6)
			if err != nil {
				t.Fatal(err)
			}
			return f
		},
		"zstd": func(w io.Writer) flusher {
			z, err := zstd.NewWriter(w)
			if err != nil {
				t.Fatal(err)
			}
			return z
		},
	}
}

func coding(name string) string { first, _, _ := strings.Cut(name, " "); return first }

func compress(t testing.TB, name string, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := compressors(t)[name](&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCompressedAnswersAreRedactedWithoutDelay(t *testing.T) {
	for name, open := range compressors(t) {
		t.Run(name, func(t *testing.T) {
			more := make(chan struct{})
			r := secretRig(t, &upstreamLog{answer: func(w http.ResponseWriter, q *http.Request) {
				w.Header().Set("Content-Encoding", coding(name))
				w.Header().Set("Content-Type", "text/event-stream")
				z := open(w)
				for range 3 {
					fmt.Fprintf(z, "data: %s\n\n", testValue)
					z.Flush()
					w.(http.Flusher).Flush()
					<-more // the next event is not written before this one was read
				}
				z.Close()
			}}, Inject{})
			req, _ := http.NewRequest("GET", "https://example.com/", nil)
			req.Header.Set("Accept-Encoding", "gzip, br, zstd, deflate")
			resp, err := r.client(false).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			event := make([]byte, len("data: \n\n")+len(testPlaceholder))
			for range 3 {
				if _, err := io.ReadFull(resp.Body, event); err != nil {
					t.Fatal(err)
				}
				if string(event) != "data: "+testPlaceholder+"\n\n" {
					t.Fatalf("got %q", event)
				}
				more <- struct{}{}
			}
			if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 {
				t.Errorf("then %q, %v", rest, err)
			}
			if resp.Header.Get("Content-Encoding") != "" {
				t.Errorf("still said to be %s", resp.Header.Get("Content-Encoding"))
			}
		})
	}
}

func TestAnswersInUnknownCodingsAreNotPassedUnsearched(t *testing.T) {
	for _, codings := range [][]string{{"compress"}, {"gzip, br"}, {"identity", "gzip", "gzip"}} {
		r := secretRig(t, &upstreamLog{answer: func(w http.ResponseWriter, q *http.Request) {
			w.Header()["Content-Encoding"] = codings
			io.WriteString(w, testValue)
		}}, Inject{})
		if status, body := r.get("https://example.com/"); status != 502 || denialIn(t, body).Rule != "redact" {
			t.Errorf("%q: %d %q", codings, status, body)
		}
	}
}

func TestAcceptEncodingIsCutWhereAnswersAreSearched(t *testing.T) {
	up := &upstreamLog{}
	r := secretRig(t, up, Inject{})
	for sent, want := range map[string]string{
		"gzip, compress;q=0.5, br;q=0.9, zstd, dcb": "gzip, br;q=0.9, zstd",
		"compress": "identity",
		"":         "",
	} {
		req, _ := http.NewRequest("GET", "https://example.com/", nil)
		if sent != "" {
			req.Header.Set("Accept-Encoding", sent)
		}
		r.do(req)
		if got := up.take()[0].header.Get("Accept-Encoding"); got != want {
			t.Errorf("%q became %q, want %q", sent, got, want)
		}
	}
	// A value could be read back in parts that none of them shows.
	r.get("https://example.com/", "Range", "bytes=1-2", "If-Range", `"x"`)
	if got := up.take()[0].header; got.Get("Range") != "" || got.Get("If-Range") != "" {
		t.Errorf("a range went on: %v", got)
	}
	// Without secrets the client's own word goes on.
	r.get("https://other.example.com/", "Accept-Encoding", "compress")
	if got := up.take()[0].header.Get("Accept-Encoding"); got != "compress" {
		t.Errorf("without secrets: %q", got)
	}
}

func TestAHeadAnswerKeepsItsLength(t *testing.T) {
	r := secretRig(t, &upstreamLog{answer: func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Length", "4321")
		w.Header().Set("Content-Encoding", "gzip")
	}}, Inject{})
	resp, err := r.client(false).Head("https://example.com/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 || resp.ContentLength != 4321 || resp.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
}

func TestAStreamIsNotDelayedByRedaction(t *testing.T) {
	more := make(chan struct{})
	r := secretRig(t, &upstreamLog{answer: func(w http.ResponseWriter, q *http.Request) {
		// The event ends with what a credential begins with: it may be held for
		// a moment, but not until more comes.
		for range 2 {
			io.WriteString(w, "data: acme-h7J")
			w.(http.Flusher).Flush()
			<-more
		}
	}}, Inject{})
	resp, err := r.client(false).Get("https://example.com/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for range 2 {
		event := make([]byte, len("data: acme-h7J"))
		if _, err := io.ReadFull(resp.Body, event); err != nil {
			t.Fatal(err)
		}
		more <- struct{}{}
	}
}
