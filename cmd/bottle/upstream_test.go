package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bot-bottle/bottle/internal/demo"
)

func have(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// upstream is a TLS server for all names that writes down what it gets.
type upstream struct {
	*demo.Internet
	mux *http.ServeMux
	dir string // of the script, whose files say what the mocks do

	all chan struct{} // closed when all conversations came to where the token ends

	mu       sync.Mutex
	log      io.Writer
	gathered int
}

func startUpstream(log io.Writer, dir string) (_ *upstream, err error) {
	u := &upstream{log: log, dir: dir, mux: http.NewServeMux(), all: make(chan struct{})}
	u.mux.HandleFunc("/", u.echo)
	logins := &tokens{u: u, dir: dir}
	(&anthropic{u: u, tokens: logins}).register(u.mux)
	(&openAI{u: u, tokens: logins}).register(u.mux)
	u.mux.HandleFunc("GET /zeros", zeros)
	u.mux.HandleFunc("PUT /sink", sink)
	u.mux.HandleFunc("GET registry.example.com/{name}", registry)
	u.Internet, err = demo.StartInternet(u.mux)
	return u, err
}

// echo answers with what it got and logs it: one line of JSON for each request.
func (u *upstream) echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	u.note(map[string]any{"method": r.Method, "host": r.Host, "uri": r.RequestURI, "header": r.Header, "body": string(body)})
	fmt.Fprintf(w, "%s %s %s\n", r.Method, r.Host, r.RequestURI)
	for _, name := range []string{"Authorization", "X-Api-Key"} {
		if v := r.Header.Get(name); v != "" {
			fmt.Fprintf(w, "%s: %s\n", name, v)
		}
	}
	fmt.Fprintf(w, "%s\n", body)
}

func (u *upstream) note(v any) {
	u.mu.Lock()
	defer u.mu.Unlock()
	_ = json.NewEncoder(u.log).Encode(v)
}

// script is what the mock models say.
func (u *upstream) script() script { return readScript(filepath.Join(u.dir, "model.json")) }

// has reports whether a file is in the script's folder.
func (u *upstream) has(name string) bool {
	_, err := os.Stat(filepath.Join(u.dir, name))
	return err == nil
}

// zeros sends as many bytes as ?n= says, without a length.
func zeros(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.ParseInt(r.URL.Query().Get("n"), 10, 64)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	buf := make([]byte, 64<<10)
	for n > 0 {
		m, err := w.Write(buf[:min(n, int64(len(buf)))])
		if err != nil {
			return
		}
		n -= int64(m)
	}
}

// sink counts what it gets.
func sink(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	fmt.Fprintf(w, "got %d bytes\n", n)
}

// registry is a mock of a package registry, as far as `npm view` asks it.
func registry(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	_ = json.NewEncoder(w).Encode(map[string]any{"_id": name, "name": name, "dist-tags": map[string]string{"latest": "1.2.3"},
		"versions": map[string]any{"1.2.3": map[string]any{"name": name, "version": "1.2.3", "description": "from the mock registry"}}})
}

// repositories serves those below a folder at /git/ to whoever has a password, as
// far as git is installed.
func (u *upstream) repositories(root string) http.Handler {
	path, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		return http.NotFoundHandler()
	}
	backend := cgi.Handler{Path: filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"), Root: "/git", InheritEnv: []string{"PATH"},
		Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		u.note(map[string]any{"git": r.Method + " " + r.RequestURI, "user": user, "password": password})
		if password == "" {
			w.Header().Set("WWW-Authenticate", `Basic realm="forge"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h := backend
		h.Env = append(slices.Clone(backend.Env), "GIT_PROTOCOL="+r.Header.Get("Git-Protocol"), "REMOTE_USER="+user)
		h.ServeHTTP(w, r)
	})
}

// cmdUpstream starts the server: its address is in $UPSTREAM (and its port in
// $UPSTREAM_PORT), its CA in
// ca.pem, and what it gets in upstream.log.
func cmdUpstream(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: upstream")
	}
	log, err := os.Create(ts.MkAbs("upstream.log"))
	ts.Check(err)
	u, err := startUpstream(log, ts.MkAbs("."))
	ts.Check(err)
	ts.Defer(func() {
		_ = u.Close()
		_ = log.Close()
	})
	u.mux.Handle("GET git.example.com/", http.FileServer(http.Dir(ts.MkAbs("www"))))
	u.mux.Handle("/git/", u.repositories(ts.MkAbs("origin")))
	ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), u.CA, 0o600))
	ts.Setenv("UPSTREAM", u.Addr)
	ts.Setenv("UPSTREAM_PORT", u.Addr[strings.LastIndex(u.Addr, ":")+1:])
}

// cmdWaitFor waits until a file holds a text: waitfor FILE TEXT.
func cmdWaitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waitfor file text")
	}
	name := ts.MkAbs(args[0])
	deadline := time.Now().Add(2 * time.Minute)
	for {
		matches, err := filepath.Glob(name)
		ts.Check(err)
		for _, m := range matches {
			if b, err := os.ReadFile(m); err == nil && strings.Contains(string(b), args[1]) {
				return
			}
		}
		if time.Now().After(deadline) {
			b, _ := os.ReadFile(name)
			ts.Fatalf("%s does not hold %q: %s", args[0], args[1], b)
		}
		time.Sleep(20 * time.Millisecond) // another process writes the file
	}
}

// cmdPort sets a variable to a TCP port that is free.
func cmdPort(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: port VARIABLE")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	ts.Check(err)
	ts.Check(l.Close())
	ts.Setenv(args[0], port)
}

// cmdSub replaces $VARIABLES in a file by their values.
func cmdSub(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: sub file…")
	}
	for _, a := range args {
		name := ts.MkAbs(a)
		b, err := os.ReadFile(name)
		ts.Check(err)
		out := os.Expand(string(b), func(v string) string {
			if value := ts.Getenv(v); value != "" {
				return value
			}
			return "$" + v
		})
		ts.Check(os.WriteFile(name, []byte(out), 0o600))
	}
}
