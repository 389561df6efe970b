package main

// This file answers what is not known with what is: flags, commands, names.

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/train"
)

// A usageError is a mistake in the command line.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

func misuse(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// knownFlags says what a flag wants, or which flags the command takes.
func knownFlags(c *cobra.Command, err error) error {
	var value *pflag.InvalidValueError
	if errors.As(err, &value) {
		flag := value.GetFlag()
		wanted, known := map[string]string{
			"int":     "a whole number",
			"uint64":  "a whole number from 0 to 18446744073709551615",
			"float64": "a number",
			"bool":    "true or false",
		}[flag.Value.Type()]
		if !known {
			return misuse("--%s: %v, got %q", flag.Name, errors.Unwrap(value), value.GetValue())
		}
		if errors.Is(err, strconv.ErrRange) {
			wanted += " of a size that the machine has"
		}
		return misuse("--%s: want %s, got %q", flag.Name, wanted, value.GetValue())
	}
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

// newHelp is the command that tells about commands, and doesn't make up for one that isn't there with another.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [command]",
		Short: "Tell what a command does",
		RunE: func(c *cobra.Command, args []string) error {
			about, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return commandsOnly(cmp.Or(about, c.Root()), rest)
			}
			return about.Help()
		},
	}
}

// place is where in this program's source a network is put together, which tells its user nothing.
var place = regexp.MustCompile(`\b[a-z]+\.go:\d+: `)

// explain writes an error of the library for users of a command, who know its flags and not its code.
func explain(c *cobra.Command, err error) string {
	text := err.Error()
	if e := (*train.NonFiniteError)(nil); errors.As(err, &e) {
		at := e.What
		if e.Layer != "" {
			at = fmt.Sprintf("layer %q: %s", e.Layer, e.What)
		}
		advice := "lower --lr, --l1 or --l2"
		if c.Flags().Lookup("l1") == nil {
			advice = "look for extreme numbers in the data, or lower --lr"
		}
		text = strings.Replace(text, e.Error(), fmt.Sprintf("step %d: %s is not finite: %s", e.Step, at, advice), 1)
	}
	if e := (*cornu.BytesError)(nil); errors.As(err, &e) && c.Flags().Lookup("scale") != nil {
		text = strings.Replace(text, e.Error(), fmt.Sprintf("bytes are numbers from %v to %v here, and the model was trained on bytes as numbers from %v to %v: give --scale %v,%v",
			e.Got.Low, e.Got.High, e.Want.Low, e.Want.High, e.Want.Low, e.Want.High), 1)
	}
	return strings.TrimPrefix(place.ReplaceAllString(text, ""), "cornu: ")
}
