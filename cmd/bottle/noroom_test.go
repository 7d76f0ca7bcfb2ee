package main

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"
)

func TestNoRoom(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{fmt.Errorf("placeholder key: %w", &fs.PathError{Op: "write", Path: "/state/.key.1", Err: syscall.ENOSPC}), true},
		{&fs.PathError{Op: "mkdirat", Path: "/a folder/with spaces", Err: syscall.EDQUOT}, true},
		{errors.New("the keeper: writing head.json: write /state/head.json.tmp: no space left on device"), true},
		{&fs.PathError{Op: "write", Path: "/state/key", Err: syscall.EROFS}, false},
		{&fs.PathError{Op: "fork/exec", Path: "/usr/bin/bottle", Err: syscall.ENOSPC}, false}, // too many namespaces
		{fmt.Errorf("clone: %w", syscall.ENOSPC), false},
	} {
		if got := noRoom.MatchString(tt.err.Error()); got != tt.want {
			t.Errorf("%v: %t", tt.err, got)
		}
	}
}
