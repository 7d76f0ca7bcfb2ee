package proxy

import (
	"io"
	"net/http"
	"strings"
)

// canned returns the answer that is given in the upstream's place, or nil.
func (x *exchange) canned() *Canned {
	if x.socket != nil {
		return nil
	}
	for i := range x.snap.Canned {
		if c := &x.snap.Canned[i]; c.Host == x.target.Host && c.Path == x.target.Path && c.Method == x.r.Method {
			return c
		}
	}
	return nil
}

// answer reads the upload first, as an upstream would.
func (c *Canned) answer(out *http.Request) (*http.Response, error) {
	if out.Body != nil {
		if _, err := io.Copy(io.Discard, io.LimitReader(out.Body, drainBytes)); err != nil {
			return nil, err
		}
	}
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: out,
		Header:        http.Header{"Content-Type": {c.ContentType}, "Cache-Control": {"no-store"}},
		ContentLength: int64(len(c.Body)), Body: io.NopCloser(strings.NewReader(c.Body)),
	}, nil
}
