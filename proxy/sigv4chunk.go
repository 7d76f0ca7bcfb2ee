package proxy

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// What the field X-Amz-Content-Sha256 says of a body in aws-chunked.
const (
	awsStreaming = "STREAMING-" + awsAlgorithm // its chunks are signed
	awsTrailer   = "-TRAILER"
)

var awsStreamings = []string{awsStreaming + "-PAYLOAD", awsStreaming + "-PAYLOAD" + awsTrailer, "STREAMING-UNSIGNED-PAYLOAD" + awsTrailer}

// The limits of aws-chunked.
const (
	// maxSignedChunk bounds one chunk that is signed: its signature comes before it.
	maxSignedChunk = 1 << 20
	// maxAWSTrailer bounds what stands behind the last chunk.
	maxAWSTrailer = 4 << 10
	// maxAWSPending bounds the chunks that are begun while their data is held back.
	maxAWSPending = 4096
)

// awsChunked is the filter of a body in aws-chunked (Amazon S3, "Signature
// calculations for the Authorization header: transferring payload in multiple
// chunks"). It takes the frames off, has the data decided by the inner filter as the
// one text that it is, and puts the same frames on again, signed anew if need be.
type awsChunked struct {
	x     *exchange
	inner filter
	sign  *chunkSigner // nil: the client's signatures stay
	last  string       // signature of the client that stays

	read    func(*awsChunked, []byte) (int, error) // the next part of what comes
	ended   bool
	line    []byte
	left    int64 // of the chunk that is read
	trailer []string
	size    int // of the trailer

	pending []awsChunk
	buf     []byte // of the first one
	out     []byte
}

// awsChunk is one frame.
type awsChunk struct {
	size, left int64
	ext        string
}

var awsExtension = regexp.MustCompile(`^(;chunk-signature=[0-9a-f]{64})?$`)

// isAWSChunked reports whether the body is in aws-chunked and nothing else.
func (x *exchange) isAWSChunked() bool {
	coding := contentCoding(x.r.Header)
	return strings.EqualFold(coding, "aws-chunked") || coding == "" && slices.Contains(awsStreamings, x.r.Header.Get(awsHash))
}

func (x *exchange) chunkedBody() *denial {
	if x.redactsBody() {
		return &denial{status: http.StatusBadRequest, rule: "content-encoding", message: "the request body is in aws-chunked, where nothing can be redacted; send it as it is"}
	}
	x.body.scanner = x.scanner()
	x.snap.enter() // the Transport may read when the exchange has ended
	x.chunks = &awsChunked{x: x, inner: x.bodyFilter(), read: (*awsChunked).readSize}
	x.body.filtered = newFilterReader(x.ctx, x.r.Body, x.chunks)
	x.out.Body = x.body
	return nil
}

func (c *awsChunked) held() int { return c.inner.held() }

func (c *awsChunked) write(p []byte) ([]byte, error) {
	c.out = c.out[:0]
	for len(p) > 0 {
		n, err := c.read(c, p)
		if err != nil {
			return nil, err
		}
		p = p[n:]
	}
	return c.out, nil
}

func (c *awsChunked) flush() ([]byte, error) {
	c.out = c.out[:0]
	data, err := c.inner.flush()
	c.frame(data)
	return c.out, err
}

// close writes the last chunk, which is empty, and the trailer.
func (c *awsChunked) close() ([]byte, error) {
	c.out = c.out[:0]
	data, err := c.inner.close()
	if err != nil {
		return nil, err
	}
	c.frame(data)
	if !c.ended || len(c.pending) != 1 {
		return nil, c.bad("ends in the middle of a chunk")
	}
	if err := c.scanTrailer(); err != nil {
		return nil, err
	}
	c.head(c.pending[0].ext, nil)
	for _, line := range c.trailer {
		c.out = append(c.out, line+"\r\n"...)
	}
	if c.sign != nil && c.sign.trailer {
		c.out = append(c.out, trailerSignature+":"+c.sign.ofTrailer(c.trailer)+"\r\n"...)
	}
	return append(c.out, "\r\n"...), nil
}

func (c *awsChunked) bad(why string) error {
	return c.x.stopBody(badBody("is in aws-chunked and " + why))
}

// takeLine collects a line up to its CRLF. It is complete when done is true.
func (c *awsChunked) takeLine(p []byte) (n int, done bool, err error) {
	n = bytes.IndexByte(p, '\n') + 1
	done = n > 0
	if !done {
		n = len(p)
	}
	if c.line = append(c.line, p[:n]...); len(c.line) > maxChunkLine {
		return 0, false, c.bad("has a line that is too long")
	}
	if done && !bytes.HasSuffix(c.line, []byte("\r\n")) {
		return 0, false, c.bad("has a line that does not end in CR LF")
	}
	return n, done, nil
}

func (c *awsChunked) text() string {
	s := string(c.line[:len(c.line)-2])
	c.line = c.line[:0]
	return s
}

func (c *awsChunked) readSize(p []byte) (int, error) {
	n, done, err := c.takeLine(p)
	if err != nil || !done {
		return n, err
	}
	line := c.text()
	size, err := parseChunkSize([]byte(line))
	digits, ext, found := strings.Cut(line, ";")
	if found {
		ext = ";" + ext
	}
	switch {
	case err != nil || strconv.FormatInt(size, 16) != strings.ToLower(digits):
		return 0, c.bad("has a chunk without a plain size")
	case !awsExtension.MatchString(ext):
		return 0, c.bad("has a chunk extension that is no signature")
	case c.sign != nil && size > maxSignedChunk:
		return 0, c.bad(fmt.Sprintf("has a signed chunk of more than %d bytes", maxSignedChunk))
	case len(c.pending) == maxAWSPending:
		return 0, c.bad("has too many small chunks")
	}
	if err := c.scanSignature(ext); err != nil {
		return 0, err
	}
	c.pending = append(c.pending, awsChunk{size, size, ext})
	c.left, c.read = size, (*awsChunked).readData
	if size == 0 {
		c.read = (*awsChunked).readTrailer
	}
	return n, nil
}

// scanSignature looks through a signature that leaves as the client wrote it, together
// with the one before: whoever writes them can have any text there.
func (c *awsChunked) scanSignature(ext string) error {
	_, sig, found := strings.Cut(ext, "=")
	if !found || c.sign != nil || c.x.snap.ignores {
		return nil
	}
	sc := &lentScanner{x: c.x}
	defer sc.giveBack()
	if d := c.x.scanField(sc, "trailer", "chunk-signature", []string{c.last + sig}); d != nil {
		return c.x.stopBody(d)
	}
	c.last = sig
	return nil
}

func (c *awsChunked) readData(p []byte) (int, error) {
	n := int(min(c.left, int64(len(p))))
	data, err := c.inner.write(p[:n])
	if err != nil {
		return 0, err
	}
	c.frame(data)
	if c.left -= int64(n); c.left == 0 {
		c.read = (*awsChunked).readEnd
	}
	return n, nil
}

func (c *awsChunked) readEnd(p []byte) (int, error) {
	n, done, err := c.takeLine(p)
	if err != nil || !done {
		return n, err
	}
	if c.text() != "" {
		return 0, c.bad("has a chunk that is longer than its size")
	}
	c.read = (*awsChunked).readSize
	return n, nil
}

// trailerSignature is the last line of a signed trailer.
const trailerSignature = "x-amz-trailer-signature"

func (c *awsChunked) readTrailer(p []byte) (int, error) {
	n, done, err := c.takeLine(p)
	if err != nil || !done {
		return n, err
	}
	line := c.text()
	if c.size += len(line); c.size > maxAWSTrailer {
		return 0, c.bad("has a trailer that is too long")
	}
	name, value, _ := strings.Cut(line, ":")
	switch {
	case line == "":
		c.read, c.ended = (*awsChunked).readNothing, true
	case !strings.HasPrefix(strings.ToLower(name), "x-amz-"):
		return 0, c.bad("has a trailer that is none of S3")
	case strings.EqualFold(name, trailerSignature) && !isSHA256(value):
		return 0, c.bad("has a trailer signature that is none")
	case c.sign != nil && !c.sign.trailer:
		return 0, c.bad("has a trailer that was not announced")
	case c.sign == nil || !strings.EqualFold(name, trailerSignature):
		c.trailer = append(c.trailer, line)
	}
	return n, nil
}

func (c *awsChunked) readNothing([]byte) (int, error) {
	return 0, c.bad("has something behind its end")
}

// scanTrailer has the trailer looked through as any header.
func (c *awsChunked) scanTrailer() error {
	sc := &lentScanner{x: c.x}
	defer sc.giveBack()
	for _, line := range c.trailer {
		name, value, _ := strings.Cut(line, ":")
		if d := c.x.scanField(sc, "trailer", name, []string{value}); d != nil {
			return c.x.stopBody(d)
		}
	}
	return nil
}

// frame puts decided data into the frames that it came in.
func (c *awsChunked) frame(data []byte) {
	for len(data) > 0 {
		ch := &c.pending[0]
		n := min(ch.left, int64(len(data)))
		if c.sign == nil {
			if ch.left == ch.size {
				c.out = fmt.Appendf(c.out, "%x%s\r\n", ch.size, ch.ext)
			}
			c.out = append(c.out, data[:n]...)
		} else {
			c.buf = append(c.buf, data[:n]...)
		}
		data = data[n:]
		if ch.left -= n; ch.left > 0 {
			return
		}
		if c.sign != nil {
			c.head(ch.ext, c.buf)
			c.out = append(c.out, c.buf...)
			c.buf = c.buf[:0]
		}
		c.out = append(c.out, "\r\n"...)
		c.pending = c.pending[1:]
	}
}

// head writes the first line of a chunk that is there in full.
func (c *awsChunked) head(ext string, data []byte) {
	if c.sign != nil {
		ext = ";chunk-signature=" + c.sign.ofChunk(data)
	}
	c.out = fmt.Appendf(c.out, "%x%s\r\n", len(data), ext)
}

// chunkSigner signs chunks, each with the signature before it.
type chunkSigner struct {
	creds   aws.Credentials
	claim   awsClaim
	stream  *v4.StreamSigner
	last    []byte
	trailer bool // there is one, which is signed too
}

func newChunkSigner(creds aws.Credentials, claim awsClaim, seed string, trailer bool) *chunkSigner {
	last, err := hex.DecodeString(seed)
	if err != nil { // it is the signer's own
		panic(err)
	}
	return &chunkSigner{creds: creds, claim: claim, last: last, trailer: trailer, stream: v4.NewStreamSigner(creds, claim.service, claim.region, last)}
}

// ofChunk uses what the signer has for event streams: a chunk is one without headers.
func (s *chunkSigner) ofChunk(data []byte) string {
	sig, err := s.stream.GetSignature(context.Background(), nil, data, s.claim.date)
	if err != nil { // it computes and asks nobody
		panic(err)
	}
	s.last = sig
	return hex.EncodeToString(sig)
}

// ofTrailer signs the trailer's lines, which the signer does not know.
func (s *chunkSigner) ofTrailer(lines []string) string {
	var canonical strings.Builder
	for _, line := range slices.Sorted(slices.Values(lines)) {
		name, value, _ := strings.Cut(line, ":")
		canonical.WriteString(strings.ToLower(name) + ":" + strings.TrimSpace(value) + "\n")
	}
	sum := sha256.Sum256([]byte(canonical.String()))
	date := s.claim.date.Format("20060102")
	text := strings.Join([]string{awsAlgorithm + awsTrailer, s.claim.date.Format(awsTime),
		strings.Join([]string{date, s.claim.region, s.claim.service, "aws4_request"}, "/"), hex.EncodeToString(s.last), hex.EncodeToString(sum[:])}, "\n")
	key := []byte("AWS4" + s.creds.SecretAccessKey)
	for _, part := range []string{date, s.claim.region, s.claim.service, "aws4_request", text} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return hex.EncodeToString(key)
}
