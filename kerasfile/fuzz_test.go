package kerasfile_test

import (
	"archive/zip"
	"bytes"
	"io"
	"testing"

	"github.com/cornu-ml/cornu/kerasfile"
)

// Whatever a configuration says, reading it ends, with a model or with an error.
func FuzzReadConfig(f *testing.F) {
	for _, name := range []string{"layers", "frozen", "optimizer_loss_scaled", "optimizer_cosine"} {
		z, err := zip.OpenReader("testdata/" + name + ".keras")
		if err != nil {
			f.Fatal(err)
		}
		r, err := z.Open("config.json")
		if err != nil {
			f.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			f.Fatal(err)
		}
		z.Close()
		f.Add(b)
	}
	f.Add([]byte(`{"class_name":"Sequential","config":{"layers":[{"class_name":"InputLayer","config":{"batch_shape":[null],"name":"a"}}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := kerasfile.ReadConfig(b, kerasfile.Limits{})
		if err != nil || len(m.Network.Layers) > 20 {
			return
		}
		m.Network.Network()
		m.Config()
	})
}

// Whatever an archive has in it, opening it ends.
func FuzzOpen(f *testing.F) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range []string{"metadata.json", "config.json", "model.weights.h5"} {
		w, err := z.Create(name)
		if err != nil {
			f.Fatal(err)
		}
		io.WriteString(w, `{"class_name":"Sequential","config":{"layers":[{"class_name":"InputLayer","config":{"batch_shape":[null,2],"name":"a"}}]}}`)
	}
	z.Close()
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		kerasfile.Open(bytes.NewReader(b), int64(len(b)), kerasfile.Limits{Bytes: 1 << 20})
	})
}
