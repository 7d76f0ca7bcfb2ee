package gitgate

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
)

// A client may send many requests at a time, which a few bytes of gzip make long.
func TestLongRequestsWaitForTheirTurn(t *testing.T) {
	g, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	read := func(ctx context.Context, bytes int) (*visit, error) {
		t.Helper()
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/", strings.NewReader(strings.Repeat("x", bytes)))
		if err != nil {
			t.Fatal(err)
		}
		v := &visit{g: g, r: r, ctx: ctx}
		body, err := v.body(maxFetchRequest)
		if err == nil && len(body) != bytes {
			t.Errorf("%d of %d bytes", len(body), bytes)
		}
		return v, err
	}
	if v, err := read(t.Context(), maxFetchRequest+1); !errors.Is(err, errTooLarge) || !v.long {
		t.Errorf("one that is too long: %v", err)
	}
	for range maxLongRequests - 1 {
		if v, err := read(t.Context(), shortRequest+1); err != nil || !v.long {
			t.Errorf("a long one: %v", err)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := read(gone, shortRequest+1); !errors.Is(err, context.Canceled) {
		t.Errorf("one more: %v", err)
	}
	if v, err := read(t.Context(), shortRequest-1); err != nil || v.long {
		t.Errorf("a short one: %v", err)
	}
	g.requests.Release(maxLongRequests) // all were taken, and no more
}
