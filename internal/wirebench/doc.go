// Package wirebench measures what the proxy costs on the wire, beside what else
// could stand in its place. It has tests only:
//
//	make bench
//
// Each of the servers below is a process of its own, which is the test binary
// again, so that the CPU time of one is told from that of the others; the load
// generator is the test itself. Everything is on loopback.
//
//	direct   the TLS upstream that all others lead to
//	splice   a CONNECT proxy that looks at nothing
//	reverse  httputil.ReverseProxy with TLS on both legs
//	goproxy  goproxy as it comes, intercepting everything
//	bottle   `bottle proxy` with everything on: all rules, 20 secrets, 50 routes,
//	         redaction of answers, a password, the journal on disk
//	captured the same process, as a bottle's relay comes to it for a program that
//	         knows of no proxy; the relay itself is not in it
//	off      the same with dlp: off
//
// The ways are measured in turn, in rounds; what is printed is the median of the
// rounds, and of the ratios within a round. CPU is that of the process between
// client and upstream, and of the upstream itself for direct.
//
// What a change does to the numbers is told from the weather by another build of the
// test, of the time before it, whose bottle takes turns with this one's:
//
//	go test -c -o before.test ./internal/wirebench
//	go test ./internal/wirebench -run '^TestWire$' -v -args -full -only 'small' -ways 'reverse bottle' -before $PWD/before.test
package wirebench
