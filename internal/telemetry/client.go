package telemetry

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// client sends messages to a collector by OTLP over HTTP (OpenTelemetry protocol, 1.x).
// The exporters of the SDK do the same, and bring gRPC along, which is a quarter of this
// program; and their errors hold URLs and what the collector answered.
type client struct {
	url    string
	header http.Header
	limit  time.Duration
	gzip   bool
	http   *http.Client
}

const (
	firstPause = time.Second // before an attempt is made again; then twice as long
	maxAnswer  = 64 << 10    // bytes of an answer that are read
)

// statusError is an answer that is no success.
type statusError int

func (e statusError) Error() string { return strconv.Itoa(int(e)) + " " + http.StatusText(int(e)) }

// partialError is a success in which the collector refused so many spans or records, which
// it does not want again.
type partialError int64

func (e partialError) Error() string { return fmt.Sprintf("%d were refused", int64(e)) }

// refusedIn reads the answer to an export. Those of all signals have the same form: of
// field 1, the partial success, field 1 is how many were refused.
func refusedIn(answer []byte) (refused int64) {
	const one = protowire.Number(1)
	for len(answer) > 0 {
		number, kind, n := protowire.ConsumeTag(answer)
		if n < 0 {
			return 0
		}
		answer = answer[n:]
		switch {
		case number == one && kind == protowire.BytesType:
			partial, _ := protowire.ConsumeBytes(answer)
			return refusedIn(partial)
		case number == one && kind == protowire.VarintType:
			v, _ := protowire.ConsumeVarint(answer)
			return int64(min(v, math.MaxInt32))
		}
		if n = protowire.ConsumeFieldValue(number, kind, answer); n < 0 {
			return 0
		}
		answer = answer[n:]
	}
	return 0
}

// Start, Stop and UploadTraces are those of an otlptrace.Client.
func (c *client) Start(context.Context) error { return nil }

// Stop closes what is idle.
func (c *client) Stop(context.Context) error {
	c.http.CloseIdleConnections()
	return nil
}

// UploadTraces sends spans. The message of the request has the form of TracesData.
func (c *client) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	return c.send(ctx, &tracepb.TracesData{ResourceSpans: spans})
}

// send sends a message, again while the collector says that this may help.
func (c *client) send(ctx context.Context, m proto.Message) error {
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	body, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	if c.gzip {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if _, err = w.Write(body); err == nil {
			err = w.Close()
		}
		if err != nil {
			return err
		}
		body = b.Bytes()
	}
	for pause := firstPause; ; pause *= 2 {
		again, wait, err := c.post(ctx, body)
		if err == nil || !again {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(max(pause, wait)):
		}
	}
}

// post makes one attempt. It reports whether another makes sense, and after which time
// the collector wants it.
func (c *client) post(ctx context.Context, body []byte) (again bool, wait time.Duration, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return false, 0, err
	}
	for name, values := range c.header {
		r.Header[name] = values
	}
	r.Header.Set("Content-Type", "application/x-protobuf")
	if c.gzip {
		r.Header.Set("Content-Encoding", "gzip")
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return ctx.Err() == nil, 0, err
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, maxAnswer)) // to its end, so that the connection is used again
	switch code := answer.StatusCode; code {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		seconds, _ := strconv.ParseUint(answer.Header.Get("Retry-After"), 10, 16)
		return true, time.Duration(seconds) * time.Second, statusError(code)
	default:
		if code/100 == 2 {
			if refused := refusedIn(said); refused > 0 {
				return false, 0, partialError(refused)
			}
			return false, 0, nil
		}
		return false, 0, statusError(code)
	}
}

// reason says why an export failed. The text of the error itself may have the URL, in
// which credentials can be.
func reason(err error) string {
	var status statusError
	var partial partialError
	var op *net.OpError
	var name *net.DNSError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.As(err, &status):
		return "the collector answers " + status.Error()
	case errors.As(err, &partial):
		return "the collector took the others and refused these, and its own log says why"
	case errors.As(err, &name):
		return "its name cannot be resolved"
	case errors.As(err, &op):
		return op.Error()
	case errors.As(err, &cert):
		return cert.Error()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "the collector does not answer in time"
	}
	return "the collector cannot be reached, or does not take them"
}
