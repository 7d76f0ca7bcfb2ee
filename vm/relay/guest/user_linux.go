package guest

import (
	"bufio"

	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// rootState is on a file system that is new at each start.
const rootState = "/run/bottle-state"

// setup makes the agent's user, unless the image has one of that name, its home,
// and the state folder, and prints a User.
func setup(args []string, _ io.Reader, out io.Writer) error {
	f := flags("setup")
	name := f.String("user", "agent", "")
	uid := f.Int("uid", 1000, "the number that it should have")
	home := f.String("home", "/home/agent", "")
	if err := f.Parse(args); err != nil {
		return &codeError{ExitUsage, err}
	}
	u := User{UID: os.Getuid(), GID: os.Getgid(), Root: os.Geteuid() == 0, State: rootState, Shell: "/bin/sh"}
	if _, err := os.Stat("/bin/bash"); err == nil {
		u.Shell = "/bin/bash"
	}
	if u.Root {
		var err error
		if u.UID, u.GID, err = addUser("/etc", *name, *uid, *home, u.Shell); err != nil {
			return fmt.Errorf("make the user %s: %w", *name, err)
		}
	} else {
		u.State = filepath.Join(os.TempDir(), "bottle-state")
	}
	if err := os.MkdirAll(u.State, 0o755); err != nil {
		return err
	}
	if err := os.MkdirAll(*home, 0o755); err != nil {
		return fmt.Errorf("make the home: %w", err)
	}
	if err := os.Lchown(*home, u.UID, u.GID); err != nil {
		return err
	}
	_, err := io.WriteString(out, u.Text())
	return err
}

// addUser adds a user and its group to the files of etc, and returns their
// numbers. One of that name stays as it is, a number that is taken is not used.
func addUser(etc, name string, uid int, home, shell string) (int, int, error) {
	users, err := readAccounts(filepath.Join(etc, "passwd"))
	if err != nil {
		return 0, 0, err
	}
	groups, err := readAccounts(filepath.Join(etc, "group"))
	if err != nil {
		return 0, 0, err
	}
	for _, u := range users {
		if u[0] == name && len(u) >= 4 {
			id, err := strconv.Atoi(u[2])
			gid, gerr := strconv.Atoi(u[3])
			if err = errors.Join(err, gerr); err == nil && id == 0 {
				err = errors.New("the image says that it is root")
			}
			return id, gid, err
		}
	}
	for uid <= 0 || taken(users, uid) || taken(groups, uid) {
		uid = max(uid+1, 1000)
	}
	if err := appendLine(filepath.Join(etc, "passwd"), fmt.Sprintf("%s:x:%d:%d::%s:%s", name, uid, uid, home, shell)); err != nil {
		return 0, 0, err
	}
	return uid, uid, appendLine(filepath.Join(etc, "group"), fmt.Sprintf("%s:x:%d:", name, uid))
}

// readAccounts reads passwd(5) or group(5); one that is not there has no lines.
func readAccounts(path string) (list [][]string, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		if parts := strings.Split(sc.Text(), ":"); len(parts) >= 3 {
			list = append(list, parts)
		}
	}
	return list, sc.Err()
}

func taken(list [][]string, id int) bool {
	for _, l := range list {
		if l[2] == strconv.Itoa(id) {
			return true
		}
	}
	return false
}

// appendLine adds a line to a file, which may lack the end of its last one.
func appendLine(path, line string) error {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(old) > 0 && old[len(old)-1] != '\n' {
		line = "\n" + line
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	return errors.Join(err, f.Close())
}

// kill sends a signal to the group of what exec started under an id.
func kill(args []string, _ io.Reader, _ io.Writer) error {
	f := flags("kill")
	state, id, sig := f.String("state", "", ""), f.String("id", "", ""), f.Int("signal", 0, "")
	if err := f.Parse(args); err != nil {
		return &codeError{ExitUsage, err}
	}
	text, err := os.ReadFile(pidFile(*state, *id))
	if err != nil {
		return &codeError{ExitNotYet, err}
	}
	pid, start, written := strings.Cut(string(text), " ")
	if !written {
		return &codeError{ExitNotYet, fmt.Errorf("%s is about to begin", *id)}
	}
	n, err := strconv.Atoi(pid)
	if err != nil || n <= 1 || startOf(n) != start {
		return &codeError{ExitGone, fmt.Errorf("%s has ended", *id)}
	}
	if err := syscall.Kill(-n, syscall.Signal(*sig)); err != nil {
		return &codeError{ExitGone, err}
	}
	return nil
}

func pidFile(state, id string) string { return filepath.Join(state, filepath.Base(id)) }

// startOf tells apart processes that had the same number one after the other: the
// time of a process's start (proc(5), stat), "" for none.
func startOf(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name may hold anything
	fields := strings.Fields(rest)
	if len(fields) < 20 {
		return ""
	}
	return fields[19]
}
