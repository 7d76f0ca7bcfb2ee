package main

import (
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/bot-bottle/bottle/internal/topics"
)

func TestTheExitCodesAreThoseOfThePage(t *testing.T) {
	topic, _ := topics.Find("exit-codes")
	page, err := topic.Markdown()
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, m := range regexp.MustCompile(`(?m)^\| (\d+) \|`).FindAllStringSubmatch(page, -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, n)
	}
	if want := []int{exitFound, exitFailure, exitKilled}; !slices.Equal(got, want) {
		t.Errorf("the page has %v, the program %v", got, want)
	}
}
