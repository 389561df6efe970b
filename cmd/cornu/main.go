// Command cornu trains, tests and runs models in files, Keras's among them, on anybody's data; trains the first chapter's
// classifier of handwritten digits and shows what it has learned; and tells what the machine can do.
//
//	cornu fit m.keras --data x.npy,y.npy -o m.keras # train a model that Keras has saved
//	cornu predict m.keras --data table.csv          # what it makes of other data
//	cornu inspect m.keras                           # what is in its file
//	cornu mnist                                     # the chapter's listing, from its summary to its test accuracy
//	cornu mnist predict --index 3                   # what the network makes of one digit
//	cornu mnist samples -o digits.png               # 25 digits as a picture
//	cornu doctor                                    # kernels, cores, measured peak
package main

// This file runs the command line, ends it when a signal says so, and turns its errors into an exit status.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// grace is how long a command that is told to end may take for it: to finish the present step, to write its curves.
var grace = 2 * time.Second

func main() {
	signals := make(chan os.Signal, 2)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) { // as nohup wants
			signal.Notify(signals, s)
		}
	}
	ctx, stop := context.WithCancelCause(context.Background())
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, os.Args[1:], os.Stdout, os.Stderr) }()
	select {
	case status := <-ended:
		os.Exit(status)
	case s := <-signals:
		cause := signaled{s}
		stop(cause)
		// A command may be unable to end: it waits for the reader of a pipe, or its step takes minutes.
		for {
			select {
			case status := <-ended:
				os.Exit(status)
			case <-signals:
			case <-time.After(grace):
				if writing.Load() > 0 {
					continue
				}
			}
			abandon()
			os.Exit(cause.status())
		}
	}
}

// abandon says that a command was not waited for, unless nobody takes that either.
func abandon() {
	said := make(chan bool)
	go func() {
		fmt.Fprintln(os.Stderr, "cornu: interrupted; it did not end by itself, so what it was at is lost")
		close(said)
	}()
	select {
	case <-said:
	case <-time.After(100 * time.Millisecond):
	}
}

// writing counts the models that are being written, for which a command that is told to end has time.
var writing atomic.Int32

// saving writes a model.
func saving(write func() error) error {
	writing.Add(1)
	defer writing.Add(-1)
	return write()
}

// signaled is the cause of a context that a signal ends.
type signaled struct{ os.Signal }

func (s signaled) Error() string { return s.String() }

// Is makes it the usual end of a context.
func (s signaled) Is(target error) bool { return target == context.Canceled }

// status is what a shell gives for a command that the signal has ended.
func (s signaled) status() int {
	if number, ok := s.Signal.(syscall.Signal); ok {
		return 128 + int(number)
	}
	return interrupted
}

// The exit statuses.
const (
	failed      = 1
	misused     = 2   // a mistake in the command line
	interrupted = 130 // what a shell gives for Ctrl-C
)

// An interruption is the end of a command that was told to end before it was done.
type interruption struct{ reached string }

func (i *interruption) Error() string {
	if i.reached == "" {
		return "interrupted"
	}
	return "interrupted " + i.reached
}

// Is makes an interruption what it comes from.
func (i *interruption) Is(target error) bool { return target == context.Canceled }

// unless returns an interruption if the context has ended.
func unless(ctx context.Context) error {
	if ctx.Err() != nil {
		return &interruption{}
	}
	return nil
}

// run executes one command line and returns its exit status.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	results := &output{Writer: out}
	root.SetOut(results)
	root.SetErr(errs)
	command, err := root.ExecuteContextC(ctx)
	if results.err != nil && !errors.Is(err, results.err) {
		err = errors.Join(err, fmt.Errorf("the results cannot be written: %w", results.err))
	}
	if err == nil {
		return 0
	}
	if i := (*interruption)(nil); errors.Is(err, context.Canceled) && !errors.As(err, &i) {
		err = &interruption{}
	}
	fmt.Fprintln(errs, "cornu:", explain(command, err))
	var usage *usageError
	var s signaled
	switch {
	case errors.Is(err, context.Canceled) && errors.As(context.Cause(ctx), &s):
		return s.status()
	case errors.Is(err, context.Canceled):
		return interrupted
	case errors.As(err, &usage):
		return misused
	}
	return failed
}

// An output is where results go. It remembers the first error: commands need not look after each line, and none may end
// as if its results were there.
type output struct {
	io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.Writer.Write(p)
	o.err = err
	return n, err
}

// Fd returns the descriptor of a file, by which terminals are known, and none for other writers.
func (o *output) Fd() uintptr {
	if f, ok := o.Writer.(*os.File); ok {
		return f.Fd()
	}
	return ^uintptr(0)
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
	root.SetHelpCommand(newHelp())
	root.AddCommand(newFit(), newEvaluateData(), newPredictData(), newSummary(), newPlot(), newInspect(), newConvert(), newMNIST(), newFigures(), newDoctor(), newVersion())
	return root
}
