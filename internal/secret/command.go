package secret

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// maxErrText bounds what is looked through of a command's standard error.
	maxErrText = 4 << 10
	// retryAfter is how long the failure of a command stands.
	retryAfter = 5 * time.Second
	// lingerTime is how long a killed command's children may hold its output
	// open.
	lingerTime = time.Second
)

// cachedValue returns what a slow source said last, or asks it once for all callers.
func (s *Secret) cachedValue(ctx context.Context, ask func(context.Context) (v string, keep time.Duration, err error)) (string, error) {
	if v, err, ok := s.cache.at(s.opts.Now()); ok {
		return v, err
	}
	// One caller that gives up must not fail the others.
	shared := context.WithoutCancel(ctx)
	done := s.flight.DoChan("", func() (any, error) {
		if v, err, ok := s.cache.at(s.opts.Now()); ok {
			return v, err
		}
		v, keep, err := ask(shared)
		if err != nil {
			keep = retryAfter
		}
		now := s.opts.Now()
		s.cache.keep(v, err, now, now.Add(keep))
		return v, err
	})
	select {
	case r := <-done:
		v, _ := r.Val.(string)
		return v, r.Err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// program finds the command's program.
func (s *Secret) program() (string, error) {
	path, err := exec.LookPath(s.source.Command[0])
	if err != nil {
		return "", fmt.Errorf("command: %w", err)
	}
	return path, nil
}

// forTTL is ask for a source that does not say how long its value is good.
func (s *Secret) forTTL(ask func(context.Context) (string, error)) func(context.Context) (string, time.Duration, error) {
	return func(ctx context.Context) (string, time.Duration, error) {
		v, err := ask(ctx)
		return v, s.source.TTL, err
	}
}

func (s *Secret) run(ctx context.Context) (string, error) {
	path, err := s.program()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, s.source.Timeout)
	defer cancel()
	stdout, stderr := &bounded{max: maxFile}, &bounded{max: maxErrText}
	cmd := exec.CommandContext(ctx, path, s.source.Command[1:]...)
	cmd.Dir, cmd.Env = s.opts.Dir, inFolder(s.opts.Environ(), s.opts.Dir)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = lingerTime
	err = cmd.Run()
	name := filepath.Base(path)
	switch {
	case err != nil && ctx.Err() != nil:
		return "", fmt.Errorf("the command %s was ended after %s without an answer: run it by hand to see what it waits for, or give it more with timeout", name, s.source.Timeout)
	case errors.Is(err, exec.ErrWaitDelay): // it ended well, and left a child behind
	case err != nil:
		// Its standard error is not quoted: no pattern tells a message from one
		// that holds the value, and this text reaches logs and the journal.
		return "", fmt.Errorf("the command %s failed: %w%s; what it wrote to its standard error may hold the value and is not shown: run it by hand to see", name, err, missingHint(stderr.String()))
	}
	if stdout.over {
		return "", fmt.Errorf("the command %s printed more than %d bytes", name, maxFile)
	}
	v := trimNewline(stdout.String())
	if err := usable(v); err != nil {
		return "", fmt.Errorf("what the command %s printed: %w", name, err)
	}
	return v, nil
}

// inFolder makes an environment say what the working directory is. What it was
// elsewhere would lead programs back there.
func inFolder(environ []string, dir string) []string {
	environ = slices.DeleteFunc(slices.Clone(environ), func(line string) bool {
		return strings.HasPrefix(line, "PWD=") || strings.HasPrefix(line, "OLDPWD=")
	})
	return append(environ, "PWD="+dir)
}

// missingHint says where a command runs, if it did not find something.
func missingHint(stderr string) string {
	stderr = strings.ToLower(stderr)
	for _, s := range []string{"no such file", "not found", "cannot open", "can't open", "no rule to make", "no makefile", "enoent"} {
		if strings.Contains(stderr, s) {
			return " (it runs in an empty folder: name each file of the project as an argument of its own)"
		}
	}
	return ""
}

// bounded keeps the first max bytes written to it, and takes the rest too, so
// that the writer does not fail before it has said what it has to say.
type bounded struct {
	max  int
	buf  strings.Builder
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	keep := min(len(p), b.max-b.buf.Len())
	b.over = b.over || keep < len(p)
	b.buf.Write(p[:keep])
	return len(p), nil
}

func (b *bounded) String() string { return b.buf.String() }
