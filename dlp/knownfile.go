package dlp

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// MaxKnownFile is the largest file that KnownFromFile reads, maxKnownValues how
	// many values it may have.
	MaxKnownFile   = 1 << 20
	maxKnownValues = 1024
	// maxNesting is how deep JSON may be.
	maxNesting = 64
)

// KnownFromFile returns the secrets in a file of settings or credentials, which r
// reads. Files are told apart by their name and content: .netrc, .npmrc, .pypirc
// and other files of sections (~/.aws/credentials), config.json of Docker, JSON,
// private keys in PEM, a single word, which is the value, and else lines of
// NAME=value (.env) or name: value (YAML).
//
// A value is taken for a secret when its name says so; in JSON and YAML also when it
// is no word, number, path or address; in NAME=value also any that is not weak and no
// path, address or sentence. Of a URL it is the password, of a private key each line
// of its secret part. Fillers (your-key-here) and values of less than MinKnown bytes
// are left out. Name is "file NAME: KEY", or "file NAME". No error tells anything of
// a value.
func KnownFromFile(path string, r io.Reader) ([]Known, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxKnownFile+1))
	if err != nil {
		return nil, fmt.Errorf("dlp: %s: %w", path, err)
	}
	if len(text) > MaxKnownFile {
		return nil, fmt.Errorf("dlp: %s has more than %d KiB: it is no file of credentials", path, MaxKnownFile>>10)
	}
	k := &knownFile{base: filepath.Base(path), seen: map[string]bool{}}
	if err := k.read(strings.TrimPrefix(string(text), "\ufeff")); err != nil {
		return nil, fmt.Errorf("dlp: %s: %w", path, err)
	}
	return k.out, nil
}

type knownFile struct {
	base string
	out  []Known
	seen map[string]bool // values
	full bool
}

func (k *knownFile) read(text string) error {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return errors.New("it is no text in UTF-8")
	}
	start := strings.TrimSpace(text)
	var err error
	switch {
	case k.base == ".netrc" || k.base == "_netrc":
		k.netrc(text)
	case k.base == ".npmrc" || k.base == ".pypirc" || k.base == ".yarnrc" || k.base == "credentials" || strings.HasPrefix(start, "[") && !isJSON(start):
		k.sections(text)
	case isJSON(start):
		err = k.json(start)
	case strings.HasPrefix(start, pemBegin):
		k.pem("", text)
	case isSingleWord(start):
		k.word(start)
	default:
		k.lines(text)
	}
	if err == nil && k.full {
		err = fmt.Errorf("it has more than %d values", maxKnownValues)
	}
	return err
}

// isJSON tells JSON from a file that starts with a section.
func isJSON(text string) bool {
	if rest, ok := strings.CutPrefix(text, "["); ok {
		rest = strings.TrimSpace(rest)
		return rest != "" && strings.IndexByte("{[\"]-0123456789tfn", rest[0]) >= 0 && json.Valid([]byte(text))
	}
	return strings.HasPrefix(text, "{")
}

// add adds a value that is a secret.
func (k *knownFile) add(key, value string) {
	if len(value) < MinKnown || len(value) > MaxKnown || k.seen[value] || isPlaceholderText(value) {
		return
	}
	if len(k.out) == maxKnownValues {
		k.full = true
		return
	}
	k.seen[value] = true
	name := "file " + k.base
	if key != "" {
		name += ": " + keyText(key)
	}
	k.out = append(k.out, Known{Name: name, Value: value})
}

// keyText is a key as a part of a name: short, on one line.
func keyText(key string) string {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, key)
	if len(clean) > maxName {
		clean = strings.ToValidUTF8(clean[:maxName], "") + "…"
	}
	return clean
}

// offer adds what of a value is a secret. With any, its name need not say so.
func (k *knownFile) offer(key, value string, any bool) {
	b := []byte(value)
	if strings.Contains(value, pemBegin) {
		k.pem(key, value)
		return
	}
	if i := strings.Index(value, "://"); i > 0 && schemeByte.span(b, 0, i) == i {
		if from, to, ok := passwordOf(b); ok {
			k.add(key, value[from:to])
			if plain, err := url.PathUnescape(value[from:to]); err == nil {
				k.add(key, plain)
			}
		}
		return
	}
	name := []byte(key[strings.LastIndexAny(key, ":/")+1:])
	_, weak := Weak(value)
	if namesSecret(name) || any && !weak && !isPublicText(b) {
		k.add(key, value)
	}
}

// isPublicText reports whether a value is a text, a path, a host or an address.
func isPublicText(v []byte) bool {
	s := string(v)
	return valueBody.span(v, 0, len(v)) < len(v) && !looksRandom(v) || wordLike(v) || isPath(v) || isUUID(v) ||
		strings.HasPrefix(s, "arn:") || strings.Contains(s, "@") && strings.Contains(s, ".")
}

// netrc reads the file of curl and ftp: machine NAME login NAME password WORD.
func (k *knownFile) netrc(text string) {
	machine := "default"
	words := strings.Fields(text)
	for i := 0; i+1 < len(words); i++ {
		switch words[i] {
		case "machine":
			i++
			machine = words[i]
		case "password", "account":
			i++
			k.add(machine, strings.Trim(words[i], `"`))
		case "login":
			i++
		}
	}
}

// sections reads lines of key = value below [section].
func (k *knownFile) sections(text string) {
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
			section = line[1:len(line)-1] + "."
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || line[0] == '#' || line[0] == ';' {
			continue
		}
		key, value = strings.TrimSpace(key), unquote(strings.TrimSpace(value))
		k.offer(section+key, value, false)
		if strings.HasSuffix(key, "_auth") || strings.HasSuffix(key, "_password") {
			k.encoded(section+key, value) // of npm
		}
	}
}

// encoded adds the password in what is base64 of user:password, or of a password.
func (k *knownFile) encoded(key, value string) {
	plain, err := base64.StdEncoding.DecodeString(value)
	if err != nil || !utf8.Valid(plain) {
		return
	}
	_, password, ok := strings.Cut(string(plain), ":")
	if !ok {
		password = string(plain)
	}
	k.add(key, password)
}

// json reads all strings of a JSON text.
func (k *knownFile) json(text string) error {
	var v any
	d := json.NewDecoder(strings.NewReader(text))
	if err := d.Decode(&v); err != nil {
		return fmt.Errorf("it is no JSON at byte %d", d.InputOffset())
	}
	return k.walk("", "", v, 0)
}

func (k *knownFile) walk(path, key string, v any, depth int) error {
	if depth > maxNesting {
		return errors.New("its JSON is nested too deeply")
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if err := k.walk(joinKey(path, name), name, v[name], depth+1); err != nil {
				return err
			}
		}
	case []any:
		for i := range v {
			if err := k.walk(joinKey(path, strconv.Itoa(i)), key, v[i], depth+1); err != nil {
				return err
			}
		}
	case string:
		if key == "auth" || key == "password" || key == "identitytoken" || key == "registrytoken" { // of Docker
			k.add(path, v)
			if key == "auth" {
				k.encoded(path, v)
			}
			return nil
		}
		k.offerNamed(path, key, v)
	}
	return nil
}

// offerNamed is offer where the name is a part of the key.
func (k *knownFile) offerNamed(path, name, value string) {
	before := len(k.out)
	k.offer(name, value, true)
	for i := before; i < len(k.out); i++ {
		k.out[i].Name = strings.Replace(k.out[i].Name, ": "+keyText(name), ": "+keyText(path), 1)
	}
}

func joinKey(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// lines reads NAME=value and name: value. A value in quotation marks may go over
// several lines.
func (k *knownFile) lines(text string) {
	for text != "" {
		if strings.HasPrefix(strings.TrimLeft(text, " \t"), pemBegin) {
			k.pem("", text) // a block of YAML
		}
		line, rest, _ := strings.Cut(text, "\n")
		text = rest
		line = strings.TrimSpace(line)
		line = strings.TrimPrefix(strings.TrimPrefix(line, "- "), "export ")
		i := strings.IndexAny(line, "=:")
		if i > 0 && strings.HasPrefix(line[i:], "://") && isSingleWord(line) {
			k.offer("", line, false) // of .git-credentials
			continue
		}
		if i <= 0 || line[0] == '#' || line[i] == ':' && i+1 < len(line) && line[i+1] != ' ' {
			continue
		}
		key, value := strings.Trim(line[:i], " \t\"'"), strings.TrimSpace(line[i+1:])
		if len(key) == 0 || strings.ContainsAny(key, " \t") {
			continue
		}
		if q := byteAt([]byte(value), 0); (q == '"' || q == '\'') && closing(value) < 0 {
			if end := closing(value + "\n" + text); end > 0 {
				whole := value + "\n" + text
				value, text = whole[:end+1], whole[end+1:]
			}
		}
		if value = unquote(uncomment(value)); line[i] == '=' {
			k.assigned(key, value)
		} else {
			k.offer(key, value, true)
		}
	}
}

// closing returns the index of the quotation mark that ends the one that a value
// starts with, or -1.
func closing(value string) int {
	for i := 1; i < len(value); i++ {
		if value[i] == '\\' && value[0] == '"' {
			i++
		} else if value[i] == value[0] {
			return i
		}
	}
	return -1
}

// uncomment drops what follows a value behind a blank and #.
func uncomment(value string) string {
	if value != "" && (value[0] == '"' || value[0] == '\'') {
		if end := closing(value); end > 0 {
			return value[:end+1]
		}
		return value
	}
	if i := strings.Index(value, " #"); i >= 0 {
		value = value[:i]
	}
	return strings.TrimSpace(value)
}

// unquote takes quotation marks off, and in double ones the escapes.
func unquote(value string) string {
	n := len(value)
	if n < 2 || value[0] != value[n-1] || value[0] != '"' && value[0] != '\'' {
		return value
	}
	inner := value[1 : n-1]
	if value[0] == '"' {
		inner = strings.NewReplacer(`\n`, "\n", `\r`, "\r", `\t`, "\t", `\"`, `"`, `\\`, `\`, `\$`, "$").Replace(inner)
	}
	return inner
}

// pem adds the lines of private keys that have something secret: not the first of
// OpenSSH, which is the same in all keys, and not the modulus of RSA.
func (k *knownFile) pem(key, text string) {
	if key != "" {
		key += " "
	}
	for {
		_, rest, ok := strings.Cut(text, pemBegin)
		label, rest, _ := strings.Cut(rest, "-----")
		if !ok {
			return
		}
		body, after, _ := strings.Cut(rest, "-----END ")
		text = after
		if !strings.HasSuffix(label, "PRIVATE KEY") {
			continue
		}
		lines := strings.Fields(body)
		public := 0
		if len(body) > longPEM {
			public = len(lines) * rsaPublic / 100
		} else if strings.HasPrefix(label, "OPENSSH") {
			public = 1
		}
		for i := public; i < len(lines); i++ {
			if len(lines[i]) >= minBodyLine && base64Line.span([]byte(lines[i]), 0, len(lines[i])) == len(lines[i]) {
				k.add(fmt.Sprintf("%sline %d of the key", key, i+1), lines[i])
			}
		}
	}
}

// minBodyLine is the shortest line of a key that is taken for secret.
const minBodyLine = 32
