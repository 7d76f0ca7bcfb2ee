package gitgate_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/gitgate"
	"github.com/bot-bottle/bottle/gitgate/pktline"
	"github.com/bot-bottle/bottle/proxy"
)

const (
	zeroID = "0000000000000000000000000000000000000000"
	someID = "0123456789012345678901234567890123456789"
)

// pushBody is a list of commands and a pack.
func pushBody(pack []byte, commands ...string) []byte {
	var b []byte
	for i, c := range commands {
		if i == 0 {
			c += "\x00 report-status side-band-64k agent=x"
		}
		b = pktline.Append(b, c)
	}
	return append(append(b, pktline.FlushPacket...), pack...)
}

// packOf is a pack that says it has so many objects, with its sum.
func packOf(count uint32, entries []byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), count)
	b = append(b, entries...)
	sum := sha1.Sum(b)
	return append(b, sum[:]...)
}

// newGate makes an origin with a repository, and a gate before it.
func newGate(t *testing.T, opt func(*gitgate.Host)) (*origin, *journal, string) {
	t.Helper()
	root := t.TempDir()
	o := newOrigin(t, root)
	if out, err := exec.Command("git", "init", "-q", "--bare", filepath.Join(root, "org", "write.git")).CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	host := gitgate.Host{Name: "forge.test", URL: o.url(), Private: true, Repos: repos(), Auth: gitgate.BasicAuth{Password: value(token)}}
	if opt != nil {
		opt(&host)
	}
	j := &journal{}
	return o, j, newFront(t, newServer(t, proxy.Config{RootCAs: o.roots()}, j, host)) + "/forge.test"
}

// TestHostilePushes sends what no git sends. Each is refused in words, and none
// reaches the server.
func TestHostilePushes(t *testing.T) {
	o, _, base := newGate(t, nil)
	create := zeroID + " " + someID + " refs/heads/agent/x"
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = io.CopyN(z, zeros{}, 64<<20)
	_ = z.Close()
	for name, c := range map[string]struct {
		body     []byte
		encoding string
		want     string
	}{
		"no pack":                    {pushBody(nil, create), "", "it ends too early"},
		"four billion objects":       {pushBody(packOf(4_000_000_000, nil), create), "", "objects in the pack"},
		"bytes behind the pack":      {pushBody(append(packOf(0, nil), "more"...), create), "", "the pack is"},
		"a NUL in a ref":             {pushBody(packOf(0, nil), create, zeroID+" "+someID+" refs/heads/agent/a\x00b"), "", "command 2"},
		"a line feed in a ref":       {pushBody(packOf(0, nil), zeroID+" "+someID+" refs/heads/agent/a\nrefs/heads/main"), "", "command 1"},
		"a space that is none":       {pushBody(packOf(0, nil), zeroID+" "+someID+" refs/heads/agent/a\u00a0../main"), "", "command 1"},
		"dots in a ref":              {pushBody(packOf(0, nil), zeroID+" "+someID+" refs/heads/agent/../main"), "", "command 1"},
		"one ref twice":              {pushBody(packOf(0, nil), create, create), "", "two commands are for one ref"},
		"a ref of the server's":      {pushBody(packOf(0, nil), zeroID+" "+someID+" refs/heads/main"), "", "may not be created"},
		"a signed push":              {append(pktline.Append(nil, "push-cert\x00report-status"), "0000"...), "", "signed push"},
		"no packets":                 {[]byte("zzzz"), "", "not git's protocol"},
		"half a packet":              {[]byte("00ff12"), "", "cannot be read"},
		"compressed commands":        {bomb.Bytes(), "gzip", "not git's protocol"},
		"a coding that git has not":  {pushBody(nil, create), "br", "content encoding"},
		"more behind a deletion":     {append(pushBody(nil, someID+" "+zeroID+" refs/heads/agent/x"), "x"...), "", "may not be deleted"},
		"an object ID of two halves": {pushBody(nil, zeroID+" 0123 refs/heads/agent/x"), "", "command 1"},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequest(http.MethodPost, base+"/org/write/git-receive-pack", bytes.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/x-git-receive-pack-request")
			req.Header.Set("Content-Encoding", c.encoding)
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK || !strings.Contains(string(body), c.want) {
				t.Errorf("%d %q, want %q", resp.StatusCode, body, c.want)
			}
		})
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.seen {
		if strings.Contains(s, "receive-pack") {
			t.Errorf("the server was asked: %s", s)
		}
	}
}

// A pack that is compressed once more has paid for what arrived, and not for what
// that comes to. One that some client sends so is taken.
func TestACompressedPushPaysForWhatArrives(t *testing.T) {
	_, _, base := newGate(t, nil)
	pack := func(bytes int) []byte {
		b := []byte{0x30, 0x78, 0x01} // a blob of nothing
		for len(b) < bytes {
			b = append(b, 0, 0, 0, 0xff, 0xff) // a block of nothing
		}
		return packOf(1, append(b, 1, 0, 0, 0xff, 0xff, 0, 0, 0, 1))
	}
	send := func(b []byte) string {
		t.Helper()
		var zipped bytes.Buffer
		z := gzip.NewWriter(&zipped)
		_, _ = z.Write(b)
		_ = z.Close()
		req, err := http.NewRequest(http.MethodPost, base+"/org/write/git-receive-pack", &zipped)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-git-receive-pack-request")
		req.Header.Set("Content-Encoding", "gzip")
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		body, _ := io.ReadAll(resp.Body)
		return string(body)
	}
	create := zeroID + " e69de29bb2d1d6434b8b29ae775ad8c2e48c5391 refs/heads/agent/x" // the empty blob
	if got := send(pushBody(pack(1000), create)); !strings.Contains(got, "a branch can only be a commit") {
		t.Errorf("a small one: %q", got)
	}
	if got := send(pushBody(pack(8<<20), create)); !strings.Contains(got, "that arrived") {
		t.Errorf("one that comes to much more: %q", got)
	}
}

// zeros is without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestHostilePaths asks for the path of a repository in other spellings.
func TestHostilePaths(t *testing.T) {
	o, _, base := newGate(t, nil)
	addr := strings.TrimPrefix(base, "http://")
	host, prefix, _ := strings.Cut(addr, "/")
	for _, path := range []string{
		"/org/../org/read", "/org/./read", "/org//read", "//org/read", "/org/%72ead", "/org%2fread", `/org\read`, "/org/read/..", "/org/read.git.git",
		"/ORG/read", "/org/read%00", "/org/rea", "/org/read2", "/org/read/x", "/../forge.test/org/read", "/org/-read", "/",
	} {
		conn, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET /%s%s/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", prefix, path, host)
		answer, _ := io.ReadAll(conn)
		_ = conn.Close()
		if s := string(answer); !strings.HasPrefix(s, "HTTP/1.1 40") || !strings.Contains(s, "bottle: ") {
			t.Errorf("%s: %s", path, s)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.seen) > 0 {
		t.Errorf("the server was asked: %q", o.seen)
	}
}

// TestFrontTurnsPagesAway sends what a browser does for a page.
func TestFrontTurnsPagesAway(t *testing.T) {
	_, _, base := newGate(t, nil)
	url := base + "/org/write/info/refs?service=git-upload-pack"
	guess := strings.Replace(url, "/forge.test", "x/forge.test", 1)
	for name, c := range map[string]struct {
		url, header, value string
		want               int
	}{
		"git":               {url, "Accept", "*/*", 200},
		"a page":            {url, "Origin", "https://evil.example", 404},
		"a page's image":    {url, "Sec-Fetch-Site", "cross-site", 404},
		"another host name": {url, "Host", "evil.example", 404},
		"a guessed prefix":  {guess, "Accept", "*/*", 404},
	} {
		req, err := http.NewRequest(http.MethodGet, c.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(c.header, c.value)
		if c.header == "Host" {
			req.Host = c.value
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != c.want {
			t.Errorf("%s: %d, want %d", name, resp.StatusCode, c.want)
		}
	}
}

// TestWaitingClientsHearOfIt sends the pack only when progress has come: a client
// that waits gets the head of the answer and a sign of life before its end.
func TestWaitingClientsHearOfIt(t *testing.T) {
	root := t.TempDir()
	o := newOrigin(t, root)
	gate, err := gitgate.New(gitgate.Options{TempDir: root, Progress: time.Millisecond,
		Hosts: []gitgate.Host{{Name: "forge.test", URL: o.url(), Private: true, Repos: repos(), Auth: gitgate.BasicAuth{Password: value(token)}}}})
	if err != nil {
		t.Fatal(err)
	}
	j := &journal{}
	base := newFront(t, newServerOf(t, proxy.Config{RootCAs: o.roots(), Gate: gate}, j)) + "/forge.test"
	in, out := io.Pipe()
	req, err := http.NewRequest(http.MethodPost, base+"/org/write/git-receive-pack", in)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-git-receive-pack-request")
	go func() { _, _ = out.Write(pushBody(nil, zeroID+" "+someID+" refs/heads/agent/x")) }()
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	alive := make([]byte, 5)
	if _, err := io.ReadFull(resp.Body, alive); err != nil || string(alive) != "0005\x01" {
		t.Fatalf("%q, %v", alive, err)
	}
	// It goes away in the middle of the pack.
	_, _ = out.Write([]byte("PACK\x00\x00"))
	_ = out.CloseWithError(io.ErrUnexpectedEOF)
	_, _ = io.Copy(io.Discard, resp.Body)
	waitFor(t, j, func(e proxy.Event) bool { return e.Ref == "refs/heads/agent/x" && e.Verdict == proxy.Deny })
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.seen) > 0 {
		t.Errorf("the server was asked: %q", o.seen)
	}
}

// waitFor waits for an event.
func waitFor(t *testing.T, j *journal, is func(proxy.Event) bool) {
	t.Helper()
	for range 2000 {
		for _, e := range j.all() {
			if is(e) {
				return
			}
		}
		select {
		case <-t.Context().Done():
		case <-time.After(5 * time.Millisecond): // another goroutine writes it
		}
	}
	t.Fatalf("no such event in %v", j.all())
}

// A client of git alone names the host in its URL, and may name anything: the
// journal has no value of a secret for that.
func TestTheHostInAPathIsRedacted(t *testing.T) {
	j := &journal{}
	cfg := proxy.Config{Scan: dlp.Options{Known: []dlp.Known{known}}}
	base := newFront(t, newServer(t, cfg, j, gitgate.Host{Name: "forge.test", Repos: repos()}))
	resp, err := http.Get(base + "/" + known.Value + "/org/read/info/refs?service=git-upload-pack")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden || len(j.all()) == 0 {
		t.Errorf("%s, and %d events", resp.Status, len(j.all()))
	}
	for _, e := range j.all() {
		if text := fmt.Sprintf("%+v", e); strings.Contains(text, known.Value) {
			t.Errorf("the journal has %s", text)
		}
	}
}
