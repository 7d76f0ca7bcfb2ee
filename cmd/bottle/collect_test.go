package main

import (
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bot-bottle/bottle/internal/telemetry/collector"
)

// cmdCollect starts a collector of OpenTelemetry, which writes what it takes to a file,
// and sets a variable to its URL: collect VARIABLE FILE. Without a file it answers nothing.
func cmdCollect(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || len(args) > 2 {
		ts.Fatalf("usage: collect VARIABLE [FILE]")
	}
	end := make(chan struct{})
	var h http.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-end })
	if len(args) == 2 {
		f, err := os.Create(ts.MkAbs(args[1]))
		ts.Check(err)
		ts.Defer(func() { _ = f.Close() })
		h = collector.New(f)
	}
	srv := httptest.NewServer(h)
	ts.Defer(func() {
		close(end)
		srv.Close()
	})
	ts.Setenv(args[0], srv.URL)
}
