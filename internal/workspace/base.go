package workspace

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// The base is a text file that says what a copy was when it was made. After a
// line with the version, in the order of the walk:
//
//	f PERM SIZE MTIME CTIME SHA256 "path"     a file
//	l 0 SIZE MTIME CTIME SHA256 "path"        a link, with the hash of its target
//	g "path"                                  gone, when it was pulled
//	p FIRST YOURS                             the next was pulled; see past
//	r "path"                                  a repository, and its refs:
//	R HASH "name"
//	i "repository" "folder" "line"            of an ignore file
//	end COUNT                                 of the lines between
//
// Times are in nanoseconds; paths are quoted as Go strings in ASCII.
const (
	baseVersion = "bottle workspace 1"
	maxBaseLine = 1 << 20
	maxBaseRefs = 1 << 20 // and lines of ignore files, held in memory by Changed
)

// record is a file or link.
type record struct {
	kind         byte // 'f' or 'l'
	perm         fs.FileMode
	size         int64
	mtime, ctime int64
	hash         string
	path         string
	past         *past // nil for what no pull took
}

// newRecord describes what stands in a copy; sum is of its content.
func newRecord(st stat, sum, rel string) record {
	r := record{kind: 'f', perm: st.perm(), size: st.size, mtime: st.mtime.UnixNano(), ctime: st.ctime.UnixNano(), hash: sum, path: rel}
	if st.isLink() {
		r.kind, r.perm = 'l', 0
	}
	return r
}

// baseWriter writes a base beside its name and puts it in place when whole. A
// nil one writes nothing.
type baseWriter struct {
	path string
	f    *os.File
	w    *bufio.Writer
	n    int
}

func newBaseWriter(path string) (*baseWriter, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	b := &baseWriter{path: path, f: f, w: bufio.NewWriter(f)}
	_, _ = b.w.WriteString(baseVersion + "\n") // errors stay until Flush
	return b, nil
}

func (b *baseWriter) line(format string, args ...any) {
	if b != nil {
		b.n++
		fmt.Fprintf(b.w, format+"\n", args...)
	}
}

func (b *baseWriter) record(r record) {
	if r.past != nil {
		b.line("p %s", r.past.text())
	}
	if r.kind == 'g' {
		b.line("g %s", strconv.QuoteToASCII(r.path))
		return
	}
	b.line("%c %o %d %d %d %s %s", r.kind, r.perm, r.size, r.mtime, r.ctime, r.hash, strconv.QuoteToASCII(r.path))
}

func (b *baseWriter) repository(rel string, git *dir) error {
	if b == nil {
		return nil
	}
	b.line("r %s", strconv.QuoteToASCII(rel))
	return readRefs(git, func(name, hash string) error {
		b.line("R %s %s", hash, strconv.QuoteToASCII(name))
		return nil
	})
}

func (b *baseWriter) ignores(repo, at string, patterns []pattern) {
	for _, p := range patterns {
		b.line("i %s %s %s", strconv.QuoteToASCII(repo), strconv.QuoteToASCII(at), strconv.QuoteToASCII(p.text))
	}
}

// finish puts the base in place.
func (b *baseWriter) finish() error {
	if b == nil {
		return nil
	}
	fmt.Fprintf(b.w, "end %d\n", b.n)
	err := b.w.Flush()
	if err == nil {
		err = b.f.Sync()
	}
	err = errors.Join(err, b.f.Close())
	if err == nil {
		err = os.Rename(b.path+".new", b.path)
	}
	if err != nil {
		return fmt.Errorf("record the copy: %w", errors.Join(err, os.Remove(b.path+".new")))
	}
	return nil
}

// drop gives up.
func (b *baseWriter) drop() {
	if b != nil {
		b.f.Close()
		_ = os.Remove(b.path + ".new")
	}
}

// baseReader is told what a base has. Each may be nil.
type baseReader struct {
	file   func(record) error
	ref    func(repo, name, hash string) error // with no name for the repository itself
	ignore func(repo, at, line string) error
}

func readBase(r io.Reader, to baseReader) error {
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, maxBaseLine)
	if !sc.Scan() || sc.Text() != baseVersion {
		return fmt.Errorf("%w: another version", ErrNoBase)
	}
	repo := ""
	var pulled *past
	for n := 0; sc.Scan(); n++ {
		kind, rest, _ := strings.Cut(sc.Text(), " ")
		var err error
		switch kind {
		case "p":
			pulled, err = parsePast(rest)
		case "f", "l", "g":
			var rec record
			rec, err = parseRecord(kind[0], rest)
			rec.past, pulled = pulled, nil
			if err == nil && to.file != nil {
				err = to.file(rec)
			}
		case "r":
			if repo, err = unquote(rest); err == nil && to.ref != nil {
				err = to.ref(repo, "", "")
			}
		case "R":
			hash, quoted, _ := strings.Cut(rest, " ")
			var name string
			if name, err = unquote(quoted); err == nil && to.ref != nil {
				err = to.ref(repo, name, hash)
			}
		case "i":
			var words [3]string
			if words, err = unquoteThree(rest); err == nil && to.ignore != nil {
				err = to.ignore(words[0], words[1], words[2])
			}
		case "end":
			if rest == strconv.Itoa(n) {
				return nil
			}
			return fmt.Errorf("%w: lines are missing", ErrNoBase)
		default:
			err = fmt.Errorf("%w: line %d", ErrNoBase, n+2)
		}
		if err != nil {
			return err
		}
	}
	if err := sc.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrNoBase, err)
	}
	return fmt.Errorf("%w: its end is missing", ErrNoBase)
}

func unquoteThree(s string) (words [3]string, err error) {
	for i := range words {
		quoted, perr := strconv.QuotedPrefix(s)
		if perr != nil {
			return words, fmt.Errorf("%w: a line of rules that is not quoted", ErrNoBase)
		}
		if words[i], err = unquote(quoted); err != nil {
			return words, err
		}
		s = strings.TrimPrefix(s[len(quoted):], " ")
	}
	return words, nil
}

func unquote(s string) (string, error) {
	s, err := strconv.Unquote(s)
	if err != nil {
		return "", fmt.Errorf("%w: a path that is not quoted", ErrNoBase)
	}
	return s, nil
}

func parseRecord(kind byte, s string) (record, error) {
	if kind == 'g' {
		path, err := unquote(s)
		return record{kind: kind, path: path}, err
	}
	fields := strings.SplitN(s, " ", 6)
	if len(fields) != 6 {
		return record{}, fmt.Errorf("%w: a line with %d fields", ErrNoBase, len(fields))
	}
	perm, err := strconv.ParseUint(fields[0], 8, 9)
	var numbers [3]int64
	for i := range numbers {
		var nerr error
		numbers[i], nerr = strconv.ParseInt(fields[i+1], 10, 64)
		err = errors.Join(err, nerr)
	}
	path, perr := unquote(fields[5])
	if err = errors.Join(err, perr); err != nil {
		return record{}, fmt.Errorf("%w: %w", ErrNoBase, err)
	}
	return record{kind, fs.FileMode(perm), numbers[0], numbers[1], numbers[2], fields[4], path, nil}, nil
}
