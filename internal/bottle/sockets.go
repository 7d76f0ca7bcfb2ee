package bottle

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// maxSocketWalk bounds how many entries of a mounted folder are looked at for
// sockets, maxShownSockets how many of all are named.
const maxSocketWalk, maxShownSockets = 10_000, 5

// warnSockets names the sockets in what is mounted. Read-only or not, who sees a
// socket can talk to what serves it on the host, past the proxy.
func (p *Prepared) warnSockets() {
	shown := 0
	for _, f := range hostFolders(p.Manifest) {
		for _, path := range sockets(f.Path, maxSocketWalk, maxShownSockets-shown) {
			shown++
			p.Warnings = append(p.Warnings, fmt.Sprintf("the agent can talk to the socket %s, past the proxy, since it is mounted: take it out unless that is meant", path))
		}
	}
}

// sockets returns up to most sockets at a path or below it. The folders at the
// top come first, so that a large one further down takes the place of none.
func sockets(path string, entries, most int) (found []string) {
	info, err := os.Stat(path)
	if err != nil || most <= 0 {
		return nil
	}
	if info.Mode().Type() == fs.ModeSocket {
		return []string{path}
	}
	if !info.IsDir() {
		return nil
	}
	for folders := []string{path}; len(folders) > 0 && entries > 0; folders = folders[1:] {
		for _, e := range readSome(folders[0], entries) {
			entries--
			name := filepath.Join(folders[0], e.Name())
			switch {
			case e.IsDir():
				folders = append(folders, name)
			case e.Type() == fs.ModeSocket:
				if found = append(found, name); len(found) == most {
					return found
				}
			}
		}
	}
	return found
}

// readSome returns up to n entries of a folder, as far as they can be read.
func readSome(dir string, n int) []fs.DirEntry {
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	entries, _ := f.ReadDir(n)
	return entries
}
