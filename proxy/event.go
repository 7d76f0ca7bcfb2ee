package proxy

import (
	"context"
	"errors"
	"time"
)

// EventType tells the kinds of journal lines apart.
type EventType string

// The event types. A request that goes on has one decision (written before the
// first byte leaves) and one end; a denial is a decision only.
const (
	EventDecision EventType = "decision"
	EventEnd      EventType = "end"
	EventNote     EventType = "note" // start, stop, reload and what else a reader should know
)

// Event is one line of the journal. No field ever holds a secret's value or
// an auth header: hosts, paths and reasons are redacted before they get here.
// Text that the agent chose (Host, Path, Method, Reason) is raw: whoever shows
// it escapes it.
type Event struct {
	Time    time.Time `json:"time"`
	Type    EventType `json:"type"`
	ID      string    `json:"id,omitempty"`      // of the exchange; the agent sees it as request_id
	Session string    `json:"session,omitempty"` // the bottle, or the credential of a standalone proxy

	// Of a decision.
	Proto    string         `json:"proto,omitempty"` // connect, passthrough, raw, http/1.1, h2, websocket
	Method   string         `json:"method,omitempty"`
	Scheme   string         `json:"scheme,omitempty"`
	Host     string         `json:"host,omitempty"`
	Port     int            `json:"port,omitempty"`
	Path     string         `json:"path,omitempty"` // with the query, redacted
	Verdict  Action         `json:"verdict,omitempty"`
	Rule     string         `json:"rule,omitempty"`
	Reason   string         `json:"reason,omitempty"`
	Findings []EventFinding `json:"findings,omitempty"`
	// MoreFindings counts those beyond the first 64.
	MoreFindings int      `json:"more_findings,omitempty"`
	Secrets      []string `json:"secrets,omitempty"` // names of the secrets injected

	// Of a ref in a push, which has a decision of its own.
	Ref     string `json:"ref,omitempty"`
	Old     string `json:"old,omitempty"`
	New     string `json:"new,omitempty"`
	Objects int    `json:"objects,omitempty"` // in the pack that came with the push

	// Of an end.
	Status   int           `json:"status,omitempty"`    // sent to the agent
	BytesOut int64         `json:"bytes_out,omitempty"` // body bytes the agent sent upstream
	BytesIn  int64         `json:"bytes_in,omitempty"`  // body bytes the agent received
	Duration time.Duration `json:"duration_ns,omitempty"`
	Redacted int           `json:"redacted,omitempty"` // injected values replaced in the response
	Usage    *EventUsage   `json:"usage,omitempty"`    // of the model that answered
	Restored int           `json:"restored,omitempty"` // markers in the answer of a model that became their texts
	Inert    []string      `json:"inert,omitempty"`    // placeholders that passed as plain text
	Error    string        `json:"error,omitempty"`
	// RequestBody and AnswerBody are there where bodies are recorded and there was one.
	RequestBody *EventBody `json:"request_body,omitempty"`
	AnswerBody  *EventBody `json:"answer_body,omitempty"`
}

// EventFinding is what the scanner saw, never the text itself.
type EventFinding struct {
	Rule string `json:"rule"`
	// Confidence is how likely it is a credential in use (dlp.Confidence).
	Confidence string `json:"confidence,omitempty"`
	// Field is the name of what the match is the value of, where known (dlp.Finding).
	Field  string `json:"field,omitempty"`
	Where  string `json:"where"`            // url, header, body, messages, stream
	Offset int64  `json:"offset"`           // in that part
	Length int    `json:"length,omitempty"` // of the match
	Hash   string `json:"hash,omitempty"`   // keyed: equal texts in one run have equal hashes
	Action string `json:"action,omitempty"`
}

// EventUsage is what a model that answered reports of it. Of a WebSocket it is the sum,
// with the name of the first model.
type EventUsage struct {
	Model string `json:"model,omitempty"`
	Tokens
	// Cost is by Budgets.Prices; Unpriced says that there was no price.
	Cost     float64 `json:"cost,omitempty"`
	Unpriced bool    `json:"unpriced,omitempty"`
}

// Recorder takes the events of a Server. Record returns only when the event is
// kept: an error denies the request that it is about, and the agent is told why
// when it wraps ErrJournalFull. It is called concurrently.
type Recorder interface {
	Record(ctx context.Context, e *Event) error
}

// ErrJournalFull is what a Recorder's error wraps when it has come to a limit of
// its own, so that trying again is of no use.
var ErrJournalFull = errors.New("the journal has reached its size limit")
