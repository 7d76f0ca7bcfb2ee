package main

import (
	"context"
	"os"

	"github.com/bot-bottle/bottle/internal/bottle"
	"github.com/bot-bottle/bottle/internal/control"
)

// find returns the bottle that is meant: by id, by a name that only one has, or
// the one whose workspace is here.
func (a *app) find(ctx context.Context, args []string, running bool) (control.Bottle, error) {
	q := control.Query{Running: running}
	if len(args) > 0 {
		q.Ref = args[0]
		return control.Find(ctx, env, q)
	}
	dir, err := os.Getwd()
	if err != nil {
		return control.Bottle{}, err
	}
	q.Dir = dir
	return control.Find(ctx, env, q)
}

// dial finds a running bottle and connects to it.
func (a *app) dial(ctx context.Context, args []string) (*control.Client, error) {
	b, err := a.find(ctx, args, true)
	if err != nil {
		return nil, err
	}
	return control.Dial(ctx, b.Socket)
}

// startDir returns where in a bottle a command starts: where this process is, if
// that is in the workspace, else "" for its root.
func startDir(workspace string) string {
	dir, err := os.Getwd()
	if err != nil || workspace == "" {
		return ""
	}
	return bottle.StartDir(workspace, dir)
}
