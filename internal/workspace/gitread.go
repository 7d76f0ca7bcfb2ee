package workspace

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/objfile"
)

// objectReader reads the objects of a git folder that may be anything. No link
// is followed, no alternate is read, and what an object takes is known from what
// stands before it, not met on the way.
type objectReader struct {
	git   *dir
	packs *packs // nil until they are needed
}

var (
	errObjectMissing = errors.New("it is missing")
	errObjectLarge   = errors.New("it is too large")
)

func (o *objectReader) close() {
	if o.packs != nil {
		o.packs.close()
	}
}

// open opens an object of at most some bytes, which come as they are: whether it
// is what its name says is not known. With errObjectLarge its kind and size are.
func (o *objectReader) open(h plumbing.Hash, most int64) (kind plumbing.ObjectType, size int64, in io.ReadCloser, err error) {
	kind, size, in, err = o.packed(h, most)
	if errors.Is(err, errObjectMissing) {
		kind, size, in, err = o.loose(h, most)
	}
	if errors.Is(err, errObjectLarge) {
		err = fmt.Errorf("%w: more than %d bytes", err, most)
	}
	if err != nil {
		return kind, size, nil, fmt.Errorf("object %s: %w", h, err)
	}
	return kind, size, in, nil
}

// read returns the whole of an object.
func (o *objectReader) read(h plumbing.Hash, most int64) (plumbing.ObjectType, []byte, error) {
	kind, size, in, err := o.open(h, most)
	if err != nil {
		return kind, nil, err
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, size+1))
	if err == nil && int64(len(data)) != size {
		err = fmt.Errorf("object %s has another size than it says", h)
	}
	return kind, data, err
}

func (o *objectReader) packed(h plumbing.Hash, most int64) (plumbing.ObjectType, int64, io.ReadCloser, error) {
	if o.packs == nil {
		p, err := openPacks(o.git)
		if err != nil {
			return 0, 0, nil, err
		}
		o.packs = p
	}
	return o.packs.open(h, most)
}

// looseObject is an object in a file of its own.
type looseObject struct {
	*objfile.Reader
	f *os.File
}

func (l looseObject) Close() error { return errors.Join(l.Reader.Close(), l.f.Close()) }

func (o *objectReader) loose(h plumbing.Hash, most int64) (plumbing.ObjectType, int64, io.ReadCloser, error) {
	name := h.String()
	d, last, err := lookup(o.git, "objects/"+name[:2]+"/"+name[2:])
	var file *os.File
	if err == nil {
		file, _, err = d.open(last)
		d.close()
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = errObjectMissing
	}
	if err != nil {
		return 0, 0, nil, err
	}
	r, err := objfile.NewReader(file)
	if err != nil {
		file.Close()
		return 0, 0, nil, err
	}
	kind, size, err := r.Header()
	if err == nil && (size < 0 || size > most) {
		err = errObjectLarge
	}
	if err != nil {
		file.Close()
		return kind, size, nil, err
	}
	return kind, size, looseObject{r, file}, nil
}
