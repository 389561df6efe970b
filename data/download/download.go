// Package download fetches files whose contents are known beforehand by their
// SHA-256: a file is there whole and right, or it is not there.
package download

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cornu-ml/cornu/internal/file"
)

// A Config says what to download, and from where.
type Config struct {
	URL    string // of http or https
	SHA256 string // of the file, 64 hexadecimal digits

	MaxSize int64         // most bytes of the file; 0 is 1 GiB
	Stall   time.Duration // longest time without a byte before it is given up; 0 is 30 seconds

	// Progress, if it isn't nil, is called now and then with the bytes that have
	// come, of total, which is -1 if the server doesn't say.
	Progress func(done, total int64)
}

// An Error says which download failed. Nothing is at the path then that wasn't
// there before.
type Error struct {
	URL string
	Err error
}

// Error describes what happened.
func (e *Error) Error() string { return fmt.Sprintf("download: %s: %v", e.URL, e.Err) }

// Unwrap returns what happened.
func (e *Error) Unwrap() error { return e.Err }

// ErrHash says that what came, or a file that was there before, is another file
// than the one that was asked for.
var ErrHash = errors.New("the SHA-256 is not the expected one")

// File makes sure that the file is at a path: it is downloaded unless it is there.
// Folders on the way are made. A download that is cut short leaves nothing, and
// is not resumed.
func File(ctx context.Context, path string, cfg Config) error {
	if err := ensure(ctx, path, cfg); err != nil {
		return &Error{cfg.URL, err}
	}
	return nil
}

func ensure(ctx context.Context, path string, cfg Config) error {
	want, err := hex.DecodeString(cfg.SHA256)
	if err != nil || len(want) != sha256.Size {
		return fmt.Errorf("%q is no SHA-256 of 64 hexadecimal digits", cfg.SHA256)
	}
	if ctx == nil {
		ctx = context.Background()
	}
	if cfg.MaxSize < 0 || cfg.Stall < 0 {
		return fmt.Errorf("MaxSize is %d and Stall is %v, they can't be negative", cfg.MaxSize, cfg.Stall)
	}
	if cfg.MaxSize == 0 {
		cfg.MaxSize = 1 << 30
	}
	if cfg.Stall == 0 {
		cfg.Stall = 30 * time.Second
	}
	switch got, err := hashOf(path, cfg.MaxSize); {
	case err == nil && string(got) == string(want):
		return nil
	case err == nil:
		return fmt.Errorf("%s is there already: %w: %x, want %x; remove the file to download it again", path, ErrHash, got, want)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	part := fmt.Sprintf("%s.%s.part", path, rand.Text()[:8])
	defer os.Remove(part) // of what failed; what succeeded has another name by then
	got, err := fetch(ctx, part, cfg)
	if err != nil {
		return err
	}
	if string(got) != string(want) {
		return fmt.Errorf("%w: %x, want %x", ErrHash, got, want)
	}
	return os.Rename(part, path)
}

// hashOf returns the SHA-256 of a file.
func hashOf(path string, maxSize int64) ([]byte, error) {
	f, err := file.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > maxSize {
		return nil, fmt.Errorf("%s is there already: it has %d bytes, more than %d", path, info.Size(), maxSize)
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, io.LimitReader(f, info.Size())); err != nil {
		return nil, err
	}
	return hash.Sum(nil), nil
}

// fetch writes what the URL holds to a new file, and returns its SHA-256.
func fetch(ctx context.Context, path string, cfg Config) (hash []byte, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := time.AfterFunc(cfg.Stall, func() {
		cancel(fmt.Errorf("no byte came for %v", cfg.Stall))
	})
	defer stall.Stop()
	// The cause says more than that the context has ended.
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
	}()

	response, err := get(ctx, cfg.URL)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	total := response.ContentLength
	if total > cfg.MaxSize {
		return nil, fmt.Errorf("it has %d bytes, more than %d", total, cfg.MaxSize)
	}

	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sum := sha256.New()
	buffer := make([]byte, 256<<10)
	for done := int64(0); ; {
		n, err := response.Body.Read(buffer)
		if n > 0 {
			stall.Reset(cfg.Stall)
			sum.Write(buffer[:n])
			if _, err := f.Write(buffer[:n]); err != nil {
				return nil, err
			}
		}
		done += int64(n)
		if done > cfg.MaxSize {
			return nil, fmt.Errorf("it has more than %d bytes", cfg.MaxSize)
		}
		if cfg.Progress != nil {
			cfg.Progress(done, total)
		}
		if err == io.EOF {
			return sum.Sum(nil), errors.Join(f.Sync(), f.Close())
		}
		if err != nil {
			return nil, fmt.Errorf("after %d bytes: %w", done, err)
		}
	}
}

// get asks for a URL. What the server sends is not decompressed, for it is the
// file as it is that has the hash.
func get(ctx context.Context, url string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	if request.URL.Scheme != "http" && request.URL.Scheme != "https" {
		return nil, fmt.Errorf("the scheme %q is neither http nor https", request.URL.Scheme)
	}
	client := &http.Client{
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 30 * time.Second}).DialContext,
			TLSHandshakeTimeout: 30 * time.Second,
			ForceAttemptHTTP2:   true,
			DisableCompression:  true,
			DisableKeepAlives:   true,
		},
		CheckRedirect: redirect,
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("the server answers %s", strings.TrimSpace(response.Status))
	}
	return response, nil
}

// redirect returns an error if the next request should not be made.
func redirect(next *http.Request, before []*http.Request) error {
	switch {
	case len(before) >= 10:
		return errors.New("it is redirected more than 10 times")
	case before[0].URL.Scheme == "https" && next.URL.Scheme != "https":
		return fmt.Errorf("it is redirected from https to %s", next.URL.Redacted())
	}
	return nil
}
