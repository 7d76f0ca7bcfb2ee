package proxy

import (
	"bytes"
	"net/url"
	"strconv"
	"strings"

	"github.com/bot-bottle/bottle/dlp"
)

const (
	// maxDripFields bounds the values of one request that are put together with
	// those of the requests before. One with more is not looked through whole.
	maxDripFields = 256
	// maxShortBody is the length from which on a body or a value is none of many
	// short ones.
	maxShortBody = 64
	// minPadding is how often a byte stands at an end of a value that was filled
	// up with it.
	minPadding = 8
	// maxPadded bounds what is held of a streamed body to tell whether it is short
	// without its padding.
	maxPadded = 4 << 10
)

// unscannedFields is the name of the finding that a request has more short values
// than maxDripFields.
const unscannedFields = "fields"

// dlpSession returns what is known of the secrets that a session has sent pieces
// of. There is one for each name that a listener or a credential has.
func (s *Server) dlpSession(name string) *dlp.Session {
	s.dlpMu.Lock()
	defer s.dlpMu.Unlock()
	session := s.dlpSessions[name]
	if session == nil {
		session = dlp.NewSession(s.dlpEngine)
		if s.dlpSessions == nil {
			s.dlpSessions = map[string]*dlp.Session{}
		}
		s.dlpSessions[name] = session
	}
	return session
}

// useEngine has all sessions go on with the engine of a new snapshot.
func (s *Server) useEngine(snap *snapshot) {
	s.dlpMu.Lock()
	defer s.dlpMu.Unlock()
	s.dlpEngine = snap.engine
	for _, session := range s.dlpSessions {
		session.Use(snap.engine)
	}
}

// scanner returns a scanner for what leaves, which counts pieces of secrets.
func (x *exchange) scanner() *dlp.Scanner {
	sc := x.snap.scanner()
	sc.Attach(x.s.dlpSession(x.session))
	return sc
}

// scanDrips judges the short values of a request together with those that were
// sent in the same places before.
func (x *exchange) scanDrips() *denial {
	d := dripScan{x: x, session: x.s.dlpSession(x.session)}
	d.path(x.r.URL.Path)
	d.query(x.r.URL.RawQuery)
	for name, values := range x.r.Header {
		for _, v := range values {
			if short := d.short(v); short != nil {
				d.look(spot{"header", name}, "header "+name, short)
			}
		}
	}
	return d.stop
}

// dripScan is one run of scanDrips. Nothing is looked at once it is over.
type dripScan struct {
	x       *exchange
	session *dlp.Session
	fields  int // that were looked at
	over    bool
	stop    *denial
}

// path looks at each segment. The last is the same field however deep it is.
func (d *dripScan) path(p string) {
	for i := 0; ; i++ {
		segment, rest, more := strings.Cut(p, "/")
		if !more {
			d.value(spot{part: partURL}, "path", "", segment)
			return
		}
		d.value(spot{part: partURL}, "path ", smallNumber(i), segment)
		p = rest
	}
}

// smallNumber is strconv.Itoa.
func smallNumber(i int) string {
	if i < len(smallNumbers) {
		return smallNumbers[i : i+1]
	}
	return strconv.Itoa(i)
}

const smallNumbers = "0123456789"

// query looks at values by their name, and at names by their position: a name
// may be what is sent.
func (d *dripScan) query(q string) {
	i := 0
	for pair := range strings.SplitSeq(q, "&") {
		if d.over {
			return
		}
		name, value, _ := strings.Cut(pair, "=")
		name, value = queryText(name), queryText(value)
		d.value(spot{part: partURL}, "query name ", smallNumber(i), name)
		d.value(spot{part: partURL}, "query ", name, value)
		if name != "" {
			i++ // what is empty would shift the others
		}
	}
}

// queryText is a part of a query as a server reads it.
func queryText(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

func (d *dripScan) value(at spot, kind, name, value string) {
	if short := d.short(value); short != nil {
		d.look(at, kind+name, short)
	}
}

// short returns what has to be looked at of a value, or nil. It is valid until the
// next call.
func (d *dripScan) short(value string) []byte {
	if d.over {
		return nil
	}
	d.x.scratch = append(d.x.scratch[:0], value...)
	short := unpadded(d.x.scratch)
	if len(short) == 0 || len(short) >= maxShortBody {
		return nil
	}
	return short
}

func (d *dripScan) look(at spot, field string, short []byte) {
	var found []dlp.Finding
	if d.fields++; d.fields > maxDripFields {
		found, d.over = []dlp.Finding{{Kind: dlp.KindUnscanned, Rule: dlp.RuleUnscanned, Name: unscannedFields, Length: 1}}, true
	} else {
		found = d.session.Drip(d.x.target.Host, field, short)
	}
	if len(found) == 0 {
		return
	}
	v := d.x.snap.judge(found, at.String(), d.x.target.Host)
	d.x.keepFindings(v.events)
	if v.stop != nil {
		d.stop, d.over = v.stop, true
	}
}

// unpadded takes off what a value may have been filled up with to look long:
// white space, and rows of one byte at its ends.
func unpadded(v []byte) []byte {
	for {
		v = bytes.TrimSpace(v)
		n := len(v)
		if n < minPadding {
			return v
		}
		end := n
		for end > 0 && v[end-1] == v[n-1] {
			end--
		}
		if n-end >= minPadding {
			v = v[:end]
			continue
		}
		start := 0
		for v[start] == v[0] { // ends: a row of all bytes was taken off above
			start++
		}
		if start < minPadding {
			return v
		}
		v = v[start:]
	}
}

// dripBody is scanDrips for a short body.
func (x *exchange) dripBody(body []byte) *denial {
	body = unpadded(body)
	if len(body) == 0 || len(body) >= maxShortBody {
		return nil
	}
	return x.bodyDenial(x.s.dlpSession(x.session).Drip(x.target.Host, "body", body))
}

// shortBody keeps a body that is not read whole as long as it may be a short one.
type shortBody struct {
	text []byte
	long bool
}

func (b *shortBody) add(p []byte) {
	for len(p) > 0 && !b.long {
		n := min(len(p), maxPadded-len(b.text))
		b.text = append(b.text, p[:n]...)
		p = p[n:]
		if len(b.text) == maxPadded {
			b.text = unpadded(b.text)
			b.long = len(b.text) >= maxShortBody
		}
	}
	if b.long {
		b.text = nil
	}
}

// dripShort judges a streamed body at its end, before that leaves.
func (x *exchange) dripShort(session *dlp.Session, short *shortBody) error {
	body := unpadded(short.text)
	if session == nil || len(body) == 0 || len(body) >= maxShortBody {
		return nil
	}
	return x.judgeBody(session.Drip(x.target.Host, "body", body))
}

// pieceText says of a known value how it was found in pieces, or "".
func pieceText(f dlp.Finding) string {
	switch {
	case strings.HasPrefix(f.Path, "drip"):
		return "what looks like a credential when it is put together with what was sent before (" + f.Rule + ")"
	case strings.HasSuffix(f.Path, "pieces"):
		return "a piece of the secret " + f.Name + ", of which other pieces were sent before,"
	case f.Rule == dlp.RuleCanary:
		return "the canary " + f.Name + ", which nothing has a use for,"
	}
	return ""
}
