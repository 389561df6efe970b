package download

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const content = "sixty thousand digits, more or less"

var hash = fmt.Sprintf("%x", sha256.Sum256([]byte(content)))

// serve answers every request of a test.
func serve(t *testing.T, handler http.HandlerFunc) (url string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func honest(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, content) }

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// files lists what is in a folder.
func files(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestAFileIsDownloadedOnce(t *testing.T) {
	requests := 0
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { requests++; honest(w, r) })
	path := filepath.Join(t.TempDir(), "a", "b", "digits")
	for range 2 {
		if err := File(t.Context(), path, Config{URL: url, SHA256: strings.ToUpper(hash)}); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, path); got != content || requests != 1 {
		t.Errorf("%d requests, the file holds %q", requests, got)
	}
	if names := files(t, filepath.Dir(path)); len(names) != 1 {
		t.Errorf("there are %v", names)
	}
}

func TestAnySizeMayBeAllowed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "digits")
	for range 2 { // the second time it is there
		if err := File(t.Context(), path, Config{URL: serve(t, honest), SHA256: hash, MaxSize: math.MaxInt64}); err != nil {
			t.Error(err)
		}
	}
	if err := File(t.Context(), path, Config{URL: serve(t, honest), SHA256: hash, MaxSize: 10}); err == nil || !strings.Contains(err.Error(), "it has 35 bytes, more than 10") {
		t.Errorf("a file that is there and too large: %v", err)
	}
}

func TestProgressTellsHowMuchHasCome(t *testing.T) {
	var done, total int64
	cfg := Config{URL: serve(t, honest), SHA256: hash, Progress: func(d, n int64) { done, total = d, n }}
	if err := File(t.Context(), filepath.Join(t.TempDir(), "f"), cfg); err != nil {
		t.Fatal(err)
	}
	if want := int64(len(content)); total != want || done != want {
		t.Errorf("%d of %d bytes, want %d", done, total, want)
	}
}

func TestARedirectIsFollowed(t *testing.T) {
	target := serve(t, honest)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, http.StatusFound) })
	path := filepath.Join(t.TempDir(), "f")
	if err := File(t.Context(), path, Config{URL: url, SHA256: hash}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != content {
		t.Errorf("the file holds %q", got)
	}
}

func TestWhatIsCompressedOnTheWayIsTheFile(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		honest(w, r)
	})
	if err := File(t.Context(), filepath.Join(t.TempDir(), "f"), Config{URL: url, SHA256: hash}); err != nil {
		t.Fatal(err)
	}
}

func TestADownloadThatFailsLeavesNothing(t *testing.T) {
	flush := func(w http.ResponseWriter) { w.(http.Flusher).Flush() }
	for _, c := range []struct {
		name   string
		serve  http.HandlerFunc
		config Config
		want   string
	}{
		{name: "truncated, of known length", want: "unexpected EOF", serve: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			io.WriteString(w, content[:10])
		}},
		{name: "truncated, of unknown length", want: "EOF", serve: func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, content[:10])
			flush(w)
			panic(http.ErrAbortHandler)
		}},
		{name: "shorter than it should be", want: ErrHash.Error(), serve: func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, content[:10])
		}},
		{name: "another file", want: ErrHash.Error(), serve: func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, strings.ToUpper(content))
		}},
		{name: "nothing at all", want: ErrHash.Error(), serve: func(http.ResponseWriter, *http.Request) {}},
		{name: "too large, and says so", want: "it has 35 bytes, more than 34", serve: honest, config: Config{MaxSize: int64(len(content)) - 1}},
		{name: "endless", want: "more than 1000000 bytes", config: Config{MaxSize: 1e6}, serve: func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}},
		{name: "redirected for ever", want: "redirected more than 10 times", serve: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/again", http.StatusFound)
		}},
		{name: "redirected to a file on this machine", want: "unsupported protocol scheme", serve: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		}},
		{name: "not there", want: "404 Not Found", serve: http.NotFound},
		{name: "a part, not the whole", want: "206", serve: func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusPartialContent)
			honest(w, r)
		}},
		{name: "no answer", want: "no byte came for 50ms", config: Config{Stall: 50 * time.Millisecond}, serve: func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		}},
		{name: "silent in the middle", want: "no byte came for 50ms", config: Config{Stall: 50 * time.Millisecond}, serve: func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, content[:10])
			flush(w)
			<-r.Context().Done()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.config.URL, c.config.SHA256 = serve(t, c.serve), hash
			folder := t.TempDir()
			err := File(t.Context(), filepath.Join(folder, "f"), c.config)
			var e *Error
			if !errors.As(err, &e) || e.URL != c.config.URL || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, want %q", err, c.want)
			}
			if names := files(t, folder); len(names) != 0 {
				t.Errorf("it leaves %v", names)
			}
		})
	}
}

// A server that sends little by little is not given up while bytes come.
func TestSlowIsNotStalled(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for _, c := range content {
			io.WriteString(w, string(c))
			w.(http.Flusher).Flush()
			time.Sleep(5 * time.Millisecond)
		}
	})
	path := filepath.Join(t.TempDir(), "f")
	if err := File(t.Context(), path, Config{URL: url, SHA256: hash, Stall: 2 * time.Second}); err != nil {
		t.Fatal(err)
	}
}

func TestTheCallersContextEndsADownload(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, content[:10])
		w.(http.Flusher).Flush()
		cancel()
		<-r.Context().Done()
	})
	folder := t.TempDir()
	if err := File(ctx, filepath.Join(folder, "f"), Config{URL: url, SHA256: hash}); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if names := files(t, folder); len(names) != 0 {
		t.Errorf("it leaves %v", names)
	}
}

func TestHTTPSDoesNotLeadToHTTP(t *testing.T) {
	before, err := http.NewRequest(http.MethodGet, "https://example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	next, err := http.NewRequest(http.MethodGet, "http://example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := redirect(next, []*http.Request{before}); err == nil {
		t.Error("it is followed")
	}
	if err := redirect(before, []*http.Request{next}); err != nil {
		t.Errorf("from http to https: %v", err)
	}
}

func TestAFileOfTheUsersIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := File(t.Context(), path, Config{URL: serve(t, honest), SHA256: hash}); !errors.Is(err, ErrHash) {
		t.Errorf("the error is %v", err)
	}
	if got := read(t, path); got != "mine" {
		t.Errorf("the file holds %q", got)
	}
}

func TestWhatCannotBeDownloadedIsAnError(t *testing.T) {
	folder := t.TempDir()
	for name, c := range map[string]struct {
		path   string
		config Config
		want   string
	}{
		"no hash":         {"f", Config{URL: "http://localhost"}, "no SHA-256"},
		"half a hash":     {"f", Config{URL: "http://localhost", SHA256: hash[:32]}, "no SHA-256"},
		"another scheme":  {"f", Config{URL: "ftp://localhost/f", SHA256: hash}, `"ftp" is neither http nor https`},
		"no scheme":       {"f", Config{URL: "localhost", SHA256: hash}, "neither http nor https"},
		"a bad URL":       {"f", Config{URL: "http://[", SHA256: hash}, "missing ']'"},
		"a path of a dir": {"", Config{URL: "http://localhost", SHA256: hash}, "is no regular file"},
		"a negative size": {"f", Config{URL: "http://localhost", SHA256: hash, MaxSize: -1}, "MaxSize is -1"},
		"a negative time": {"f", Config{URL: "http://localhost", SHA256: hash, Stall: -1}, "Stall is -1ns"},
	} {
		err := File(t.Context(), filepath.Join(folder, c.path), c.config)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want %q", name, err, c.want)
		}
	}
	if names := files(t, folder); len(names) != 0 {
		t.Errorf("there are %v", names)
	}
}
