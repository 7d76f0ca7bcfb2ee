package proxy

import (
	"path"
	"strings"

	"github.com/bot-bottle/bottle/dlp"
)

const (
	// maxDripFields bounds the values of one request that are put together with
	// those of the requests before.
	maxDripFields = 128
	// maxShortBody is the longest body that may be one of many short ones.
	maxShortBody = 64
)

// dlpSession returns what is known of the secrets that a session has sent pieces
// of. There is one for each name that a listener or a credential has.
func (s *Server) dlpSession(name string) *dlp.Session {
	s.dlpMu.Lock()
	defer s.dlpMu.Unlock()
	session := s.dlpSessions[name]
	if session == nil {
		session = dlp.NewSession(s.current.Load().engine)
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
	session := x.s.dlpSession(x.session)
	fields := 0
	drip := func(where, field, value string) *denial {
		if fields++; fields > maxDripFields || value == "" || len(value) >= maxShortBody {
			return nil
		}
		events, _, stop := x.snap.judge(session.Drip(x.target.Host, field, []byte(value)), where, x.target.Host)
		x.keepFindings(events)
		return stop
	}
	if d := drip("url", "path", path.Base(x.r.URL.Path)); d != nil {
		return d
	}
	for pair := range strings.SplitSeq(x.r.URL.RawQuery, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if d := drip("url", "query "+name, value); d != nil {
			return d
		}
	}
	for name, values := range x.r.Header {
		for _, v := range values {
			if d := drip("header "+headerText(name), "header "+name, v); d != nil {
				return d
			}
		}
	}
	return nil
}

// dripBody is scanDrips for a short body.
func (x *exchange) dripBody(body []byte) *denial {
	if len(body) >= maxShortBody {
		return nil
	}
	return x.bodyDenial(x.s.dlpSession(x.session).Drip(x.target.Host, "body", body))
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
