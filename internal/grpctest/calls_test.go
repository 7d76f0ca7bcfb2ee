package grpctest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// call is a row of the table.
type call struct {
	name  string
	drive func(ctx context.Context, w *way)
	want  []string // is in the transcript without the proxy
}

// outcome is what an error says of a call.
func outcome(err error) string {
	st := status.Convert(err)
	return fmt.Sprintf("%v %q %v", st.Code(), st.Message(), st.Details())
}

// unary makes one call and notes all that comes back.
func (w *way) unary(ctx context.Context, c *grpc.ClientConn, in string, options ...grpc.CallOption) {
	var head, trail metadata.MD
	out := new(wrapperspb.StringValue)
	err := c.Invoke(ctx, "/test.Echo/Unary", text(in), out, append(options, grpc.Header(&head), grpc.Trailer(&trail))...)
	w.saw("%s; %v, %d bytes; head %q %q %q; trailer %q %q", outcome(err), out.Value == in, len(out.Value),
		head["content-type"], head["x-head"], head["x-head-bin"], trail["x-trail"], trail["x-trail-bin"])
}

func (w *way) stream(ctx context.Context, c *grpc.ClientConn, method string) grpc.ClientStream {
	stream, err := c.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/test.Echo/"+method)
	if err != nil {
		w.t.Fatal(err)
	}
	return stream
}

func (w *way) send(stream grpc.ClientStream, in string) {
	if err := stream.SendMsg(text(in)); err != nil {
		w.saw("sending: %v", err)
	}
}

func (w *way) receive(stream grpc.ClientStream) error {
	out := new(wrapperspb.StringValue)
	err := stream.RecvMsg(out)
	switch {
	case errors.Is(err, io.EOF):
		w.saw("the end, trailer %q", stream.Trailer()["x-why"])
	case err != nil:
		w.saw("%s, trailer %q", outcome(err), stream.Trailer()["x-why"])
	case len(out.Value) < 100:
		w.saw("%q", out.Value)
	default:
		w.saw("%d bytes", len(out.Value))
	}
	return err
}

var calls = []call{
	{
		name: "unary, with metadata both ways",
		drive: func(ctx context.Context, w *way) {
			ctx = metadata.AppendToOutgoingContext(ctx, "x-text", "a, b", "x-text", "c", "x-data-bin", "\x00\x01\xff")
			w.unary(ctx, w.dial(), "hello")
		},
		want: []string{`OK "" []; true, 5 bytes; head ["application/grpc"] ["1" "2"] ["\x00\xff"]; trailer ["3"] ["\x01\xfe"]`, `metadata ["a, b" "c"] ["\x00\x01\xff"]`},
	},
	{
		name: "an authority with and without a port",
		drive: func(ctx context.Context, w *way) {
			w.unary(ctx, w.dial(), "hello")
			w.unary(ctx, w.dial(grpc.WithAuthority("example.com")), "hello")
		},
		want: []string{`authority ["example.com:443"]`, `authority ["example.com"]`},
	},
	{
		name: "a status with details, in trailers only",
		drive: func(ctx context.Context, w *way) {
			w.unary(ctx, w.dial(), "fail")
			stream := w.stream(ctx, w.dial(), "Download")
			w.send(stream, "only trailers")
			_ = stream.CloseSend()
			_ = w.receive(stream)
		},
		want: []string{`FailedPrecondition "not so, 100% “no”\n" [nanos:7]`, `PermissionDenied "no" [], trailer ["because"]`},
	},
	{
		name: "a method that is not there",
		drive: func(ctx context.Context, w *way) {
			w.saw("%s", outcome(w.dial().Invoke(ctx, "/test.Echo/None", text(""), text(""))))
		},
		want: []string{"Unimplemented"},
	},
	{
		name: "server streaming, to its end and to an error",
		drive: func(ctx context.Context, w *way) {
			for _, how := range []string{"all", "break"} {
				stream := w.stream(ctx, w.dial(), "Download")
				w.send(stream, how)
				_ = stream.CloseSend()
				for w.receive(stream) == nil {
				}
			}
		},
		want: []string{"597 bytes\nthe end", `597 bytes` + "\n" + `DataLoss "in the middle"`},
	},
	{
		name: "client streaming",
		drive: func(ctx context.Context, w *way) {
			stream := w.stream(ctx, w.dial(), "Upload")
			for i := range 200 {
				w.send(stream, strings.Repeat("some text ", i))
			}
			_ = stream.CloseSend()
			_ = w.receive(stream)
		},
		want: []string{"200 messages of 199000 bytes"},
	},
	{
		name: "bidirectional streaming, each message answered before the next",
		drive: func(ctx context.Context, w *way) {
			stream := w.stream(ctx, w.dial(), "Both")
			for i := range 10 {
				w.send(stream, fmt.Sprint("message ", i))
				_ = w.receive(stream)
			}
			_ = stream.CloseSend()
			_ = w.receive(stream)
		},
		want: []string{"re: message 9\"\nthe end"},
	},
	{
		name: "a server that ends a stream while the client's side is open",
		drive: func(ctx context.Context, w *way) {
			stream := w.stream(ctx, w.dial(), "Both")
			w.send(stream, "one")
			_ = w.receive(stream)
			w.send(stream, "stop")
			_ = w.receive(stream)
		},
		want: []string{`Aborted "enough"`},
	},
	{
		name: "a deadline is known to the server, and holds",
		drive: func(ctx context.Context, w *way) {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			out := new(wrapperspb.StringValue)
			err := w.dial().Invoke(ctx, "/test.Echo/Unary", text("wait"), out)
			w.saw("%v", status.Code(err))
			w.waitFor("ended: true")
		},
		want: []string{"DeadlineExceeded", "waiting, bounded true"},
	},
	{
		name: "a cancelled call is cancelled at the server",
		drive: func(ctx context.Context, w *way) {
			ctx, cancel := context.WithCancel(ctx)
			ended := make(chan error, 1)
			go func() {
				ended <- w.dial().Invoke(ctx, "/test.Echo/Unary", text("wait"), new(wrapperspb.StringValue))
			}()
			w.waitFor("waiting, bounded")
			cancel()
			w.saw("%v", status.Code(<-ended))
			w.waitFor("ended: true")
		},
		want: []string{"Canceled", "ended: true"},
	},
	{
		name: "a cancelled stream is cancelled at the server, the connection goes on",
		drive: func(ctx context.Context, w *way) {
			c := w.dial()
			cancelled, cancel := context.WithCancel(ctx)
			stream := w.stream(cancelled, c, "Both")
			w.send(stream, "one")
			_ = w.receive(stream)
			cancel()
			w.waitFor("broken off: Canceled")
			w.unary(ctx, c, "hello")
		},
		want: []string{"broken off: Canceled", "true, 5 bytes"},
	},
	{
		name: "large messages",
		drive: func(ctx context.Context, w *way) {
			w.unary(ctx, w.dial(), strings.Repeat("a line of some text\n", 800_000))
		},
		want: []string{"true, 16000000 bytes"},
	},
	{
		name: "compressed messages",
		drive: func(ctx context.Context, w *way) {
			w.unary(ctx, w.dial(), strings.Repeat("a line of some text\n", 10_000), grpc.UseCompressor(gzip.Name))
		},
		want: []string{"true, 200000 bytes"},
	},
	{
		name: "a hundred calls at once on one connection",
		drive: func(ctx context.Context, w *way) {
			c, bad := w.dial(), make([]error, 100)
			var all sync.WaitGroup
			for i := range bad {
				all.Go(func() {
					out, in := new(wrapperspb.StringValue), strings.Repeat("some text ", i*100)
					bad[i] = c.Invoke(ctx, "/test.Echo/Unary", text(in), out)
					if bad[i] == nil && out.Value != in {
						bad[i] = errors.New("another text came back")
					}
				})
			}
			all.Wait()
			w.saw("%v", errors.Join(bad...))
			w.forget()
		},
		want: []string{"<nil>"},
	},
	{
		name: "a server that goes away lets its calls end",
		drive: func(ctx context.Context, w *way) {
			c := w.dial()
			stream := w.stream(ctx, c, "Both")
			w.send(stream, "one")
			_ = w.receive(stream)
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				w.server.GracefulStop()
			}()
			for i := range 10 {
				w.send(stream, fmt.Sprint("message ", i))
				_ = w.receive(stream)
			}
			_ = stream.CloseSend()
			_ = w.receive(stream)
			<-gone
			err := c.Invoke(ctx, "/test.Echo/Unary", text("late"), new(wrapperspb.StringValue))
			w.saw("%v", status.Code(err) == codes.Unavailable)
		},
		want: []string{"re: message 9\"\nthe end", "true"},
	},
}

// waitFor waits for what the server notes.
func (w *way) waitFor(line string) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := w.until(ctx, line); err != nil {
		w.t.Fatal(err)
	}
}

// forget drops what came to the server in no order.
func (w *way) forget() {
	w.service.mu.Lock()
	defer w.service.mu.Unlock()
	w.lines = []string{fmt.Sprint(len(w.lines), " calls")}
}
