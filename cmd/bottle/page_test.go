package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// A page of docs/ is run as a person reads it. In its blocks of the kind console, the
// lines behind "$ " are typed, with those behind "> " as what belongs to them. Every other
// line must come, in this order, among what is printed. "…" stands for anything, and a
// name such as generic-7kq2m for one of its form; the id of a question is then put into
// what is typed. A command whose next lines stand in a later block goes on meanwhile.

// pageWait is how long a line may take.
const pageWait = 60 * time.Second

// page is one that is being run.
type page struct {
	ts      *testscript.TestScript
	dir     string
	names   map[string]string // what a name of the page is this time
	running []*typed
}

// typed is a command that was started.
type typed struct {
	text string
	done chan error
	shown
}

// shown is what a command printed, and up to where it was expected already.
type shown struct {
	mu   sync.Mutex
	text bytes.Buffer
	at   int
}

func (s *shown) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// cmdPage runs a page: page FILE.
func cmdPage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: page FILE")
	}
	text, err := os.ReadFile(args[0])
	ts.Check(err)
	p := &page{ts: ts, dir: ts.Getenv("HOME"), names: map[string]string{}}
	for _, block := range regexp.MustCompile("(?ms)^```console\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		p.block(strings.Split(strings.TrimSuffix(block[1], "\n"), "\n"))
	}
	if len(p.running) > 0 {
		ts.Fatalf("nothing on the page is what %q ends with", p.running[0].text)
	}
}

// block runs one. What comes before its first command is of the one that waits.
func (p *page) block(lines []string) {
	var t *typed
	expected := 0
	if n := len(p.running); n > 0 && !strings.HasPrefix(lines[0], "$ ") {
		t, p.running = p.running[n-1], p.running[:n-1]
	}
	for len(lines) > 0 {
		command, ok := strings.CutPrefix(lines[0], "$ ")
		lines = lines[1:]
		if !ok {
			p.expect(t, command)
			expected++
			continue
		}
		p.end(t, expected)
		for len(lines) > 0 && strings.HasPrefix(lines[0], "> ") {
			command += "\n" + lines[0][2:]
			lines = lines[1:]
		}
		t, expected = p.start(command), 0
	}
	select {
	case err := <-t.done:
		t.done <- err
		p.end(t, expected)
	case <-p.waits(t):
		p.running = append(p.running, t)
	}
}

// waits is closed when a command has asked, and so goes on behind the block.
func (p *page) waits(t *typed) <-chan struct{} {
	c := make(chan struct{})
	if text := t.printed(); strings.Contains(text, "answer with: bottle approve") && !strings.Contains(text, "has ended") {
		close(c)
	}
	return c
}

func (s *shown) printed() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (p *page) start(command string) *typed {
	for name, is := range p.names {
		command = strings.ReplaceAll(command, name, is)
	}
	t := &typed{text: command, done: make(chan error, 1)}
	ctx, cancel := context.WithTimeout(context.Background(), pageWait)
	p.ts.Defer(cancel)
	cmd := exec.CommandContext(ctx, "bash", "-c", command+"\ncode=$?; pwd >\"$PAGE_PWD\"; exit $code")
	cmd.Dir = p.dir
	pwd := p.ts.MkAbs("page.pwd")
	cmd.Env = append(os.Environ(), "PAGE_PWD="+pwd)
	for _, name := range []string{"HOME", "PATH", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "TMPDIR"} {
		cmd.Env = append(cmd.Env, name+"="+p.ts.Getenv(name))
	}
	cmd.Stdout, cmd.Stderr = t, t
	p.ts.Logf("$ %s", command)
	p.ts.Check(cmd.Start())
	go func() { t.done <- cmd.Wait() }()
	return t
}

// end waits for a command. One of which nothing is expected has to end well.
func (p *page) end(t *typed, expected int) {
	if t == nil {
		return
	}
	err := <-t.done
	if err != nil && expected == 0 {
		p.ts.Fatalf("%s: %v\n%s", t.text, err, t.printed())
	}
	if dir, err := os.ReadFile(p.ts.MkAbs("page.pwd")); err == nil {
		p.dir = strings.TrimSpace(string(dir))
	}
}

var pageNames = regexp.MustCompile(`generic-7kq2m|k7m2qxw4-2`)

// expect waits for a line. An id that it has is remembered.
func (p *page) expect(t *typed, line string) {
	pattern := regexp.QuoteMeta(line)
	pattern = strings.ReplaceAll(pattern, "…", ".*")
	pattern = pageNames.ReplaceAllStringFunc(strings.ReplaceAll(pattern, `\-`, "-"), func(name string) string {
		if name == "k7m2qxw4-2" {
			return `(?P<id>[a-z2-7]{8}-[0-9]+)`
		}
		return `generic-[a-z0-9]+`
	})
	re, err := regexp.Compile(`(?m)^` + pattern + `$`)
	p.ts.Check(err)
	for deadline := time.Now().Add(pageWait); ; {
		if t.find(re, p.names) {
			return
		}
		select {
		case err := <-t.done: // there is no more
			t.done <- err
			if t.find(re, p.names) {
				return
			}
			p.ts.Fatalf("%s: it ended (%v) without %q, with\n%s", t.text, err, line, t.printed())
		case <-time.After(20 * time.Millisecond): // another process prints it
		}
		if time.Now().After(deadline) {
			p.ts.Fatalf("%s: no %q, but\n%s", t.text, line, t.printed())
		}
	}
}

func (s *shown) find(re *regexp.Regexp, names map[string]string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	rest := s.text.String()[s.at:]
	m := re.FindStringSubmatchIndex(rest)
	if m == nil {
		return false
	}
	if i := re.SubexpIndex("id"); i > 0 {
		names["k7m2qxw4-2"] = rest[m[2*i]:m[2*i+1]]
	}
	s.at += m[1]
	return true
}

// cmdInternet has everything public go to the upstream, through a proxy such as a company
// has, whose address is $INTERNET: the page is then run as it stands.
func cmdInternet(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: internet")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	upstream := ts.Getenv("UPSTREAM")
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "only CONNECT", http.StatusMethodNotAllowed)
			return
		}
		splice(w, upstream)
	})}
	go func() { _ = server.Serve(l) }()
	ts.Defer(func() { _ = server.Close() })
	ts.Setenv("INTERNET", fmt.Sprintf("http://%s", l.Addr()))
}

// splice answers a CONNECT by a connection to addr.
func splice(w http.ResponseWriter, addr string) {
	out, err := net.Dial("tcp", addr)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer func() { _ = out.Close() }()
	in, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = in.Close() }()
	if _, err := io.WriteString(in, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return
	}
	go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
	_, _ = io.Copy(in, out)
}
