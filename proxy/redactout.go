package proxy

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/dlp"
)

// What leaves is redacted in three places: in a body of text, in the values of
// headers that mean nothing to a protocol, and in the query. Everywhere else a
// finding that is to be redacted blocks.

// redacts reports whether a policy has anything redacted.
func redacts(p dlp.Policy) bool {
	if p.Action == dlp.Redact {
		return true
	}
	for _, a := range p.Rules {
		if a == dlp.Redact {
			return true
		}
	}
	return false
}

// ignores reports whether a policy lets everything pass without a note.
func ignores(p dlp.Policy) bool {
	for _, a := range p.Rules {
		if a != dlp.Off {
			return false
		}
	}
	return p.Action == dlp.Off
}

// redactor replaces what the policy wants replaced, and blocks where that cannot
// be done for sure. On a model route, fields are those of the stream that must stay.
func (x *exchange) redactor(sc *dlp.Scanner, fields *opaqueFields, replaced func(marker string, text []byte)) *dlp.Redactor {
	opts := dlp.RedactOptions{Strict: true, Replaced: replaced, Marker: x.placeholderFor}
	if x.isModel() {
		kept := x.s.markersOf(x.session)
		opts.Replaced = func(marker string, text []byte) {
			kept.keep(marker, text)
			if replaced != nil {
				replaced(marker, text)
			}
		}
	}
	opts.Decide = func(f dlp.Finding) dlp.Action {
		a := x.bodyAction(f)
		switch {
		case a == dlp.Redact && x.socket != nil && x.socket.binary:
			return dlp.Block
		case fields != nil && fields.covers(f.Offset):
			return opaqueAction(f, a)
		}
		return a
	}
	return dlp.NewRedactor(sc, opts)
}

// opaqueFields follows a stream on a model route; nil elsewhere.
func (x *exchange) opaqueFields() *opaqueFields {
	if x.isModel() {
		return &opaqueFields{}
	}
	return nil
}

// wantsRedaction reports whether the policy has one of the findings replaced.
func (x *exchange) wantsRedaction(findings []dlp.Finding) bool {
	return x.mayRedact() && slices.ContainsFunc(findings, func(f dlp.Finding) bool { return x.bodyAction(f) == dlp.Redact })
}

// wholeText is a text that is complete, and what must stay as it is in it.
type wholeText struct {
	text []byte
	// before is how much of the beginning must stay.
	before int
	// together are bytes that divide the text for whoever reads it: what is replaced
	// may have none of them.
	together string
	json     bool
}

// fields are those that must stay in JSON for a model.
func (t *wholeText) fields(x *exchange) *opaqueFields {
	if !t.json {
		return nil
	}
	return x.opaqueFields()
}

// redactWhole replaces what is found in a text. What was done is given to judge;
// nothing is, unless all of it was for sure.
func (x *exchange) redactWhole(sc *dlp.Scanner, t wholeText, judge func([]dlp.Redaction) *denial) ([]byte, *denial) {
	sc.Reset()
	whole := true
	fields := t.fields(x)
	red := x.redactor(sc, fields, func(_ string, was []byte) {
		whole = whole && was != nil && (t.together == "" || !bytes.ContainsAny(was, t.together))
	})
	if fields != nil {
		fields.write(t.text)
	}
	out, done, err := red.Write(make([]byte, 0, len(t.text)), t.text)
	done = slices.Clone(done) // valid until the next call only
	if err == nil {
		var last []dlp.Redaction
		out, last, err = red.Close(out)
		done = append(done, last...)
	}
	whole = whole && err == nil && bytes.HasPrefix(out, t.text[:t.before]) && (!t.json || json.Valid(out) || !json.Valid(t.text)) && !x.stillFound(out, t.fields(x))
	if !whole {
		for i := range done {
			if done[i].Action == dlp.Redact {
				done[i].Action = dlp.Block
			}
		}
	}
	d := judge(done)
	if d == nil && !whole {
		d = unredacted()
	}
	return out, d
}

// stillFound looks at what would leave with the eyes of whoever gets it.
func (x *exchange) stillFound(text []byte, fields *opaqueFields) bool {
	sc := x.snap.scanner()
	defer x.snap.scanners.Put(sc)
	if fields != nil {
		fields.write(text)
	}
	return slices.ContainsFunc(scanWhole(sc, text), func(f dlp.Finding) bool {
		a := x.bodyAction(f)
		if fields != nil && fields.covers(f.Offset) {
			a = opaqueAction(f, a)
		}
		return a != dlp.Off && a != dlp.Warn
	})
}

// unredacted is the denial for what could not be redacted, where no finding says
// so.
func unredacted() *denial {
	d := denyDLP("redact", "what looks like a credential stands where it cannot be redacted for sure, so the request was not sent. Do not retry: remove it, or use the placeholder that stands for the credential.")
	d.fixed = true
	return d
}

// redactsBody reports whether something may be replaced in the body.
func (x *exchange) redactsBody() bool { return x.mayRedact() && x.fixedBody() == "" }

// mayRedact reports whether there is anything that is redacted in a body.
func (x *exchange) mayRedact() bool { return x.snap.redacts || x.isModel() && !x.snap.ignores }

// streamScan scans a body or messages while they stream.
func (x *exchange) streamScan(sc *dlp.Scanner) streamScan {
	session := x.s.dlpSession(x.session)
	if x.redactsBody() {
		fields := x.opaqueFields()
		return &redactBodyFilter{x: x, fields: fields, red: x.redactor(sc, fields, nil), session: session}
	}
	return &scanFilter{x: x, sc: sc, session: session}
}

// fixedBody says why nothing can be replaced in the body, for the end of a message,
// or "".
func (x *exchange) fixedBody() string {
	if x.isRaw() {
		return " Nothing is redacted in a connection of tls: raw."
	}
	if x.socket != nil {
		if x.socket.binary {
			return " Only text messages are redacted."
		}
		return ""
	}
	h := x.r.Header
	typ := h.Get("Content-Type")
	switch {
	case contentCoding(h) != "":
		return " Nothing is redacted in a body with Content-Encoding " + headerText(contentCoding(h)) + ": send it uncompressed."
	case !isText(typ):
		return " Only text is redacted, and the Content-Type is " + headerText(typ) + "."
	case signed(h) != "":
		return " Nothing is redacted in a request that is signed (" + signed(h) + ")."
	}
	for _, name := range digestHeaders {
		if h.Get(name) != "" {
			return " Nothing is redacted in a body that the header " + name + " describes."
		}
	}
	return ""
}

// digestHeaders are those that another body would make wrong (RFC 9530, RFC 1864;
// RFC 9110, section 14.4, for a part of one).
var digestHeaders = [...]string{"Content-Digest", "Repr-Digest", "Digest", "Content-Md5", "Content-Range", "X-Amz-Content-Sha256", "Upload-Offset", "Upload-Length"}

// signed returns the header with a signature over the request, which a server
// would find wrong when anything is replaced.
func signed(h http.Header) string {
	for _, name := range [...]string{"Signature", "Signature-Input", "X-Hub-Signature", "X-Hub-Signature-256"} {
		if h.Get(name) != "" {
			return name
		}
	}
	scheme, _, _ := strings.Cut(strings.ToLower(h.Get("Authorization")), " ")
	if strings.HasPrefix(scheme, "aws4-") || scheme == "signature" || scheme == "hawk" {
		return "Authorization"
	}
	return ""
}

// textTypes are the types of text whose names do not begin with text/ or end with
// +json, +xml or +yaml. What is in a form with files may be anything.
var textTypes = map[string]bool{
	"": true, "application/json": true, "application/x-www-form-urlencoded": true, "multipart/form-data": true,
	"application/x-ndjson": true, "application/ndjson": true, "application/jsonl": true, "application/x-jsonlines": true, "application/json-seq": true,
	"application/xml": true, "application/graphql": true, "application/javascript": true, "application/yaml": true, "application/x-yaml": true,
	"application/toml": true, "application/sql": true,
}

// isText reports whether a body of a type can have a text in place of another: one
// that tells the lengths of its parts cannot. No type is that of text, as most
// clients that give none send.
func isText(contentType string) bool {
	typ, _, err := mime.ParseMediaType(contentType)
	switch {
	case err != nil && contentType != "":
		return false
	case strings.HasPrefix(typ, "application/grpc"), strings.HasPrefix(typ, "application/connect"):
		return false // framed, whatever is in the frames
	case strings.HasPrefix(typ, "text/"), textTypes[typ]:
		return true
	}
	return strings.HasSuffix(typ, "+json") || strings.HasSuffix(typ, "+xml") || strings.HasSuffix(typ, "+yaml")
}

// isFixedHeader reports whether a value of a header means something to a protocol,
// or is a credential: a request with another would fail in a way that tells nobody
// why.
func isFixedHeader(name string) bool {
	name = strings.ToLower(name)
	for _, prefix := range [...]string{"content-", "if-", "sec-", "x-amz-", "access-control-", "proxy-", "grpc-", "connect-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return fixedHeaders[name]
}

var fixedHeaders = map[string]bool{
	"authorization": true, "cookie": true, "x-api-key": true, "api-key": true, "apikey": true, "x-auth-token": true, "x-access-token": true,
	"private-token": true, "x-goog-api-key": true, "x-vault-token": true, "x-csrf-token": true, "x-xsrf-token": true, "dpop": true,
	"host": true, "connection": true, "transfer-encoding": true, "te": true, "trailer": true, "upgrade": true, "expect": true, "range": true,
	"accept-encoding": true, "origin": true, "digest": true, "repr-digest": true, "idempotency-key": true,
}

// redactBodyFilter replaces what is found in a body that streams.
type redactBodyFilter struct {
	x       *exchange
	fields  *opaqueFields // may be nil
	red     *dlp.Redactor
	out     []byte
	session *dlp.Session // that short bodies are put together in; may be nil
	short   shortBody
}

func (f *redactBodyFilter) write(p []byte) ([]byte, error) {
	if f.fields != nil {
		f.fields.write(p)
	}
	out, done, err := f.red.Write(f.out[:0], p)
	return f.judged(out, done, err)
}

func (f *redactBodyFilter) flush() ([]byte, error) {
	out, done, err := f.red.Idle(f.out[:0])
	return f.judged(out, done, err)
}

func (f *redactBodyFilter) close() ([]byte, error) { return f.end(f.red.Close(f.out[:0])) }
func (f *redactBodyFilter) endMessage() ([]byte, error) {
	out, err := f.end(f.red.Flush(f.out[:0]))
	if f.fields != nil {
		f.fields.endMessage()
	}
	return out, err
}

// end lets out the rest of a body, or of a message.
func (f *redactBodyFilter) end(out []byte, done []dlp.Redaction, err error) ([]byte, error) {
	if out, err = f.judged(out, done, err); err != nil {
		return nil, err
	}
	err = f.x.dripShort(f.session, &f.short)
	f.short = shortBody{}
	return out, err
}

func (f *redactBodyFilter) held() int { return f.red.Held() }

// judged lets out what is decided.
func (f *redactBodyFilter) judged(out []byte, done []dlp.Redaction, err error) ([]byte, error) {
	f.out = out
	stop := f.x.judgeBodyRedactions(done)
	if stop == nil && err != nil {
		stop = f.x.stopBody(unredacted())
	}
	if stop != nil {
		return nil, stop
	}
	f.short.add(out)
	return out, nil
}
