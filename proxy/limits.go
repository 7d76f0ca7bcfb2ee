package proxy

import "time"

// The limits of one Server. They bound memory and time; none of them is a
// rate limit on an honest agent.
const (
	// maxSocketEnds bounds the borders of frames of a WebSocket that are remembered
	// while what stands there is held back. Frames beyond are joined.
	maxSocketEnds = 256
	// maxHeaderBytes is the most that a request or response head may take.
	maxHeaderBytes = 1 << 20
	// maxFrontHead is the most that the head of a request to the proxy itself may
	// take: whoever sends it has not shown a password yet.
	maxFrontHead = 64 << 10
	// maxFrontConns bounds the open connections of a listener that are not
	// tunnels (yet). Others wait to be accepted.
	maxFrontConns = 512
	// decideBytes is the largest declared body that is read and decided before
	// the upstream is contacted, and the largest that is buffered to recompute
	// a length.
	decideBytes = 256 << 10
	// maxModelDecoded is maxDecoded for the conversation with a model, which is held
	// whole: something may have to be replaced in it.
	maxModelDecoded = 16 << 20
	// maxDecoded bounds what a compressed request body that is decided whole may
	// decompress to.
	maxDecoded = 32 << 20
	// streamBuffer is the buffer of one direction of one streaming body.
	streamBuffer = 32 << 10
	// maxTunnels bounds the open CONNECT tunnels of a Server.
	maxTunnels = 4096
	// maxSessionTunnels bounds those of one session, so that it leaves room for
	// the others.
	maxSessionTunnels = 512
	// maxExchanges bounds the requests of a Server that are under way,
	// maxSessionExchanges those of one session. Each takes some 100 KiB beside
	// its body.
	maxExchanges        = 4096
	maxSessionExchanges = 512
	// maxBodyBytes bounds the request bodies of a Server that are held whole, by
	// their declared lengths, and what decoders of those that stream take;
	// maxSessionBodyBytes those of one session.
	maxBodyBytes        = 256 << 20
	maxSessionBodyBytes = 64 << 20
	// maxFreeHead is from which length on the head of a request or an answer counts as
	// a body that is held.
	maxFreeHead = 64 << 10
	// maxDecoders bounds the compressed request bodies that are decided whole at a
	// time: one decoder can take 16 MiB.
	maxDecoders = 8
	// maxStreams bounds the requests under way in one HTTP/2 connection.
	maxStreams = 250
	// maxStreamUnread and maxConnUnread bound what is received in one HTTP/2 stream
	// and one connection, on either leg, before it is read: one stream carries 80
	// Mbit/s over a way of 100 ms.
	maxStreamUnread = 1 << 20
	maxConnUnread   = 2 << 20
	// maxSessionH2 bounds the tunnels of one session in which HTTP/2 is spoken, and
	// so what is received of its uploads. More are offered HTTP/1.1, which keeps what
	// is not read in the kernel.
	maxSessionH2 = 64
	// maxReceiving bounds the upstream connections with HTTP/2 in which answers are under
	// way, each with at most maxConnUnread that was not read, maxSessionReceiving those
	// of one session: an upstream may want one for each request.
	maxReceiving        = 256
	maxSessionReceiving = 64
	// maxIdleFrames bounds the frames of an HTTP/2 client, or of an end of a
	// WebSocket, that ask for nothing. idleFramesPerSecond and idleFramesPerAnswer, for
	// each frame of an answer or of a message, make room for more.
	maxIdleFrames       = 1000
	idleFramesPerSecond = 100
	idleFramesPerAnswer = 10
	// strangerInterval is the least time between two journal lines about clients
	// without a password.
	strangerInterval = time.Second
	// retryAfter is when a client that was told that there are too many may try
	// again, in seconds.
	retryAfter = "5"
	// maxFindings is how many findings of one exchange are kept for the journal;
	// the others are counted.
	maxFindings = 64
	// maxShownPath is where the path in an answer and a reason is cut.
	maxShownPath = 200
	// halfOpenTimeout bounds how long a passthrough upstream may go on sending
	// when the client has ended its side.
	halfOpenTimeout = 10 * time.Minute
	// maxJournalPath is where the path in a journal line is cut.
	maxJournalPath = 2 << 10

	// headerTimeout bounds the wait for a whole request head once it began.
	headerTimeout = 30 * time.Second
	// smallBodyTimeout bounds the wait for the whole of a body that is decided
	// before it is sent.
	smallBodyTimeout = time.Minute
	// roomWait is how long a request waits for others to give memory back.
	roomWait = 10 * time.Second
	// firstByteTimeout bounds the wait for the first byte in a new tunnel;
	// clients open some in reserve.
	firstByteTimeout = 2 * time.Minute
	// refusedTimeout is the same in a tunnel in which a refusal is to be told.
	refusedTimeout = 15 * time.Second
	// handshakeTimeout bounds a TLS handshake, on either leg.
	handshakeTimeout = 15 * time.Second
	// idleTimeout closes a client connection on which no request came.
	idleTimeout = 5 * time.Minute
	// socketCloseTimeout bounds the closing of a WebSocket once one end has begun.
	socketCloseTimeout = 5 * time.Second
	// socketIdle closes a WebSocket in which nothing came from either end.
	socketIdle = 30 * time.Minute
	// dialTimeout bounds resolving and connecting to an upstream.
	dialTimeout = 15 * time.Second
	// maxIdle bounds the upstream connections of one pool that wait for a request,
	// some 70 KB each.
	maxIdle = 256
	// maxUpstreamConns is how many upstream connections may be open before those that
	// wait for a request are closed.
	maxUpstreamConns = 512
	// upstreamIdle closes a pooled upstream connection.
	upstreamIdle = 90 * time.Second
	// continueTimeout is how long a client's Expect: 100-continue waits for the
	// upstream before the body is sent anyway.
	continueTimeout = time.Second
	// holdIdle decides a held tail of a stream on which nothing more comes, so
	// that nothing interactive can wait for ever.
	holdIdle = 100 * time.Millisecond
	// headFlush sends a response head of known length by itself when the body
	// is this late.
	headFlush = time.Millisecond
	// drainBytes and drainTime bound how much of an upload is read and thrown
	// away after an early answer, so that the client sees the answer instead
	// of a reset.
	drainBytes = 256 << 20
	drainTime  = 5 * time.Second
	// defaultAskTimeout is how long an operator has to answer.
	defaultAskTimeout = 3 * time.Minute
)
