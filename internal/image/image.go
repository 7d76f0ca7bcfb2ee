// Package image finds the file system of a virtual machine: it turns what a manifest
// names into what a machine can be made from, an archive as docker save writes it or
// an unpacked root folder, without a docker daemon wherever that is possible.
package image

import (
	"archive/tar"
	"bufio"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// Options of Resolve.
type Options struct {
	// Dir keeps archives, by their digest. Only this user writes there.
	Dir string
	// Progress is told what takes long; nil is silent.
	Progress func(string)
}

func (o *Options) say(format string, args ...any) {
	if o.Progress != nil {
		o.Progress(fmt.Sprintf(format, args...))
	}
}

// Resolve returns the absolute path of an archive or a root folder for an image:
//
//	a folder with a Dockerfile, or a Dockerfile   built by docker or buildah
//	a folder or an archive with an oci-layout     written anew as an archive
//	an archive as docker save writes it           a copy of it, by its digest
//	an unpacked root folder                       as it is
//	a reference of a registry                     pulled, and kept by its digest
//	""                                            the default, built by docker or buildah
//
// An archive is copied because smolvm links it into its cache: what changes there
// later would change a machine. Those that were not used for longest are removed.
func Resolve(ctx context.Context, image string, opt Options) (string, error) {
	if err := os.MkdirAll(opt.Dir, 0o700); err != nil {
		return "", err
	}
	if err := dropLeft(opt.Dir); err != nil {
		return "", fmt.Errorf("remove what was left of images in %s: %w", opt.Dir, err)
	}
	file, err := resolve(ctx, image, opt)
	if err != nil || filepath.Dir(file) != filepath.Clean(opt.Dir) {
		return file, err
	}
	if err := dropOld(opt.Dir, file); err != nil {
		return "", fmt.Errorf("remove old images in %s: %w", opt.Dir, err)
	}
	return file, nil
}

func resolve(ctx context.Context, image string, opt Options) (string, error) {
	switch {
	case image == "":
		return buildDefault(ctx, opt)
	case !filepath.IsAbs(image):
		return pull(ctx, image, opt)
	}
	info, err := os.Stat(image)
	switch {
	case err != nil:
		return "", err
	case info.IsDir():
		return fromFolder(ctx, image, opt)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s is neither a file nor a folder", image)
	case strings.HasPrefix(filepath.Base(image), "Dockerfile"):
		return build(ctx, filepath.Dir(image), image, opt)
	}
	return fromArchive(ctx, image, opt)
}

func fromFolder(ctx context.Context, dir string, opt Options) (string, error) {
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	}
	switch {
	case has("oci-layout"):
		return fromLayout(ctx, dir, opt)
	case has("Dockerfile"):
		return build(ctx, dir, filepath.Join(dir, "Dockerfile"), opt)
	case has("bin") || has("usr") || has("sbin"):
		return dir, nil
	}
	return "", fmt.Errorf("%s is no image: it has neither a Dockerfile nor an oci-layout, and is no unpacked root folder (bin, usr)", dir)
}

// maxEntries bounds the files of an archive that are looked at.
const maxEntries = 1_000_000

// fromArchive looks what an archive is, and keeps a copy.
func fromArchive(ctx context.Context, file string, opt Options) (string, error) {
	var manifest []byte
	docker, oci := false, false
	err := eachEntry(file, func(h *tar.Header, r io.Reader) (err error) {
		switch path.Clean(h.Name) {
		case "manifest.json":
			docker = true
			manifest, err = io.ReadAll(io.LimitReader(r, maxJSON))
			return err
		case "oci-layout":
			oci = true
		}
		return nil
	})
	switch {
	case err != nil:
		return "", fmt.Errorf("%s is no archive of an image: %w", file, err)
	case docker: // what docker save writes may be both
		if err := checkSaved(file, manifest); err != nil {
			return "", fmt.Errorf("%s: %w", file, err)
		}
		return keep(ctx, file, opt)
	case !oci:
		return "", fmt.Errorf("%s is no archive of an image: it has neither a manifest.json (docker save) nor an oci-layout", file)
	}
	dir, err := os.MkdirTemp(opt.Dir, ".layout-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := unpack(file, dir); err != nil {
		return "", fmt.Errorf("unpack %s: %w", file, err)
	}
	return fromLayout(ctx, dir, opt)
}

// maxJSON bounds the manifest and the configuration of an image, in bytes.
const maxJSON = 4 << 20

// checkSaved refuses what docker save writes and no machine of this host starts from: a
// machine would say it late, and not in these words.
func checkSaved(file string, manifest []byte) error {
	var images []struct{ Config string }
	if err := json.Unmarshal(manifest, &images); err != nil {
		return fmt.Errorf("its manifest.json is none of docker save: %w", err)
	}
	if len(images) != 1 {
		return fmt.Errorf("it has %d images, and a machine is made from one: save that alone", len(images))
	}
	var config struct{ Architecture string }
	found := errors.New("found")
	err := eachEntry(file, func(h *tar.Header, r io.Reader) error {
		if path.Clean(h.Name) != path.Clean(images[0].Config) {
			return nil
		}
		data, err := io.ReadAll(io.LimitReader(r, maxJSON))
		if err == nil {
			err = json.Unmarshal(data, &config)
		}
		return cmp.Or(err, found)
	})
	switch {
	case err == nil:
		return fmt.Errorf("it has no %s, which its manifest.json names", images[0].Config)
	case !errors.Is(err, found):
		return err
	}
	return checkArchitecture(config.Architecture)
}

// eachEntry reads an archive, packed by gzip or not.
func eachEntry(file string, do func(*tar.Header, io.Reader) error) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	var in io.Reader = bufio.NewReaderSize(f, 1<<20)
	if magic, err := in.(*bufio.Reader).Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(in)
		if err != nil {
			return err
		}
		defer z.Close()
		in = z
	}
	r := tar.NewReader(in)
	for n := 0; n < maxEntries; n++ {
		h, err := r.Next()
		if errors.Is(err, io.EOF) && n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
		if err := do(h, r); err != nil {
			return err
		}
	}
	return errors.New("it has too many files")
}

// maxLayout bounds the files of a layout together, in bytes: smolvm takes no larger
// archive.
const maxLayout = 8 << 30

// unpack writes the files of a layout, which are plain ones.
func unpack(file, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	left := int64(maxLayout)
	return eachEntry(file, func(h *tar.Header, r io.Reader) error {
		name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
		if h.Typeflag != tar.TypeReg {
			return nil
		}
		if left -= h.Size; left < 0 {
			return fmt.Errorf("it is larger than %d bytes", int64(maxLayout))
		}
		if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
			return err
		}
		w, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(w, io.LimitReader(r, h.Size))
		return errors.Join(err, w.Close())
	})
}

// keep copies an archive to where only this user writes, under its digest.
func keep(ctx context.Context, file string, opt Options) (string, error) {
	opt.say("copying the image %s", filepath.Base(file))
	return place(opt, func(w io.Writer) error {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(w, &stopping{ctx, f})
		return err
	})
}

// place writes an archive under the digest of what is written. One that is there is
// looked at: only what has its digest is used.
func place(opt Options, write func(io.Writer) error) (_ string, err error) {
	f, err := os.CreateTemp(opt.Dir, ".new-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	sum := sha256.New()
	err = write(io.MultiWriter(f, sum))
	if err = errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	target := filepath.Join(opt.Dir, hex.EncodeToString(sum.Sum(nil))+".tar")
	if verify(target) == nil {
		return target, nil
	}
	return target, os.Rename(f.Name(), target)
}

// verify reports whether an archive is what its name says.
func verify(file string) error {
	sum, err := digestOf(file)
	if err == nil && sum+".tar" != filepath.Base(file) {
		err = fmt.Errorf("%s was changed: %w", file, fs.ErrInvalid)
	}
	return err
}

func digestOf(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return hex.EncodeToString(sum.Sum(nil)), err
}

// leftAfter is the age at which what nobody has finished is nobody's any more.
const leftAfter = 48 * time.Hour

// dropLeft removes what those who were killed left unfinished, which may be gigabytes.
func dropLeft(dir string) error {
	list, err := filepath.Glob(filepath.Join(dir, ".*-*"))
	for _, name := range list {
		if info, serr := os.Lstat(name); serr == nil && time.Since(info.ModTime()) > leftAfter {
			err = errors.Join(err, os.RemoveAll(name))
		}
	}
	return err
}

// stopping is a reader that ends with its context.
type stopping struct {
	ctx context.Context
	r   io.Reader
}

func (s *stopping) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}
