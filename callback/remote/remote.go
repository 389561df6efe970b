// Package remote has Keras's RemoteMonitor, which sends what training measures to
// a server. It stands apart from the other callbacks so that they don't link an
// HTTP client.
package remote

// This file has Monitor.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/train"
)

// A Monitor posts the logs of each epoch to a server, as a JSON object: "epoch",
// counted from 0, and the measures by their names. One that is not finite is null.
//
// Training goes on if the server can't be reached in time or answers with an error;
// Log says so.
type Monitor struct {
	Root       string            `default:"http://localhost:9000"` // the server
	Path       string            `default:"/publish/epoch/end/"`   // where the server is told of epochs
	Field      string            `default:"data"`                  // the field of the form that holds the JSON
	Headers    map[string]string // to send beside the usual ones
	SendAsJSON bool              // send the JSON by itself, not in a form
	Timeout    time.Duration     // how long the server may take to answer; 0 is 10 seconds
	Log        io.Writer         // where it says that an epoch was not received; nil is os.Stderr
}

// TrainBegin checks the address.
func (m *Monitor) TrainBegin(*train.State) error {
	cfg := config.Resolve(*m)
	if u, err := url.Parse(cfg.Root + cfg.Path); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("remote: Monitor: %q is no address of a server: it should be like http://localhost:9000/publish/epoch/end/", cfg.Root+cfg.Path)
	}
	if cfg.Timeout < 0 {
		return fmt.Errorf("remote: Monitor: Timeout is %v, it can't be negative", cfg.Timeout)
	}
	return nil
}

// EpochEnd posts the logs.
func (m *Monitor) EpochEnd(s *train.State) error {
	if err := m.post(s); err != nil && s.Context().Err() == nil {
		w := m.Log
		if w == nil {
			w = os.Stderr
		}
		fmt.Fprintf(w, "Epoch %d: RemoteMonitor: %v; training goes on\n", s.Epoch+1, err)
	}
	return nil
}

func (m *Monitor) post(s *train.State) error {
	cfg := config.Resolve(*m)
	text, err := message(s)
	if err != nil {
		return err
	}
	kind := "application/json"
	if !cfg.SendAsJSON {
		kind = "application/x-www-form-urlencoded"
		text = []byte(url.Values{cfg.Field: {string(text)}}.Encode())
	}
	request, err := http.NewRequestWithContext(s.Context(), http.MethodPost, cfg.Root+cfg.Path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", kind)
	for name, value := range cfg.Headers {
		if strings.EqualFold(name, "Host") {
			request.Host = value
			continue
		}
		request.Header.Set(name, value)
	}
	client := &http.Client{Timeout: cfg.Timeout}
	if client.Timeout == 0 {
		client.Timeout = 10 * time.Second
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<16)) // so that the connection can be used again
	if answer.StatusCode >= 400 {
		return fmt.Errorf("%s answers %s", cfg.Root+cfg.Path, answer.Status)
	}
	return nil
}

// message is the JSON of an epoch.
func message(s *train.State) ([]byte, error) {
	logs := map[string]any{}
	for _, name := range s.Logs() {
		if value, ok := s.Log(name); !ok {
			continue
		} else if math.IsNaN(value) || math.IsInf(value, 0) {
			logs[name] = nil
		} else {
			logs[name] = value
		}
	}
	logs["epoch"] = s.Epoch
	return json.Marshal(logs)
}
