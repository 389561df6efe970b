// Package contender is what the Go peers share: the digits, the clock, and the answers to the program that asks. It is
// the twin of contender.py.
package contender

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// answers is the standard output. What else the libraries print goes to standard error.
var answers = os.Stdout

func init() { os.Stdout = os.Stderr }

// Digits are the training or the testing digits.
type Digits struct {
	Pixels []float32 // 784 a digit, in 0 … 1
	Labels []uint8
}

// Load reads the digits, "train" or "test".
func Load(name string) (Digits, error) {
	images, err := bytesOf(name + "-images")
	if err != nil {
		return Digits{}, err
	}
	labels, err := bytesOf(name + "-labels")
	if err != nil {
		return Digits{}, err
	}
	pixels := make([]float32, len(images))
	for i, u := range images {
		pixels[i] = float32(u) / 255
	}
	return Digits{pixels, labels}, nil
}

// bytesOf returns the content of a .npy file of bytes: all that follows the line that describes it.
func bytesOf(name string) ([]byte, error) {
	content, err := os.ReadFile(filepath.Join(os.Getenv("BENCH_MNIST"), name+".npy"))
	if err != nil {
		return nil, err
	}
	end := bytes.IndexByte(content, '\n')
	if end < 0 {
		return nil, fmt.Errorf("%s.npy has no header", name)
	}
	return content[end+1:], nil
}

// Epoch returns the seconds that an epoch takes: step runs until the epoch ends, or for 3 seconds, from which the rest
// is reckoned.
func Epoch(steps int, step func(i int) error) (float64, error) {
	start := time.Now()
	for i := range steps {
		if err := step(i); err != nil {
			return 0, err
		}
		if spent := time.Since(start); spent > 3*time.Second {
			return spent.Seconds() / float64(i+1) * float64(steps), nil
		}
	}
	return time.Since(start).Seconds(), nil
}

// Timed returns the median seconds of a call of f that has run before: of at least 3 and at most 1,000 calls in 0.2 s.
func Timed(f func() error) (float64, error) {
	if err := f(); err != nil {
		return 0, err
	}
	var times []float64
	for end := time.Now().Add(200 * time.Millisecond); len(times) < 3 || len(times) < 1000 && time.Now().Before(end); {
		start := time.Now()
		if err := f(); err != nil {
			return 0, err
		}
		times = append(times, time.Since(start).Seconds())
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

// Serve answers questions until there are no more. measures holds for each name a function that returns seconds.
func Serve(name, version string, measures map[string]func(n int) (float64, error)) error {
	say := json.NewEncoder(answers)
	if err := say.Encode(map[string]any{"versions": map[string]string{name: version}}); err != nil {
		return err
	}
	questions := bufio.NewScanner(os.Stdin)
	for questions.Scan() {
		words := strings.Fields(questions.Text())
		seconds, err := 0.0, errors.New("not measured")
		if measure := measures[words[0]]; measure != nil {
			n := 0
			if len(words) > 1 {
				n, _ = strconv.Atoi(words[1])
			}
			seconds, err = measure(n)
		}
		reply := map[string]any{"seconds": seconds}
		if err != nil {
			reply = map[string]any{"error": err.Error()}
		}
		if err := say.Encode(reply); err != nil {
			return err
		}
	}
	return questions.Err()
}
