package manifest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/filelock"
	"github.com/bot-bottle/bottle/internal/paths"
)

// ErrNotTrusted is wrapped by the error for a project that is not trusted, or
// is not any more.
var ErrNotTrusted = errors.New("the manifest is not trusted")

const (
	trustFile = "trust"
	// maxTrustFile bounds the list, and with it the memory that it takes.
	maxTrustFile = 4 << 20
	// maxPinned bounds the files whose content a project is trusted with, and
	// maxPinnedSize how much of each may be read.
	maxPinned     = 64
	maxPinnedSize = 16 << 20
	// maxShown bounds the lines of a summary that are kept, in bytes together.
	maxShown = 32 << 10
)

// Trust is the list of the projects whose manifests a person has agreed to. It
// goes by content: the manifest's text and path, and the text of those files
// that decide what runs on the host or who is believed there: scripts in the
// command of a secret, as far as they are below the project's folder, and
// upstream_ca wherever it is. Any change asks again.
//
// The list is a file in dir with mode 0600; processes take turns by a lock.
type Trust struct {
	dir string
	now func() time.Time
}

// OpenTrust returns the list in dir, which is made when it is needed.
func OpenTrust(dir string) *Trust { return &Trust{dir: dir, now: time.Now} }

// TrustEntry is a trusted project.
type TrustEntry struct {
	Path  string    `json:"path"` // of the manifest
	Hash  string    `json:"hash"`
	Files []File    `json:"files,omitempty"`
	Since time.Time `json:"since"`
	// Shown are the lines of the summary that was agreed to; none when they were
	// more than are kept.
	Shown []string `json:"shown,omitempty"`
}

// Same reports whether two entries are one yes of a person.
func (e TrustEntry) Same(o TrustEntry) bool {
	return e.Path == o.Path && e.Hash == o.Hash && e.Since.Equal(o.Since)
}

// hashOf is what stands for a manifest in the list.
func hashOf(path string, text []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "bottle manifest 1\n%d\n%s", len(path), path)
	h.Write(text)
	return hex.EncodeToString(h.Sum(nil))
}

// Trust adds the manifest as it was loaded, and reads the files that it is
// trusted with. It does nothing where there is no project.
func (t *Trust) Trust(m *Manifest) error {
	if m.Project == nil {
		return nil
	}
	files, err := pinned(m)
	if err != nil {
		return err
	}
	e := TrustEntry{Path: m.Project.Path, Hash: m.Project.Hash, Files: files, Since: t.now().UTC(), Shown: shown(m)}
	return t.update(func(list []TrustEntry) []TrustEntry {
		list = slices.DeleteFunc(list, func(o TrustEntry) bool { return o.Path == e.Path })
		return append(list, e)
	})
}

// IsTrusted returns nil when the manifest may be acted on: it is trusted as it
// was loaded, or there is no project. Otherwise the error wraps ErrNotTrusted
// and says what is new. Files that the manifest names are only read once the
// manifest itself is known to be trusted.
func (t *Trust) IsTrusted(m *Manifest) error {
	if m.Project == nil {
		return nil
	}
	e, ok, err := t.Entry(m.Project.Path)
	switch {
	case err != nil:
		return err
	case !ok:
		return fmt.Errorf("%s is new here: %w", m.Project.Path, ErrNotTrusted)
	case e.Hash != m.Project.Hash:
		return fmt.Errorf("%s changed since it was trusted: %w", m.Project.Path, ErrNotTrusted)
	}
	now, err := pinned(m)
	if err != nil {
		return fmt.Errorf("%w: %w", err, ErrNotTrusted)
	}
	if changed := changedFile(e.Files, now); changed != "" {
		return fmt.Errorf("%s, which %s runs or relies on, changed since it was trusted: %w", changed, m.Project.Path, ErrNotTrusted)
	}
	return nil
}

// shown are the lines of a summary, as far as they are kept.
func shown(m *Manifest) []string {
	lines, size := m.Summary().Lines(), 0
	for _, l := range lines {
		size += len(l)
	}
	if size > maxShown {
		return nil
	}
	return lines
}

func changedFile(was, now []File) string {
	for _, pair := range [2][2][]File{{was, now}, {now, was}} {
		for _, f := range pair[0] {
			if !slices.Contains(pair[1], f) {
				return f.Path
			}
		}
	}
	return ""
}

// Changed says of each file that a manifest was trusted with how it differs now, in
// lines that may be printed as they are. What only a new text names is not read.
func (e TrustEntry) Changed(m *Manifest) (lines []string) {
	now := map[string]string{}
	for _, f := range e.Files {
		if hash, err := hashFile(f.Path); err == nil && hash != "" {
			now[f.Path] = hash
		}
	}
	was := map[string]bool{}
	for _, f := range e.Files {
		was[f.Path] = true
		switch hash, there := now[f.Path]; {
		case !there:
			lines = append(lines, escape.Text(f.Path)+" (it is gone)")
		case hash != f.Hash:
			lines = append(lines, escape.Text(f.Path)+" (its content changed)")
		}
	}
	if m.Project == nil || e.Hash != m.Project.Hash {
		return lines
	}
	files, _ := pinned(m) // what is wrong with them, IsTrusted says
	for _, f := range files {
		if !was[f.Path] {
			lines = append(lines, escape.Text(f.Path)+" (it was not there)")
		}
	}
	return lines
}

// Revoke takes a manifest off the list, by its path. It reports whether it was
// there.
func (t *Trust) Revoke(path string) (was bool, err error) {
	err = t.update(func(list []TrustEntry) []TrustEntry {
		n := len(list)
		list = slices.DeleteFunc(list, func(e TrustEntry) bool { return e.Path == path })
		was = len(list) < n
		return list
	})
	return was, err
}

// Entry returns the entry of a manifest by its path.
func (t *Trust) Entry(path string) (e TrustEntry, found bool, err error) {
	list, err := t.List()
	if err != nil {
		return TrustEntry{}, false, err
	}
	i := slices.IndexFunc(list, func(e TrustEntry) bool { return e.Path == path })
	if i < 0 {
		return TrustEntry{}, false, nil
	}
	return list[i], true, nil
}

// List returns the trusted projects by path.
func (t *Trust) List() ([]TrustEntry, error) {
	path := filepath.Join(t.dir, trustFile)
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list of trusted projects: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("list of trusted projects: %w", err)
	}
	if err := checkOwner(path, info, os.Geteuid()); err != nil {
		return nil, fmt.Errorf("list of trusted projects: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxTrustFile+1))
	if err != nil {
		return nil, fmt.Errorf("list of trusted projects: %w", err)
	}
	var list []TrustEntry
	if len(b) > maxTrustFile || json.Unmarshal(b, &list) != nil {
		return nil, fmt.Errorf("list of trusted projects: %s is damaged: remove it, and trust your projects again", path)
	}
	return list, nil
}

// update changes the list under its lock and puts the new one in place at once.
func (t *Trust) update(change func([]TrustEntry) []TrustEntry) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("change the list of trusted projects: %w", err)
		}
	}()
	if err := os.MkdirAll(t.dir, 0o700); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(t.dir, trustFile+".lock"), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := filelock.Lock(lock); err != nil {
		return err
	}
	list, err := t.List()
	if err != nil {
		return err
	}
	list = change(list)
	slices.SortFunc(list, func(a, b TrustEntry) int { return cmp.Compare(a.Path, b.Path) })
	b, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	if len(b) > maxTrustFile {
		return errors.New("it is full: revoke what is gone")
	}
	f, err := os.CreateTemp(t.dir, "."+trustFile+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(append(b, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(t.dir, trustFile))
}

// pinned returns the files that a project is trusted with. They are named by a
// manifest whose text has been agreed to. Programs of the system change with
// every update and would ask again for nothing; roots seldom do.
func pinned(m *Manifest) ([]File, error) {
	root := filepath.Dir(m.Project.Path)
	names := append(slices.Clone(m.Egress.UpstreamCA), recipes(m.Image)...)
	for i := range m.Secrets {
		s := &m.Secrets[i]
		for _, p := range PathsIn(s.Source.Command) {
			if p != root && !paths.Below(p, root) {
				continue
			}
			if info, err := os.Stat(p); err == nil && info.IsDir() {
				return nil, fmt.Errorf("%s: the command of the secret %s names the folder %s of the project, where any file can change without a question: name the files that it needs, each as an argument of its own", s.Declared, s.Name, p)
			}
			names = append(names, p)
		}
	}
	slices.Sort(names)
	var out []File
	for _, p := range slices.Compact(names) {
		if strings.ContainsRune(p, 0) {
			continue
		}
		hash, err := hashFile(p)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ENAMETOOLONG) {
			continue // an argument that is no file
		}
		if err != nil {
			return nil, err
		}
		if hash == "" {
			continue
		}
		if out = append(out, File{Path: p, Hash: hash}); len(out) > maxPinned {
			return nil, fmt.Errorf("%s names more than %d files in commands, image and upstream_ca", m.Project.Path, maxPinned)
		}
	}
	return out, nil
}

// recipes returns the files that say how an image is built, which happens on the host
// and with its network.
func recipes(image string) []string {
	switch {
	case !filepath.IsAbs(image):
		return nil // a reference of a registry
	case strings.HasPrefix(filepath.Base(image), "Dockerfile"):
		return []string{image, filepath.Join(image, "Dockerfile")}
	}
	return []string{filepath.Join(image, "Dockerfile")}
}

// hashFile returns "" for what is not a regular file.
func hashFile(path string) (string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return "", err
	}
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(f, maxPinnedSize+1))
	if err == nil && n > maxPinnedSize {
		err = fmt.Errorf("%s has more than %d MiB, which is more than it can be trusted with", path, maxPinnedSize>>20)
	}
	return hex.EncodeToString(h.Sum(nil)), err
}
