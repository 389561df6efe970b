package main

// This file finds out who can be measured on this machine.

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/dataset/mnist"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/tensor"
)

const (
	cornuName = "Cornu"
	avx2Name  = "Cornu on AVX2"
	keptName  = "Cornu, zeros kept" // products multiply by zeros, as the peers' do
	scanName  = "JAX scan"          // whose epoch is one call
	onnxName  = "ONNX Runtime in C"
)

// pythonPeers are the peers that are Python programs in bench/peers.
var pythonPeers = []struct {
	name    string
	script  string
	setting string // a variable of the environment
	needs   []string
	suites  []string
}{
	{scanName, "jax_scan.py", "", []string{"jax"}, []string{"listing", "program", "scaling", "cnn"}},
	{"Keras on JAX", "keras_networks.py", "KERAS_BACKEND=jax", []string{"keras", "jax"}, []string{"listing", "program", "cnn", "rnn", "sequence"}},
	{"Keras on TensorFlow", "keras_networks.py", "KERAS_BACKEND=tensorflow", []string{"keras", "tensorflow"}, []string{"listing", "program", "cnn", "rnn", "sequence"}},
	{"Keras on PyTorch", "keras_networks.py", "KERAS_BACKEND=torch", []string{"keras", "torch"}, []string{"listing", "program", "cnn", "rnn", "sequence"}},
	{"PyTorch", "torch_networks.py", "", []string{"torch"}, []string{"listing", "program", "scaling", "cnn", "rnn", "sequence"}},
	{filesName, "keras_files.py", "KERAS_BACKEND=jax", []string{"keras", "jax"}, []string{"files"}},
	{"PyTorch compiled", "torch_networks.py", "BENCH_COMPILE=1", []string{"torch"}, []string{"listing", "program", "cnn", "rnn", "sequence"}},
	{"torch.conv2d", "conv_layers.py", "BENCH_LIBRARY=torch", []string{"torch"}, []string{"conv"}},
	{"tf.nn.conv2d", "conv_layers.py", "BENCH_LIBRARY=tensorflow", []string{"tensorflow"}, []string{"conv"}},
	{"jax.lax.conv", "conv_layers.py", "BENCH_LIBRARY=jax", []string{"jax"}, []string{"conv"}},
	{"ONNX Runtime's sequences", "onnx_sequences.py", "", []string{"onnx", "onnxruntime"}, []string{"sequence"}},
	{"ONNX Runtime's Conv", "conv_layers.py", "BENCH_LIBRARY=onnxruntime", []string{"onnx", "onnxruntime"}, []string{"conv"}},
}

// goPeers are the peers that are Go programs in bench/peers.
var goPeers = []struct{ name, folder string }{{"GoMLX (pure Go)", "gomlx"}, {"Gorgonia", "gorgonia"}}

// libraryPeers are shared libraries, each opened by a C program in bench/peers: those that multiply matrices or convolve, and
// ONNX Runtime, which predicts.
var libraryPeers = []struct {
	name, program, kind, pattern string
	suites                       []string
}{
	{"OpenBLAS", "gemm.c", "openblas", "lib*openblas*.so*", []string{"gemm"}},
	{"oneDNN", "gemm.c", "onednn", "libdnnl.so*", []string{"gemm"}},
	{"oneDNN's primitives", "conv.c", "", "libdnnl.so*", []string{"conv"}},
	{onnxName, "onnx.c", "", "libonnxruntime.so*", []string{"listing", "cnn", "rnn"}},
}

// everybody lists the names of all peers.
func everybody() []string {
	var names []string
	for _, p := range pythonPeers {
		names = append(names, p.name)
	}
	for _, p := range goPeers {
		names = append(names, p.name)
	}
	for _, p := range libraryPeers {
		names = append(names, p.name)
	}
	return names
}

// findPeers returns Cornu and every peer that is to be measured and is installed, and says which are not installed.
func findPeers(ctx context.Context, b *bench, measured func(name string, suites []string) bool, venvs []string, openblas, onednn, onnx string) []contender {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	all := []contender{
		{name: cornuName, command: []string{self, "answer"}, suites: []string{"listing", "gemm", "scaling", "files", "cnn", "conv", "rnn", "sequence"}},
		{name: keptName, command: []string{self, "answer"}, env: []string{"CORNU_ZEROS=keep"}, suites: []string{"listing", "cnn"}},
	}
	if isa.Active() == isa.AVX512 && slices.Contains(isa.Supported(), isa.AVX2) {
		all = append(all, contender{name: avx2Name, command: []string{self, "answer"}, env: []string{"CORNU_CPU=avx2"}, suites: []string{"listing", "gemm", "cnn", "conv", "rnn", "sequence"}})
	}
	all = slices.DeleteFunc(all, func(c contender) bool { return c.name != cornuName && !measured(c.name, c.suites) })
	missing := func(name, why string) { progress("left out: %s (%s)", name, why) }

	// Python: the first interpreter that has all that a peer needs.
	interpreters := []string{}
	for _, venv := range venvs {
		interpreters = append(interpreters, filepath.Join(venv, "bin", "python"))
	}
	if path, err := exec.LookPath("python3"); err == nil {
		interpreters = append(interpreters, path)
	}
	have := make([]map[string]bool, len(interpreters))
	for i, path := range interpreters {
		have[i] = modules(ctx, path)
	}
	for _, p := range pythonPeers {
		if !measured(p.name, p.suites) {
			continue
		}
		i := slices.IndexFunc(have, func(modules map[string]bool) bool {
			return !slices.ContainsFunc(append([]string{"numpy"}, p.needs...), func(name string) bool { return !modules[name] })
		})
		if i < 0 {
			missing(p.name, "no interpreter has "+strings.Join(p.needs, " and "))
			continue
		}
		c := contender{name: p.name, command: []string{interpreters[i], filepath.Join("bench", "peers", p.script)}, suites: p.suites}
		if p.setting != "" {
			c.env = []string{p.setting}
		}
		if slices.Contains(p.suites, "program") {
			c.program = append(slices.Clone(c.command), "program")
		}
		all = append(all, c)
	}

	// Go: a module of their own, so that what they need stays out of Cornu's.
	for _, p := range goPeers {
		if !measured(p.name, []string{"listing"}) {
			continue
		}
		binary := filepath.Join(b.work, p.folder)
		build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./"+p.folder)
		build.Dir = filepath.Join("bench", "peers")
		if said, err := build.CombinedOutput(); err != nil {
			missing(p.name, "it does not build: "+strings.TrimSpace(string(said)))
			continue
		}
		all = append(all, contender{name: p.name, command: []string{binary}, suites: []string{"listing"}})
	}

	// C: small programs that open the library.
	compiler, compilerErr := exec.LookPath("cc")
	said := map[string]string{"OpenBLAS": openblas, "oneDNN": onednn, "oneDNN's primitives": onednn, onnxName: onnx}
	for _, p := range libraryPeers {
		if !measured(p.name, p.suites) {
			continue
		}
		path := said[p.name]
		if path == "" {
			path = findLibrary(p.pattern, venvs)
		}
		switch {
		case compilerErr != nil:
			missing(p.name, "there is no C compiler")
			continue
		case path == "":
			missing(p.name, "its library was not found")
			continue
		}
		binary := filepath.Join(b.work, strings.TrimSuffix(p.program, ".c"))
		if out, err := exec.CommandContext(ctx, compiler, "-O2", "-o", binary, filepath.Join("bench", "peers", p.program), "-ldl", "-lm").CombinedOutput(); err != nil {
			missing(p.name, "its program does not compile: "+strings.TrimSpace(string(out)))
			continue
		}
		command := []string{binary, p.kind, path}
		if p.kind == "" {
			command = []string{binary, path}
		}
		// A library may need others that lie beside it.
		all = append(all, contender{name: p.name, command: command, suites: p.suites, env: []string{"LD_LIBRARY_PATH=" + filepath.Dir(path)}})
	}
	return all
}

// modules returns which Python modules an interpreter finds.
func modules(ctx context.Context, interpreter string) map[string]bool {
	const probe = `import importlib.util as u, json
print(json.dumps({n: u.find_spec(n) is not None for n in ("numpy", "keras", "jax", "tensorflow", "torch", "onnx", "onnxruntime")}))`
	found := map[string]bool{}
	if said, err := exec.CommandContext(ctx, interpreter, "-c", probe).Output(); err == nil {
		json.Unmarshal(said, &found)
	}
	return found
}

// findLibrary looks for a shared library in virtual environments and then where systems keep them.
func findLibrary(pattern string, venvs []string) string {
	var folders []string
	for _, venv := range venvs {
		packages := filepath.Join(venv, "lib", "python3*", "site-packages")
		folders = append(folders, filepath.Join(venv, "lib"), filepath.Join(packages, "scipy_openblas32", "lib"), filepath.Join(packages, "onnxruntime", "capi"))
	}
	folders = append(folders, "/usr/lib/*-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib", "/opt/homebrew/lib")
	for _, folder := range folders {
		if found, _ := filepath.Glob(filepath.Join(folder, pattern)); len(found) > 0 {
			return found[0]
		}
	}
	return ""
}

// writeDigits writes the digits as bytes for the peers to read.
func writeDigits(folder string) error {
	train, test, err := mnist.Load()
	if err != nil {
		return err
	}
	for _, set := range []struct {
		name string
		*mnist.Set
	}{{"train", train}, {"test", test}} {
		images, err := tensor.Of(set.Images, set.Len(), mnist.Rows, mnist.Columns)
		if err != nil {
			return err
		}
		labels, err := tensor.Of(set.Labels, set.Len())
		if err != nil {
			return err
		}
		for name, t := range map[string]*tensor.Tensor{"images": images, "labels": labels} {
			file, err := os.Create(filepath.Join(folder, set.name+"-"+name+".npy"))
			if err != nil {
				return err
			}
			if err := tensor.WriteNpy(file, t); err != nil {
				return err
			}
			if err := file.Close(); err != nil {
				return err
			}
		}
	}
	return nil
}

// all returns the contenders.
func (b *bench) all() []*contender {
	var found []*contender
	for i := range b.peers {
		found = append(found, &b.peers[i])
	}
	return found
}

// of returns the contenders of a suite.
func (b *bench) of(suite string) []*contender {
	return slices.DeleteFunc(b.all(), func(c *contender) bool { return !slices.Contains(c.suites, suite) })
}
