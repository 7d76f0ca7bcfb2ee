package manifest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/secret"
)

const (
	// maxKnownFiles bounds dlp.known, maxCanaries dlp.canaries.
	maxKnownFiles = 64
	maxCanaries   = 64
)

// scan checks custom rules, known files and canaries.
func (b *builder) scan() {
	b.customRules()
	b.canaries()
	known := b.doc.DLP.Known
	for i, p := range known {
		if hasControl(string(p)) {
			b.fault(at("dlp", "known", i), "%s is no path", quote(string(p)))
		}
		if !slices.Contains(b.m.Scan.Known, string(p)) {
			b.m.Scan.Known = append(b.m.Scan.Known, string(p))
		}
	}
	if len(known) > maxKnownFiles {
		b.fault(at("dlp", "known"), "there are %d files; at most %d are read", len(known), maxKnownFiles)
	}
}

func (b *builder) customRules() {
	custom := b.doc.DLP.Custom
	for i, e := range custom {
		where := at("dlp", "custom", i)
		if b.spoiled(where...) {
			continue
		}
		r := dlp.CustomRule{ID: e.ID, Description: e.Description, Prefix: e.Prefix, Class: e.Class, Length: e.Length, Min: e.Min, Max: e.Max, Pattern: e.Pattern}
		_, builtIn := dlp.Describe(e.ID)
		taken := builtIn || e.ID == dlp.RulePlaceholder || slices.ContainsFunc(b.m.Scan.Custom, func(o dlp.CustomRule) bool { return o.ID == e.ID })
		switch err := r.Check(); {
		case taken:
			b.fault(append(where, "id"), "there is another rule %s", quote(e.ID))
		case err != nil:
			b.fault(where, "%s", escape.Text(err.Error()))
		}
		b.m.Scan.Custom = append(b.m.Scan.Custom, r)
		if b.ruleIDs != nil {
			b.ruleIDs = append(slices.Clone(b.ruleIDs), e.ID)
		}
	}
	if len(custom) > dlp.MaxCustom {
		b.fault(at("dlp", "custom"), "there are %d rules; at most %d are allowed", len(custom), dlp.MaxCustom)
	}
}

func (b *builder) canaries() {
	names := b.doc.DLP.Canaries
	for i, name := range names {
		_, set := b.doc.Env[name]
		where := at("dlp", "canaries", i)
		switch {
		case !envName.MatchString(name):
			b.fault(where, "%s is no name of a variable: letters, digits and _", quote(name))
		case set:
			b.fault(where, "%s is set under env as well", quote(name))
		case slices.ContainsFunc(b.m.Secrets, func(s SecretDecl) bool { return s.Source.Env == name }):
			b.fault(where, "%s is the variable of a secret", quote(name))
		case slices.Contains(b.m.Scan.Canaries, name):
			b.fault(where, "%s stands here twice", quote(name))
		}
		b.m.Scan.Canaries = append(b.m.Scan.Canaries, name)
	}
	if len(names) > maxCanaries {
		b.fault(at("dlp", "canaries"), "there are %d canaries; at most %d are allowed", len(names), maxCanaries)
	}
}

// KnownValues reads the files of dlp.known. It must only be asked of a manifest
// that is trusted. A file that is not there has no values; missing names it. No
// error tells anything of a value.
func (m *Manifest) KnownValues() (known []dlp.Known, missing []string, err error) {
	var errs []error
	for _, path := range m.Scan.Known {
		values, err := knownFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, path)
		case err != nil:
			errs = append(errs, err)
		}
		known = append(known, values...)
	}
	return known, missing, errors.Join(errs...)
}

func knownFile(path string) ([]dlp.Known, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fmt.Errorf("%s is not a regular file", path))
	}
	return dlp.KnownFromFile(path, f)
}

// KnownCount is a file of dlp.known and how many values of it are looked for.
type KnownCount struct {
	Path   string `json:"path"`
	Values int    `json:"values"`
}

// KnownCounts counts the values of the files of dlp.known that are there. It must
// only be asked of a manifest that is trusted.
func (m *Manifest) KnownCounts() (list []KnownCount) {
	for _, path := range m.Scan.Known {
		if values, err := knownFile(path); err == nil { // Check says what cannot be read
			list = append(list, KnownCount{Path: path, Values: len(values)})
		}
	}
	return list
}

// known looks into the files of dlp.known and names weak values.
func (c *checker) known(opts secret.Options) {
	for i, path := range c.m.Scan.Known {
		switch values, err := knownFile(path); {
		case errors.Is(err, fs.ErrNotExist):
			c.warn("dlp.known: there is no file %s, so nothing of it is looked for", path)
		case err != nil:
			c.fault(errors.New(strings.TrimPrefix(err.Error(), "dlp: ")), "dlp", "known", i)
		case len(values) == 0:
			c.warn("dlp.known: nothing in %s is taken for a secret, so nothing of it is looked for: a token alone, lines of NAME=value, and the formats in docs/manifest.md are known, and a value has %d bytes or more", path, dlp.MinKnown)
		}
	}
	for _, w := range c.m.WeakValues(opts) {
		c.warn("%s", w)
	}
}

// WeakValues says of each known value that is short or plain how it is found. It
// must only be asked of a manifest that is trusted. It executes nothing, so values
// that come from a command, or over the network, are not looked at.
func (m *Manifest) WeakValues(opts secret.Options) (out []string) {
	known, _, _ := m.KnownValues() // what cannot be read is told elsewhere
	for i := range m.Secrets {
		d := &m.Secrets[i]
		if !d.Used || len(d.Source.Command) > 0 || d.Source.Asks() {
			continue
		}
		s, err := secret.New(d.Name, d.Source, opts)
		if err != nil {
			continue
		}
		if value, err := s.Value(context.Background()); err == nil {
			known = append(known, dlp.Known{Name: "secret " + d.Name, Value: value})
		}
	}
	for _, k := range known {
		if reason, weak := dlp.Weak(k.Value); weak {
			out = append(out, fmt.Sprintf("%s is weak: %s, so it is only found where a credential stands", k.Name, reason))
		}
	}
	return out
}

// scan says what is not looked for any more, and which files would be read.
func (w *widening) scan() {
	old, new := &w.old.Scan, &w.new.Scan
	for _, r := range old.Custom {
		if !slices.Contains(new.Custom, r) {
			w.say("the custom dlp rule %s is gone or changed", escape.Text(r.ID))
		}
	}
	for _, p := range old.Known {
		if !slices.Contains(new.Known, p) {
			w.say("the values in %s are not looked for any more", escape.Text(p))
		}
	}
	for _, p := range new.Known {
		if !slices.Contains(old.Known, p) {
			w.say("the file %s is read for known values", escape.Text(p))
		}
	}
	for _, name := range old.Canaries {
		if !slices.Contains(new.Canaries, name) {
			w.say("the canary %s is gone", escape.Text(name))
		}
	}
}
