package journal

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/proxy"
)

// maxHAROpen bounds the exchanges that HAR keeps until their end comes. It is more
// than a proxy has under way, so those beyond have none.
const maxHAROpen = 8192

// HAR writes the exchanges of a journal as an HTTP archive (HAR 1.2), in bounded
// memory and in the order in which they ended. A journal has no headers, so those are
// empty, and sizes are -1 where they are not known. Bodies are there where they were
// recorded, as body returns them (such as [ReadBody]), and else a comment says why not. What is
// bottle's own (the verdict, the rule, findings) stands in comments and in fields
// that begin with an underscore, as the format has it. Lines that cannot be read are
// left out, and the error says how many there were.
func HAR(w io.Writer, entries iter.Seq2[Entry, error], body func(*proxy.EventBody) ([]byte, error), version string) error {
	out := bufio.NewWriter(w)
	h := harWriter{w: out, body: body, open: map[string]*proxy.Event{}}
	creator, _ := json.Marshal(map[string]string{"name": "bottle", "version": version}) // strings always marshal
	fmt.Fprintf(out, `{"log":{"version":"1.2","creator":%s,"entries":[`, creator)
	unreadable := 0
	for e, err := range entries {
		var bad *LineError
		switch {
		case errors.As(err, &bad):
			unreadable++
		case err != nil:
			return errors.Join(fmt.Errorf("reading the journal: %w", err), out.Flush())
		default:
			h.take(&e.Event)
		}
		if h.err != nil {
			return h.err
		}
	}
	for len(h.order) > 0 && h.err == nil {
		h.drop()
	}
	if h.err != nil {
		return h.err
	}
	_, err := out.WriteString("\n]}}\n")
	if err = errors.Join(err, out.Flush()); err == nil && unreadable > 0 {
		err = fmt.Errorf("%d lines of the journal cannot be read and are not in the archive: `bottle logs verify` says more", unreadable)
	}
	return err
}

// harWriter puts decisions and ends together.
type harWriter struct {
	w     *bufio.Writer
	body  func(*proxy.EventBody) ([]byte, error)
	n     int
	open  map[string]*proxy.Event
	order []string // of the open ones, oldest first; may name some that are not any more
	err   error
}

func (h *harWriter) take(e *proxy.Event) {
	switch {
	case e.Type == proxy.EventDecision && e.Verdict == proxy.Deny:
		h.write(e, e)
	case e.Type == proxy.EventDecision:
		if len(h.open) >= maxHAROpen {
			h.drop()
		}
		d := *e
		h.open[e.ID] = &d
		h.order = append(h.order, e.ID)
		if len(h.order) > 2*maxHAROpen {
			h.compact()
		}
	case e.Type == proxy.EventEnd:
		if d := h.open[e.ID]; d != nil {
			delete(h.open, e.ID)
			h.write(d, e)
		}
	}
}

// drop writes the oldest exchange without an end.
func (h *harWriter) drop() {
	for len(h.order) > 0 {
		id := h.order[0]
		h.order = h.order[1:]
		if d := h.open[id]; d != nil {
			delete(h.open, id)
			h.write(d, nil)
			return
		}
	}
}

func (h *harWriter) compact() {
	kept := make([]string, 0, len(h.open))
	for _, id := range h.order {
		if h.open[id] != nil {
			kept = append(kept, id)
		}
	}
	h.order = kept
}

type harEntry struct {
	Started  string         `json:"startedDateTime"`
	Time     float64        `json:"time"` // in milliseconds
	Request  map[string]any `json:"request"`
	Response map[string]any `json:"response"`
	Cache    struct{}       `json:"cache"`
	Timings  map[string]any `json:"timings"`
	Comment  string         `json:"comment,omitempty"`

	ID       string               `json:"_id,omitempty"`
	Session  string               `json:"_session,omitempty"`
	Verdict  proxy.Action         `json:"_verdict"`
	Rule     string               `json:"_rule,omitempty"`
	Secrets  []string             `json:"_secrets,omitempty"`
	Findings []proxy.EventFinding `json:"_findings,omitempty"`
}

// write writes an exchange; end is nil where there is none, and d itself for a
// denial.
func (h *harWriter) write(d, end *proxy.Event) {
	e := harEntry{Started: d.Time.Format(time.RFC3339Nano), ID: d.ID, Session: d.Session, Verdict: d.Verdict, Rule: d.Rule, Secrets: d.Secrets, Findings: d.Findings, Comment: d.Reason}
	status, out, in := 0, int64(-1), int64(-1)
	if end != nil {
		status, e.Time = end.Status, float64(end.Duration)/float64(time.Millisecond)
		if end != d {
			out, in = end.BytesOut, end.BytesIn
			e.Findings = end.Findings
		}
		if end.Verdict == proxy.Deny {
			e.Verdict, e.Rule, e.Comment = end.Verdict, end.Rule, end.Reason
		}
	}
	none := []any{}
	version := map[string]string{"h2": "HTTP/2.0", "http/1.0": "HTTP/1.0"}[d.Proto]
	if version == "" {
		version = "HTTP/1.1"
	}
	path, query, _ := strings.Cut(d.Path, "?")
	e.Request = map[string]any{"method": d.Method, "url": harURL(d, path, query), "httpVersion": version, "cookies": none, "headers": none,
		"queryString": harQuery(query), "headersSize": -1, "bodySize": out}
	content := map[string]any{"size": max(in, 0), "mimeType": ""}
	e.Response = map[string]any{"status": status, "statusText": "", "httpVersion": version, "cookies": none, "headers": none,
		"content": content, "redirectURL": "", "headersSize": -1, "bodySize": in}
	if end != nil && end.RequestBody != nil {
		post := map[string]any{}
		h.putBody(post, end.RequestBody)
		e.Request["postData"] = post
	}
	if end != nil && end.AnswerBody != nil {
		h.putBody(content, end.AnswerBody)
		if end.AnswerBody.Size > 0 {
			content["size"] = end.AnswerBody.Size
		}
	}
	e.Timings = map[string]any{"send": 0, "wait": e.Time, "receive": 0}
	if h.n++; h.n > 1 {
		_ = h.w.WriteByte(',') // the next write has its error
	}
	b, err := json.Marshal(e)
	if err == nil {
		_, err = h.w.Write(escape.JSON([]byte("\n"), b))
	}
	h.err = err
}

// putBody puts a body, or why there is none, into postData or content. The format has
// encoding for the latter only, and those who read the former by the letter see base64.
func (h *harWriter) putBody(m map[string]any, b *proxy.EventBody) {
	m["mimeType"] = b.Type
	if b.Missing != "" {
		m["comment"] = "not recorded: " + b.Missing
		return
	}
	text, err := h.body(b)
	if err != nil {
		m["comment"] = "recorded, and not there any more as it was: " + err.Error()
		return
	}
	if utf8.Valid(text) {
		m["text"] = string(text)
	} else {
		m["text"], m["encoding"] = base64.StdEncoding.EncodeToString(text), "base64"
	}
	var notes []string
	if b.Cut {
		notes = append(notes, "only "+count(uint64(len(text)), "byte")+" of its beginning were recorded")
	}
	if b.Redacted > 0 {
		notes = append(notes, count(uint64(b.Redacted), "text")+" in it replaced by markers")
	}
	if len(notes) > 0 {
		m["comment"] = strings.Join(notes, "; ")
	}
}

func harURL(d *proxy.Event, path, query string) string {
	host := d.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	scheme := d.Scheme
	if scheme == "" {
		scheme = "https"
	}
	if d.Port != 0 && d.Port != map[string]int{"http": 80, "https": 443}[scheme] {
		host += ":" + strconv.Itoa(d.Port)
	}
	if query != "" {
		path += "?" + query
	}
	return scheme + "://" + host + path
}

func harQuery(query string) []map[string]string {
	list := []map[string]string{}
	for pair := range strings.SplitSeq(query, "&") {
		if name, value, _ := strings.Cut(pair, "="); pair != "" {
			list = append(list, map[string]string{"name": name, "value": value})
		}
	}
	return list
}
