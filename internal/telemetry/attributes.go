package telemetry

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"

	"github.com/bot-bottle/bottle/proxy"
)

// methods are those that semantic conventions know; the others are agents' own, and stand
// in an attribute besides.
var methods = []string{"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}

// name is that of a span. It has no path, since a name is of many exchanges.
func name(e *proxy.Event) string {
	if slices.Contains(methods, e.Method) {
		return e.Method
	}
	return "HTTP"
}

// list collects attributes. What an event has not is no attribute. Texts are as agents
// chose them, but for bytes that are no UTF-8: with one, protobuf refuses a whole batch.
type list []attribute.KeyValue

func (l *list) text(key attribute.Key, s string) {
	if s != "" {
		*l = append(*l, key.String(valid(s)))
	}
}

func (l *list) number(key attribute.Key, n int64) {
	if n != 0 {
		*l = append(*l, key.Int64(n))
	}
}

func (l *list) texts(key attribute.Key, all []string) {
	if len(all) == 0 {
		return
	}
	texts := make([]string, len(all))
	for i := range all {
		texts[i] = valid(all[i])
	}
	*l = append(*l, key.StringSlice(texts))
}

func valid(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

// attributesOf describes an exchange by its decision, or what else is known of how it
// began, and its end if it has one. Names are those of semantic conventions, and bottle.*
// where these have none.
func attributesOf(e, end *proxy.Event) []attribute.KeyValue {
	var l list
	l.text("bottle.exchange.id", e.ID)
	l.text("bottle.session", e.Session)
	l.text("bottle.protocol", e.Proto)
	l.request(e)
	if end == nil {
		end = e
	}
	verdict, rule, reason := e.Verdict, e.Rule, e.Reason
	if end.Verdict != "" { // stopped after its decision
		verdict, rule, reason = end.Verdict, end.Rule, end.Reason
	}
	l.text("bottle.verdict", string(verdict))
	l.text("bottle.rule", rule)
	l.text("bottle.reason", reason)
	l.texts("bottle.secrets", e.Secrets)
	l.texts("bottle.findings", rules(end.Findings))
	l.number("bottle.findings.more", int64(end.MoreFindings))
	l.text(semconv.VCSRefHeadNameKey, e.Ref)
	l.text(semconv.VCSRefHeadRevisionKey, e.New)
	l.text("bottle.git.old", e.Old)
	l.number("bottle.git.objects", int64(e.Objects))
	l.end(end)
	return l
}

// request is what was asked for.
func (l *list) request(e *proxy.Event) {
	switch {
	case e.Method == "" || e.Ref != "": // a push of a ref is no method
	case slices.Contains(methods, e.Method):
		l.text(semconv.HTTPRequestMethodKey, e.Method)
	default:
		l.text(semconv.HTTPRequestMethodKey, "_OTHER")
		l.text(semconv.HTTPRequestMethodOriginalKey, e.Method)
	}
	l.text(semconv.ServerAddressKey, e.Host)
	l.number(semconv.ServerPortKey, int64(e.Port))
	l.text(semconv.URLSchemeKey, e.Scheme)
	path, query, _ := strings.Cut(e.Path, "?")
	l.text(semconv.URLPathKey, path)
	l.text(semconv.URLQueryKey, query)
	if e.Scheme != "" && e.Host != "" && e.Path != "" {
		l.text(semconv.URLFullKey, fullURL(e))
	}
	if v := map[string]string{"http/1.0": "1.0", "http/1.1": "1.1", "websocket": "1.1", "h2": "2"}[e.Proto]; v != "" {
		l.text(semconv.NetworkProtocolNameKey, "http")
		l.text(semconv.NetworkProtocolVersionKey, v)
	}
}

func fullURL(e *proxy.Event) string {
	host := e.Host
	if e.Port != 0 && e.Port != map[string]int{"http": 80, "https": 443}[e.Scheme] {
		host = net.JoinHostPort(host, strconv.Itoa(e.Port))
	} else if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return e.Scheme + "://" + host + e.Path
}

// end is what came of it.
func (l *list) end(e *proxy.Event) {
	l.number(semconv.HTTPResponseStatusCodeKey, int64(e.Status))
	l.number(semconv.HTTPRequestBodySizeKey, e.BytesOut)
	l.number(semconv.HTTPResponseBodySizeKey, e.BytesIn)
	switch {
	case e.Error != "":
		l.text(semconv.ErrorTypeKey, "_OTHER")
	case e.Status >= 400:
		l.text(semconv.ErrorTypeKey, strconv.Itoa(e.Status))
	}
	l.number("bottle.redacted", int64(e.Redacted))
	l.number("bottle.restored", int64(e.Restored))
	l.texts("bottle.inert", e.Inert)
	if u := e.Usage; u != nil {
		l.text("gen_ai.response.model", u.Model)
		l.number("gen_ai.usage.input_tokens", u.Input+u.CacheRead+u.CacheWrite)
		l.number("gen_ai.usage.output_tokens", u.Output)
		l.number("gen_ai.usage.cache_read.input_tokens", u.CacheRead)
		l.number("gen_ai.usage.cache_creation.input_tokens", u.CacheWrite)
		if u.Cost > 0 {
			*l = append(*l, attribute.Float64("bottle.cost", u.Cost))
		}
	}
}

// rules are those of findings, each once.
func rules(all []proxy.EventFinding) (names []string) {
	for i := range all {
		if !slices.Contains(names, all[i].Rule) {
			names = append(names, all[i].Rule)
		}
	}
	return names
}
