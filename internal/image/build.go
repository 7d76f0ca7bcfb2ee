package image

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Dockerfile makes the default image.
//
//go:embed default/Dockerfile
var Dockerfile string

// ErrNoBuilder says that nothing on this host makes images from Dockerfiles.
var ErrNoBuilder = errors.New("neither docker nor buildah is installed")

// builder is a program that makes images: the arguments that build one, and those
// that write it to a file.
type builder struct {
	program string
	build   func(tag, dockerfile, dir string) []string
	save    func(tag, file string) []string
}

var builders = []builder{
	{"docker",
		func(tag, dockerfile, dir string) []string {
			return []string{"build", "--tag", tag, "--file", dockerfile, dir}
		},
		func(tag, file string) []string { return []string{"save", "--output", file, tag} }},
	{"buildah",
		func(tag, dockerfile, dir string) []string {
			return []string{"build", "--tag", tag, "--file", dockerfile, dir}
		},
		func(tag, file string) []string { return []string{"push", tag, "docker-archive:" + file + ":" + tag} }},
}

// CanBuild reports whether Dockerfiles can be built here.
func CanBuild() bool {
	for _, b := range builders {
		if _, err := exec.LookPath(b.program); err == nil {
			return true
		}
	}
	return false
}

func buildDefault(ctx context.Context, opt Options) (string, error) {
	dir, err := os.MkdirTemp(opt.Dir, ".default-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "Dockerfile")
	if err := os.WriteFile(file, []byte(Dockerfile), 0o600); err != nil {
		return "", err
	}
	target, err := build(ctx, dir, file, opt)
	if errors.Is(err, ErrNoBuilder) {
		err = fmt.Errorf("the manifest names none, and to build the default one %w: name one with image: (an archive of docker save, an OCI layout, an unpacked root folder, or a reference such as debian:12), or use --backend sandbox", ErrNoBuilder)
	}
	return target, err
}

// build makes an image with the first program that can. One that is there and
// fails, as docker does without its daemon, is followed by the next.
func build(ctx context.Context, dir, dockerfile string, opt Options) (string, error) {
	var errs []error
	for _, b := range builders {
		if _, err := exec.LookPath(b.program); err != nil {
			continue
		}
		target, err := b.make(ctx, dir, dockerfile, opt)
		if err == nil || ctx.Err() != nil {
			return target, err
		}
		errs = append(errs, err)
	}
	if len(errs) == 0 {
		return "", fmt.Errorf("to build %s %w: install one, or name a finished image in the manifest", dockerfile, ErrNoBuilder)
	}
	return "", fmt.Errorf("%w\nmake that work (docker needs its daemon, and this user's leave to use it), or name a finished image (image: in the manifest)", errors.Join(errs...))
}

func (b *builder) make(ctx context.Context, dir, dockerfile string, opt Options) (string, error) {
	sum := sha256.Sum256([]byte(dir + "\x00" + dockerfile))
	tag := "bottle-image:" + hex.EncodeToString(sum[:6])
	opt.say("building the image with %s; the first time takes minutes", b.program)
	if err := run(ctx, b.program, b.build(tag, dockerfile, dir)); err != nil {
		return "", err
	}
	temp, err := os.MkdirTemp(opt.Dir, ".save-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(temp) }()
	file := filepath.Join(temp, "image.tar")
	if err := run(ctx, b.program, b.save(tag, file)); err != nil {
		return "", err
	}
	return fromArchive(ctx, file, opt)
}

// maxSaid bounds what an error holds of a program's output, in bytes.
const maxSaid = 2 << 10

func run(ctx context.Context, program string, args []string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	var said tail
	cmd.Stdout, cmd.Stderr = io.Discard, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", program, args[0], err, strings.TrimSpace(string(said)))
	}
	return nil
}

// tail keeps the last maxSaid bytes that are written to it.
type tail []byte

func (t *tail) Write(p []byte) (int, error) {
	*t = append(*t, p[max(0, len(p)-maxSaid):]...)
	*t = append((*t)[:0], (*t)[max(0, len(*t)-maxSaid):]...)
	return len(p), nil
}
