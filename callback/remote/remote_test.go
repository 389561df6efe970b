package remote_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cornu-ml/cornu/callback/remote"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// fit runs a step that measures nothing but its mean input, 2, over epochs.
func fit(ctx context.Context, t testing.TB, epochs int, callbacks ...train.Callback) error {
	t.Helper()
	step, err := train.NewStep(1, func(s *train.StepBuilder) {
		s.Mean("loss", s.Input("x", tensor.Shape{tensor.Batch}).Mean())
	})
	if err != nil {
		t.Fatal(err)
	}
	x, err := data.Floats([]float32{1, 3})
	if err != nil {
		t.Fatal(err)
	}
	_, err = train.Fit(ctx, step, nil, &data.Arrays{X: []data.Column{x}}, train.Config{Epochs: epochs, BatchSize: 2, Callbacks: callbacks, Quiet: true})
	return err
}

func TestEveryEpochIsPosted(t *testing.T) {
	type post struct{ path, kind, token, body string }
	var posts []post
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		p := post{path: r.Method + " " + r.URL.Path, kind: r.Header.Get("Content-Type"), token: r.Header.Get("Token")}
		if p.kind == "application/json" {
			body, _ := io.ReadAll(r.Body)
			p.body = string(body)
		} else {
			p.body = r.FormValue("data") + r.FormValue("logs")
		}
		posts = append(posts, p)
	}))
	defer server.Close()
	odd := train.Func(func(s *train.State) error {
		s.SetLog("odd", []float64{0.25, math.NaN()}[s.Epoch])
		return nil
	})
	form := &remote.Monitor{Root: server.URL}
	alone := &remote.Monitor{Root: server.URL, Path: "/here", SendAsJSON: true, Headers: map[string]string{"Token": "secret"}}
	field := &remote.Monitor{Root: server.URL, Field: "logs"}
	if err := fit(t.Context(), t, 2, odd, form, alone, field); err != nil {
		t.Fatal(err)
	}
	if len(posts) != 6 {
		t.Fatalf("two epochs are told of %v", posts)
	}
	const asForm, asJSON = "application/x-www-form-urlencoded", "application/json"
	for i, want := range []post{
		{"POST /publish/epoch/end/", asForm, "", `{"epoch": 0, "loss": 2, "odd": 0.25}`},
		{"POST /here", asJSON, "secret", `{"epoch": 0, "loss": 2, "odd": 0.25}`},
		{"POST /publish/epoch/end/", asForm, "", `{"epoch": 0, "loss": 2, "odd": 0.25}`},
		{"POST /publish/epoch/end/", asForm, "", `{"epoch": 1, "loss": 2, "odd": null}`},
	} {
		got, body := posts[i], map[string]any{}
		wanted := map[string]any{}
		if err := errors.Join(json.Unmarshal([]byte(got.body), &body), json.Unmarshal([]byte(want.body), &wanted)); err != nil {
			t.Fatal(err)
		}
		if got.path != want.path || got.kind != want.kind || got.token != want.token || !reflect.DeepEqual(body, wanted) {
			t.Errorf("post %d is %v, want %v", i, got, want)
		}
	}
}

func TestTrainingGoesOnWithoutTheServer(t *testing.T) {
	block := make(chan bool)
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-block }))
	defer slow.Close()
	defer close(block)
	refusing := httptest.NewServer(http.NotFoundHandler())
	defer refusing.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for want, m := range map[string]*remote.Monitor{
		"404 Not Found":    {Root: refusing.URL},
		"refused":          {Root: gone.URL},
		"Timeout exceeded": {Root: slow.URL, Timeout: 50 * time.Millisecond},
	} {
		var log strings.Builder
		m.Log = &log
		if err := fit(t.Context(), t, 2, m); err != nil {
			t.Errorf("%s: %v", want, err)
		}
		if s := log.String(); strings.Count(s, want) != 2 || !strings.HasPrefix(s, "Epoch 1: RemoteMonitor: ") || !strings.Contains(s, "training goes on") {
			t.Errorf("the log is %q, want two lines with %s", s, want)
		}
	}

	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	if err := fit(ctx, t, 5, &remote.Monitor{Root: slow.URL, Timeout: time.Hour}); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 30*time.Second {
		t.Errorf("a training whose time is up while the server is slow: %v after %v", err, time.Since(start))
	}
}

func TestAnAddressThatIsNoneIsAnError(t *testing.T) {
	for want, m := range map[string]*remote.Monitor{
		`"localhost:9000/publish/epoch/end/" is no address of a server`: {Root: "localhost:9000"},
		`"ftp://x/publish/epoch/end/" is no address`:                    {Root: "ftp://x"},
		"Timeout is -1s": {Timeout: -time.Second},
	} {
		if err := fit(t.Context(), t, 1, m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one that says %s", err, want)
		}
	}
}

func ExampleMonitor() {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		fmt.Println(r.URL.Path, r.FormValue("data"))
	}))
	defer server.Close()
	step, _ := train.NewStep(1, func(s *train.StepBuilder) {
		s.Mean("loss", s.Input("x", tensor.Shape{tensor.Batch}).Mean())
	})
	x, _ := data.Floats([]float32{1, 3})
	train.Fit(context.Background(), step, nil, &data.Arrays{X: []data.Column{x}}, train.Config{
		Epochs: 2, BatchSize: 2, Quiet: true, Callbacks: []train.Callback{&remote.Monitor{Root: server.URL}},
	})
	// Output:
	// /publish/epoch/end/ {"epoch":0,"loss":2}
	// /publish/epoch/end/ {"epoch":1,"loss":2}
}
