package kerasfile_test

// Files that nobody honest writes.

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cornu-ml/cornu/internal/hostile"
	"github.com/cornu-ml/cornu/kerasfile"
)

// A part is a member of an archive.
type part struct {
	name    string
	content []byte
	change  func(*zip.FileHeader)
}

const network = `{"class_name": "Sequential", "config": {"name": "m", "layers": [
 {"class_name": "InputLayer", "config": {"name": "in", "batch_shape": [null, 2]}}, %s]}}`

func config(layers string) string { return fmt.Sprintf(network, layers) }

// good are the parts of a sound file, but for the weights.
func good(weights string) []part {
	return []part{
		{"metadata.json", []byte("{}"), nil},
		{"config.json", []byte(config(`{"class_name": "Flatten", "config": {"name": "f"}}`)), nil},
		{"model.weights.h5", []byte(weights), nil},
	}
}

func zipped(parts []part) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, p := range parts {
		h := &zip.FileHeader{Name: p.name, Method: zip.Store}
		if p.change != nil {
			p.change(h)
		}
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = w.Write(p.content)
		}
		if err != nil && !strings.HasSuffix(p.name, "/") {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func link(h *zip.FileHeader)    { h.SetMode(fs.ModeSymlink | 0o777) }
func deflate(h *zip.FileHeader) { h.Method = zip.Deflate }

// pointed makes the directory's entry number i say that its member is where the first is.
func pointed(b []byte, i int) []byte {
	at := 0
	for range i + 1 {
		at += 1 + bytes.Index(b[at+1:], []byte("PK\x01\x02"))
	}
	binary.LittleEndian.PutUint32(b[at+42:], 0)
	return b
}

// grown makes the directory's entry of the last member say that it has more bytes.
func grown(b []byte) []byte {
	at := bytes.LastIndex(b, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(b[at+24:], 1<<30)
	return b
}

// flipped changes a bit of the weights.
func flipped(b []byte) []byte {
	b[bytes.Index(b, []byte("\x89HDF"))+5] ^= 1
	return b
}

var archives = sync.OnceValue(func() []hostile.File {
	with := func(p ...part) []byte { return zipped(append(good(""), p...)) }
	all := zipped(good("\x89HDF\r\n\x1a\n"))
	return []hostile.File{
		{"two_weights.keras", with(part{"model.weights.h5", nil, nil}), `two members of the name "model.weights.h5"`},
		{"two_configs.keras", with(part{"config.json", nil, nil}), `two members of the name "config.json"`},
		{"absolute.keras", with(part{"/etc/passwd", nil, nil}), "leads out of the archive"},
		{"outside.keras", with(part{"../x", nil, nil}), "leads out of the archive"},
		{"outside_behind.keras", with(part{"assets/../../x", nil, nil}), "leads out of the archive"},
		{"backslash.keras", with(part{`assets\..\..\x`, nil, nil}), "leads out of the archive"},
		{"drive.keras", with(part{"C:/x", nil, nil}), "which no .keras file has"},
		{"dot.keras", with(part{"./config.json", nil, nil}), "leads out of the archive"},
		{"no_name.keras", with(part{"", nil, nil}), "leads out of the archive"},
		{"symlink.keras", with(part{"assets/x", []byte("/etc/passwd"), link}), `its member "assets/x" is no file`},
		{"weights_are_a_link.keras", zipped(append(good("")[:2], part{"model.weights.h5", []byte("/etc/passwd"), link})), "is no file"},
		{"unknown.keras", with(part{"setup.py", nil, nil}), `a member "setup.py", which no .keras file has`},
		{"upper.keras", with(part{"CONFIG.JSON", nil, nil}), "which no .keras file has"},
		{"no_weights.keras", zipped(good("")[:2]), "it has no model.weights.h5"},
		{"no_config.keras", zipped(append(good("")[:1], good("")[2])), "it has no config.json"},
		{"empty_archive.keras", zipped(nil), "it has no metadata.json"},
		{"empty_weights.keras", zipped(good("")), "model.weights.h5: "},
		{"weights_are_text.keras", zipped(good("nothing")), "not an HDF5 file"},
		{"weights_end.keras", all, "model.weights.h5: "},
		{"flipped.keras", flipped(bytes.Clone(all)), "model.weights.h5: it is damaged: the CRC-32 of its 8 bytes is"},
		{"overlap.keras", pointed(bytes.Clone(all), 2), "overlap"},
		{"grown.keras", grown(bytes.Clone(all)), "model.weights.h5: "},
		{"truncated.keras", all[:len(all)-30], "not a valid zip file"},
		{"truncated_twice.keras", all[:40], "not a valid zip file"},
		{"bomb.keras", zipped(append(good("")[:2], part{"model.weights.h5", make([]byte, 16<<20), deflate})), "16777216 bytes, the budget is 1048576"},
		{"config_bomb.keras", zipped([]part{good("")[0], {"config.json", bytes.Repeat([]byte(" "), 8<<20), deflate}, good("")[2]}), "the budget is"},
		{"page.keras", []byte("<!DOCTYPE html><html></html>"), "it is a page of HTML"},
		{"pointer.keras", []byte("version https://git-lfs.github.com/spec/v1\n"), "a pointer of Git LFS"},
		{"empty.keras", nil, "it is empty"},
		{"pickle.keras", []byte("\x80\x04\x95cos\nsystem\n"), "of a format that begins with"},
	}
})

func TestArchivesThatAreNotSoundAreRefused(t *testing.T) {
	hostile.Check(t, "testdata/hostile/archives", archives(), func(b []byte) error {
		_, _, err := kerasfile.Open(bytes.NewReader(b), int64(len(b)), kerasfile.Limits{Bytes: 1 << 20})
		return err
	})
}

func dense(entries string) string {
	return config(`{"class_name": "Dense", "config": {"name": "d", ` + entries + `}}`)
}

// tensorAt is the tensor that a layer or an operation returns, as an argument of a call.
func tensorAt(name string) string {
	return `{"class_name": "__keras_tensor__", "config": {"shape": [null, 2, 2], "dtype": "bool", "keras_history": ["` + name + `", 0, 0]}}`
}

// operation is one of keras.ops beside the layers.
func operation(class, name, args string) string {
	axis := ""
	if class == "Any" {
		axis = `, "axis": [-1]`
	}
	return `{"module": "keras.src.ops.numpy", "class_name": "` + class + `", "name": "` + name + `", "config": {"name": "` + name + `"` + axis + `}, "inbound_nodes": [{"args": [` + args + `], "kwargs": {}}]},`
}

// masked is a network with a Masking and a GRU, whose call is given a mask.
func masked(operations, mask string) string {
	return `{"class_name": "Functional", "config": {"name": "m", "layers": [
 {"class_name": "InputLayer", "name": "in", "config": {"name": "in", "batch_shape": [null, 2, 2]}, "inbound_nodes": []},
 {"class_name": "Masking", "name": "masking", "config": {"name": "masking"}, "inbound_nodes": [{"args": [` + tensorAt("in") + `], "kwargs": {}}]},` + operations + `
 {"class_name": "GRU", "name": "gru", "config": {"name": "gru", "units": 2}, "inbound_nodes": [{"args": [` + tensorAt("masking") + `], "kwargs": {"mask": ` + mask + `}}]}],
 "input_layers": [["in", 0, 0]], "output_layers": [["gru", 0, 0]]}}`
}

// attended is a network with a layer of several heads whose call has these arguments beside its query and its value.
func attended(kwargs string) string {
	return `{"class_name": "Functional", "config": {"name": "m", "layers": [
 {"class_name": "InputLayer", "name": "in", "config": {"name": "in", "batch_shape": [null, 2, 2]}, "inbound_nodes": []},
 {"class_name": "InputLayer", "name": "by_hand", "config": {"name": "by_hand", "batch_shape": [null, 2]}, "inbound_nodes": []},
 {"class_name": "MultiHeadAttention", "name": "heads", "config": {"name": "heads", "num_heads": 1, "key_dim": 2}, "inbound_nodes": [{"args": [` +
		tensorAt("in") + `, ` + tensorAt("in") + `], "kwargs": {` + kwargs + `}}]}],
 "input_layers": [["in", 0, 0], ["by_hand", 0, 0]], "output_layers": [["heads", 0, 0]]}}`
}

func configs() []hostile.File {
	lambda := `{"class_name": "Lambda", "config": {"name": "l", "function": {"class_name": "__lambda__", "config": {"code": "4wEAAAA="}}}}`
	nest := func(n int, text string) string {
		return strings.Repeat(`{"class_name": "Sequential", "config": {"name": "s", "layers": [`, n) + text + strings.Repeat("]}}", n)
	}
	var list []hostile.File
	add := func(name, text, want string) {
		list = append(list, hostile.File{Name: name + ".json", Content: []byte(text), Want: want})
	}
	add("empty", "", "ends too soon")
	add("null", "null", "no object of JSON")
	add("text", `"x"`, "no object of JSON")
	add("no_config", "{}", `it has no "config"`)
	add("not_utf8", "{\"\xff\": 1}", "not UTF-8")
	add("two_values", dense(`"units": 2`)+"{}", "something follows the end")
	add("cut_off", dense(`"units": 2`)[:80], "ends too soon")
	add("comment", "{/* */}", "JSON")
	add("nan", dense(`"units": NaN`), "JSON")
	add("twice", dense(`"units": 2, "units": 1000000`), `the name "units" is twice`)
	add("twice_by_escape", dense(`"units": 2, "un\u0069ts": 1000000`), `the name "units" is twice`)
	add("half_a_surrogate", dense(`"units": 2, "\ud800": 1`), "has a character that is none")
	add("deep_lists", dense(`"units": `+strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000)), "too deep: the limit is 64: see Limits.Depth")
	add("deep_objects", strings.Repeat(`{"a":`, 20_000), "too deep")
	add("deep_models", config(nest(30, `{"class_name": "Flatten", "config": {"name": "f"}}`)), "too deep")
	add("great_number", dense(`"units": 1e999`), "no number of float64")
	add("long_number", dense(`"units": `+strings.Repeat("9", 5000)), "no number of float64")
	add("units_fraction", dense(`"units": 1.5`), "units")
	add("units_text", dense(`"units": "two"`), "units")
	add("units_negative", dense(`"units": -2`), "-2")
	add("units_huge", dense(`"units": 9007199254740992`), "would take 64.0 PiB of memory")
	add("units_too_great", dense(`"units": 4611686018427387904`), "is no int")
	add("input_huge", strings.Replace(dense(`"units": 2`), "[null, 2]", "[null, 4294967296, 4294967296]", 1), "elements")
	add("input_negative", strings.Replace(dense(`"units": 2`), "[null, 2]", "[null, -2]", 1), "-2")
	add("input_of_many_dimensions", strings.Replace(dense(`"units": 2`), "[null, 2]", "[null"+strings.Repeat(", 1", 1000)+"]", 1), "dimensions")
	add("input_of_33_dimensions", strings.Replace(dense(`"units": 2`), "[null, 2]", "[null"+strings.Repeat(", 1", 32)+"]", 1), `layer "in": its batch_shape has 33 dimensions, the limit is 32: see Limits.Rank`)
	add("target_of_33_dimensions", config(`{"class_name": "Reshape", "config": {"name": "r", "target_shape": [2`+strings.Repeat(", 1", 32)+`]}}`), `layer "r": its target_shape has 33 dimensions, the limit is 32: see Limits.Rank`)
	add("many_objects", dense(`"units": [`+strings.Repeat("[],", 10_000)+`[]]`), "too many objects and lists: the limit is 5000: see Limits.Objects")
	add("lambda", config(lambda), "a Lambda holds code")
	add("lambda_in_a_model", config(nest(3, lambda)), "a Lambda holds code")
	add("lambda_in_a_wrapper", config(`{"class_name": "TimeDistributed", "config": {"name": "t", "layer": `+lambda+`}}`), "a Lambda holds code")
	add("lambda_as_activation", dense(`"units": 2, "activation": `+lambda), "a Lambda holds code")
	add("marshalled_function", dense(`"units": 2, "activation": {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": null}}`), "holds code")
	add("bytes", dense(`"units": 2, "activation": {"class_name": "__bytes__", "config": {"value": "x"}}`), "holds code")
	add("tfsm", config(`{"class_name": "TFSMLayer", "config": {"name": "t", "filepath": "/tmp/x"}}`), "a TFSMLayer holds code")
	add("torch", config(`{"class_name": "TorchModuleWrapper", "config": {"name": "t", "module": "x"}}`), "holds code")
	add("system", dense(`"units": 2, "activation": {"module": "os", "class_name": "function", "config": "system"}`), "a function of somebody's own is not read")
	add("builtin", dense(`"units": 2, "activation": {"module": "builtins", "class_name": "function", "config": "eval"}`), "eval")
	add("keras_utils", dense(`"units": 2, "activation": {"module": "keras.utils", "class_name": "function", "config": "get_file"}`), "get_file")
	add("initializer_class", dense(`"units": 2, "kernel_initializer": {"module": "os", "class_name": "system", "config": {"command": "x"}}`), "system")
	add("name_twice", config(`{"class_name": "Flatten", "config": {"name": "f"}}, {"class_name": "Flatten", "config": {"name": "f"}}`), `two layers are called "f"`)
	add("no_name", config(`{"class_name": "Flatten", "config": {}}`), "it has no name")
	add("layers_of_numbers", config("1, 2, 3"), "it has no class_name")
	add("own_class", strings.Replace(dense(`"units": 2`), `"Sequential"`, `"MyModel"`, 1), `its class is "MyModel"`)
	add("circle", `{"class_name": "Functional", "config": {"name": "m", "layers": [
 {"class_name": "InputLayer", "name": "in", "config": {"name": "in", "batch_shape": [null, 2]}, "inbound_nodes": []},
 {"class_name": "Flatten", "name": "a", "config": {"name": "a"}, "inbound_nodes": [[["b", 0, 0, {}]]]},
 {"class_name": "Flatten", "name": "b", "config": {"name": "b"}, "inbound_nodes": [[["a", 0, 0, {}]]]}],
 "input_layers": [["in", 0, 0]], "output_layers": [["b", 0, 0]]}}`, "there is no output 0 of application 0")
	add("far_application", `{"class_name": "Functional", "config": {"name": "m", "layers": [
 {"class_name": "InputLayer", "name": "in", "config": {"name": "in", "batch_shape": [null, 2]}, "inbound_nodes": []},
 {"class_name": "Flatten", "name": "a", "config": {"name": "a"}, "inbound_nodes": [[["in", 1e15, 0, {}]]]}],
 "input_layers": [["in", 0, 0]], "output_layers": [["a", 0, 0]]}}`, "there is no output 0 of application 0")
	// Masks, which are operations beside the layers.
	of := tensorAt
	const another = `layer "gru": the mask of its call: it is another than the input has by the layers before`
	add("mask_of_another_number", masked(operation("NotEqual", "ne", of("in")+", 1.0")+operation("Any", "any", of("ne")), of("any")), another)
	add("mask_is_an_input", masked("", of("in")), another)
	add("mask_is_a_number", masked("", "1"), another)
	add("mask_of_nothing", masked("", of("nowhere")), another)
	add("mask_is_an_object", masked("", "{}"), "is no tensor of the network")
	add("masks_of_one_input", masked(operation("NotEqual", "ne", of("in")+", 0.0")+operation("Any", "any", of("ne")), "["+of("any")+", "+of("any")+"]"), another)
	add("mask_of_itself", masked(operation("LogicalOr", "or", of("or")+", "+of("or")), of("or")), `"or" is made of itself`)
	doubled := operation("NotEqual", "or0", of("in")+", 0.0")
	for i := range 60 {
		before := of(fmt.Sprint("or", i))
		doubled += operation("LogicalOr", fmt.Sprint("or", i+1), before+", "+before)
	}
	add("mask_doubled_60_times", masked(doubled, of("or60")), another)
	for _, name := range []string{"query_mask", "value_mask", "key_mask"} {
		add(name+"_by_hand", attended(`"`+name+`": `+of("by_hand")), `layer "heads": the `+name+` of its call: it is another than the input has`)
	}
	add("causal_is_a_text", attended(`"use_causal_mask": "yes"`), `layer "heads": inbound_nodes: the argument "use_causal_mask" of the call is yes, it must be true or false`)
	add("training_attention", attended(`"training": true`), `layer "heads": inbound_nodes: the argument "training" of the call is True`)
	add("unknown_argument_of_attention", attended(`"bias": 1`), `layer "heads": inbound_nodes: an argument "bias" of the call is not read`)
	add("operation_in_the_network", strings.Replace(masked(operation("NotEqual", "ne", of("in")+", 0.0"), "null"), `["gru", 0, 0]`, `["ne", 0, 0]`, 1), "layers of these classes are not known: keras.ops.NotEqual")
	return list
}

func TestConfigurationsThatAreNotSoundAreRefused(t *testing.T) {
	hostile.Check(t, "testdata/hostile/configs", configs(), func(b []byte) error {
		m, err := kerasfile.ReadConfig(b, kerasfile.Limits{Objects: 5000})
		if err != nil {
			return err
		}
		_, err = m.Network.Network()
		return err
	})
}

// sealed returns an archive whose members, where they are stored as they are, have the checksums that it says, so that what
// is changed in them reaches their readers.
func sealed(b []byte) []byte {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return b
	}
	b = bytes.Clone(b)
	for _, f := range z.File {
		at, err := f.DataOffset()
		n := int64(f.CompressedSize64)
		if err != nil || f.Method != zip.Store || at < 0 || n < 0 || n > int64(len(b))-at {
			continue
		}
		// The directory's entry has it 16 bytes after its signature, and its name from the 46th on.
		for entry := 0; ; entry++ {
			i := bytes.Index(b[entry:], []byte("PK\x01\x02"))
			if i < 0 {
				break
			}
			if entry += i; entry+46 <= len(b) && bytes.HasPrefix(b[entry+46:], []byte(f.Name)) {
				binary.LittleEndian.PutUint32(b[entry+16:], crc32.ChecksumIEEE(b[at:at+n]))
			}
		}
	}
	return b
}

func TestASealedArchiveHasTheChecksumsOfWhatItHolds(t *testing.T) {
	b, err := os.ReadFile("testdata/frozen.keras")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"dense_1", "\x89HDF\r\n\x1a\n\x00"} { // in the configuration, in the weights
		changed := bytes.Clone(b)
		changed[bytes.Index(b, []byte(name))+len(name)-1] += 3
		for _, sound := range []bool{false, true} {
			if sound {
				changed = sealed(changed)
			}
			_, w, err := kerasfile.Open(bytes.NewReader(changed), int64(len(changed)), kerasfile.Limits{})
			if err == nil {
				err = w.Verify()
			}
			if crc := err != nil && (strings.Contains(err.Error(), "checksum") || strings.Contains(err.Error(), "CRC")); crc == sound {
				t.Errorf("%q: sealed %v: %v", name, sound, err)
			}
		}
	}
}

func TestWhateverAnArchiveHoldsOpeningItEndsInLittleMemory(t *testing.T) {
	var seeds [][]byte
	for _, name := range []string{"frozen.keras", "sequential_without_input.keras", "keras224.h5", "frozen.h5"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		seeds = append(seeds, b)
	}
	for _, h := range archives() {
		seeds = append(seeds, h.Content)
	}
	open := func(b []byte) {
		m, w, err := kerasfile.Open(bytes.NewReader(b), int64(len(b)), kerasfile.Limits{Bytes: 4 << 20})
		if err != nil {
			return
		}
		arrays, _ := w.ByName()
		for _, list := range arrays {
			for _, a := range list {
				if n := a.Shape().Numel(); n < 1<<16 {
					a.Read(make([]float32, n))
				}
			}
		}
		if m.Compile != nil {
			w.Optimizer(m.Compile.Optimizer, 4)
		}
		w.Verify()
	}
	hostile.Try(t, seeds, func(b []byte) {
		open(b)
		open(sealed(b))
	})
}

func TestWhateverAConfigurationSaysReadingItEndsInLittleMemory(t *testing.T) {
	var seeds [][]byte
	for _, name := range []string{"layers", "frozen", "optimizer_loss_scaled", "optimizer_cosine"} {
		z, err := zip.OpenReader("testdata/" + name + ".keras")
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		r, err := z.Open("config.json")
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		seeds = append(seeds, b)
	}
	for _, h := range configs() {
		seeds = append(seeds, h.Content)
	}
	hostile.Try(t, seeds, func(b []byte) {
		if m, err := kerasfile.ReadConfig(b, kerasfile.Limits{}); err == nil {
			m.Network.Network()
			m.Config()
		}
	})
}

// An argument of a call that is the mask which the layers before pass on says nothing new.
func TestAMaskIsPassedOnAsInKeras(t *testing.T) {
	made := operation("NotEqual", "ne", tensorAt("in")+", 0.0") + operation("Any", "any", tensorAt("ne"))
	cell := `"cell": {"class_name": "GRUCell", "config": {"name": "cell", "units": 2}}`
	for _, c := range []struct {
		class, config string
		passes        bool
	}{
		{"RNN", cell + `, "return_sequences": true`, true},
		{"LSTM", `"units": 2, "return_sequences": true`, true},
		{"Normalization", `"axis": [-1], "mean": [1.0, 1.0], "variance": [2.0, 2.0]`, true},
		{"Reshape", `"target_shape": [2, 2]`, false},
	} {
		between := `{"class_name": "` + c.class + `", "name": "between", "config": {"name": "between", ` + c.config +
			`}, "inbound_nodes": [{"args": [` + tensorAt("masking") + `], "kwargs": {}}]}, {"class_name": "GRU"`
		for mask, given := range map[string]bool{tensorAt("any"): true, "null": false} {
			text := strings.Replace(masked(made, mask), `{"class_name": "GRU"`, between, 1)
			text = strings.Replace(text, tensorAt("masking")+`], "kwargs": {"mask"`, tensorAt("between")+`], "kwargs": {"mask"`, 1)
			m, err := kerasfile.ReadConfig([]byte(text), kerasfile.Limits{})
			if err == nil {
				_, err = m.Network.Network()
			}
			if read := err == nil; given && read != c.passes {
				t.Errorf("%s: the mask before is its result's: %v, in Keras %v: %v", c.class, read, c.passes, err)
			} else if !given && err != nil {
				t.Errorf("%s: %v", c.class, err)
			}
		}
	}
}

// Vocabularies are small in an archive and large in memory: all of them together are within the limit.
func TestTheLimitIsOfAllVocabularies(t *testing.T) {
	z, err := zip.OpenReader("testdata/texts.keras")
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	open := func(large ...string) error {
		var parts []part
		for _, f := range z.File {
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			p := part{name: f.Name}
			if p.content, err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
			if slices.Contains(large, f.Name) {
				p.content, p.change = make([]byte, 5<<19), deflate
			}
			parts = append(parts, p)
		}
		b := zipped(parts)
		_, _, err = kerasfile.Open(bytes.NewReader(b), int64(len(b)), kerasfile.Limits{Bytes: 4 << 20})
		return err
	}
	const one, other = "assets/layers/integer_lookup/vocabulary.txt", "assets/layers/string_lookup/vocabulary.txt"
	if err := open(one); err != nil {
		t.Error(err)
	}
	if err := open(one, other); err == nil || !strings.Contains(err.Error(), "it has 2621440 bytes, the budget is 15") {
		t.Errorf("two of which each is within the limit: %v", err)
	}
}

// What a file has beside the arrays of layers, such as a type under a name, is passed over.
func TestATypeUnderANameIsPassedOver(t *testing.T) {
	b, err := os.ReadFile("../internal/hdf5/testdata/small_named.h5")
	if err != nil {
		t.Fatal(err)
	}
	w, err := kerasfile.OpenWeights(bytes.NewReader(b), int64(len(b)), kerasfile.Limits{})
	if err == nil {
		_, err = w.ByName()
	}
	if err != nil {
		t.Error(err)
	}
}
