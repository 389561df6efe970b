// Command cornu trains the first chapter's classifier of handwritten digits, shows what it has learned, and tells what
// the machine can do.
//
//	cornu mnist                       # the chapter's listing, from its summary to its test accuracy
//	cornu mnist predict --index 3     # what the network makes of one digit
//	cornu mnist samples -o digits.png # 25 digits as a picture
//	cornu doctor                      # kernels, cores, measured peak
package main

// This file runs the command line and turns its errors into an exit status.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// The exit statuses.
const (
	failed      = 1
	misused     = 2   // a mistake in the command line
	interrupted = 130 // what a shell gives for Ctrl-C
)

// run executes one command line and returns its exit status.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	var usage *usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled):
		return interrupted
	case errors.As(err, &usage):
		fmt.Fprintln(errs, "cornu:", err)
		return misused
	}
	fmt.Fprintln(errs, "cornu:", err)
	return failed
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "cornu",
		Short: "Keras for Go, at the command line",
		Long:  "Cornu is Keras for Go: networks in a few lines, trained fast on a CPU, with the same bits on\nevery machine.",
		Args:  commandsOnly,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },

		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(knownFlags)
	root.AddCommand(newMNIST(), newFigures(), newDoctor(), newVersion())
	return root
}
