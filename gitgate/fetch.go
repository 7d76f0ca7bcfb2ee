package gitgate

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/bot-bottle/bottle/gitgate/pktline"
)

// maxFetchRequest bounds the request of a fetch, decompressed: a line of 50 bytes
// for each commit that the client has, and git sends some hundreds of them.
const maxFetchRequest = 10 << 20

// serveFetch passes a request on and what is answered back.
func (v *visit) serveFetch() {
	if r := v.checkPost(uploadPack); r != nil {
		v.refuse(r)
		return
	}
	protocol := v.r.Header.Get("Git-Protocol")
	if !protocolSyntax.MatchString(protocol) {
		protocol = ""
	}
	body, r := v.fetchRequest(protocol)
	if r != nil {
		v.refuseFetch(r)
		return
	}
	if len(body) == 0 {
		v.head("application/x-git-upload-pack-result")
		return
	}
	if r := v.allow(); r != nil {
		v.refuseFetch(r)
		return
	}
	v.out = int64(len(body))
	answer, err := v.host.upstream.call(v.ctx, v.call, serviceRequest{repo: v.repo.Path, service: uploadPack, protocol: protocol,
		body: func() io.Reader { return bytes.NewReader(body) }, size: v.out, lists: listsRefs(protocol, body)})
	if err != nil {
		v.refuseFetch(v.upstreamRefusal(err))
		return
	}
	defer func() { _ = answer.Close() }()
	v.head("application/x-git-upload-pack-result")
	if err := v.relay(answer); err != nil {
		v.broken(err)
	}
	v.end(nil)
}

func (v *visit) checkPost(service string) *refusal {
	switch {
	case v.r.Method != http.MethodPost:
		return &refusal{http.StatusMethodNotAllowed, ruleProtocol, "a service of git is asked by POST.", false}
	case v.r.URL.RawQuery != "":
		return &refusal{http.StatusForbidden, ruleProtocol, "the URL of a service has no query.", false}
	case v.r.Header.Get("Content-Type") != "application/x-"+service+"-request":
		return &refusal{http.StatusForbidden, ruleProtocol, "the content type is not that of a request to " + service + ".", false}
	case service == receivePack && v.repo.Push == nil:
		return v.readOnly()
	}
	return nil
}

// refuseFetch refuses where a client shows no body: the error is a packet.
func (v *visit) refuseFetch(r *refusal) {
	status := r.status
	r.status = http.StatusOK
	v.note(&refusal{status, r.rule, r.text, r.upset})
	v.head("application/x-git-upload-pack-result")
	_, _ = v.w.Write(pktline.AppendError(nil, "bottle: "+r.text)) // the client may be gone
}

// fetchRequest reads, checks and scans a request, and writes it anew. It is empty
// for the question whether the server is there.
func (v *visit) fetchRequest(protocol string) ([]byte, *refusal) {
	body, err := v.body(maxFetchRequest)
	if err != nil {
		return nil, bodyRefusal(err)
	}
	if r := v.scanText(body); r != nil {
		return nil, r
	}
	check := checkOldFetch
	if protocol == "version=2" {
		check = checkFetch
	}
	out, err := check(pktline.NewReader(bytes.NewReader(body)))
	if err != nil {
		return nil, bodyRefusal(err)
	}
	if string(out) == pktline.FlushPacket {
		return nil, nil
	}
	return out, nil
}

// body reads the body of a request, decompressed. One that is long waits for its turn.
func (v *visit) body(most int64) ([]byte, error) {
	r, err := v.plainBody()
	if err != nil {
		return nil, err
	}
	var body bytes.Buffer
	if n, err := body.ReadFrom(io.LimitReader(r, shortRequest)); n < shortRequest || err != nil {
		return body.Bytes(), err
	}
	if err := v.g.requests.Acquire(v.ctx, 1); err != nil {
		return nil, err
	}
	v.long = true
	_, err = body.ReadFrom(io.LimitReader(r, most+1-shortRequest))
	if err == nil && int64(body.Len()) > most {
		err = fmt.Errorf("%w: it is longer than %d MiB", errTooLarge, most>>20)
	}
	return body.Bytes(), err
}

var errTooLarge = errors.New("too large")

// plainBody undoes the one coding that git uses.
func (v *visit) plainBody() (io.Reader, error) {
	switch coding := strings.ToLower(v.r.Header.Get("Content-Encoding")); coding {
	case "", "identity":
		return v.r.Body, nil
	case "gzip", "x-gzip":
		wire := &countReader{Reader: v.r.Body, n: new(int64)}
		v.wire = func() int64 { return *wire.n }
		return gzip.NewReader(wire)
	default:
		return nil, fmt.Errorf("%w: a content encoding that git does not use", pktline.ErrMalformed)
	}
}

// bodyRefusal is the answer to a request that cannot be read.
func bodyRefusal(err error) *refusal {
	return &refusal{http.StatusBadRequest, ruleProtocol, "the request cannot be read: " + err.Error() + ".", false}
}

// checkFetch reads a request of the second version and writes what of it may be
// forwarded (gitprotocol-v2(5)).
func checkFetch(r *pktline.Reader) ([]byte, error) {
	var out []byte
	command := false
	for part, whole := capabilityPart, false; ; {
		kind, payload, err := r.Next()
		switch {
		case errors.Is(err, io.EOF) && whole:
			return out, nil
		case err != nil:
			return nil, readError(err)
		case kind == pktline.Flush:
			out = append(out, pktline.FlushPacket...)
			part, command, whole = capabilityPart, false, true
			continue
		case kind == pktline.Delim && part == capabilityPart && command:
			out, part, whole = append(out, pktline.DelimPacket...), argumentPart, false
			continue
		case kind != pktline.Data:
			return nil, errMisplaced
		}
		whole = false
		text := strings.TrimSuffix(string(payload), "\n")
		name, _, _ := strings.Cut(text, "=")
		switch {
		case part == argumentPart && strings.HasPrefix(text, "packfile-uris "):
			continue
		case part == argumentPart:
		case name == "session-id" || name == "server-option":
			continue
		case name == "command":
			if command || text != "command=ls-refs" && text != "command=fetch" && text != "command=object-info" {
				return nil, fmt.Errorf("%w: a command other than ls-refs, fetch and object-info", pktline.ErrMalformed)
			}
			command = true
		case name != "agent" && name != "object-format":
			return nil, fmt.Errorf("%w: a capability that was not offered", pktline.ErrMalformed)
		}
		out = pktline.Append(out, payload)
	}
}

const capabilityPart, argumentPart = 0, 1

// maxLine bounds a line that is written anew with more in it, in bytes.
const maxLine = pktline.MaxPayload - 1<<10

var errLongLine = fmt.Errorf("%w: a line of more than %d bytes", pktline.ErrMalformed, maxLine)

var errMisplaced = fmt.Errorf("%w: a packet in a place where it has none", pktline.ErrMalformed)

// oldFetchWords begin the lines of a request of the older versions
// (gitprotocol-pack(5), "Packfile Negotiation").
var oldFetchWords = []string{"want ", "have ", "shallow ", "deepen ", "deepen-since ", "deepen-not ", "filter ", "done"}

// checkOldFetch is checkFetch for the older versions.
func checkOldFetch(r *pktline.Reader) ([]byte, error) {
	var out []byte
	for first := true; ; {
		kind, payload, err := r.Next()
		switch {
		case errors.Is(err, io.EOF) && len(out) > 0:
			return out, nil
		case err != nil:
			return nil, readError(err)
		case kind == pktline.Flush:
			out = append(out, pktline.FlushPacket...)
			continue
		case kind != pktline.Data || !hasWord(string(payload), oldFetchWords):
			return nil, errMisplaced
		}
		text := string(payload)
		if want, caps, ok := cutWant(text); first && ok {
			if len(text) > maxLine {
				return nil, errLongLine
			}
			text, first = want, false
			for word := range strings.FieldsSeq(caps) {
				if !strings.HasPrefix(word, "session-id=") {
					text += " " + word
				}
			}
			text += "\n"
		}
		out = pktline.Append(out, text)
	}
}

func hasWord(text string, words []string) bool {
	for _, w := range words {
		if strings.HasPrefix(text, w) {
			return true
		}
	}
	return false
}

// cutWant cuts the first line of wants behind its object ID.
func cutWant(text string) (want, caps string, ok bool) {
	rest, ok := strings.CutPrefix(text, "want ")
	if !ok {
		return "", "", false
	}
	id, caps, _ := strings.Cut(strings.TrimSuffix(rest, "\n"), " ")
	return "want " + id, caps, true
}
