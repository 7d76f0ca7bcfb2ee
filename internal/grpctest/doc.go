// Package grpctest drives the real gRPC through the proxy. It is a module of its
// own, so that gRPC is no dependency of bottle.
package grpctest
