package manifest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNoManifestSaysWhatWasOverlooked(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"nothing", "", ""},
		{"the other ending", "bottle.yml", "bottle.yml is not read: call it bottle.yaml, or name it with -f"},
		{"the other ending, in a folder above", "../bottle.yml", "bottle.yml is not read"},
		{"a folder of that name", "bottle.yaml/x", "bottle.yaml is a folder, and no manifest"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t)
			if c.file != "" {
				p.write(filepath.Join(p.project, c.file), "version: 1\n")
			}
			_, err := Find(p.project)
			if !errors.Is(err, ErrNoManifest) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Find: %v", err)
			}
			m := p.mustLoad()
			if m.Project != nil || !strings.Contains(m.Overlooked, c.want) || (m.Overlooked == "") != (c.want == "") {
				t.Errorf("%+v, %q", m.Project, m.Overlooked)
			}
			warnings, err := m.Check(newTrust(t), secretOptions())
			if got := strings.Join(warnings, "\n"); err != nil || !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
				t.Errorf("the warnings are %q, %v", got, err)
			}
		})
	}
}

func TestFindGoesPastAFolder(t *testing.T) {
	p := newPlace(t).manifest("version: 1\n")
	sub := filepath.Join(p.project, "sub")
	if err := os.MkdirAll(filepath.Join(sub, FileName), 0o700); err != nil {
		t.Fatal(err)
	}
	if path, err := Find(sub); err != nil || path != filepath.Join(p.project, FileName) {
		t.Errorf("%s, %v", path, err)
	}
}

func TestAFileThatIsNotThereHasANextStep(t *testing.T) {
	p := newPlace(t)
	p.opts.File = "nope.yaml"
	if _, err := p.load(); err == nil || !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), `nope.yaml`) || !strings.Contains(err.Error(), `-f or BOTTLE_CONFIG is written, or make one`) {
		t.Errorf("got %v", err)
	}
}
