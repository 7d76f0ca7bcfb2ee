package bottle

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/internal/manifest"
)

const (
	// lookBytes bounds how much of a workspace is searched for credentials,
	// lookFiles in how many files and folders, and lookTime how long that takes.
	lookBytes = 64 << 20
	lookFiles = 100_000
	lookTime  = 5 * time.Second
	// lookBinary is how large a file that is no text may be to be searched.
	lookBinary = 1 << 20
	// maxLooked is how many findings are told.
	maxLooked = 10
)

// likelyFiles are names under which credentials are kept. They are looked into
// first, before the bounds are reached.
var likelyFiles = []string{".env*", ".npmrc", ".netrc", "*.pem", "id_*", "credentials*"}

// looked is what may be a credential in a file.
type looked struct {
	file string
	line int
	rule string
}

// sayCredentials warns of what looks like a credential in the files that the agent
// gets. It is no secret of the manifest, so nothing keeps the agent from reading it.
func (b *Bottle) sayCredentials(ctx context.Context) error {
	m := b.prepared.Manifest
	root := filepath.Join(b.dir, workspaceDir)
	if m.WorkspaceMode == manifest.WorkspaceMount {
		root = m.Workspace
	}
	engine, err := dlp.New(dlp.Options{Custom: m.Scan.Custom})
	if err != nil {
		return err
	}
	// What is blocked by itself or by the manifest; a dlp.action that lets all pass
	// makes a file no better.
	policy := dlp.Policy{Rules: m.DLP.Rules}
	l := &lookout{root: root, scanner: engine.NewScanner(), until: time.Now().Add(lookTime), bytes: lookBytes,
		counts: func(f dlp.Finding) bool { return policy.Decide(f, "") == dlp.Block }}
	whole := l.run(ctx)
	for _, c := range l.found[:min(len(l.found), maxLooked)] {
		b.log.Warn("the agent can read what looks like a secret", "file", c.file, "line", c.line, "rule", c.rule)
	}
	if more := len(l.found) - maxLooked; more > 0 {
		b.log.Warn("the agent can read more that looks like secrets; `bottle scan` names all", "more", more)
	}
	if len(l.found) > 0 {
		b.log.Warn("take such values out of the workspace, let git ignore the files, or, where they are none, set the rule to warn under dlp.rules")
	}
	if !whole {
		b.log.Info("the workspace is large, so only a part of it was searched for credentials")
	}
	return ctx.Err()
}

// lookout looks through the files of a folder.
type lookout struct {
	root    string
	scanner *dlp.Scanner
	counts  func(dlp.Finding) bool
	until   time.Time
	bytes   int64 // that may still be read
	files   int
	found   []looked // bounded by maxFound
}

// maxFound bounds what is kept; more than that is more than anybody counts.
const maxFound = 1000

var errEnough = errors.New("enough")

// run looks through the likely files and then the others. It reports whether it
// came to the end.
func (l *lookout) run(ctx context.Context) bool {
	for _, likely := range []bool{true, false} {
		l.files = 0
		err := filepath.WalkDir(l.root, func(path string, d fs.DirEntry, err error) error {
			switch l.files++; {
			case ctx.Err() != nil || l.bytes <= 0 || l.files > lookFiles || len(l.found) >= maxFound || time.Now().After(l.until):
				return errEnough
			case err != nil: // it cannot be read: neither can the agent, mostly
				if d != nil && d.IsDir() {
					return fs.SkipDir
				}
				return nil
			case d.IsDir() && d.Name() == ".git":
				return fs.SkipDir
			case d.Type().IsRegular() && isLikely(d.Name()) == likely:
				l.file(path)
			}
			return nil
		})
		if err != nil {
			return false
		}
	}
	return true
}

func isLikely(name string) bool {
	return slices.ContainsFunc(likelyFiles, func(pattern string) bool {
		ok, _ := filepath.Match(pattern, name)
		return ok
	})
}

// file looks through one file, as far as the budget goes.
func (l *lookout) file(path string) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return
	}
	l.scanner.Reset()
	seen := map[string]bool{} // rules
	lines := &lineCounter{r: io.LimitReader(f, l.bytes)}
	note := func(findings []dlp.Finding) {
		for _, c := range findings {
			if l.counts(c) && !seen[c.Rule] && len(l.found) < maxFound {
				seen[c.Rule] = true
				rel, _ := filepath.Rel(l.root, path) // it lies in it
				l.found = append(l.found, looked{file: rel, line: lines.at(c.Offset), rule: c.Rule})
			}
		}
	}
	chunk := make([]byte, 64<<10)
	for {
		n, err := lines.Read(chunk)
		if first := lines.read == int64(n); first && info.Size() > lookBinary && bytes.IndexByte(chunk[:n], 0) >= 0 {
			return
		}
		l.bytes -= int64(n)
		note(l.scanner.Write(chunk[:n]))
		if err != nil {
			note(l.scanner.Close())
			return
		}
	}
}

// lineCounter knows on which line a byte stands that was read.
type lineCounter struct {
	r    io.Reader
	read int64
	ends []int64 // of lines, bounded by maxLines
}

// maxLines is how many lines are counted; what stands behind them is on the last.
const maxLines = 1 << 20

func (c *lineCounter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	for i, b := range p[:n] {
		if b == '\n' && len(c.ends) < maxLines {
			c.ends = append(c.ends, c.read+int64(i))
		}
	}
	c.read += int64(n)
	return n, err
}

func (c *lineCounter) at(offset int64) int {
	n, _ := slices.BinarySearch(c.ends, offset)
	return n + 1
}

// credentialPlaces hold credentials of many programs, below a home.
var credentialPlaces = []string{
	".ssh", ".aws", ".gnupg", ".azure", ".docker", ".kube", ".netrc", ".npmrc", ".pypirc", ".git-credentials", ".password-store", ".vault-token",
	".config/gh", ".config/glab-cli", ".config/gcloud", ".config/git/credentials", ".config/op", ".cargo/credentials.toml", ".local/share/keyrings",
}

// warnCredentialMounts names mounts that show the agent what programs keep their
// credentials in.
func (p *Prepared) warnCredentialMounts() {
	for _, mt := range p.Manifest.Mounts {
		if shows := credentialsIn(mt.Path, homes()); len(shows) > 0 {
			p.Warnings = append(p.Warnings, "the mount of "+mt.Path+" shows the agent credentials of this host ("+strings.Join(shows, ", ")+"): mount only what it needs, and declare the credentials under secrets")
		}
	}
}

// credentialsIn names the places of credentials that a folder or file is, lies in
// or has.
func credentialsIn(path string, homes []string) (shows []string) {
	path = real(path)
	for _, place := range credentialPlaces {
		if strings.Contains(path+"/", "/"+place+"/") {
			shows = append(shows, place)
			continue
		}
		if slices.ContainsFunc(homes, func(home string) bool {
			at := filepath.Join(home, place)
			_, in := inside(at, path)
			_, err := os.Stat(at)
			return in && err == nil
		}) {
			shows = append(shows, "~/"+place)
		}
	}
	return shows
}
