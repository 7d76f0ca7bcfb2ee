package proxy

import (
	"context"
	"io"
	"strings"
	"testing"
)

// asking has the operator asked by a channel, and answers with what comes from
// another one.
func asking(questions chan<- Question, withdrawn chan<- error, answers <-chan Answer) rigOption {
	return func(_ *rig, o *Options, _ *ListenOptions) {
		o.Ask = func(ctx context.Context, q Question) (Answer, error) {
			questions <- q
			select {
			case a := <-answers:
				return a, nil
			case <-ctx.Done():
				withdrawn <- ctx.Err()
				return Answer{}, ctx.Err()
			}
		}
	}
}

func TestAQuestionIsWithdrawnWhenItsClientLeaves(t *testing.T) {
	for _, mode := range []TLSMode{Passthrough, Raw} {
		t.Run(string(mode), func(t *testing.T) {
			addr, conns := tcpServer(t)
			questions, withdrawn, answers := make(chan Question, 1), make(chan error, 1), make(chan Answer, 1)
			r := newRig(t, nil, Config{}, asking(questions, withdrawn, answers))
			r.reroute(Route{Host: "ask.example.com", TLS: mode, Action: Ask, Ports: []int{5432}, Upstream: addr, Private: true, Source: "f:9"})
			const connect = "CONNECT ask.example.com:5432 HTTP/1.1\r\nHost: ask.example.com:5432\r\n\r\n"
			gone := r.dial()
			io.WriteString(gone, connect)
			<-questions
			gone.Close()
			if err := <-withdrawn; err != context.Canceled { //nolint:errorlint // as it is
				t.Error(err)
			}
			e := r.journal.wait(t, isDenial("route f:9"))
			if !strings.Contains(e.Reason, "the request was given up") || len(conns) > 0 {
				t.Errorf("%+v", e)
			}
			// What one that stays says meanwhile is not lost.
			stays := r.dial()
			hello := "hello"
			if mode == Passthrough {
				hello = string(clientHello(t, "ask.example.com"))
			}
			io.WriteString(stays, connect)
			<-questions
			io.WriteString(stays, hello)
			answers <- Answer{Allow: true}
			got := make([]byte, len(hello))
			up := <-conns
			if _, err := io.ReadFull(up, got); err != nil || string(got) != hello {
				t.Errorf("the upstream got %q, %v", got, err)
			}
			stays.Close()
			up.Close()
		})
	}
}
