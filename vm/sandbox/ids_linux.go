package sandbox

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// rootsAgent is the number, as user and as group, that the agent of root's
// machines has inside.
const rootsAgent = 1000

// insideIDs are the agent's numbers in a machine that this process makes. An
// ordinary user keeps its own: it can map no others.
func insideIDs() (uid, gid int) {
	if os.Geteuid() == 0 {
		return rootsAgent, rootsAgent
	}
	return os.Geteuid(), os.Getegid()
}

// Owner returns the host's numbers that the agent of machine id acts as: those
// of this process, or for root a pair that comes from a hash of id. It fails
// only where root is itself in a user namespace that has no numbers to spare.
func (b *Backend) Owner(id string) (uid, gid int, err error) {
	if os.Geteuid() != 0 {
		return os.Geteuid(), os.Getegid(), nil
	}
	base := b.opt.UIDBase
	if base == 0 {
		base = DefaultUIDBase
	}
	sum := sha256.Sum256([]byte(id))
	n := binary.BigEndian.Uint32(sum[:4])
	if uid, err = pickID("/proc/self/uid_map", base, n); err != nil {
		return 0, 0, err
	}
	if gid, err = pickID("/proc/self/gid_map", base, n); err != nil {
		return 0, 0, err
	}
	return uid, gid, nil
}

// pickID reads one of the maps of user_namespaces(7) and picks the number for
// hash n.
func pickID(file string, base, n uint32) (int, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, fmt.Errorf("choose the user of a machine: %w", err)
	}
	id, err := pickMapped(string(text), base, n)
	if err != nil {
		return 0, fmt.Errorf("choose the user of a machine: %s: %w", file, err)
	}
	return id, nil
}

// pickMapped picks from the uidSpan numbers from base on. Where this process
// is in a user namespace that does not have them, it picks from the longest
// range that the namespace has, never 0.
func pickMapped(idMap string, base, n uint32) (int, error) {
	var longest, from uint64
	for line := range strings.Lines(idMap) {
		var start, outside, count uint64
		if _, err := fmt.Sscan(line, &start, &outside, &count); err != nil {
			return 0, fmt.Errorf("line %q: %w", line, err)
		}
		if start <= uint64(base) && uint64(base)+uidSpan <= start+count {
			return int(base + n%uidSpan), nil
		}
		if start == 0 && count > 0 {
			start, count = 1, count-1
		}
		if count > longest {
			longest, from = count, start
		}
	}
	if longest == 0 {
		return 0, errors.New("root has no other number here that a machine could act as; run bottle as an ordinary user")
	}
	return int(from + uint64(n)%longest), nil
}

// mapIDs says in attr who the machine acts as.
func (b *Backend) mapIDs(attr *syscall.SysProcAttr, id string) error {
	uid, gid, err := b.Owner(id)
	if err != nil {
		return err
	}
	if b.opt.Breach.has(BreachUser) {
		uid, gid = os.Geteuid(), os.Getegid()
	}
	inUID, inGID := insideIDs()
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: inUID, HostID: uid, Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: inGID, HostID: gid, Size: 1}}
	if os.Geteuid() == 0 {
		// Without this the process would stay the host's root, as a number
		// that the namespace does not map, and keep its groups.
		attr.GidMappingsEnableSetgroups = true
		attr.Credential = &syscall.Credential{Uid: uint32(inUID), Gid: uint32(inGID)}
	}
	return nil
}
