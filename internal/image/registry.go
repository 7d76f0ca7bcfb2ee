package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/cache"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// platform is what virtual machines of this host run.
func platform() v1.Platform { return v1.Platform{OS: "linux", Architecture: runtime.GOARCH} }

// pull fetches an image by its reference, through the logins and the certificates of
// this user. Layers are kept until the archive is whole, so that a pull that was cut
// goes on with the next one. The library verifies what it pulls by its digest, and what
// was kept not at all.
func pull(ctx context.Context, ref string, opt Options) (string, error) {
	r, err := name.ParseReference(ref)
	if err != nil {
		return "", fmt.Errorf("%q is no reference of an image: %w", ref, err)
	}
	opt.say("asking for the image %s", r.Name())
	img, err := remote.Image(r, remote.WithContext(ctx), remote.WithPlatform(platform()), remote.WithAuthFromKeychain(authn.DefaultKeychain))
	if err != nil {
		return "", fmt.Errorf("pull %s: %w", r.Name(), err)
	}
	digest, err := img.Digest()
	if err != nil {
		return "", fmt.Errorf("pull %s: %w", r.Name(), err)
	}
	link := filepath.Join(opt.Dir, digest.Hex+".ref")
	if file, err := os.ReadFile(link); err == nil {
		if target := filepath.Join(opt.Dir, filepath.Base(string(file))); verify(target) == nil {
			return target, nil
		}
	}
	layers := filepath.Join(opt.Dir, "layers")
	if err := dropDamaged(layers); err != nil {
		return "", fmt.Errorf("pull %s: look at the layers that are here: %w", r.Name(), err)
	}
	target, err := write(cache.Image(img, cache.NewFilesystemCache(layers)), r, opt)
	if err != nil {
		return "", fmt.Errorf("pull %s: %w", r.Name(), err)
	}
	return target, errors.Join(os.WriteFile(link, []byte(filepath.Base(target)), 0o600), os.RemoveAll(layers))
}

// dropDamaged removes the kept layers that are not what their names say: one that was
// cut is there in part.
func dropDamaged(dir string) error {
	list, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range list {
		file := filepath.Join(dir, e.Name())
		if sum, serr := digestOf(file); serr != nil || "sha256:"+sum != e.Name() {
			err = errors.Join(err, os.RemoveAll(file))
		}
	}
	return err
}

// fromLayout takes the image of a layout for this host.
func fromLayout(ctx context.Context, dir string, opt Options) (string, error) {
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return "", fmt.Errorf("read the OCI layout %s: %w", dir, err)
	}
	img, err := choose(index)
	if err != nil {
		return "", fmt.Errorf("the OCI layout %s: %w", dir, err)
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	tag, err := name.NewTag("bottle.invalid/image:latest")
	if err != nil {
		return "", err
	}
	return write(img, tag, opt)
}

// choose returns the only image of an index, or the one for this host.
func choose(index v1.ImageIndex) (v1.Image, error) {
	m, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var fits []v1.Descriptor
	for _, d := range m.Manifests {
		if d.Platform == nil || d.Platform.Satisfies(platform()) {
			fits = append(fits, d)
		}
	}
	switch {
	case len(fits) == 0:
		return nil, fmt.Errorf("has no image for %s", platform())
	case len(fits) > 1:
		return nil, fmt.Errorf("has %d images for %s, and which one is meant cannot be told", len(fits), platform())
	case fits[0].MediaType.IsIndex():
		inner, err := index.ImageIndex(fits[0].Digest)
		if err != nil {
			return nil, err
		}
		return choose(inner)
	}
	return index.Image(fits[0].Digest)
}

// checkArchitecture refuses an image that would not start here.
func checkArchitecture(name string) error {
	if name != "" && name != runtime.GOARCH {
		return fmt.Errorf("the image is for %s, and this host is %s", name, runtime.GOARCH)
	}
	return nil
}

// write writes an image as docker save does.
func write(img v1.Image, ref name.Reference, opt Options) (string, error) {
	c, err := img.ConfigFile()
	if err != nil {
		return "", err
	}
	if err := checkArchitecture(c.Architecture); err != nil {
		return "", err
	}
	updates := make(chan v1.Update, 64)
	told := make(chan struct{})
	go func() {
		defer close(told)
		for u := range updates {
			if u.Error == nil && u.Total > 0 {
				opt.say("writing the image: %d of %d MiB", u.Complete>>20, u.Total>>20)
			}
		}
	}()
	target, err := place(opt, func(w io.Writer) error { return tarball.Write(ref, img, w, tarball.WithProgress(updates)) })
	close(updates)
	<-told
	return target, err
}
