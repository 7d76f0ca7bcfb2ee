package proxy

import (
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6455 says so; it proves nothing but that the handshake was understood
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// socket is what an exchange knows that is to become a WebSocket: by an upgrade of
// HTTP/1.1 (RFC 6455) or an extended CONNECT of HTTP/2 (RFC 8441).
type socket struct {
	key    string             // the agent's, on HTTP/1.1
	up     io.ReadWriteCloser // the upstream, once it has agreed
	bad    *denial            // of what is no handshake, once policy has let it
	binary bool               // the message that the agent is sending is; for the goroutine that reads it
}

const protoWebSocket = "websocket"

// upgrade finds out whether the request is for a WebSocket. From here on it is a
// GET, which is what policy decides, whatever says so on the wire. What of the
// handshake is between two neighbours only, is made anew for the upstream: a key is
// the agent's to choose, and no extension is understood here.
//
// So permessage-deflate is declined towards both sides: nearly all clients offer it,
// none needs it, and what is not compressed needs no second limit for what it
// becomes.
func (x *exchange) upgrade() *denial {
	extended := x.r.Header.Get(":protocol")
	switch {
	case x.r.ProtoMajor == 1 && x.r.ProtoAtLeast(1, 1) && hasToken(x.r.Header["Connection"], "upgrade"):
		if up := x.r.Header["Upgrade"]; len(up) != 1 || !strings.EqualFold(strings.TrimSpace(up[0]), protoWebSocket) {
			return nil
		}
	case x.r.ProtoMajor == 2 && x.r.Method == http.MethodConnect && extended != "":
	default:
		return nil
	}
	r := x.r.WithContext(x.r.Context())
	r.Header = x.r.Header.Clone()
	x.socket = &socket{key: r.Header.Get("Sec-Websocket-Key")}
	version := r.Header.Get("Sec-Websocket-Version")
	for _, name := range [...]string{":protocol", "Sec-Websocket-Key", "Sec-Websocket-Version", "Sec-Websocket-Extensions"} {
		delete(r.Header, name)
	}
	x.r = r
	if extended != "" {
		r.Method = http.MethodGet
		if extended != protoWebSocket {
			x.socket.bad = noUpgrade(extended, r.Host)
		}
		return nil
	}
	raw, err := base64.StdEncoding.DecodeString(x.socket.key)
	if r.Method != http.MethodGet || r.ContentLength != 0 || version != "13" || err != nil || len(raw) != 16 {
		x.socket.bad = &denial{status: http.StatusBadRequest, rule: "upgrade", message: "the request for a WebSocket is not a GET without a body, of version 13 and with a key of 16 bytes (RFC 6455, section 4.1)"}
	}
	return nil
}

// noUpgrade refuses another protocol inside of a connection.
func noUpgrade(protocol, host string) *denial {
	return &denial{status: http.StatusNotImplemented, rule: "upgrade", message: fmt.Sprintf(
		"%s inside an intercepted connection is not supported by this version; the operator can use tls: passthrough for %s", headerText(protocol), headerText(host))}
}

// errNoSocket says that an upstream took the upgrade in a way that nobody may rely
// on.
var errNoSocket = errors.New("it did not take the upgrade to WebSocket as RFC 6455 says")

// openSocket asks the upstream, in HTTP/2 where the agent speaks that and the
// upstream has WebSockets in it, else in HTTP/1.1. An answer that does not agree is
// one like any other.
func (x *exchange) openSocket(out *http.Request) (*http.Response, error) {
	if x.r.ProtoMajor == 2 && x.target.Scheme == "https" {
		resp, up, err := x.snap.upstreams.connectSocket(out, x.target, x.route)
		if !errors.Is(err, errNoConnect) {
			if up != nil {
				x.socket.up = up
			}
			return resp, err
		}
	}
	key := newKey()
	out = out.Clone(out.Context())
	for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": protoWebSocket, "Sec-Websocket-Version": "13", "Sec-Websocket-Key": key} {
		out.Header.Set(name, value)
	}
	resp, err := x.snap.upstreams.transport(false, x.target.Scheme, x.route).RoundTrip(out)
	if err != nil {
		return nil, err
	}
	up, ok := resp.Body.(io.ReadWriteCloser)
	switch h := resp.Header; {
	case resp.StatusCode == http.StatusSwitchingProtocols:
		if !ok || !hasToken(h["Upgrade"], protoWebSocket) || h.Get("Sec-Websocket-Accept") != acceptKey(key) || h.Get("Sec-Websocket-Extensions") != "" {
			break
		}
		x.socket.up = up
		return resp, nil
	case x.r.ProtoMajor == 2 && resp.StatusCode/100 == 2: // which would agree, over there
	default:
		return resp, nil
	}
	resp.Body.Close()
	return nil, errNoSocket
}

// newKey is a Sec-WebSocket-Key.
func newKey() string {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails
	return base64.StdEncoding.EncodeToString(raw[:])
}

// acceptKey is the Sec-WebSocket-Accept to a key (RFC 6455, section 4.2.2).
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // as above
	return base64.StdEncoding.EncodeToString(sum[:])
}

// errorMessage returns what the agent's own protocol says of a denial, or nil: some
// clients show the message of an error and stop, where after a close alone they
// would try again in another way. Their protocols are told by the end of the path.
func (x *exchange) errorMessage(d *denial) any {
	if strings.HasSuffix(strings.TrimRight(x.target.Path, "/"), "/responses") { // OpenAI Responses, which Codex speaks
		return responsesError(d, x.id)
	}
	return nil
}

func responsesError(d *denial, id string) any {
	type details struct {
		Type      string `json:"type"`
		Code      string `json:"code"`
		Rule      string `json:"rule"`
		Message   string `json:"message"`
		RequestID string `json:"request_id"`
	}
	return struct {
		Type   string  `json:"type"`
		Status int     `json:"status"`
		Error  details `json:"error"`
	}{"error", http.StatusBadRequest, details{"invalid_request_error", "invalid_prompt", d.rule, d.message, id}}
}
