package main

// This file answers what is not known with what is: flags, commands, names.

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A usageError is a mistake in the command line.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

func misuse(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// knownFlags adds the flags of the command to an error about one.
func knownFlags(c *cobra.Command, err error) error {
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, "--"+f.Name)
		}
	})
	return misuse("%v\n%s takes %s", err, c.CommandPath(), strings.Join(names, ", "))
}

// commandsOnly refuses arguments, of which the first was meant as a command.
func commandsOnly(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	message := fmt.Sprintf("unknown command %q", args[0])
	c.SuggestionsMinimumDistance = 2
	if close := c.SuggestionsFor(args[0]); len(close) > 0 {
		message += fmt.Sprintf("; did you mean %q?", close[0])
	}
	return misuse("%s\n%s has %s", message, c.CommandPath(), strings.Join(names, ", "))
}

// noArguments refuses arguments.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return misuse("%s takes no argument, got %q", c.CommandPath(), args[0])
}

// sizes is the value of a flag that takes numbers with commas between them: "256,256".
type sizes []int

func (s *sizes) String() string {
	var parts []string
	for _, n := range *s {
		parts = append(parts, strconv.Itoa(n))
	}
	return strings.Join(parts, ",")
}

func (s *sizes) Type() string { return "sizes" }

func (s *sizes) Set(text string) error {
	*s = nil
	if text == "" {
		return nil
	}
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 1 {
			return fmt.Errorf("want numbers of at least 1 with commas between them, such as 256,256")
		}
		*s = append(*s, n)
	}
	return nil
}
