package manifest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/preset"
)

// Options say what Load reads. The zero value is what the command line does
// without flags.
type Options struct {
	// File is the project's manifest; "" means BOTTLE_CONFIG, else the first
	// bottle.yaml from Dir upwards, else none.
	File string
	// Dir is the working directory; "" means the process's.
	Dir string
	// Name is a variant (a key of bottles), else an agent; "" is neither.
	Name string
	// Environ is the environment, as "name=value"; nil means the process's.
	// HOME and XDG_CONFIG_HOME are taken from it as well.
	Environ []string
	// KnownEnv are BOTTLE_* variables that mean something elsewhere.
	KnownEnv []string
	// Flags override everything; a later one wins.
	Flags []Override
	// RuleIDs are the rules that dlp may name; nil accepts any.
	RuleIDs []string
}

// getenv returns the variable as the environment of opts has it.
func (o *Options) getenv(name string) string {
	for _, line := range slices.Backward(o.Environ) {
		if n, v, _ := strings.Cut(line, "="); n == name {
			return v
		}
	}
	return ""
}

// Load reads the manifest of all levels. It opens the manifest files and, for the
// presets of package managers, these programs' configuration files of this user.
// What a manifest names is not looked at, so this is safe with a project that is not
// trusted. Whether it is, Trust says; the Manifest must not be acted
// on before.
//
// Mistakes in the files are an Errors with all of them, those of variants that
// were not asked for as well. A file that others could have written is refused.
func Load(opts Options) (*Manifest, error) {
	if opts.Environ == nil {
		opts.Environ = os.Environ()
	}
	dir, err := workingDir(opts.Dir)
	if err != nil {
		return nil, err
	}
	path, err := projectFile(&opts, dir)
	var none *noManifestError
	if errors.As(err, &none) {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	l := &loader{opts: &opts, dir: dir, home: opts.getenv("HOME")}
	project, err := l.file(path, false)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: look at how -f or %s is written, or make one with that name that begins with %q", err, ConfigVariable, versionLine)
	}
	if err != nil {
		return nil, err
	}
	user, err := l.file(userFile(&opts), true)
	if errors.Is(err, fs.ErrNotExist) {
		user, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	m := l.manifest(project, user)
	if err := l.err(); err != nil {
		return nil, err
	}
	m.Dir = dir
	if none != nil {
		m.Overlooked = none.overlooked
	}
	if project != nil {
		m.Project = &File{Path: project.path, Hash: hashOf(project.path, project.text)}
		m.Dir = filepath.Dir(project.path)
	}
	if user == nil {
		m.UserOverlooked = overlookedUser(userFile(&opts))
	}
	if user != nil {
		m.User = &File{Path: user.path, Hash: hashOf(user.path, user.text)}
	}
	if m.Workspace == "" {
		m.Workspace = m.Dir
	}
	return m, nil
}

func workingDir(dir string) (string, error) {
	if dir == "" {
		d, err := os.Getwd()
		if err != nil {
			return "", fmt.Errorf("find the working directory: %w", err)
		}
		return d, nil
	}
	d, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the folder %s: %w", dir, err)
	}
	return d, nil
}

// projectFile returns the path of the project's manifest; for none the error is
// that of Find.
func projectFile(opts *Options, dir string) (string, error) {
	for _, path := range []string{opts.File, opts.getenv(ConfigVariable)} {
		if path == "" {
			continue
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		return path, nil
	}
	return Find(dir)
}

// userFile returns the path of the user's manifest, "" when there can be none.
// A relative XDG_CONFIG_HOME is to be ignored (XDG Base Directory
// Specification).
func userFile(opts *Options) string {
	base := opts.getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(base) {
		home := opts.getenv("HOME")
		if !filepath.IsAbs(home) {
			return ""
		}
		base = filepath.Join(home, ".config")
	}
	return filepath.Join(base, "bottle", "config.yaml")
}

// loader collects the mistakes of all levels.
type loader struct {
	problems
	opts      *Options
	dir, home string
}

// level is a file that was read.
type level struct {
	path string
	text []byte
	root *node // nil when it cannot be read as YAML
}

// file reads and parses a file; with the path "" there is none.
func (l *loader) file(path string, user bool) (*level, error) {
	if path == "" {
		return nil, nil
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	for _, name := range []string{path, real} {
		if err := checkFolder(name); err != nil {
			return nil, err
		}
	}
	text, err := readOwn(real)
	if err != nil {
		return nil, err
	}
	lv := &level{path: real, text: text}
	src := &source{shown: l.shown(real), base: filepath.Base(real), dir: filepath.Dir(real), user: user}
	root, err := parse(src, text)
	if err = l.merge(err); err != nil {
		return nil, err
	}
	if root != nil {
		lv.root = root
		l.check(root)
	}
	return lv, nil
}

// shown shortens a path for errors.
func (l *loader) shown(path string) string {
	if rel, err := filepath.Rel(l.dir, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

// check decodes one file alone, so that mistakes in what another level replaces
// are reported too.
func (l *loader) check(root *node) {
	d := decoder{problems: &l.problems, home: l.home, bad: map[string]bool{}}
	var doc Document
	d.value(root, valueOf(&doc), "", "")
	for _, e := range root.get("bottles").mapEntries() {
		if !secretName.MatchString(e.key) {
			l.at(e.at, "", "a variant cannot be called %s: letters, digits, dots, hyphens and underscores, at most 64, a letter or digit first", quote(e.key))
		}
	}
}

func (n *node) mapEntries() []entry {
	if n == nil {
		return nil
	}
	return n.entries
}

// host is where the configuration of package managers is, for presets.
func (l *loader) host() preset.Host { return preset.Host{Home: l.home, Getenv: l.opts.getenv} }

// manifest merges the levels and checks what comes out, for the variant that is
// asked for and for all others.
func (l *loader) manifest(project, user *level) *Manifest {
	var root *node
	for _, lv := range []*level{project, user} { // the highest first
		if lv != nil && lv.root != nil {
			root = merge(root, lv.root, documentType, "")
		}
	}
	if root == nil {
		none := &source{shown: "defaults", base: "defaults", dir: l.dir}
		root = &node{kind: mapNode, src: none}
		root = root.set(&node{src: none, text: "1", scalar: looseScalar}, "version")
	}
	env := envOverrides(&l.problems, l.opts.Environ, l.opts.KnownEnv)
	outside := func(variant *node) *node { return apply(apply(variant, l.dir, env), l.dir, l.opts.Flags) }
	for _, e := range root.get("bottles").mapEntries() {
		if e.key != l.opts.Name {
			build(&l.problems, overlay(root, e.key), l.host(), l.opts.RuleIDs)
		}
	}
	chosen := overlay(root, l.opts.Name)
	if name := l.opts.Name; name != "" && root.dig("bottles", name) == nil {
		chosen = l.agentNamed(root, chosen, name)
	}
	m := build(&l.problems, outside(chosen), l.host(), l.opts.RuleIDs)
	m.Name = l.opts.Name
	for _, e := range root.get("bottles").mapEntries() {
		m.Variants = append(m.Variants, e.key)
	}
	return m
}

// agentNamed sets the agent by a name that is no variant's.
func (l *loader) agentNamed(root, chosen *node, name string) *node {
	agents := enumOf(fieldsOf(keysType)["agent"].Tag)
	if slices.Contains(agents, name) {
		return apply(chosen, l.dir, []Override{{Source: "the name " + name, Key: "agent", Value: name}})
	}
	var names []string
	for _, e := range root.get("bottles").mapEntries() {
		names = append(names, escape.Text(e.key))
	}
	names = append(names, agents...)
	l.add(Error{File: "bottle " + name, Message: "there is no variant of this name under bottles, and no such agent: " + didYouMean(name, names)})
	return chosen
}
