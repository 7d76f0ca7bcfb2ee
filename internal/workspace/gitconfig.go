package workspace

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing/format/config"
)

const (
	maxGitConfig = 1 << 20
	// maxSections bounds the parser's time, which grows with their square: the
	// config of a copy is the agent's.
	maxSections = 10000
)

// Identity is who commits in the copy; an empty field is not written.
type Identity struct{ Name, Email string }

// check cleans a value or refuses it.
type check func(string) (string, bool)

var (
	boolean  = matching(`^(0|1|(?i:true|false|yes|no|on|off))$`)
	word     = matching(`^[A-Za-z0-9_-]{1,32}$`)
	number   = matching(`^[0-9]{1,9}$`)
	filter   = matching(`^[a-z0-9:=%+]{1,64}$`)
	refName  = matching(`^[A-Za-z0-9._/+@#=,{}-]{1,512}$`)
	refspec  = matching(`^[+^]?[A-Za-z0-9._/+@#=,*-]{1,512}(:[A-Za-z0-9._/+@#=,*-]{0,512})?$`)
	remote   = matching(`^(\.|[A-Za-z0-9][A-Za-z0-9._/-]{0,255})$`)
	part     = matching(`^[A-Za-z0-9._/ +-]{1,512}$`)
	pathspec = matching(`^[A-Za-z0-9._/*+-]{1,512}$`)
)

// matching returns a check that compiles its expression, which is large where it counts,
// when it is asked first: most commands read no config.
func matching(expr string) check {
	re := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
	return func(s string) (string, bool) { return s, re().MatchString(s) }
}

// section lists what is taken over of one section of a config. Only what is
// listed is: every other key can name a program, a file, another config or a
// credential, in this version of git or in the next.
type section struct {
	name string
	sub  check // of the names of its subsections; nil: there are none
	keys []key
}

type key struct {
	name  string
	check check
}

var kept = []section{
	{"core", nil, []key{
		{"repositoryformatversion", number}, {"filemode", boolean}, {"symlinks", boolean}, {"ignorecase", boolean},
		{"precomposeunicode", boolean}, {"logallrefupdates", word}, {"autocrlf", word}, {"eol", word},
		{"safecrlf", word}, {"sparsecheckout", boolean}, {"sparsecheckoutcone", boolean}, {"abbrev", word},
		{"quotepath", boolean}, {"protecthfs", boolean}, {"protectntfs", boolean},
	}},
	{"extensions", nil, []key{
		{"objectformat", word}, {"compatobjectformat", word}, {"refstorage", word}, {"partialclone", remote},
		{"noop", word}, {"preciousobjects", boolean},
	}},
	{"index", nil, []key{{"sparse", boolean}, {"version", number}}},
	{"pull", nil, []key{{"rebase", word}, {"ff", word}}},
	{"push", nil, []key{{"default", word}, {"autosetupremote", boolean}}},
	{"merge", nil, []key{{"ff", word}, {"conflictstyle", word}}},
	{"rebase", nil, []key{{"autosquash", boolean}, {"updaterefs", boolean}}},
	{"remote", remote, []key{
		{"url", cleanURL}, {"pushurl", cleanURL}, {"fetch", refspec}, {"push", refspec}, {"tagopt", word},
		{"prune", boolean}, {"mirror", word}, {"promisor", boolean}, {"partialclonefilter", filter},
	}},
	{"branch", refName, []key{
		{"remote", remote}, {"pushremote", remote}, {"merge", refName}, {"rebase", word},
	}},
	{"submodule", part, []key{{"url", cleanURL}, {"active", boolean}, {"branch", refName}, {"ignore", word}}},
	{"submodule", nil, []key{{"active", pathspec}, {"recurse", boolean}}},
}

// perWorktree are the keys that git keeps in config.worktree.
var perWorktree = []string{"sparsecheckout", "sparsecheckoutcone", "sparse"}

// gitConfig is what the copy knows of a repository's config.
type gitConfig struct {
	text       []byte // of the copy's config
	hashSize   int    // of object names, in bytes
	ignoreCase bool
}

// cleanConfig writes the config of the copy from a repository's own; worktree
// is config.worktree, nil if there is none.
func cleanConfig(data, worktree []byte, who Identity) (gitConfig, error) {
	cfg, err := parseConfig(data)
	if err != nil {
		return gitConfig{}, fmt.Errorf("config: %w", err)
	}
	own := cfg.Section("extensions").Options.Get("worktreeConfig")
	if ok, err := parseBool(own); err == nil && ok && worktree != nil {
		wt, err := parseConfig(worktree)
		if err != nil {
			return gitConfig{}, fmt.Errorf("config.worktree: %w", err)
		}
		for _, s := range []string{"core", "index"} {
			for _, o := range wt.Section(s).Options {
				if slices.Contains(perWorktree, strings.ToLower(o.Key)) {
					cfg.Section(s).AddOption(o.Key, o.Value)
				}
			}
		}
	}
	out := gitConfig{hashSize: 20}
	if strings.EqualFold(cfg.Section("extensions").Options.Get("objectFormat"), "sha256") {
		out.hashSize = 32
	}
	out.ignoreCase, _ = parseBool(cfg.Section("core").Options.Get("ignorecase"))
	out.text = writeConfig(cfg, who)
	return out, nil
}

func parseConfig(data []byte) (*config.Config, error) {
	if n := bytes.Count(data, []byte("[")); n > maxSections {
		return nil, fmt.Errorf("more than %d sections", maxSections)
	}
	cfg := config.New()
	if err := config.NewDecoder(bytes.NewReader(data)).Decode(cfg); err != nil {
		return nil, err
	}
	return cfg, nil
}

func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true", "yes", "on", "1":
		return true, nil
	case "", "false", "no", "off", "0":
		return false, nil
	}
	return false, fmt.Errorf("%q is not a boolean", s)
}

func writeConfig(cfg *config.Config, who Identity) []byte {
	var b bytes.Buffer
	for _, s := range kept {
		for _, from := range cfg.Sections {
			if !from.IsName(s.name) {
				continue
			}
			if s.sub == nil {
				writeKeys(&b, "["+s.name+"]", s.keys, from.Options)
				continue
			}
			for _, sub := range from.Subsections {
				if _, ok := s.sub(sub.Name); ok {
					writeKeys(&b, "["+s.name+" "+quote(sub.Name)+"]", s.keys, sub.Options)
				}
			}
		}
	}
	// Ours last, so that they hold.
	b.WriteString("[core]\n\tbare = false\n")
	if who != (Identity{}) {
		b.WriteString("[user]\n")
		for _, o := range []struct{ key, value string }{{"name", who.Name}, {"email", who.Email}} {
			if o.value != "" {
				fmt.Fprintf(&b, "\t%s = %s\n", o.key, quote(o.value))
			}
		}
	}
	return b.Bytes()
}

func writeKeys(b *bytes.Buffer, head string, keys []key, options config.Options) {
	for _, o := range options {
		i := slices.IndexFunc(keys, func(k key) bool { return strings.EqualFold(k.name, o.Key) })
		if i < 0 {
			continue
		}
		value, ok := keys[i].check(o.Value)
		if !ok {
			continue
		}
		if head != "" {
			b.WriteString(head + "\n")
			head = ""
		}
		fmt.Fprintf(b, "\t%s = %s\n", keys[i].name, quote(value))
	}
}

// quote writes a value in the syntax of git-config(1). Control characters,
// which only a name somebody typed could have, become spaces.
func quote(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
