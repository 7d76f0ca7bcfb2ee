package proxy

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
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
	lines := bytes.Split(head[:len(head)-4], []byte("\r\n"))
	for _, l := range lines {
		if bytes.ContainsAny(l, "\r\n") {
			return h, errors.New("a bare CR or LF")
		}
	}
	method, version, err := checkRequestLine(lines[0])
	if err != nil {
		return h, err
	}
	h.connect = method == http.MethodConnect
	seen := map[string]bool{}
	for _, l := range lines[1:] {
		name, value, err := splitField(l)
		if err != nil {
			return h, err
		}
		if seen[name] && onlyOnce[name] {
			return h, errors.New("more than one " + name)
		}
		if check := checkedFields[name]; check != nil {
			seen[name] = true
			if err := check(&h, value); err != nil {
				return h, err
			}
		}
	}
	switch {
	case h.chunked && seen["content-length"]:
		return h, errors.New("content-length beside transfer-encoding")
	case h.chunked && version != "HTTP/1.1":
		return h, errors.New("transfer-encoding in a version other than HTTP/1.1")
	case h.connect && (h.chunked || h.length > 0):
		return h, errors.New("CONNECT with a body")
	case version == "HTTP/1.1" && !seen["host"] && !h.connect:
		return h, errors.New("no Host header")
	}
	return h, nil
}

var onlyOnce = map[string]bool{"content-length": true, "transfer-encoding": true, "host": true}

// checkedFields are the headers that say how a request is read.
var checkedFields = map[string]func(h *headInfo, value string) error{
	"content-length": func(h *headInfo, value string) (err error) {
		h.length, err = parseLength(value)
		return err
	},
	"transfer-encoding": func(h *headInfo, value string) error {
		if !strings.EqualFold(value, "chunked") {
			return errors.New("a transfer-encoding other than chunked")
		}
		h.chunked = true
		return nil
	},
	"host": func(_ *headInfo, value string) error {
		if !httpguts.ValidHostHeader(value) {
			return errors.New("a Host header that is not host:port")
		}
		return nil
	},
	"expect": func(_ *headInfo, value string) error {
		if !strings.EqualFold(value, "100-continue") {
			return errors.New("an Expect header other than 100-continue")
		}
		return nil
	},
	"trailer": func(_ *headInfo, value string) error {
		for name := range strings.SplitSeq(value, ",") {
			switch strings.ToLower(strings.Trim(name, " \t")) {
			case "transfer-encoding", "content-length", "trailer":
				return errors.New("a trailer that would change the framing")
			}
		}
		return nil
	},
}

// checkRequestLine holds the request line to RFC 9112, section 3.
func checkRequestLine(line []byte) (method, version string, err error) {
	parts := strings.Split(string(line), " ")
	if len(parts) != 3 || parts[1] == "" || strings.ContainsAny(string(line), "\t\v\f") {
		return "", "", errors.New("a request line that is not method, target and version with single spaces")
	}
	method, target, version := parts[0], parts[1], parts[2]
	switch {
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
	}
	u, err := url.ParseRequestURI(target)
	return err == nil && u.Opaque == ""
}

// splitField parses a header or trailer line; the name is lower-cased.
func splitField(line []byte) (name, value string, err error) {
	if line[0] == ' ' || line[0] == '\t' {
		return "", "", errors.New("a folded header line")
	}
	n, v, ok := bytes.Cut(line, []byte(":"))
	if !ok || !isToken(string(n)) {
		return "", "", errors.New("a header line that is not name, colon, value")
	}
	value = strings.Trim(string(v), " \t")
	if !httpguts.ValidHeaderFieldValue(value) {
		return "", "", errors.New("a control character in a header")
	}
	return strings.ToLower(string(n)), value, nil
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
