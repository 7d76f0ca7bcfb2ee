package proxy

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"

	"github.com/bot-bottle/bottle/dlp"
)

// On a route to a model provider (KindModel) what is found in what the agent sends is
// replaced instead of blocked: a conversation is sent again whole on each turn, and
// one text in it that looks like a credential would be the end of it.
//
//   - What is found by its format becomes a marker, the same one for the same text,
//     and in the answers the marker becomes the text again: the model never sees the
//     text, and a file that the agent writes has it.
//   - The value of a secret becomes its placeholder, and that of a file of known
//     values, or of a canary, a marker. They are not given back.
//   - What cannot be read, or cannot be replaced for sure, is blocked as anywhere.

const (
	// modelBytes is the largest declared body to a model provider that is read and
	// decided before the upstream is contacted.
	modelBytes = 8 << 20
	// maxMarkers and maxMarked bound the markers of one session that become their
	// text again, and the texts in both of their forms, in bytes. The oldest go first: what is still in the
	// conversation comes again with each turn.
	maxMarkers = 4096
	maxMarked  = 4 << 20
)

func (x *exchange) isModel() bool { return x.route != nil && x.route.Kind == KindModel }

// decideLimit is the largest declared body that is decided as a whole.
func (x *exchange) decideLimit() int64 {
	if x.isModel() {
		return modelBytes
	}
	return decideBytes
}

// bodyAction is what becomes of a finding in a body, or in messages.
func (x *exchange) bodyAction(f dlp.Finding) dlp.Action {
	a := x.snap.DLP.Decide(f, x.target.Host)
	if a == dlp.Block && x.isModel() && f.Kind != dlp.KindUnscanned {
		return dlp.Redact
	}
	return a
}

// opaqueAction is bodyAction for a finding in a field that has to stay as it is: by
// its format it is there by chance, and a known value is not.
func opaqueAction(f dlp.Finding, a dlp.Action) dlp.Action {
	switch {
	case a != dlp.Redact && a != dlp.Block:
		return a
	case f.Kind == dlp.KindFormat:
		return dlp.Warn
	}
	return dlp.Block
}

// placeholderFor is what stands for a known value toward a model.
func (x *exchange) placeholderFor(f dlp.Finding) (string, bool) {
	if !x.isModel() || f.Kind == dlp.KindFormat || f.Path != "" && f.Path != "json" {
		return "", false
	}
	if st := x.snap.known(f.Name); st != nil && f.Rule == dlp.RuleKnown {
		x.s.markersOf(x.session).alarm(x, f.Name)
		return st.Placeholder, true
	}
	return "", false
}

// marked is the text of a marker, and what it is in a table for code: the tables of all
// answers that are under way share both.
type marked struct{ plain, code string }

func (t marked) size() int { return len(t.plain) + len(t.code) }

// markers are those of one session, for its answers.
type markers struct {
	mu    sync.Mutex
	texts map[string]marked
	order []string
	size  int
	// tables are made when they are asked for, for what has a marker by then, and are
	// forgotten when nobody uses them.
	tables   *markerTables
	inTables int64 // in all tables that are used
	room     *tableRoom
	told     map[string]bool // secrets whose value was seen
}

// alarm tells the operator, once, that the agent has the value of a secret: it must
// have found it in something that it was shown.
func (m *markers) alarm(x *exchange, name string) {
	m.mu.Lock()
	had := m.told[name]
	if m.told == nil {
		m.told = map[string]bool{}
	}
	m.told[name] = true
	m.mu.Unlock()
	if !had {
		x.s.log.Warn("the agent sends the value of a secret to its model: its placeholder was sent instead, and the value is in something that the agent was shown", "name", name, "host", x.shownHost(), "id", x.id)
	}
}

// keep remembers a text by its marker.
func (m *markers) keep(marker string, raw []byte) {
	if raw == nil || !givenBack(marker) {
		return
	}
	text := marked{plain: keyText(raw)}
	text.code = coded(text.plain)
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, had := m.texts[marker]; had {
		return
	}
	if m.texts == nil {
		m.texts = map[string]marked{}
	}
	m.texts[marker], m.tables = text, nil
	m.order = append(m.order, marker)
	m.size += text.size()
	for len(m.order) > maxMarkers || m.size > maxMarked && len(m.order) > 1 {
		m.size -= m.texts[m.order[0]].size()
		delete(m.texts, m.order[0])
		m.order = m.order[1:]
	}
}

// givenBack reports whether what a marker stands for may be given back to the agent:
// what it has found by itself, and not what the host keeps from it.
func givenBack(marker string) bool {
	for _, rule := range [...]string{dlp.RuleKnown, dlp.RuleCanary} {
		if strings.HasPrefix(marker, dlp.MarkerPrefix(rule)) {
			return false
		}
	}
	return strings.HasPrefix(marker, dlp.MarkerPrefix(""))
}

// unquoted takes the escapes of JSON off a text, as often as it was put into JSON: a
// conversation has JSON in JSON. What has no escapes is no matter of depth.
func unquoted(s string) string {
	for range maxQuoted {
		var out string
		if !strings.Contains(s, `\`) || json.Unmarshal([]byte(`"`+s+`"`), &out) != nil {
			break
		}
		s = out
	}
	return s
}

// maxQuoted is how often a text is put into JSON at most.
const maxQuoted = 4

// quote is what a text is inside of the quotes of JSON.
func quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil { // a string always can be
		return s
	}
	return strings.TrimSuffix(strings.TrimPrefix(b.String(), `"`), "\"\n")
}

// markersOf returns the markers of a session.
func (s *Server) markersOf(session string) *markers {
	s.markersMu.Lock()
	defer s.markersMu.Unlock()
	m := s.markers[session]
	if m == nil {
		m = &markers{room: &s.tables}
		s.markers[session] = m
	}
	return m
}
