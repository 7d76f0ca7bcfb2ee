package manifest

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Path is a path of the host. Once decoded it is absolute and clean: relative
// ones are resolved against the folder of their file, "~" against HOME.
type Path string

func (p *Path) fromNode(d *decoder, n *node, _ string) error {
	s, err := n.wantText("a path")
	if err != nil {
		return err
	}
	switch {
	case s == "":
		return errors.New("a path is wanted, not an empty text")
	case s == "~" || strings.HasPrefix(s, "~/"):
		if d.home == "" {
			return errors.New("~ needs the environment variable HOME")
		}
		s = filepath.Join(d.home, s[1:])
	case strings.HasPrefix(s, "~"):
		return fmt.Errorf("%s: only ~ alone and ~/… stand for a home; write the whole path (or ./%s)", quote(s), s)
	case !filepath.IsAbs(s):
		s = filepath.Join(n.src.dir, s)
	}
	*p = Path(filepath.Clean(s))
	return nil
}

// Size is a number of bytes, written as 512MiB or 4GiB.
type Size int64

// sizePattern is what a Size looks like.
const sizePattern = `^[0-9]+(\.[0-9]+)?(KiB|MiB|GiB|TiB)$`

var sizeSyntax = regexp.MustCompile(sizePattern)

var sizeUnits = map[string]float64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}

func (v *Size) fromNode(_ *decoder, n *node, _ string) error {
	const want = "a size such as 512MiB or 4GiB (KiB, MiB, GiB, TiB)"
	s, err := n.wantText(want)
	if err != nil {
		return err
	}
	if !sizeSyntax.MatchString(s) {
		return fmt.Errorf("%s is not %s", quote(s), want)
	}
	f, err := strconv.ParseFloat(s[:len(s)-3], 64)
	if err != nil || f*sizeUnits[s[len(s)-3:]] > math.MaxInt64/2 {
		return fmt.Errorf("%s is too large", quote(s))
	}
	*v = Size(f * sizeUnits[s[len(s)-3:]])
	return nil
}

// Duration is a time span, written as 90s, 3m or 1h30m.
type Duration time.Duration

// durationPattern is what a Duration looks like.
const durationPattern = `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`

var durationSyntax = regexp.MustCompile(durationPattern)

// maxDuration keeps sums with the time of day far from overflowing.
const maxDuration = 365 * 24 * time.Hour

func (v *Duration) fromNode(_ *decoder, n *node, _ string) error {
	const want = "a duration such as 90s, 3m or 1h30m"
	s, err := n.wantText(want)
	if err != nil {
		return err
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil || !durationSyntax.MatchString(s):
		return fmt.Errorf("%s is not %s", quote(s), want)
	case d <= 0 || d > maxDuration:
		return fmt.Errorf("%s: a duration is more than 0 and at most a year", quote(s))
	}
	*v = Duration(d)
	return nil
}

// wantText returns the text of a scalar; the error says what is wanted.
func (n *node) wantText(want string) (string, error) {
	if n.kind != scalarNode || n.scalar != textScalar && n.scalar != looseScalar {
		if n.kind == scalarNode && n.scalar == nullScalar {
			return "", fmt.Errorf("the key has no value: %s is wanted (or remove the key)", want)
		}
		return "", fmt.Errorf("%s is wanted, not %s", want, n.what())
	}
	return n.text, nil
}

// Inject says where in a request a secret goes: "bearer", "basic" or "body", or
// a mapping of places.
type Inject struct {
	Bearer bool  `yaml:"bearer" jsonschema_description:"Authorization: Bearer."`
	Header Names `yaml:"header" jsonschema_description:"Headers by name; * is any."`
	Basic  bool  `yaml:"basic" jsonschema_description:"Inside of Authorization: Basic."`
	Query  Names `yaml:"query" jsonschema_description:"Parameters of the query by name; * is any."`
	Body   bool  `yaml:"body" jsonschema_description:"Anywhere in the body."`
	SigV4  SigV4 `yaml:"sigv4" merge:"replace" jsonschema_description:"The secret is the secret access key of AWS: what the agent signs with its placeholder is signed anew."`
}

// SigV4 says what signatures of AWS are made of.
type SigV4 struct {
	KeyID        string   `yaml:"key_id" jsonschema:"required" jsonschema_description:"The name of the secret that is the access key's ID."`
	SessionToken string   `yaml:"session_token" jsonschema_description:"The name of the secret that is the session token. Default: none."`
	Regions      []string `yaml:"regions" jsonschema:"required,minItems=1" jsonschema_description:"Regions that may be signed for, such as eu-central-1."`
	Services     []string `yaml:"services" jsonschema:"required,minItems=1" jsonschema_description:"Services that may be signed for, by the names that they sign with, such as s3."`
	STS          []string `yaml:"sts" jsonschema_description:"Actions of the service sts that may be signed for although they give out credentials, such as AssumeRole. Default: none."`
}

// injectWords are the places that can be named by a word alone.
var injectWords = map[string]Inject{"bearer": {Bearer: true}, "basic": {Basic: true}, "body": {Body: true}}

func (in *Inject) fromNode(d *decoder, n *node, key string) error {
	if n.kind == scalarNode && n.scalar == textScalar {
		var ok bool
		switch *in, ok = injectWords[n.text]; {
		case ok:
			return nil
		case n.text == "sigv4":
			return errors.New("sigv4 needs the other parts of the credential: write inject: {sigv4: {key_id: NAME, regions: […], services: […]}}")
		case n.text == "header" || n.text == "query":
			return fmt.Errorf("%s needs a name: write inject: {%s: NAME}", n.text, n.text)
		}
	}
	if n.kind != mapNode {
		return errors.New("bearer, basic or body is wanted, or a mapping with the keys bearer, header, basic, query, body, sigv4")
	}
	type plain Inject // without this method
	d.value(n, valueOf((*plain)(in)), "", key)
	places := in.Bearer || in.Basic || in.Body || len(in.Header)+len(in.Query) > 0
	switch {
	case d.bad[key]:
	case n.get("sigv4") != nil && places:
		return errors.New("what signs goes into no place of a request: with sigv4 there can be no other key")
	case n.get("sigv4") == nil && !places:
		return errors.New("it names no place: leave inject out for any header")
	}
	return nil
}

// Names is one name or a list of them.
type Names []string

func (v *Names) fromNode(d *decoder, n *node, key string) error {
	if n.kind != listNode {
		s, err := n.wantText("a name or a list of names")
		if err != nil {
			return err
		}
		*v = Names{s}
	} else {
		d.value(n, valueOf((*[]string)(v)), "", key)
	}
	for _, s := range *v {
		if s != "*" && !nameSyntax.MatchString(s) && !d.bad[key] {
			return fmt.Errorf("%s is not the name of a header or a parameter", quote(s))
		}
	}
	return nil
}

// nameSyntax is a token of RFC 9110, section 5.6.2; brackets are common in the
// names of parameters.
var nameSyntax = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z\\[\\]-]+$")

// UpstreamProxy is a proxy between this host and the upstreams: its URL, or a
// mapping.
type UpstreamProxy struct {
	URL      string `yaml:"url" jsonschema:"required,pattern=^https?://" jsonschema_description:"http://host:port or https://host:port."`
	User     string `yaml:"user" jsonschema_description:"The user to log in as."`
	Password string `yaml:"password" jsonschema_description:"The name of the secret that is the password."`
}

func (p *UpstreamProxy) fromNode(d *decoder, n *node, key string) error {
	if n.kind == scalarNode && (n.scalar == textScalar || n.scalar == looseScalar) {
		p.URL = n.text
		return nil
	}
	if n.kind != mapNode {
		return errors.New("a URL is wanted, or a mapping with the keys url, user, password")
	}
	type plain UpstreamProxy
	d.value(n, valueOf((*plain)(p)), "", key)
	return nil
}

// Image is what a virtual machine's file system is made of: a path of the host,
// written as one or as an archive, decoded as Path is; or a reference of a registry,
// which is left as it is.
type Image string

var imageReference = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._:/@-]*$`)

func (i *Image) fromNode(d *decoder, n *node, key string) error {
	s, err := n.wantText("an image")
	switch {
	case err != nil:
		return err
	case s == "":
		return errors.New("an image is wanted, not an empty text")
	case strings.HasPrefix(s, ".") || strings.HasPrefix(s, "/") || strings.HasPrefix(s, "~") || strings.HasSuffix(s, ".tar") || strings.HasSuffix(s, ".tar.gz") || strings.HasSuffix(s, ".tgz"):
		var p Path
		err := p.fromNode(d, n, key)
		*i = Image(p)
		return err
	case !imageReference.MatchString(s):
		return fmt.Errorf("%s is neither a path (./folder, ./image.tar) nor a reference such as debian:12", quote(s))
	default:
		*i = Image(s)
	}
	return nil
}
