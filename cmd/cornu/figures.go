package main

// This file defines `cornu figures`: the pictures of the book's chapter, computed and drawn by the library.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/cornu-ml/cornu/cmd/cornu/internal/book"
	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/viz"
)

// figures are those that are drawn.
var figures = book.Figures

func newFigures() *cobra.Command {
	var folder string
	c := &cobra.Command{
		Use:   "figures",
		Short: "Draw the figures of the book's chapter",
		Long: "Figures draws the figures of the book's first chapter, each as SVG and as PNG, into a folder. Nothing in them is\n" +
			"copied: functions are computed by the library, their slopes by its derivatives, and the descents by its optimizer.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			names, err := writeFigures(c.Context(), folder)
			for _, name := range names {
				fmt.Fprintln(c.OutOrStdout(), name)
			}
			return err
		},
	}
	c.Flags().StringVarP(&folder, "output", "o", "figures", "the `FOLDER`, made if it isn't there")
	return c
}

// writeFigures draws all figures and writes them into a folder, and returns the names of the files. Nothing is written
// before all are drawn.
func writeFigures(ctx context.Context, folder string) (names []string, err error) {
	made, err := newFolder(folder)
	if err != nil {
		return nil, fmt.Errorf("the figures cannot be written: %w", err)
	}
	defer func() {
		if err != nil && made {
			for _, name := range names {
				os.Remove(name)
			}
			os.Remove(folder)
		}
	}()
	var contents []*bytes.Buffer
	var paths []string
	for _, f := range figures {
		picture, err := f.Draw()
		if err != nil {
			return nil, fmt.Errorf("figure %s: %w", f.Name, err)
		}
		for _, format := range []viz.Format{viz.SVG, viz.PNG} {
			if err := unless(ctx); err != nil {
				return nil, err
			}
			path := filepath.Join(folder, f.Name+"."+string(format))
			if err := file.Check(path); err != nil {
				return nil, fmt.Errorf("the figures cannot be written: %w", err)
			}
			content := new(bytes.Buffer)
			if err := viz.Write(content, format, picture); err != nil {
				return nil, fmt.Errorf("figure %s: %w", f.Name, err)
			}
			contents, paths = append(contents, content), append(paths, path)
		}
	}
	for i, path := range paths {
		if err := file.Write(path, contents[i].Bytes()); err != nil {
			return names, err
		}
		names = append(names, path)
	}
	return names, nil
}

// newFolder makes a folder, and tells whether it had to.
func newFolder(folder string) (made bool, err error) {
	if folder == "" {
		return false, errors.New("the folder has no name")
	}
	err = os.Mkdir(folder, 0o755)
	if errors.Is(err, fs.ErrExist) {
		if info, e := os.Stat(folder); e == nil && info.IsDir() {
			return false, nil
		}
		return false, fmt.Errorf("%s is not a folder", folder)
	}
	return err == nil, err
}
