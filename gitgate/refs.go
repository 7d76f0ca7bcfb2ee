package gitgate

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/gitgate/pktline"
)

var protocolSyntax = regexp.MustCompile(`^version=[012]$`)

// serveRefs answers the request that begins a fetch or a push.
func (v *visit) serveRefs() {
	service := v.r.URL.Query().Get("service")
	if r := v.checkRefs(service); r != nil {
		v.refuse(r)
		return
	}
	protocol := ""
	if p := v.r.Header.Get("Git-Protocol"); service == uploadPack && protocolSyntax.MatchString(p) {
		protocol = p
	}
	if r := v.allow(); r != nil {
		v.refuse(r)
		return
	}
	body, err := v.host.upstream.advertise(v.ctx, v.call, v.repo.Path, service, protocol)
	if err != nil {
		v.refuse(v.upstreamRefusal(err))
		return
	}
	defer func() { _ = body.Close() }()
	first, rest, err := editAdvertisement(bufio.NewReaderSize(body, copyBuffer), service, v.repo.Push != nil && v.repo.Push.Options)
	if err != nil {
		v.refuse(&refusal{http.StatusBadGateway, ruleUpstream, v.host.URL.Hostname() + ": " + err.Error(), true})
		return
	}
	v.head("application/x-" + service + "-advertisement")
	head := append(pktline.Append(nil, "# service="+service+"\n"), pktline.FlushPacket...)
	if err := v.relay(io.MultiReader(bytes.NewReader(append(head, first...)), rest)); err != nil {
		v.broken(err)
	}
	v.end(nil)
}

func (v *visit) checkRefs(service string) *refusal {
	const dumb = "this is a request of git's dumb protocol, which is not served: use a git of version 1.6.6 or later, with GIT_SMART_HTTP on."
	switch {
	case v.r.Method != http.MethodGet:
		return &refusal{http.StatusMethodNotAllowed, ruleProtocol, "the refs of a repository are asked for by GET.", false}
	case service == "" || v.r.URL.RawQuery != "service="+service:
		return &refusal{http.StatusNotFound, ruleProtocol, dumb, false}
	case service != uploadPack && service != receivePack:
		return &refusal{http.StatusForbidden, ruleProtocol, "this service is not served: only those of fetch and push are.", false}
	case service == receivePack && v.repo.Push == nil:
		return v.readOnly()
	}
	return nil
}

func (v *visit) readOnly() *refusal {
	return &refusal{http.StatusForbidden, ruleRead, fmt.Sprintf("%s/%s can be read and not pushed to. Keep the work in commits: the operator gets them by \"bottle pull\", or can write access: write into bottle.yaml.", v.host.Name, v.repo.Path), false}
}

// editAdvertisement takes from what a server says first what would lead past the
// gate. It returns the packets that it has read, edited, and the rest.
func editAdvertisement(r *bufio.Reader, service string, options bool) (first []byte, rest io.Reader, err error) {
	packets := pktline.NewReader(r)
	kind, payload, err := packets.Next()
	if err != nil {
		return nil, nil, readError(err)
	}
	text := string(payload)
	switch {
	case kind == pktline.Flush && service == uploadPack: // an empty repository, in the oldest version
		return []byte(pktline.FlushPacket), strings.NewReader(""), nil
	case kind != pktline.Data:
		return nil, nil, fmt.Errorf("%w: it says nothing", pktline.ErrMalformed)
	case strings.HasPrefix(text, "ERR "):
		return pktline.AppendError(nil, strings.TrimPrefix(text, "ERR ")), strings.NewReader(""), nil
	case service == uploadPack && text == "version 2\n":
		first, err = offerFetch(packets)
		return first, strings.NewReader(""), err
	case service == uploadPack && text == "version 1\n":
		first = pktline.Append(nil, payload)
		if kind, payload, err = packets.Next(); err != nil || kind != pktline.Data {
			return nil, nil, fmt.Errorf("%w: no refs behind the version", pktline.ErrMalformed)
		}
	}
	switch {
	case len(payload) > maxLine:
		return nil, nil, errLongLine
	case service == uploadPack:
		payload = offerOld(payload)
	default:
		if payload, err = pktline.OfferPush(payload, options); err != nil {
			return nil, nil, err
		}
	}
	return pktline.Append(first, payload), &flushReader{r: r, packets: packets}, nil
}

// offerFetch rewrites the capabilities of the second version, up to the flush
// (gitprotocol-v2(5)). What a client would be told to fetch elsewhere would not
// come through the gate.
func offerFetch(r *pktline.Reader) ([]byte, error) {
	out := pktline.Append(nil, "version 2\n")
	for n := 0; ; n++ {
		kind, payload, err := r.Next()
		switch {
		case err != nil:
			return nil, readError(err)
		case kind == pktline.Flush:
			return append(out, pktline.FlushPacket...), nil
		case kind != pktline.Data || n > pktline.MaxCapabilities:
			return nil, fmt.Errorf("%w: no list of capabilities", pktline.ErrMalformed)
		case len(payload) > maxLine:
			return nil, errLongLine
		}
		name, value, hasValue := strings.Cut(strings.TrimSuffix(string(payload), "\n"), "=")
		if !slices.Contains(fetchCapabilities, name) {
			continue
		}
		if name == "fetch" {
			words := strings.Fields(value)
			value = strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "packfile-uris" }), " ")
		}
		if hasValue && value != "" {
			name += "=" + value
		}
		out = pktline.Append(out, name+"\n")
	}
}

// fetchCapabilities are those of a server of the second version that a client may
// hear of. bundle-uri names places elsewhere; session-id and server-option carry
// texts of the client's own.
var fetchCapabilities = []string{"agent", "ls-refs", "fetch", "object-info", "object-format"}

// offerOld takes session-id from the first line of the older versions.
func offerOld(payload []byte) []byte {
	ref, caps, ok := bytes.Cut(payload, []byte{0})
	if !ok {
		return payload
	}
	words := strings.Fields(string(caps))
	words = slices.DeleteFunc(words, func(w string) bool { return strings.HasPrefix(w, "session-id=") })
	return append(append(bytes.Clone(ref), 0), " "+strings.Join(words, " ")+"\n"...)
}

func readError(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// flushReader reads packets up to a flush, which is its last, and fails where the
// input ends before.
type flushReader struct {
	r       *bufio.Reader
	packets *pktline.Reader // of r
	buf     []byte
	left    []byte // of buf
	over    bool
}

func (f *flushReader) Read(p []byte) (n int, err error) {
	for {
		m := copy(p[n:], f.left)
		n, f.left = n+m, f.left[m:]
		switch {
		case len(f.left) > 0, n > 0 && f.r.Buffered() == 0: // rather than wait for more
			return n, nil
		case f.over:
			return n, io.EOF
		}
		if err := f.next(); err != nil {
			return n, err
		}
	}
}

func (f *flushReader) next() error {
	kind, payload, err := f.packets.Next()
	switch {
	case err != nil:
		return readError(err)
	case kind == pktline.Data:
		f.buf = pktline.Append(f.buf[:0], payload)
	case kind == pktline.Flush:
		f.buf, f.over = append(f.buf[:0], pktline.FlushPacket...), true
	default:
		return fmt.Errorf("%w: a packet that has no place among refs", pktline.ErrMalformed)
	}
	f.left = f.buf
	return nil
}
