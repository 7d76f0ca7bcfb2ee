package verify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/vm/relay"
)

// attack is one thing that must not work in a bottle.
type attack struct {
	name, what string
	try        func(context.Context, targets) attempt
	// needsControl: the attack must work on the host for its failure in the
	// bottle to mean something. The others are tried on interfaces of the
	// kernel, which hosts may have closed for themselves.
	needsControl bool
	// insideOnly: it is about the bottle alone and means nothing on the host.
	insideOnly bool
}

// attackTimeout bounds one attempt. A fence refuses at once; a timeout counts
// as refused when the canary saw nothing.
const attackTimeout = 2 * time.Second

var attacks = []attack{
	{name: "tcp", what: "TCP to a listener on the host", try: dialTCP, needsControl: true},
	{name: "udp", what: "UDP to a socket on the host", try: sendUDP, needsControl: true},
	{name: "dns", what: "a DNS query to a server on the host", try: queryDNS, needsControl: true},
	{name: "resolver", what: "a name looked up by the system's resolver", try: lookUp, insideOnly: true},
	{name: "abstract-socket", what: "an abstract unix socket of the host", try: dialAbstract, needsControl: true},
	{name: "internet", what: "a route to the internet (TCP and UDP 443)", try: routeTo("192.0.2.1:443", "[2001:db8::1]:443")},
	{name: "metadata", what: "a route to the cloud metadata address", try: routeTo("169.254.169.254:80")},
	{name: "interfaces", what: "a network interface beside the loopback", try: readInterfaces, insideOnly: true},
	{name: "gateway", what: "TCP to the host by the gateway of a virtual machine with a network", try: dialGateway, insideOnly: true},
	{name: "vsock", what: "a socket to the host of a virtual machine, or to its control port (AF_VSOCK)", try: openVsock},
	{name: "proxy-policy", what: "a denied host, asked through the proxy", try: askProxy, insideOnly: true},
	{name: "capture-policy", what: "a denied host, dialled past the proxy", try: askPast, insideOnly: true},
	{name: "home-file", what: "a file in the home folder of the host", try: readHome, needsControl: true},
	{name: "signal", what: "a signal to a process of the host", try: signalVictim, needsControl: true},
	{name: "keyring", what: "a key in the session keyring of the host", try: readKey, needsControl: true},
	{name: "environment", what: "a variable of the host's environment", try: readVariable, needsControl: true},
	{name: "descriptor", what: "a descriptor that the host left open", try: readDescriptor, needsControl: true},
	{name: "core-pattern", what: "writing /proc/sys/kernel/core_pattern", try: openCorePattern},
	{name: "tiocsti", what: "putting keys into a terminal (TIOCSTI)", try: pushKey},
	{name: "privileges", what: "capabilities, and gaining privileges by exec", try: readPrivileges, insideOnly: true},
}

func refused(err error) attempt { return attempt{Detail: cause(err)} }

// cause is the innermost error: what the kernel said.
func cause(err error) string {
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		return errno.Error()
	}
	if e := (*net.DNSError)(nil); errors.As(err, &e) { // without the name, which is long and random
		return e.Err
	}
	return err.Error()
}

func dialTCP(ctx context.Context, t targets) attempt {
	var a attempt
	for _, addr := range t.TCP {
		if a = dial(ctx, "tcp", addr, nil); a.Reached {
			break
		}
	}
	return a
}

func dialAbstract(ctx context.Context, t targets) attempt { return dial(ctx, "unix", t.Abstract, nil) }

// dial connects and sends. Datagrams reach nobody for sure: only the canary
// can tell.
func dial(ctx context.Context, network, addr string, send []byte) attempt {
	ctx, cancel := context.WithTimeout(ctx, attackTimeout)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return refused(err)
	}
	defer c.Close()
	if send != nil {
		if _, err := c.Write(send); err != nil {
			return refused(err)
		}
		return attempt{Detail: "sent to " + addr}
	}
	return attempt{Reached: true, Detail: "connected to " + addr}
}

func sendUDP(ctx context.Context, t targets) attempt {
	return dial(ctx, "udp", t.UDP, []byte(t.Nonce))
}

func queryDNS(ctx context.Context, t targets) attempt {
	name, err := dnsmessage.NewName(t.Nonce + ".bottle-verify.example.")
	if err != nil {
		return refused(err)
	}
	m := dnsmessage.Message{Header: dnsmessage.Header{RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}}}
	b, err := m.Pack()
	if err != nil {
		return refused(err)
	}
	return dial(ctx, "udp", t.DNS, b)
}

// lookUp asks the resolver that programs use. On the host it would tell the
// name to somebody outside, so it is not tried there. An address that the bottle
// itself gives to names (package relay) was asked of nobody.
func lookUp(ctx context.Context, t targets) attempt {
	if t.Control {
		return attempt{Detail: "not tried on the host"}
	}
	ctx, cancel := context.WithTimeout(ctx, attackTimeout)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupHost(ctx, t.Nonce+".bottle-verify.example")
	if err != nil {
		return refused(err)
	}
	for _, a := range addrs {
		if ip, err := netip.ParseAddr(a); err != nil || !relay.Prefix.Contains(ip) {
			return attempt{Reached: true, Detail: "resolved to " + strings.Join(addrs, ", ")}
		}
	}
	return attempt{Detail: "answered inside, by an address of the bottle's own: " + strings.Join(addrs, ", ")}
}

// routeTo asks the kernel for a route by connecting a UDP socket, which sends
// nothing. One on which this end has that address too (or with IPv6, ::1) leads back
// to the bottle.
func routeTo(addrs ...string) func(context.Context, targets) attempt {
	return func(context.Context, targets) attempt {
		var last error
		for _, addr := range addrs {
			c, err := net.Dial("udp", addr)
			if err != nil {
				last = err
				continue
			}
			defer c.Close()
			own, to := addrOf(c.LocalAddr()), addrOf(c.RemoteAddr())
			if own != to && !own.IsLoopback() {
				return attempt{Reached: true, Detail: "there is a route to " + addr}
			}
			last = fmt.Errorf("%s is an address of the bottle itself", to)
		}
		return refused(last)
	}
}

// readInterfaces looks for an interface that is up and could lead somewhere.
func readInterfaces(_ context.Context, t targets) attempt {
	if t.Control {
		return attempt{Detail: "not tried on the host"}
	}
	list, err := net.Interfaces()
	if err != nil { // then it may have any
		return attempt{Reached: true, Detail: "the interfaces cannot be listed: " + cause(err)}
	}
	for _, i := range list {
		if i.Flags&net.FlagUp != 0 && i.Flags&net.FlagLoopback == 0 {
			return attempt{Reached: true, Detail: "there is " + i.Name}
		}
	}
	return attempt{Detail: fmt.Sprintf("none that is up, of %d", len(list))}
}

// gateway is the host's address in a machine of smolvm's that has a network: every
// port of the host's own loopback can be reached by it.
const gateway = "100.96.0.1"

// dialGateway tries the port of the TCP canary, and one at which nothing is.
func dialGateway(ctx context.Context, t targets) attempt {
	if t.Control {
		return attempt{Detail: "not tried on the host"}
	}
	var a attempt
	for _, addr := range t.TCP {
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return refused(err)
		}
		if a = dial(ctx, "tcp", net.JoinHostPort(t.Gateway, port), nil); a.Reached {
			break
		}
	}
	return a
}

func addrOf(a net.Addr) netip.Addr {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr()
}

func askProxy(ctx context.Context, t targets) attempt {
	if t.Control {
		return attempt{Detail: "not tried on the host"}
	}
	ctx, cancel := context.WithTimeout(ctx, 5*attackTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.DeniedURL, nil)
	if err != nil {
		return refused(err)
	}
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment}}
	resp, err := client.Do(req)
	if err != nil { // a proxy that says nothing may be asking for what it was asked for
		return attempt{Reached: true, Detail: "no refusal came from the proxy: " + cause(err)}
	}
	defer resp.Body.Close()
	return refusedBy(resp)
}

// askPast is what a program does that knows no proxy.
func askPast(ctx context.Context, t targets) attempt {
	if t.Control {
		return attempt{Detail: "not tried on the host"}
	}
	ctx, cancel := context.WithTimeout(ctx, 5*attackTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.DeniedURL, nil)
	if err != nil {
		return refused(err)
	}
	resp, err := (&http.Client{Transport: &http.Transport{}}).Do(req)
	if err != nil {
		return refused(err)
	}
	defer resp.Body.Close()
	return refusedBy(resp)
}

// refusedBy tells the proxy's refusal from any other answer.
func refusedBy(resp *http.Response) attempt {
	if resp.StatusCode == http.StatusForbidden && resp.Header.Get("Bottle-Rule") != "" {
		return attempt{Detail: "refused by the proxy: " + resp.Status}
	}
	return attempt{Reached: true, Detail: "answered " + resp.Status}
}

func readHome(_ context.Context, t targets) attempt { return readProof(t.HomeFile) }

func readProof(name string) attempt {
	b, err := os.ReadFile(name)
	if err != nil {
		return refused(err)
	}
	return attempt{Proof: strings.TrimSpace(string(b)), Detail: "read " + name}
}

// signalVictim sends SIGCONT: should the number be another process's in the
// bottle, nothing happens to it.
func signalVictim(_ context.Context, t targets) attempt {
	if err := syscall.Kill(t.VictimPID, syscall.SIGCONT); err != nil {
		return refused(err)
	}
	return attempt{Detail: fmt.Sprintf("process %d takes signals", t.VictimPID)}
}

func readKey(_ context.Context, t targets) attempt {
	if t.Key == "" {
		return attempt{Detail: "no key could be planted"}
	}
	id, err := unix.KeyctlSearch(unix.KEY_SPEC_SESSION_KEYRING, "user", t.Key, 0)
	if err != nil {
		return refused(err)
	}
	buf := make([]byte, 256)
	n, err := unix.KeyctlBuffer(unix.KEYCTL_READ, id, buf, 0)
	if err != nil {
		return refused(err)
	}
	return attempt{Proof: string(buf[:min(n, len(buf))]), Detail: "read the key"}
}

func readVariable(_ context.Context, t targets) attempt {
	v, ok := os.LookupEnv(t.Variable)
	if !ok {
		return attempt{Detail: "not set"}
	}
	return attempt{Proof: v, Detail: t.Variable + " is set"}
}

// maxFD is far beyond what a program is started with.
const maxFD = 4 * leakedFD

// readDescriptor looks for the canary behind every descriptor.
func readDescriptor(_ context.Context, t targets) attempt {
	for fd := 3; fd < maxFD; fd++ {
		buf := make([]byte, len(t.Nonce))
		n, err := unix.Pread(fd, buf, 0)
		if err == nil && string(buf[:n]) == t.Nonce {
			return attempt{Proof: t.Nonce, Detail: "descriptor " + strconv.Itoa(fd)}
		}
	}
	return attempt{Detail: "none was passed on"}
}

// openCorePattern opens and writes nothing.
func openCorePattern(context.Context, targets) attempt {
	const name = "/proc/sys/kernel/core_pattern"
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return refused(err)
	}
	_ = f.Close()
	return attempt{Reached: true, Detail: name + " can be written"}
}

// openVsock makes a socket only: whom it reaches depends on what listens there today.
func openVsock(context.Context, targets) attempt {
	fd, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return refused(err)
	}
	_ = unix.Close(fd)
	return attempt{Reached: true, Detail: "one can be made"}
}

// pushKey shows whether the call gets as far as the kernel's look at the
// descriptor, which is a bad one on purpose.
func pushKey(context.Context, targets) attempt {
	if err := ioctlPush(); !errors.Is(err, unix.EBADF) {
		return refused(fmt.Errorf("denied before it reaches the terminal: %s", cause(err)))
	}
	return attempt{Reached: true, Detail: "the call is let through to the kernel"}
}

// ioctlPush asks for a key to be put into the terminal behind no descriptor.
func ioctlPush() error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, ^uintptr(0), unix.TIOCSTI, 0)
	return errno
}

// readPrivileges reads what the kernel says of this process.
func readPrivileges(_ context.Context, t targets) attempt {
	if t.Control {
		return attempt{Detail: "not looked at on the host"}
	}
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return attempt{Reached: true, Detail: cause(err)}
	}
	var wrong []string
	for line := range strings.SplitSeq(string(b), "\n") {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		bad := false
		switch name {
		case "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb":
			bad = strings.Trim(value, "0") != ""
		case "NoNewPrivs":
			bad = value != "1"
		case "Seccomp":
			bad = value != "2"
		}
		if bad {
			wrong = append(wrong, name+" is "+value)
		}
	}
	if len(wrong) > 0 {
		return attempt{Reached: true, Detail: strings.Join(wrong, ", ")}
	}
	return attempt{Detail: "no capability in any set, no_new_privs, seccomp filter"}
}
