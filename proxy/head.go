package proxy

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// headEnd returns the length of the head that b begins with, or -1; the first
// seen bytes are known not to hold its end. Any end of line counts here, so
// that a head with bare LFs is found and refused.
func headEnd(b []byte, seen int) int {
	for i := max(0, seen-2); ; {
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 {
			return -1
		}
		i += n + 1
		switch rest := b[i:]; {
		case bytes.HasPrefix(rest, []byte("\n")):
			return i + 1
		case bytes.HasPrefix(rest, []byte("\r\n")):
			return i + 2
		}
	}
}

// headInfo is what the guard must know of a good head.
type headInfo struct {
	connect, chunked bool
	length           int64
}

// checkHead refuses a head that two readers could take differently. What it
// lets through, net/http reads as one request. An error completes "it has".
func checkHead(head []byte) (h headInfo, err error) {
	if bytes.IndexByte(head, 0) >= 0 {
		return h, errors.New("a NUL byte")
	}
	if !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		return h, errors.New("a bare LF")
	}
	line, rest, err := cutLine(string(head[:len(head)-2]))
	if err != nil {
		return h, err
	}
	method, version, err := checkRequestLine(line)
	if err != nil {
		return h, err
	}
	h.connect = method == http.MethodConnect
	var seen [len(checkedFields)]bool
	for rest != "" {
		if line, rest, err = cutLine(rest); err != nil {
			return h, err
		}
		name, value, err := splitField(line)
		if err != nil {
			return h, err
		}
		i := slices.IndexFunc(checkedFields[:], func(f checkedField) bool { return len(f.name) == len(name) && strings.EqualFold(f.name, name) })
		if i < 0 {
			continue
		}
		if seen[i] && checkedFields[i].once {
			return h, errors.New("more than one " + checkedFields[i].name)
		}
		seen[i] = true
		if err := checkedFields[i].check(&h, value); err != nil {
			return h, err
		}
	}
	switch {
	case h.chunked && seen[fieldLength]:
		return h, errors.New("content-length beside transfer-encoding")
	case h.chunked && version != "HTTP/1.1":
		return h, errors.New("transfer-encoding in a version other than HTTP/1.1")
	case h.connect && (h.chunked || h.length > 0):
		return h, errors.New("CONNECT with a body")
	case version == "HTTP/1.1" && !seen[fieldHost] && !h.connect:
		return h, errors.New("no Host header")
	}
	return h, nil
}

// checkHead2 refuses a head of HTTP/2 that net/http takes, and that no proxy may pass on
// (RFC 9113, sections 8.1.1 and 8.3). An error completes "it has".
func checkHead2(r *http.Request) error {
	switch lengths := r.Header["Content-Length"]; {
	case len(lengths) > 1:
		return errors.New("more than one content-length")
	case len(lengths) == 1:
		if _, err := parseLength(lengths[0]); err != nil {
			return err // net/http takes it for 0
		}
	}
	if !isToken(r.Method) {
		return errors.New("a method that is no token")
	}
	if _, ok := r.Header[":protocol"]; ok && r.Method != http.MethodConnect {
		return errors.New("a :protocol without CONNECT")
	}
	return nil
}

// cutLine cuts off the first line.
func cutLine(s string) (line, rest string, err error) {
	i := strings.IndexByte(s, '\n')
	if i < 1 || strings.IndexByte(s[:i], '\r') != i-1 {
		return "", "", errors.New("a bare CR or LF")
	}
	return s[:i-1], s[i+1:], nil
}

// checkedField is a header that says how a request is read.
type checkedField struct {
	name  string
	once  bool
	check func(h *headInfo, value string) error
}

const (
	fieldLength = iota
	fieldCoding
	fieldHost
	fieldExpect
	fieldTrailer
)

var checkedFields = [...]checkedField{
	fieldLength: {"content-length", true, func(h *headInfo, value string) (err error) {
		h.length, err = parseLength(value)
		return err
	}},
	fieldCoding: {"transfer-encoding", true, func(h *headInfo, value string) error {
		// A letter outside of ASCII can fold to one of these.
		if len(value) != len("chunked") || !strings.EqualFold(value, "chunked") {
			return errors.New("a transfer-encoding other than chunked")
		}
		h.chunked = true
		return nil
	}},
	fieldHost: {"host", true, func(_ *headInfo, value string) error {
		if !httpguts.ValidHostHeader(value) {
			return errors.New("a Host header that is not host:port")
		}
		return nil
	}},
	fieldExpect: {"expect", false, func(_ *headInfo, value string) error {
		if !strings.EqualFold(value, "100-continue") {
			return errors.New("an Expect header other than 100-continue")
		}
		return nil
	}},
	fieldTrailer: {"trailer", false, func(_ *headInfo, value string) error {
		for name := range strings.SplitSeq(value, ",") {
			switch strings.ToLower(strings.Trim(name, " \t")) {
			case "transfer-encoding", "content-length", "trailer":
				return errors.New("a trailer that would change the framing")
			}
		}
		return nil
	}},
}

// checkRequestLine holds the request line to RFC 9112, section 3.
func checkRequestLine(line string) (method, version string, err error) {
	method, rest, _ := strings.Cut(line, " ")
	target, version, ok := strings.Cut(rest, " ")
	switch {
	case !ok || target == "" || strings.ContainsAny(line, "\t\v\f"):
		return "", "", errors.New("a request line that is not method, target and version with single spaces")
	case !isToken(method):
		return "", "", errors.New("a method that is no token")
	case version != "HTTP/1.1" && version != "HTTP/1.0":
		return "", "", errors.New("a version other than HTTP/1.0 and HTTP/1.1")
	case !validTarget(method, target):
		return "", "", errors.New("a request target that is neither a path nor a URL")
	}
	return method, version, nil
}

// validTarget knows the four forms of RFC 9112, section 3.2.
func validTarget(method, target string) bool {
	switch {
	case method == http.MethodConnect:
		_, err := url.ParseRequestURI("http://" + target)
		return err == nil && !strings.ContainsAny(target, "/?#@")
	case target == "*":
		return true
	case target[0] != '/' && !strings.Contains(target, "://"):
		return false
	case isPlainPath(target):
		return true
	}
	u, err := url.ParseRequestURI(target)
	return err == nil && u.Opaque == ""
}

// isPlainPath reports whether a target is a path, and maybe a query, of which no
// parser makes anything else.
func isPlainPath(target string) bool {
	if target[0] != '/' || strings.HasPrefix(target, "//") {
		return false
	}
	for _, c := range []byte(target) {
		if !isAlnum(c) && strings.IndexByte("/-._~?&=", c) < 0 {
			return false
		}
	}
	return true
}

// splitField parses a header or trailer line.
func splitField(line string) (name, value string, err error) {
	if line[0] == ' ' || line[0] == '\t' {
		return "", "", errors.New("a folded header line")
	}
	name, value, ok := strings.Cut(line, ":")
	if !ok || !isToken(name) {
		return "", "", errors.New("a header line that is not name, colon, value")
	}
	value = strings.Trim(value, " \t")
	if !httpguts.ValidHeaderFieldValue(value) {
		return "", "", errors.New("a control character in a header")
	}
	return name, value, nil
}

func parseLength(s string) (n int64, err error) {
	if s == "" || len(s) > 18 || strings.Trim(s, "0123456789") != "" {
		return 0, errors.New("a content-length that is not one plain number")
	}
	for _, c := range s {
		n = n*10 + int64(c-'0')
	}
	return n, nil
}

func parseChunkSize(line []byte) (int64, error) {
	size, _, _ := bytes.Cut(line, []byte(";"))
	if len(size) == 0 || len(size) > 15 {
		return 0, errBadFraming
	}
	var n int64
	for _, c := range size {
		d := strings.IndexByte("0123456789abcdef", c|0x20)
		if d < 0 || c < '0' {
			return 0, errBadFraming
		}
		n = n<<4 | int64(d)
	}
	return n, nil
}
