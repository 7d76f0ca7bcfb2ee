package proxy

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

// What gh sends for `gh pr list`.
const ghQuery = `{"query":"query PullRequestList($owner: String!, $repo: String!, $limit: Int!) {\n repository(owner: $owner, name: $repo) { pullRequests(first: $limit) { ...pr } } }\nfragment pr on PullRequestConnection { nodes { number } }","variables":{"owner":"o","repo":"r","limit":30}}`

func TestOfGraphQLQueriesAlonePass(t *testing.T) {
	up := &upstreamLog{}
	r := newRig(t, up, Config{})
	r.reroute(Route{Host: "example.com", Paths: []string{"/graphql"}, GraphQL: GraphQLQuery})
	const plain = "application/json"
	tests := []struct {
		name, method, url, contentType, body string
		refused                              string // part of the answer; "" when it passes
	}{
		{"a query of gh", "POST", "/graphql", "application/json; charset=utf-8", ghQuery, ""},
		{"a short query", "POST", "/graphql", plain, `{"query":"{ viewer { login } }"}`, ""},
		{"a query by its name", "POST", "/graphql", plain, `{"operationName":"b","query":"query a { x } query b { x }","variables":null}`, ""},
		{"a query with a mutation in a comment and in texts", "POST", "/graphql", plain, `{"query":"# mutation a { x }\nquery { a(b: \"mutation { x }\", c: \"\"\" \\\"\"\" mutation { x } \"\"\") }"}`, ""},
		{"a GET with a query", "GET", "/graphql?query=%7Bviewer%7Blogin%7D%7D", "", "", ""},
		{"a GET without one", "GET", "/graphql", "", "", ""},

		{"a mutation of gh", "POST", "/graphql", plain, `{"query":"mutation PullRequestMerge($input: MergePullRequestInput!) { mergePullRequest(input: $input) { clientMutationId } }","variables":{"input":{}}}`, "has a mutation"},
		{"a mutation beside a query", "POST", "/graphql", plain, `{"operationName":"a","query":"query a { x } mutation b { x }"}`, "has a mutation"},
		{"a mutation behind a line that ends by a carriage return", "POST", "/graphql", plain, `{"query":"query a { x } #\rmutation b { x }"}`, "has a mutation"},
		{"a mutation in escapes", "POST", "/graphql", plain, `{"query":"\u006dutation b { x }"}`, "has a mutation"},
		{"a mutation behind a key in escapes", "POST", "/graphql", plain, `{"query":"{ x }","\u0071uery":"mutation b { x }"}`, "the key query twice"},
		{"a mutation under a key of another case", "POST", "/graphql", plain, `{"query":"{ x }","Query":"mutation b { x }"}`, "the key Query"},
		{"a mutation behind a line separator in a comment", "POST", "/graphql", plain, `{"query":"query a { x } #\u2028mutation b { x }"}`, "read differently"},
		{"a mutation behind a byte order mark", "POST", "/graphql", plain, `{"query":"\ufeffmutation b { x }"}`, "read differently"},
		{"a body that begins with a byte order mark", "POST", "/graphql", plain, "\ufeff" + `{"query":"{ x }"}`, "no JSON"},
		{"a lone half of a character", "POST", "/graphql", plain, `{"query":"{ x(a: \"\ud800\") }"}`, "read differently"},
		{"a subscription", "POST", "/graphql", plain, `{"query":"subscription { x }"}`, "has a subscription"},
		{"a batch", "POST", "/graphql", plain, `[{"query":"{ x }"}]`, "a batch"},
		{"a persisted document", "POST", "/graphql", plain, `{"query":"{ x }","extensions":{"persistedQuery":{"version":1,"sha256Hash":"00"}}}`, "the key extensions"},
		{"a document by its number", "POST", "/graphql", plain, `{"id":"1"}`, "the key id"},
		{"no document", "POST", "/graphql", plain, `{"variables":{}}`, "no query"},
		{"no body", "POST", "/graphql", plain, "", "no JSON"},
		{"a second value behind the first", "POST", "/graphql", plain, `{"query":"{ x }"}{"query":"mutation { x }"}`, "behind the JSON"},
		{"what is no document", "POST", "/graphql", plain, `{"query":"query {"}`, "cannot be read"},
		{"a schema", "POST", "/graphql", plain, `{"query":"type a { b: c }"}`, "cannot be read"},
		{"a fragment alone", "POST", "/graphql", plain, `{"query":"fragment a on b { c }"}`, "no operation"},
		{"more tokens than are looked at", "POST", "/graphql", plain, `{"query":"{` + strings.Repeat("x ", maxGraphQLTokens) + `}"}`, "too long"},
		{"a body that is too long", "POST", "/graphql", plain, `{"query":"{ x }` + strings.Repeat(" ", maxGraphQLBody) + `"}`, "not looked at"},
		{"the type of GraphQL", "POST", "/graphql", "application/graphql", `{ x }`, "another Content-Type"},
		{"a form", "POST", "/graphql", "application/x-www-form-urlencoded", `query=mutation{x}`, "another Content-Type"},
		{"another charset", "POST", "/graphql", "application/json; charset=utf-16", `{"query":"{ x }"}`, "another Content-Type"},
		{"no UTF-8", "POST", "/graphql", plain, "{\"query\":\"{ x(a: \\\"\xff\\\") }\"}", "no UTF-8"},
		{"a POST with a query in its URL", "POST", "/graphql?query=mutation%7Bx%7D", plain, `{"query":"{ x }"}`, "has parameters"},
		{"a GET with a mutation", "GET", "/graphql?query=mutation%7Bx%7D", "", "", "has a mutation"},
		{"a GET with two", "GET", "/graphql?query=%7Bx%7D&query=mutation%7Bx%7D", "", "", "twice"},
		{"a GET with a persisted one", "GET", "/graphql?extensions=%7B%7D", "", "", "the parameter extensions"},
		{"a GET with a semicolon", "GET", "/graphql?query=%7Bx%7D;query=mutation%7Bx%7D", "", "", "not escaped right"},
		{"a PUT", "PUT", "/graphql", plain, `{"query":"{ x }"}`, "a PUT is none"},
	}
	for _, tt := range tests {
		for _, chunked := range []bool{false, true} {
			if chunked && tt.body == "" {
				continue
			}
			t.Run(tt.name+map[bool]string{true: ", in chunks"}[chunked], func(t *testing.T) {
				up.take()
				var body io.Reader = strings.NewReader(tt.body)
				if chunked {
					body = io.MultiReader(body) // of no length that is known
				}
				req, err := http.NewRequest(tt.method, "https://example.com"+tt.url, body)
				if err != nil {
					t.Fatal(err)
				}
				if tt.contentType != "" {
					req.Header.Set("Content-Type", tt.contentType)
				}
				status, answer := r.do(req)
				if tt.refused == "" {
					if got := up.take(); status != http.StatusOK || len(got) != 1 || got[0].body != tt.body {
						t.Fatalf("refused: %d %s", status, answer)
					}
					return
				}
				if status != http.StatusForbidden || !strings.Contains(answer, `"graphql"`) || !strings.Contains(answer, tt.refused) {
					t.Errorf("%d %s", status, answer)
				}
				if n := len(up.take()); n > 0 {
					t.Errorf("%d requests left", n)
				}
			})
		}
	}
}

// A compressed body is no exception, whatever is in it.
func TestCompressedGraphQLIsRefused(t *testing.T) {
	up := &upstreamLog{}
	r := newRig(t, up, Config{})
	r.reroute(Route{Host: "example.com", GraphQL: GraphQLQuery})
	body := compress(t, "gzip", `{"query":"{ x }"}`)
	req, err := http.NewRequest(http.MethodPost, "https://example.com/graphql", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if status, answer := r.do(req, "Content-Type", "application/json", "Content-Encoding", "gzip"); status != http.StatusForbidden || !strings.Contains(answer, "is compressed") || len(up.take()) > 0 {
		t.Errorf("%d %s", status, answer)
	}
}
