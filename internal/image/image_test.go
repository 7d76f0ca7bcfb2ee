package image_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/bot-bottle/bottle/internal/image"
)

// newImage is a small one for an architecture.
func newImage(t *testing.T, arch string) v1.Image {
	t.Helper()
	img, err := random.Image(1024, 2)
	if err == nil {
		img, err = mutate.ConfigFile(img, &v1.ConfigFile{OS: "linux", Architecture: arch, RootFS: rootFS(t, img)})
	}
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func rootFS(t *testing.T, img v1.Image) v1.RootFS {
	t.Helper()
	c, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return c.RootFS
}

func writeLayout(t *testing.T, dir string, img v1.Image) {
	t.Helper()
	p, err := layout.Write(dir, empty.Index)
	if err == nil {
		err = p.AppendImage(img, layout.WithPlatform(v1.Platform{OS: "linux", Architecture: runtime.GOARCH}))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// tarOf packs a folder.
func tarOf(t *testing.T, dir, file string) {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	if err := w.AddFS(os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// names lists what is in an archive.
func names(t *testing.T, file string) (list []string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := tar.NewReader(f)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, h.Name)
	}
}

// TestResolve: every kind becomes an archive with a manifest.json, the only form
// that a machine starts from, or a root folder.
func TestResolve(t *testing.T) {
	dir := t.TempDir()
	at := func(s string) string { return filepath.Join(dir, s) }
	img := newImage(t, runtime.GOARCH)
	writeLayout(t, at("layout"), img)
	tarOf(t, at("layout"), at("layout.tar"))
	tag, err := name.NewTag("x.invalid/y:z")
	if err != nil {
		t.Fatal(err)
	}
	if err := tarball.WriteToFile(at("docker.tar"), tag, img); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(registry.New())
	defer server.Close()
	ref, err := name.ParseReference(strings.TrimPrefix(server.URL, "http://") + "/a/b:c")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	opt := image.Options{Dir: at("images")}
	for _, from := range []string{at("layout"), at("layout.tar"), at("docker.tar"), ref.Name()} {
		got, err := image.Resolve(t.Context(), from, opt)
		if err != nil {
			t.Errorf("%s: %v", from, err)
			continue
		}
		if filepath.Dir(got) != opt.Dir || !slices.Contains(names(t, got), "manifest.json") {
			t.Errorf("%s: %s has %v", from, got, names(t, got))
		}
		if _, err := tarball.ImageFromPath(got, nil); err != nil {
			t.Errorf("%s: %v", from, err)
		}
		if again, err := image.Resolve(t.Context(), from, opt); err != nil || again != got {
			t.Errorf("%s again: %s, %v", from, again, err)
		}
		// One that was changed is not used.
		if err := os.WriteFile(got, []byte("changed"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := image.Resolve(t.Context(), from, opt); err != nil {
			t.Errorf("%s after a change: %v", from, err)
		}
		if !slices.Contains(names(t, got), "manifest.json") {
			t.Errorf("%s: an archive that was changed was used", from)
		}
	}
	if err := os.MkdirAll(at("root/bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := image.Resolve(t.Context(), at("root"), opt); got != at("root") || err != nil {
		t.Errorf("a root folder: %s, %v", got, err)
	}
	left, err := filepath.Glob(at("images/.*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%v are left, %v", left, err)
	}
}

func TestResolveRefuses(t *testing.T) {
	dir := t.TempDir()
	at := func(s string) string { return filepath.Join(dir, s) }
	t.Setenv("PATH", dir) // no docker, no buildah
	other := "arm64"
	if runtime.GOARCH == other {
		other = "amd64"
	}
	writeLayout(t, at("other"), newImage(t, other))
	for _, d := range []string{"empty", "docker"} {
		if err := os.Mkdir(at(d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for file, text := range map[string]string{"docker/Dockerfile": "FROM x\n", "text.tar": "no archive"} {
		if err := os.WriteFile(at(file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tarOf(t, at("docker"), at("files.tar"))
	save := func(file string, images map[string]v1.Image) {
		t.Helper()
		tags := map[name.Tag]v1.Image{}
		for tag, img := range images {
			n, err := name.NewTag("x.invalid/" + tag)
			if err != nil {
				t.Fatal(err)
			}
			tags[n] = img
		}
		if err := tarball.MultiWriteToFile(file, tags); err != nil {
			t.Fatal(err)
		}
	}
	save(at("two.tar"), map[string]v1.Image{"a:1": newImage(t, runtime.GOARCH), "b:1": newImage(t, runtime.GOARCH)})
	save(at("foreign.tar"), map[string]v1.Image{"a:1": newImage(t, other)})
	for file, manifest := range map[string]string{"odd": "{}", "without": `[{"Config":"gone.json"}]`} {
		if err := errors.Join(os.Mkdir(at(file), 0o755), os.WriteFile(at(file+"/manifest.json"), []byte(manifest), 0o600)); err != nil {
			t.Fatal(err)
		}
		tarOf(t, at(file), at(file+".tar"))
	}
	for _, c := range []struct{ from, text string }{
		{at("two.tar"), "it has 2 images"},
		{at("foreign.tar"), "the image is for " + other},
		{at("odd.tar"), "none of docker save"},
		{at("without.tar"), "has no gone.json"},
		{at("none.tar"), "no such file"},
		{at("empty"), "is no image"},
		{at("text.tar"), "is no archive of an image"},
		{at("files.tar"), "neither a manifest.json"},
		{at("other"), "the image is for " + other},
		{at("docker"), "neither docker nor buildah is installed"},
		{"", "name one with image:"},
		{"UPPER CASE", "no reference of an image"},
		{"127.0.0.1:1/a:b", "pull 127.0.0.1:1/a:b"},
	} {
		if _, err := image.Resolve(t.Context(), c.from, image.Options{Dir: at("images")}); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: error %v, want one that says %q", c.from, err, c.text)
		}
	}
}

// TestBuilderFails: what to do is said behind what the builder said.
func TestBuilderFails(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	if err := errors.Join(
		os.WriteFile(filepath.Join(dir, "docker"), []byte("#!/bin/sh\necho no daemon >&2\nexit 1\n"), 0o700),
		os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM x\n"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	_, err := image.Resolve(t.Context(), dir, image.Options{Dir: filepath.Join(dir, "images")})
	if err == nil || !strings.Contains(err.Error(), "no daemon\n") || !strings.Contains(err.Error(), "name a finished image") {
		t.Errorf("error %v", err)
	}
}

// TestPullGoesOn: a layer that a pull which was cut left in part, or that was changed, is
// pulled anew, and one that is whole is not.
func TestPullGoesOn(t *testing.T) {
	img := newImage(t, runtime.GOARCH)
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	digest, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	rc, err := layers[0].Compressed()
	if err != nil {
		t.Fatal(err)
	}
	whole, err := io.ReadAll(rc)
	if err != nil {
		t.Fatal(err)
	}
	pulled := 0
	inner := registry.New()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/blobs/"+digest.String()) {
			pulled++
		}
		inner.ServeHTTP(w, r)
	}))
	defer server.Close()
	ref, err := name.ParseReference(strings.TrimPrefix(server.URL, "http://") + "/a/b:c")
	if err == nil {
		err = remote.Write(ref, img)
	}
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		kept []byte
		want int
	}{
		"nothing":     {[]byte{}, 1},
		"a part":      {whole[:len(whole)/2], 1},
		"another one": {bytes.Repeat([]byte("x"), len(whole)), 1},
		"all":         {whole, 0},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "layers"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "layers", digest.String()), c.kept, 0o600); err != nil {
				t.Fatal(err)
			}
			pulled = 0
			got, err := image.Resolve(t.Context(), ref.Name(), image.Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			if pulled != c.want {
				t.Errorf("it was pulled %d times, want %d", pulled, c.want)
			}
			if f, err := os.ReadFile(got); err != nil || !bytes.Contains(f, whole) {
				t.Errorf("the layer is not in the archive, %v", err)
			}
		})
	}
}

// TestUnfinishedImagesGo: what those who were killed left is removed, what another may be
// at is not.
func TestUnfinishedImagesGo(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	if err := os.MkdirAll(filepath.Join(root, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-72 * time.Hour)
	for _, f := range []string{".new-old", ".new-now", "abc.tar"} {
		if err := os.WriteFile(filepath.Join(dir, f), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{".new-old", "abc.tar"} {
		if err := os.Chtimes(filepath.Join(dir, f), old, old); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := image.Resolve(t.Context(), root, image.Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	for f, want := range map[string]bool{".new-old": false, ".new-now": true, "abc.tar": true} {
		if _, err := os.Lstat(filepath.Join(dir, f)); (err == nil) != want {
			t.Errorf("%s: %v", f, err)
		}
	}
}
