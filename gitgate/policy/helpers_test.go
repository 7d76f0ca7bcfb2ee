package policy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/gitgate/oid"
	"github.com/bot-bottle/bottle/gitgate/pack"
	"github.com/bot-bottle/bottle/gitgate/pktline"
	"github.com/bot-bottle/bottle/gitgate/scan"
	"github.com/bot-bottle/bottle/internal/needs"
)

// secret is a value that the tests look for.
const secret = "correct-horse-battery-staple-7391"

// world is a server's repository and a clone of it, both driven by the real git.
type world struct {
	t              *testing.T
	format         oid.Format
	server, client string
	watch          []string // what scans watch for
	known          []dlp.Known
	asked          []Query
}

func newWorld(t *testing.T) *world { return newWorldOf(t, oid.SHA1) }

func newWorldOf(t *testing.T, format oid.Format) *world {
	t.Helper()
	needs.Program(t, "git")
	dir := t.TempDir()
	w := &world{t: t, format: format, server: filepath.Join(dir, "server"), client: filepath.Join(dir, "client")}
	w.run(dir, nil, "init", "-q", "--bare", "--object-format="+format.String(), "-b", "main", w.server)
	w.run(w.server, nil, "config", "uploadpack.allowFilter", "true")
	w.run(dir, nil, "init", "-q", "--object-format="+format.String(), "-b", "main", w.client)
	w.git("remote", "add", "origin", w.server)
	return w
}

func (w *world) run(dir string, stdin io.Reader, args ...string) string {
	w.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Stdin = dir, stdin
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "HOME="+filepath.Dir(w.server), "LC_ALL=C", "GIT_PROTOCOL=version=2",
		"GIT_AUTHOR_NAME=Agent", "GIT_AUTHOR_EMAIL=agent@example.com", "GIT_COMMITTER_NAME=Agent", "GIT_COMMITTER_EMAIL=agent@example.com")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

func (w *world) git(args ...string) string {
	w.t.Helper()
	return strings.TrimSpace(w.run(w.client, nil, args...))
}

// write writes files, "path" and content in turn; the content "" removes one.
func (w *world) write(files ...string) {
	w.t.Helper()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(w.client, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			w.t.Fatal(err)
		}
		var err error
		switch target, link := strings.CutPrefix(files[i+1], "-> "); {
		case files[i+1] == "":
			err = os.Remove(path)
		case link:
			_ = os.Remove(path) // it may not be there
			err = os.Symlink(target, path)
		default:
			err = os.WriteFile(path, []byte(files[i+1]), 0o600)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// commit commits files and returns the commit.
func (w *world) commit(message string, files ...string) string {
	w.t.Helper()
	w.write(files...)
	w.git("add", "-A")
	w.git("commit", "-q", "--allow-empty", "-m", message)
	return w.git("rev-parse", "HEAD")
}

// upload has the server take a ref, past all rules.
func (w *world) upload(spec string) {
	w.t.Helper()
	w.git("push", "-q", "origin", spec)
}

// Fetch implements Upstream by the protocol, with the real git at the other end.
func (w *world) Fetch(ctx context.Context, q Query) (*pack.Pack, error) {
	w.asked = append(w.asked, q)
	req := pktline.Append(pktline.Append(nil, "command=fetch\n"), "object-format="+w.format.String()+"\n")
	req = append(req, pktline.DelimPacket...)
	req = pktline.Append(pktline.Append(req, "no-progress\n"), "ofs-delta\n")
	for _, id := range q.Want {
		req = pktline.Append(req, "want "+id.String()+"\n")
	}
	for _, id := range q.Have {
		req = pktline.Append(req, "have "+id.String()+"\n")
	}
	if q.Depth > 0 {
		req = pktline.Append(req, fmt.Sprintf("deepen %d\n", q.Depth))
	}
	if q.Filter != "" {
		req = pktline.Append(req, "filter "+q.Filter+"\n")
	}
	req = append(pktline.Append(req, "done\n"), pktline.FlushPacket...)
	r := pktline.NewReader(strings.NewReader(w.run(w.server, bytes.NewReader(req), "upload-pack", "--stateless-rpc", ".")))
	for {
		kind, p, err := r.Next()
		if err != nil {
			return nil, err
		}
		if kind == pktline.Data && string(p) == "packfile\n" {
			return pack.Receive(ctx, pktline.NewDemux(r, nil), pack.Options{Format: w.format, Dir: w.t.TempDir()})
		}
	}
}

// push makes what the client would send: refs as "[+]SOURCE:REF", "" for a delete.
// What the server has is left out.
func (w *world) push(specs ...string) Push {
	w.t.Helper()
	push := Push{Upstream: w}
	zero := w.format.Zero().String()
	revs := ""
	for _, spec := range specs {
		i := strings.LastIndex(spec, ":")
		source, ref := spec[:i], spec[i+1:]
		c := pktline.Command{Old: w.id(or(w.serverHas(ref), zero)), New: w.id(zero), Ref: ref}
		if source != "" {
			c.New = w.id(w.git("rev-parse", source))
			revs += c.New.String() + "\n"
		}
		push.Commands = append(push.Commands, c)
	}
	if revs == "" {
		return push
	}
	for _, line := range strings.Fields(w.run(w.server, nil, "for-each-ref", "--format=%(objectname)")) {
		revs += "^" + line + "\n"
	}
	b := w.run(w.client, strings.NewReader(revs), "pack-objects", "-q", "--revs", "--stdout", "--delta-base-offset")
	push.Scan = newScanOf(w.t, w.format, w.known...)
	push.Scan.Watch(w.watch)
	p, err := pack.Receive(context.Background(), strings.NewReader(b), pack.Options{Format: w.format, Visitor: push.Scan, Dir: w.t.TempDir()})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { p.Close() })
	push.Pack = p
	return push
}

func (w *world) serverHas(ref string) string {
	return strings.TrimSpace(w.run(w.server, nil, "for-each-ref", "--format=%(objectname)", ref))
}

func (w *world) id(s string) oid.ID {
	id, err := oid.Parse(s)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func newScan(t *testing.T) *scan.Scan { return newScanOf(t, oid.SHA1) }

func newScanOf(t *testing.T, format oid.Format, known ...dlp.Known) *scan.Scan {
	engine, err := dlp.New(dlp.Options{Known: append(known, dlp.Known{Name: "db", Value: secret})})
	if err != nil {
		t.Fatal(err)
	}
	var policy dlp.Policy
	return scan.New(format, engine.NewScanner(), func(f dlp.Finding) bool { return policy.Decide(f, "example.com") == dlp.Block })
}

// decide decides a push by rules.
func (w *world) decide(rules Rules, specs ...string) *Refusal {
	w.t.Helper()
	p, err := New(rules)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.decideBy(p, specs...)
}

func (w *world) decideBy(p *Policy, specs ...string) *Refusal {
	w.t.Helper()
	w.asked = nil
	w.watch = p.Watch()
	push := w.push(specs...)
	push.Recent = &Recent{}
	r, err := p.Check(context.Background(), push)
	if err != nil {
		w.t.Fatal(err)
	}
	if r == nil { // and the server takes it
		p.Remember(push.Recent)
	}
	for _, k := range append(w.known, dlp.Known{Value: secret}) {
		if r != nil && strings.Contains(fmt.Sprint(r.Rule, slices.Collect(maps.Values(r.Refs)), r.Others, r.Places, r.Lines), k.Value) {
			w.t.Errorf("the refusal has the secret: %v", r)
		}
	}
	return r
}

// open lets everything pass that has a ref.
var open = Rules{Create: []string{"refs/**", "refs/blobs/*"}, Update: []string{"refs/**"}, Files: Files{Deny: []string{}}}

func allowed(t *testing.T, what string, r *Refusal) {
	t.Helper()
	if r != nil {
		t.Errorf("%s is refused: %s %v %s %v", what, r.Rule, r.Refs, r.Others, r.Lines)
	}
}

// refused checks the rule and that a text is told.
func refused(t *testing.T, what string, r *Refusal, rule, text string) {
	t.Helper()
	if r == nil {
		t.Errorf("%s passes", what)
		return
	}
	if all := fmt.Sprint(r.Refs, r.Others, r.Lines); r.Rule != rule || !strings.Contains(all, text) {
		t.Errorf("%s: %s %s, want %s and %q", what, r.Rule, all, rule, text)
	}
	if len(r.Refs) == 0 && r.Others == "" || r.Others == "" {
		t.Errorf("%s: there is no reason for the refs", what)
	}
}
