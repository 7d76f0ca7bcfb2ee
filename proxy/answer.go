package proxy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// denial is an answer that the proxy gives in the upstream's place.
type denial struct {
	status  int
	rule    string // Bottle-Rule
	message string // what happened and what the agent can do next
	upset   bool   // an upstream failure: nothing was refused
	fixed   bool   // what was to be redacted could not be
	last    bool   // the connection carries no further request
	near    string // limits that the agent is warned of
}

// advice ends the messages of policy denials. Agents pass it on to their
// operator, who is the one to act on it.
const advice = "Do not retry; ask the operator to allow it in bottle.yaml if it is needed."

// denyPolicy is for a request that no rule lets out.
func denyPolicy(d Decision) *denial {
	return &denial{status: http.StatusForbidden, rule: d.Rule, message: d.Reason + ". " + advice}
}

// denyDLP is for agent-written bytes that the scanner stopped. 400 makes agent
// clients stop at once and show the text, where 403 makes some retry.
func denyDLP(rule, what string) *denial {
	return &denial{status: http.StatusBadRequest, rule: "dlp:" + rule, message: what}
}

// failure is for an upstream that could not be reached or did not answer.
func failure(status int, message string) *denial {
	return &denial{status: status, rule: "upstream", message: message, upset: true}
}

// answerBody is what the agent gets to read.
type answerBody struct {
	Error answerError `json:"error"`
}

type answerError struct {
	Type      string `json:"type"`
	Rule      string `json:"rule"`
	Message   string `json:"message"`
	RequestID string `json:"request_id"`
}

func (d *denial) body(id string) []byte {
	typ := "bottle_denied"
	if d.upset {
		typ = "bottle_upstream"
	}
	b, err := json.Marshal(answerBody{answerError{Type: typ, Rule: d.rule, Message: d.message, RequestID: id}})
	if err != nil { // strings always marshal
		panic(err)
	}
	return append(b, '\n')
}

// write answers on an ordinary exchange.
func (d *denial) write(w http.ResponseWriter, r *http.Request, id string) {
	body := d.body(id)
	h := w.Header()
	clear(h)
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Bottle-Rule", headerText(d.rule))
	h.Set("Cache-Control", "no-store")
	if d.near != "" {
		h.Set(headerBudget, headerText(d.near))
	}
	switch d.status {
	case http.StatusProxyAuthRequired:
		h.Set("Proxy-Authenticate", proxyChallenge)
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", retryAfter)
	}
	// The head guard stands aside behind a CONNECT; a body that was given up, or is
	// broken, leaves no place where a next request could begin (RFC 9110, section 15.5.9).
	if d.last || r.Method == http.MethodConnect || d.status == http.StatusRequestTimeout && r.ProtoMajor < 2 || brokenBody(r) {
		h.Set("Connection", "close")
	}
	w.WriteHeader(d.status)
	_, _ = w.Write(body) // the client may be gone; nothing is left to tell it
}

// proxyChallenge asks for the password of a listener.
const proxyChallenge = `Basic realm="bottle"`

// connectAnswer renders the refusal of a CONNECT. Python, npm and Go clients
// show only the reason phrase of one, so the message stands there too.
func (d *denial) connectAnswer(id string) []byte {
	body := d.body(id)
	retry := ""
	if d.status == http.StatusServiceUnavailable {
		retry = "Retry-After: " + retryAfter + "\r\n"
	}
	return fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nBottle-Rule: %s\r\n%sConnection: close\r\n\r\n%s",
		d.status, reasonPhrase(d.message), len(body), headerText(d.rule), retry, body)
}

// maxReasonPhrase keeps status lines readable in the clients that print them.
const maxReasonPhrase = 120

func reasonPhrase(s string) string {
	s = headerText(s)
	if len(s) > maxReasonPhrase {
		s = s[:maxReasonPhrase-3] + "..."
	}
	return s
}

// headerText makes text safe for a header or a status line: printable ASCII.
func headerText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}
