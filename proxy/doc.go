// Package proxy is the egress proxy of an agent: every request that the agent makes
// is decided by a Policy, scanned by package dlp, given the credentials that it only
// has placeholders for, sent, and written down by a Recorder before its first byte
// leaves.
//
// A Server is made of a Config, which Reload replaces while it runs, and of Options,
// which stay. It takes CONNECT and absolute-form requests on the listeners that Serve
// is given, ends TLS with the certificates of a mitm.Minter, and speaks HTTP/1.1,
// HTTP/2 and WebSocket on both sides. An error while it decides is a denial.
//
// NewTransport sends requests of one's own the same way to upstreams, without a policy.
package proxy
