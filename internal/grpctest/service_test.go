package grpctest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// service is an upstream with one method of each kind. What a call does is said
// by the text of its first message.
type service struct {
	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed and replaced at every line
}

func (s *service) got(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
	close(s.more)
	s.more = make(chan struct{})
}

// until waits for a line.
func (s *service) until(ctx context.Context, line string) error {
	for {
		s.mu.Lock()
		more, all := s.more, strings.Join(s.lines, "\n")
		s.mu.Unlock()
		if strings.Contains(all, line) {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return fmt.Errorf("no %q in %q", line, all)
		}
	}
}

func text(s string) *wrapperspb.StringValue { return wrapperspb.String(s) }

var description = grpc.ServiceDesc{
	ServiceName: "test.Echo",
	HandlerType: (*any)(nil),
	Methods:     []grpc.MethodDesc{{MethodName: "Unary", Handler: unary}},
	Streams: []grpc.StreamDesc{
		{StreamName: "Download", Handler: download, ServerStreams: true},
		{StreamName: "Upload", Handler: upload, ClientStreams: true},
		{StreamName: "Both", Handler: both, ServerStreams: true, ClientStreams: true},
	},
}

func unary(srv any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	s, in := srv.(*service), new(wrapperspb.StringValue)
	if err := decode(in); err != nil {
		return nil, err
	}
	md, _ := metadata.FromIncomingContext(ctx)
	s.got("%s: %d bytes, authority %q, metadata %q %q %q", in.Value[:min(9, len(in.Value))], len(in.Value), md[":authority"], md["x-text"], md["x-data-bin"], md["user-agent"])
	_ = grpc.SetHeader(ctx, metadata.Pairs("x-head", "1", "x-head", "2", "x-head-bin", "\x00\xff"))
	_ = grpc.SetTrailer(ctx, metadata.Pairs("x-trail", "3", "x-trail-bin", "\x01\xfe"))
	switch in.Value {
	case "fail":
		st, err := status.New(codes.FailedPrecondition, "not so, 100% “no”\n").WithDetails(durationpb.New(7))
		if err != nil {
			return nil, err
		}
		return nil, st.Err()
	case "wait":
		_, bounded := ctx.Deadline()
		s.got("waiting, bounded %v", bounded)
		<-ctx.Done()
		s.got("ended: %v", errors.Is(ctx.Err(), context.Canceled) || errors.Is(ctx.Err(), context.DeadlineExceeded))
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	return in, nil
}

func download(srv any, stream grpc.ServerStream) error {
	in := new(wrapperspb.StringValue)
	if err := stream.RecvMsg(in); err != nil {
		return err
	}
	if in.Value == "only trailers" {
		stream.SetTrailer(metadata.Pairs("x-why", "because"))
		return status.Error(codes.PermissionDenied, "no")
	}
	for i := range 200 {
		if err := stream.SendMsg(text(strings.Repeat(fmt.Sprint(i), i))); err != nil {
			return err
		}
	}
	if in.Value == "break" {
		return status.Error(codes.DataLoss, "in the middle")
	}
	return nil
}

func upload(srv any, stream grpc.ServerStream) error {
	n, size := 0, 0
	for {
		in := new(wrapperspb.StringValue)
		err := stream.RecvMsg(in)
		if errors.Is(err, io.EOF) {
			return stream.SendMsg(text(fmt.Sprintf("%d messages of %d bytes", n, size)))
		}
		if err != nil {
			return err
		}
		n, size = n+1, size+len(in.Value)
	}
}

// both answers each message before the next one comes.
func both(srv any, stream grpc.ServerStream) error {
	s := srv.(*service)
	for {
		in := new(wrapperspb.StringValue)
		err := stream.RecvMsg(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			s.got("broken off: %v", status.Code(err))
			return err
		}
		if in.Value == "stop" { // the client has not ended its side
			return status.Error(codes.Aborted, "enough")
		}
		if err := stream.SendMsg(text("re: " + in.Value)); err != nil {
			return err
		}
	}
}
