package preset

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Host is where the configuration of package managers is. The zero value has none.
type Host struct {
	Home   string
	Getenv func(string) string
	// Root is put before absolute paths, in tests.
	Root string
}

func (h Host) getenv(name string) string {
	if h.Getenv == nil {
		return ""
	}
	return h.Getenv(name)
}

// maxConfig bounds what is read of a file, in bytes.
const maxConfig = 1 << 20

// registries say where a package manager's configuration names its registries.
type registries struct {
	vars []string
	// files may begin with ~, and have wildcards.
	files []string
	// value finds URLs in a line, as its first group.
	value *regexp.Regexp
	// extra adds files that are found otherwise.
	extra func(Host) []string
	fix   string
}

func managers() []Preset {
	list := []Preset{
		{Name: "npm", About: "npm's registries, of npm's configuration", registries: &registries{
			vars: []string{"npm_config_registry", "NPM_CONFIG_REGISTRY"}, files: []string{"~/.npmrc", "/etc/npmrc", "/usr/etc/npmrc", "/usr/local/etc/npmrc"},
			value: regexp.MustCompile(`^\s*(?:@[^:=\s]+:)?registry\s*=\s*"?([^"\s]+)`),
			fix:   "npm config set registry URL",
		}},
		{Name: "pip", About: "pip's package indexes, of pip's configuration", registries: &registries{
			vars: []string{"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX"}, files: []string{"~/.config/pip/pip.conf", "~/.pip/pip.conf", "/etc/pip.conf", "/etc/xdg/pip/pip.conf", "~/.config/uv/uv.toml"},
			// A list goes on over lines that are indented (pip) or quoted (uv).
			value: regexp.MustCompile(`^(?:\s*(?:(?:default|extra)-)?(?:index-url|index|url)\s*=\s*\[?\s*["']?|\s+["']?)(https?://[^"'\s]+)`),
			fix:   "pip config set global.index-url URL",
		}},
		{Name: "cargo", About: "Cargo's registries, of Cargo's configuration", registries: &registries{
			files: []string{"~/.cargo/config.toml", "~/.cargo/config"},
			value: regexp.MustCompile(`^\s*(?:registry|index)\s*=\s*"(?:sparse\+)?([^"]+)"`),
			fix:   "write [source.crates-io] and [source.NAME] registry = \"sparse+URL\" into ~/.cargo/config.toml",
		}},
		{Name: "go", About: "Go's module proxies, of `go env`", registries: &registries{
			vars: []string{"GOPROXY"}, files: []string{"~/.config/go/env"}, extra: goRoot,
			value: regexp.MustCompile(`^\s*(?:GOPROXY)\s*=\s*(\S+)`),
			fix:   "go env -w GOPROXY=URL",
		}},
		{Name: "apt", About: "APT's mirrors, of APT's sources", registries: &registries{
			files: []string{"/etc/apt/sources.list", "/etc/apt/sources.list.d/*.list", "/etc/apt/sources.list.d/*.sources"},
			value: regexp.MustCompile(`^\s*(?:URIs:\s*|deb(?:-src)?\s+(?:\[[^\]]*\]\s+)?)(\S+)`),
			fix:   "look at /etc/apt/sources.list",
		}},
	}
	for i := range list {
		list[i].From = append(slices.Clone(list[i].registries.vars), list[i].registries.files...)
	}
	return list
}

// goRoot is the file with the defaults of the Go that is on the PATH.
func goRoot(h Host) []string {
	for _, dir := range filepath.SplitList(h.getenv("PATH")) {
		path := filepath.Join(dir, "go")
		if _, err := exec.LookPath(path); err != nil || !filepath.IsAbs(dir) {
			continue
		}
		if real, err := filepath.EvalSymlinks(path); err == nil {
			return []string{filepath.Join(filepath.Dir(filepath.Dir(real)), "go.env")}
		}
	}
	return nil
}

// address is what of a URL a route has.
type address struct {
	host  string
	ports []int
}

// urls reads the addresses of the registries.
func (r *registries) urls(h Host) ([]address, error) {
	var texts []string
	for _, name := range r.vars {
		texts = append(texts, strings.Fields(h.getenv(name))...)
	}
	if len(texts) == 0 {
		for _, file := range r.paths(h) {
			found, err := r.read(file)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return nil, err
			}
			texts = append(texts, found...)
		}
	}
	var list []address
	for _, text := range texts {
		for one := range strings.FieldsFuncSeq(text, func(c rune) bool { return c == ',' || c == '|' }) { // as GOPROXY has them
			if a, ok := parseAddress(one); ok && !slices.ContainsFunc(list, func(b address) bool { return a.host == b.host && slices.Equal(a.ports, b.ports) }) {
				list = append(list, a)
			}
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("the configuration on this host names no registry (looked at: %s): %s, or write a route under egress.routes", strings.Join(append(slices.Clone(r.vars), r.files...), ", "), r.fix)
	}
	slices.SortFunc(list, func(a, b address) int {
		return cmp.Or(strings.Compare(a.host, b.host), slices.Compare(a.ports, b.ports))
	})
	return list, nil
}

func (r *registries) paths(h Host) (out []string) {
	for _, f := range r.files {
		rest, home := strings.CutPrefix(f, "~")
		switch {
		case home && filepath.IsAbs(h.Home):
			f = h.Home + rest
		case home:
			continue
		default:
			f = h.Root + f
		}
		found, _ := filepath.Glob(f) // the patterns are good
		out = append(out, found...)
	}
	if r.extra != nil {
		out = append(out, r.extra(h)...)
	}
	return out
}

func (r *registries) read(path string) (out []string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, maxConfig))
	for lines.Scan() {
		if m := r.value.FindStringSubmatch(lines.Text()); m != nil {
			out = append(out, m[1])
		}
	}
	return out, lines.Err()
}

// parseAddress takes the host of a URL; what is none, such as "direct", has none.
func parseAddress(text string) (address, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return address{}, false
	}
	a := address{host: u.Hostname()}
	if p, err := strconv.Atoi(u.Port()); err == nil {
		a.ports = []int{p}
	}
	return a, true
}
