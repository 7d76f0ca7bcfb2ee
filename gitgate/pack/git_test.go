package pack

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"go/build"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	gogitcache "github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/bot-bottle/bottle/gitgate/object"
	"github.com/bot-bottle/bottle/gitgate/oid"
	"github.com/bot-bottle/bottle/internal/needs"
)

// git runs git with no configuration of this machine.
func git(t testing.TB, dir string, stdin io.Reader, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(needs.Program(t, "git"), args...)
	cmd.Dir, cmd.Stdin = dir, stdin
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "HOME="+dir, "LC_ALL=C",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.com")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return out
}

// history makes a repository of many commits, each with a few changes in files of
// some folders, by git fast-import.
func history(t testing.TB, format string, commits, files, lines int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	git(t, dir, nil, "init", "-q", "--bare", "--object-format="+format, "-b", "main", ".")
	rnd := rand.New(rand.NewPCG(1, 2))
	contents := make([][]string, files)
	var in bytes.Buffer
	for c := range commits {
		message := fmt.Sprintf("Change %d: %x\n", c, rnd.Uint64())
		fmt.Fprintf(&in, "commit refs/heads/main\nauthor A <a@example.com> %d +0000\ncommitter A <a@example.com> %d +0000\ndata %d\n%s\n", c, c, len(message), message)
		for f := range files {
			if c > 0 && rnd.IntN(files) > 2 {
				continue
			}
			if contents[f] == nil {
				for range rnd.IntN(2*lines) + 1 {
					contents[f] = append(contents[f], randomLine(rnd))
				}
			}
			contents[f][rnd.IntN(len(contents[f]))] = randomLine(rnd)
			text := strings.Join(contents[f], "")
			fmt.Fprintf(&in, "M 100644 inline dir%d/sub%d/file%d.go\ndata %d\n%s\n", f%7, f%3, f, len(text), text)
		}
	}
	git(t, dir, &in, "fast-import", "--quiet", "--depth=20")
	git(t, dir, nil, "tag", "-a", "-m", "first", "v1", "main")
	return dir
}

// sources makes a repository of Go's own sources with many small commits, which has
// the proportions of real ones.
func sources(t testing.TB, commits int) (dir string) {
	t.Helper()
	var names []string
	var contents [][]string
	for _, folder := range []string{"net/http", "crypto/tls", "go/types", "encoding/json", "os", "reflect", "text/template"} {
		files, err := filepath.Glob(filepath.Join(build.Default.GOROOT, "src", folder, "*.go"))
		if err != nil || len(files) == 0 {
			needs.Missing(t, "the source of Go")
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			names, contents = append(names, folder+"/"+filepath.Base(file)), append(contents, strings.SplitAfter(string(b), "\n"))
		}
	}
	dir = t.TempDir()
	git(t, dir, nil, "init", "-q", "--bare", "-b", "main", ".")
	rnd := rand.New(rand.NewPCG(1, 2))
	var in bytes.Buffer
	for c := range commits {
		message := fmt.Sprintf("Change %d: %x\n", c, rnd.Uint64())
		fmt.Fprintf(&in, "commit refs/heads/main\ncommitter A <a@example.com> %d +0000\ndata %d\n%s\n", c, len(message), message)
		for f := range names {
			if c > 0 && rnd.IntN(len(names)) > 2 {
				continue
			}
			lines := contents[f]
			if at := rnd.IntN(len(lines)); c > 0 && len(lines) > 20 { // some lines are moved, and one is new
				from := rnd.IntN(len(lines) - 10)
				lines = slices.Insert(slices.Clone(lines), at, append([]string{fmt.Sprintf("\t// %x\n", rnd.Uint64())}, lines[from:from+rnd.IntN(10)]...)...)
				contents[f] = slices.Delete(lines, from, from+rnd.IntN(10))
			}
			text := strings.Join(contents[f], "")
			fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\n", names[f], len(text), text)
		}
	}
	git(t, dir, &in, "fast-import", "--quiet")
	git(t, dir, nil, "repack", "-adfq", "--threads=1")
	return dir
}

var words = strings.Fields("func return if err != nil { } for range := string int byte append len value name the a of package context error Reader Writer")

func randomLine(rnd *rand.Rand) string {
	var b strings.Builder
	for range rnd.IntN(10) + 2 {
		b.WriteString(words[rnd.IntN(len(words))])
		b.WriteByte(' ')
	}
	fmt.Fprintf(&b, "%d\n", rnd.IntN(10000))
	return b.String()
}

// packOf packs everything as git does for a push.
func packOf(t testing.TB, dir string, args ...string) []byte {
	return git(t, dir, strings.NewReader(""), append([]string{"pack-objects", "-q", "--revs", "--all", "--stdout"}, args...)...)
}

// What is shown of real packs is what git itself says is in them.
func TestRealPacksAreReadAsGitReadsThem(t *testing.T) {
	for _, c := range []struct {
		format string
		args   []string
		limits Limits
	}{
		{"sha1", []string{"--delta-base-offset"}, Limits{}},
		{"sha1", []string{"--delta-base-offset", "--window=50", "--depth=250"}, Limits{Cache: 1}},
		{"sha1", nil, Limits{}}, // deltas by ID
		{"sha256", []string{"--delta-base-offset", "--no-reuse-delta"}, Limits{Cache: 64 << 10}},
		{"sha256", nil, Limits{Cache: 1}},
		{"sha1", []string{"--delta-base-offset", "--window=50", "--depth=250"}, Limits{streamFrom: 1000, FreeWork: 1 << 30}},
		{"sha1", nil, Limits{streamFrom: 1, FreeWork: 1 << 30}},
	} {
		t.Run(c.format+strings.Join(c.args, "")+fmt.Sprint(c.limits.Cache, "-", c.limits.streamFrom), func(t *testing.T) {
			dir := history(t, c.format, 120, 30, 60)
			b := packOf(t, dir, c.args...)
			format, _ := oid.ParseFormat(c.format)
			seen := newRecorder(t)
			p, err := receive(t, b, Options{Format: format, Visitor: seen, Limits: c.limits})
			if err != nil {
				t.Fatal(err)
			}
			compareWithGit(t, dir, p, seen)
			compareWithIndexPack(t, b, p)
		})
	}
}

// compareWithGit asks git for every object of the repository.
func compareWithGit(t *testing.T, dir string, p *Pack, seen *recorder) {
	t.Helper()
	out := bufio.NewReader(bytes.NewReader(git(t, dir, nil, "cat-file", "--batch-all-objects", "--batch")))
	objects := 0
	for ; ; objects++ {
		var sum, kind string
		var size int
		if _, err := fmt.Fscanf(out, "%s %s %d\n", &sum, &kind, &size); err != nil {
			break
		}
		content := make([]byte, size+1)
		if _, err := io.ReadFull(out, content); err != nil {
			t.Fatal(err)
		}
		id, err := oid.Parse(sum)
		if err != nil {
			t.Fatal(err)
		}
		n, ok := p.Find(id)
		if !ok || p.Kind(n).String() != kind || seen.found[id] != string(content[:size]) {
			t.Fatalf("%s %s: found is %v, its content is %v", kind, sum, ok, seen.found[id] == string(content[:size]))
		}
		if objects%10 == 0 {
			if again, err := p.Read(nil, n); err != nil || string(again) != string(content[:size]) {
				t.Fatalf("%s %s is read as something else: %v", kind, sum, err)
			}
		}
	}
	if objects != p.Len() || objects == 0 {
		t.Errorf("%d objects in the pack, git has %d", p.Len(), objects)
	}
}

// compareWithIndexPack compares where entries begin.
func compareWithIndexPack(t *testing.T, b []byte, p *Pack) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "a.pack")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	git(t, dir, nil, "index-pack", "--object-format="+p.Format().String(), file)
	idx, err := os.ReadFile(filepath.Join(dir, "a.idx"))
	if err != nil {
		t.Fatal(err)
	}
	listed := strings.Fields(strings.ReplaceAll(string(git(t, dir, bytes.NewReader(idx), "show-index", "--object-format="+p.Format().String())), "\n", " "))
	if len(listed) != 3*p.Len() { // offset, ID, (CRC)
		t.Fatalf("%d words about %d objects", len(listed), p.Len())
	}
	for i := 0; i < len(listed); i += 3 {
		id, err := oid.Parse(listed[i+1])
		if err != nil {
			t.Fatal(err)
		}
		if n, ok := p.Find(id); !ok || fmt.Sprint(p.entries[n].at) != listed[i] {
			t.Errorf("%s is at %s, not found there", id, listed[i])
		}
	}
}

// goGit collects the same with go-git's parser.
type goGit struct{ found map[oid.ID]object.Kind }

func (g *goGit) OnHeader(uint32) error                                          { return nil }
func (g *goGit) OnInflatedObjectHeader(plumbing.ObjectType, int64, int64) error { return nil }
func (g *goGit) OnFooter(plumbing.Hash) error                                   { return nil }
func (g *goGit) OnInflatedObjectContent(h plumbing.Hash, _ int64, _ uint32, _ []byte) error {
	id, err := oid.Parse(h.String())
	g.found[id] = 0
	return err
}

func TestRealPacksAreReadAsGoGitReadsThem(t *testing.T) {
	b := packOf(t, history(t, "sha1", 60, 20, 60), "--delta-base-offset")
	p, err := receive(t, b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	g := &goGit{map[oid.ID]object.Kind{}}
	if err := goGitParse(b, g); err != nil {
		t.Fatal(err)
	}
	for id := range g.found {
		if _, ok := p.Find(id); !ok {
			t.Errorf("go-git finds %v", id)
		}
	}
	if len(g.found) != p.Len() {
		t.Errorf("%d objects, go-git has %d", p.Len(), len(g.found))
	}
}

// A client need not be git: go-git writes deltas in both forms, too.
func TestPacksOfGoGitAreRead(t *testing.T) {
	dir := history(t, "sha1", 60, 20, 60)
	store := filesystem.NewStorage(osfs.New(dir), gogitcache.NewObjectLRUDefault())
	var all []plumbing.Hash
	for _, id := range strings.Fields(string(git(t, dir, nil, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)"))) {
		all = append(all, plumbing.NewHash(id))
	}
	for _, byID := range []bool{false, true} {
		var b bytes.Buffer
		if _, err := packfile.NewEncoder(&b, store, byID).Encode(all, 10); err != nil {
			t.Fatal(err)
		}
		seen := newRecorder(t)
		p, err := receive(t, b.Bytes(), Options{Visitor: seen})
		if err != nil {
			t.Fatalf("deltas by ID %v: %v", byID, err)
		}
		compareWithGit(t, dir, p, seen)
	}
}

func goGitParse(b []byte, g *goGit) error {
	scanner := packfile.NewScanner(bytes.NewReader(b))
	parser, err := packfile.NewParserWithStorage(scanner, memory.NewStorage(), g)
	if err != nil {
		return err
	}
	_, err = parser.Parse()
	return err
}

// Both are measured in one run: the bytes of all objects by second of CPU, of all
// threads.
func BenchmarkResolve(b *testing.B) {
	data := packOf(b, sources(b, 2500), "--delta-base-offset")
	var inflated int64
	p, err := Receive(context.Background(), bytes.NewReader(data), Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	for n := range p.Len() {
		inflated += p.Size(n)
	}
	b.Logf("%d objects, %d KiB packed, %d MiB inflated", p.Len(), len(data)>>10, inflated>>20)
	p.Close()
	run := func(name string, parse func() error) {
		b.Run(name, func(b *testing.B) {
			from := cpuTime(b)
			for b.Loop() {
				if err := parse(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(inflated)*float64(b.N)/1e6/(cpuTime(b)-from).Seconds(), "MB/cpu-s")
		})
	}
	run("bottle", func() error {
		p, err := Receive(context.Background(), bytes.NewReader(data), Options{Dir: b.TempDir()})
		if err == nil {
			p.Close()
		}
		return err
	})
	run("go-git", func() error { return goGitParse(data, &goGit{map[oid.ID]object.Kind{}}) })
}

// cpuTime is what the process has used.
func cpuTime(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
