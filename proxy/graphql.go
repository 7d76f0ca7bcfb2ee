package proxy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// GraphQLQuery is the GraphQL of a route on which queries pass and nothing else does:
// mutations and subscriptions, and what cannot be read for sure, are refused. A
// document is held whole for that.
const GraphQLQuery = "query"

// What a request on such a route may have, in bytes and tokens. Queries that programs
// send have a few KiB.
const (
	maxGraphQLBody   = decideBytes
	maxGraphQLTokens = 20_000
)

// graphqlKeys are those of a request (GraphQL over HTTP). Others are refused: by some
// of them, such as extensions, servers find a document that is not in the request.
var graphqlKeys = []string{"query", "operationName", "variables"}

// onlyQueries holds a request to what its route says of GraphQL. It looks at the
// request as it leaves.
func (x *exchange) onlyQueries() *denial {
	if x.route == nil || x.route.GraphQL == "" {
		return nil
	}
	document, d := x.graphqlDocument()
	if d != nil || document == "" {
		return d
	}
	return denyGraphQL(queriesAlone(document))
}

func denyGraphQL(err error) *denial {
	if err == nil {
		return nil
	}
	return &denial{status: http.StatusForbidden, rule: "graphql", message: fmt.Sprintf(
		"the route lets GraphQL queries out only, and %v. It was not sent. Use the host's REST API where a route allows that, or ask the operator for a route without graphql: query.", err)}
}

// graphqlDocument takes the document out of a request. A GET without one is no
// operation.
func (x *exchange) graphqlDocument() (string, *denial) {
	switch m := x.out.Method; {
	case x.socket != nil:
		return "", denyGraphQL(errors.New("this asks for a WebSocket"))
	case m == http.MethodGet || m == http.MethodHead:
		if x.out.Body != nil {
			return "", denyGraphQL(fmt.Errorf("this %s has a body", m))
		}
		document, err := documentOfQuery(x.out.URL.RawQuery)
		return document, denyGraphQL(err)
	case m != http.MethodPost:
		return "", denyGraphQL(fmt.Errorf("a %s is none", m))
	case x.out.URL.RawQuery != "" || x.out.URL.ForceQuery:
		return "", denyGraphQL(errors.New("the URL of this POST has parameters, which a server may take for another query"))
	}
	if err := plainJSON(x.out.Header); err != nil {
		return "", denyGraphQL(err)
	}
	body, d := x.wholeBody(maxGraphQLBody, denyGraphQL(fmt.Errorf("a body of more than %d KiB is not looked at", maxGraphQLBody>>10)))
	if d != nil {
		return "", d
	}
	document, err := documentOfJSON(body)
	return document, denyGraphQL(err)
}

// plainJSON holds a body to the one form of which all servers have the same idea.
func plainJSON(h http.Header) error {
	if len(h["Content-Encoding"]) > 0 {
		return errors.New("this body is compressed")
	}
	values := h["Content-Type"]
	if len(values) != 1 {
		return errors.New("this body has no Content-Type: application/json")
	}
	typ, params, err := mime.ParseMediaType(values[0])
	if err != nil || typ != "application/json" || len(params) > 1 || len(params) == 1 && !strings.EqualFold(params["charset"], "utf-8") {
		return errors.New("this body has another Content-Type than application/json in UTF-8")
	}
	return nil
}

// documentOfJSON reads the body of a POST. Keys are those that are spelled so, each
// once: what servers make of others differs.
func documentOfJSON(body []byte) (document string, err error) {
	if !utf8.Valid(body) {
		return "", errors.New("this body is no UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	switch t, err := dec.Token(); {
	case err != nil:
		return "", errors.New("this body is no JSON")
	case t == json.Delim('['):
		return "", errors.New("this body is a batch of operations: send them one by one")
	case t != json.Delim('{'):
		return "", errors.New("this body is no JSON object")
	}
	seen := map[string]bool{}
	for dec.More() {
		key, err := nextKey(dec, seen)
		if err != nil {
			return "", err
		}
		var value any
		if err := dec.Decode(&value); err != nil {
			return "", errors.New("this body is no JSON")
		}
		text, isText := value.(string)
		switch {
		case key == "query" && isText:
			document = text
		case key == "operationName" && (isText || value == nil):
		case key == "variables" && (isObject(value) || value == nil):
		default:
			return "", fmt.Errorf("its %s has another type than GraphQL over HTTP says", key)
		}
	}
	if _, err := dec.Token(); err != nil {
		return "", errors.New("this body is no JSON")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return "", errors.New("something stands behind the JSON of this body")
	}
	if document == "" {
		return "", errors.New("this body has no query")
	}
	return document, nil
}

func isObject(v any) bool { _, ok := v.(map[string]any); return ok }

func nextKey(dec *json.Decoder, seen map[string]bool) (string, error) {
	t, err := dec.Token()
	key, ok := t.(string)
	switch {
	case err != nil || !ok:
		return "", errors.New("this body is no JSON")
	case !slices.Contains(graphqlKeys, key):
		return "", fmt.Errorf("this body has the key %s, by which a server may find another document", headerText(key))
	case seen[key]:
		return "", fmt.Errorf("this body has the key %s twice", key)
	}
	seen[key] = true
	return key, nil
}

// documentOfQuery reads the parameters of a GET.
func documentOfQuery(raw string) (string, error) {
	if raw == "" {
		return "", nil
	}
	if len(raw) > maxGraphQLBody {
		return "", fmt.Errorf("a URL of more than %d KiB is not looked at", maxGraphQLBody>>10)
	}
	q, err := url.ParseQuery(raw)
	if err != nil {
		return "", errors.New("the parameters of this URL are not escaped right")
	}
	for key, values := range q {
		if !slices.Contains(graphqlKeys, key) {
			return "", fmt.Errorf("this URL has the parameter %s, by which a server may find another document", headerText(key))
		}
		if len(values) > 1 {
			return "", fmt.Errorf("this URL has the parameter %s twice", key)
		}
	}
	if q.Get("query") == "" {
		return "", errors.New("this URL has no query")
	}
	return q.Get("query"), nil
}

// odd are characters that some grammars take for the end of a line, and so of a
// comment, and what stands for a character that could not be read.
const odd = "\u0085\u2028\u2029\ufeff\ufffd"

// queriesAlone reports whether all operations of a document are queries.
func queriesAlone(document string) error {
	if !utf8.ValidString(document) || strings.ContainsAny(document, odd) {
		return errors.New("its document has characters that servers read differently")
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: document}, maxGraphQLTokens)
	if err != nil {
		return errors.New("its document cannot be read as one of queries: it is not valid, or too long")
	}
	if len(doc.Operations) == 0 {
		return errors.New("its document has no operation")
	}
	for _, op := range doc.Operations {
		if op.Operation != ast.Query {
			return fmt.Errorf("its document has a %s", op.Operation)
		}
	}
	return nil
}
