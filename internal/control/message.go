package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/bot-bottle/bottle/vm"
)

// The operations that every server has.
const (
	opInfo     = "info"
	opStart    = "start"
	opShutdown = "shutdown"
	opReload   = "reload"
)

type request struct {
	Op   string          `json:"op"`
	Body json.RawMessage `json:"body,omitempty"`
}

type reply struct {
	Body  json.RawMessage `json:"body,omitempty"`
	Error *Error          `json:"error,omitempty"`
}

// exit is how a command ended.
type exit struct {
	Code  int    `json:"code"`
	Error *Error `json:"error,omitempty"`
}

type shutdown struct {
	Force bool `json:"force,omitempty"`
}

// command is a vm.Command. Its texts are bytes, for arguments, names of files
// and environments need not be UTF-8 and JSON's strings must be.
type command struct {
	Args [][]byte    `json:"args"`
	Env  [][2][]byte `json:"env,omitempty"`
	Dir  []byte      `json:"dir,omitempty"`
	TTY  *vm.WinSize `json:"tty,omitempty"`
	// Which streams there are. Both means that stderr goes where stdout goes.
	In, Out, Err, Both bool
}

func toWire(cmd *vm.Command) command {
	w := command{
		Dir: []byte(cmd.Dir), TTY: cmd.TTY,
		In: cmd.Stdin != nil, Out: cmd.Stdout != nil, Err: cmd.Stderr != nil,
	}
	w.Both = w.Out && w.Err && same(cmd.Stdout, cmd.Stderr)
	for _, a := range cmd.Args {
		w.Args = append(w.Args, []byte(a))
	}
	for k, v := range cmd.Env {
		w.Env = append(w.Env, [2][]byte{[]byte(k), []byte(v)})
	}
	return w
}

// fromWire returns the command without its streams.
func fromWire(w *command) vm.Command {
	cmd := vm.Command{Dir: string(w.Dir), TTY: w.TTY}
	for _, a := range w.Args {
		cmd.Args = append(cmd.Args, string(a))
	}
	if len(w.Env) > 0 {
		cmd.Env = make(map[string]string, len(w.Env))
	}
	for _, e := range w.Env {
		cmd.Env[string(e[0])] = string(e[1])
	}
	return cmd
}

// same says whether two writers are one. Writers of a type that cannot be
// compared are not.
func same(a, b any) bool {
	defer func() { _ = recover() }()
	return a == b
}

// Error is an error that happened in the bottle's process. errors.Is finds in
// it those of fs.ErrNotExist, fs.ErrPermission, fs.ErrExist,
// errors.ErrUnsupported, os.ErrProcessDone and E2BIG that the original had.
type Error struct {
	Code string `json:"code,omitempty"`
	Text string `json:"text"`
}

func (e *Error) Error() string { return e.Text }

// Unwrap returns the error that the code stands for.
func (e *Error) Unwrap() error {
	for _, c := range codes() {
		if c.code == e.Code {
			return c.err
		}
	}
	return nil
}

type code struct {
	code string
	err  error
}

func codes() []code {
	return []code{
		{"not-exist", fs.ErrNotExist},
		{"permission", fs.ErrPermission},
		{"exist", fs.ErrExist},
		{"unsupported", errors.ErrUnsupported},
		{"done", os.ErrProcessDone},
		{"too-big", syscall.E2BIG},
	}
}

// maxErrorText keeps an error in a frame whatever it quotes, in bytes.
const maxErrorText = 16 << 10

func toError(err error) *Error {
	if err == nil {
		return nil
	}
	e := &Error{Text: err.Error()}
	if len(e.Text) > maxErrorText {
		e.Text = strings.ToValidUTF8(e.Text[:maxErrorText], "") + "…"
	}
	for _, c := range codes() {
		if errors.Is(err, c.err) {
			e.Code = c.code
			break
		}
	}
	return e
}

func encode(v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return b, nil
}
