package main

// This file draws a digit with characters.

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cornu-ml/cornu/dataset/mnist"
	"github.com/cornu-ml/cornu/internal/terminal"
)

// drawDigit draws the pixels of a digit: in shades of gray on a terminal, where each character shows two rows, the
// upper half its text's colour and the lower half its background's; else in plain characters.
func drawDigit(w io.Writer, pixels []uint8, colours bool) {
	var b strings.Builder
	for y := 0; y < mnist.Rows; y += 2 {
		line := ""
		for x := range mnist.Columns {
			upper, lower := pixels[y*mnist.Columns+x], pixels[(y+1)*mnist.Columns+x]
			if colours {
				line += fmt.Sprintf("\x1b[38;5;%d;48;5;%dm▀", gray(upper), gray(lower))
			} else {
				line += shade((int(upper) + int(lower)) / 2)
			}
		}
		if colours {
			line += "\x1b[0m"
		} else {
			line = strings.TrimRight(line, " ")
		}
		b.WriteString(line + "\n")
	}
	io.WriteString(w, b.String())
}

// gray returns the number of a shade in the palette of 256 colours, of which 232 … 255 run from black to white.
func gray(v uint8) int { return 232 + int(v)*23/255 }

// shade returns a character as dense as v of 255.
func shade(v int) string {
	const shades = " .:-=+*#%@"
	return string(shades[(v*(len(shades)-1)+127)/255])
}

// isTerminal reports whether w shows colours and lines that are written over.
func isTerminal(w io.Writer) bool { return terminal.Is(w) && os.Getenv("NO_COLOR") == "" }
