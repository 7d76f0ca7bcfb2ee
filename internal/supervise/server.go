// Package supervise is what stands between an agent in a bottle and its operator:
// an MCP server that tells the agent what it may do and lets it ask for more, and
// the [Desk] on which questions wait for an answer.
//
// The server is a virtual host of the proxy ([Host]), so it needs no port and no
// exception, and what an agent writes to it is scanned and journalled like all else.
package supervise

import (
	"context"
	"net/http"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/proxy"
)

// Host is the name of the virtual host, and URL where MCP is spoken on it.
const (
	Host = "supervise.bottle.internal"
	URL  = "https://" + Host + "/mcp"
)

// maxCall bounds the body of one call, in bytes.
const maxCall = 64 << 10

// Options is what a Handler answers from. Its functions are called concurrently.
type Options struct {
	// Bottle is the id of the bottle, Version that of this program.
	Bottle, Version string
	// Started is when it was.
	Started time.Time
	// Manifest returns what is in force, with all that was granted since.
	Manifest func() *manifest.Manifest
	// Counts returns the numbers of requests, by what became of them.
	Counts func() map[string]int64
	// Spent returns what was sent and used; nil for no limits.
	Spent func() proxy.Spent
	// Desk takes what the agent asks for.
	Desk *Desk
}

// instructions are told to the agent by its client.
const instructions = `You work in a bottle: a sandbox whose network goes through a proxy that only lets
through what its operator allowed. A request that is denied gets an answer with the
header Bottle-Rule and a JSON body whose error.message says why; trying again does not
help. Ask "allowed" what you can reach instead of trying, "request_access" for what you
need and have not, and "request_push" before a push that its rules refuse.`

// Handler serves the MCP server of one bottle. It keeps no sessions: each call stands
// alone, so a client that reconnects finds all as it was.
func Handler(o Options) http.Handler {
	s := mcp.NewServer(&mcp.Implementation{Name: "bottle", Title: "bottle", Version: o.Version}, &mcp.ServerOptions{
		Instructions: instructions,
		Capabilities: &mcp.ServerCapabilities{Tools: &mcp.ToolCapabilities{}},
	})
	o.addTools(s)
	h := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s }, &mcp.StreamableHTTPOptions{
		Stateless: true, JSONResponse: true, MaxRequestBodyBytes: maxCall,
		// It would look at the address of the proxy's listener, which says nothing of
		// who asks: the host is checked by the proxy.
		DisableLocalhostProtection: true,
	})
	mux := http.NewServeMux()
	// Everything else is not found: clients that look for OAuth metadata go on
	// without.
	mux.Handle("/mcp", h)
	return mux
}

// tool adds a tool that only looks.
func tool[In, Out any](s *mcp.Server, name, description string, do func(context.Context, In) (Out, error)) {
	closed := false
	addTool(s, &mcp.Tool{Name: name, Description: description, Annotations: &mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: &closed}}, do)
}

func addTool[In, Out any](s *mcp.Server, t *mcp.Tool, do func(context.Context, In) (Out, error)) {
	mcp.AddTool(s, t, func(ctx context.Context, _ *mcp.CallToolRequest, in In) (*mcp.CallToolResult, Out, error) {
		out, err := do(ctx, in)
		return nil, out, err
	})
}
