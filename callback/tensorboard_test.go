package callback

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/train"
	"google.golang.org/protobuf/encoding/protowire"
)

// A reader of event files that shares no code with the writer.

// A message holds the values of its fields by number.
type message map[int][]any // uint64, or []byte

func decode(t testing.TB, b []byte) message {
	t.Helper()
	m := message{}
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatalf("bad tag: %v", protowire.ParseError(n))
		}
		b = b[n:]
		var value any
		switch kind {
		case protowire.VarintType:
			value, n = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			value, n = protowire.ConsumeFixed64(b)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			value = uint64(v)
		default:
			value, n = protowire.ConsumeBytes(b)
		}
		if n < 0 {
			t.Fatalf("field %d: %v", number, protowire.ParseError(n))
		}
		m[int(number)] = append(m[int(number)], value)
		b = b[n:]
	}
	return m
}

func (m message) uint(field int) uint64 {
	if len(m[field]) == 0 {
		return 0
	}
	return m[field][0].(uint64)
}

func (m message) bytes(field int) []byte {
	if len(m[field]) == 0 {
		return nil
	}
	return m[field][0].([]byte)
}

func (m message) sub(t testing.TB, field int) message {
	t.Helper()
	return decode(t, m.bytes(field))
}

// crc32c is the checksum of Castagnoli bit by bit, masked as TFRecords want it.
func crc32c(b []byte) uint32 {
	crc := ^uint32(0)
	for _, c := range b {
		crc ^= uint32(c)
		for range 8 {
			if crc&1 == 1 {
				crc = crc>>1 ^ 0x82F63B78
			} else {
				crc >>= 1
			}
		}
	}
	crc = ^crc
	return (crc>>15 | crc<<17) + 0xa282ead8
}

// records reads the only event file of a folder.
func records(t testing.TB, folder string) []message {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "events.out.tfevents.*.v2"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%s holds the event files %v, %v", folder, files, err)
	}
	b := []byte(read(t, files[0]))
	var events []message
	for len(b) > 0 {
		if len(b) < 16 {
			t.Fatalf("%d bytes are left, no record", len(b))
		}
		size := binary.LittleEndian.Uint64(b)
		if binary.LittleEndian.Uint32(b[8:]) != crc32c(b[:8]) {
			t.Fatal("the checksum of a length is wrong")
		}
		if size > uint64(len(b)-16) {
			t.Fatalf("a record of %d bytes, of which there are %d", size, len(b)-16)
		}
		data := b[12 : 12+size]
		if binary.LittleEndian.Uint32(b[12+size:]) != crc32c(data) {
			t.Fatal("the checksum of a record is wrong")
		}
		events = append(events, decode(t, data))
		b = b[16+size:]
	}
	if len(events) == 0 || string(events[0].bytes(3)) != "brain.Event:2" {
		t.Fatalf("the first event is %v", events)
	}
	return events
}

// A loggedValue is one named value of one step.
type loggedValue struct {
	plugin, tag string
	step        int64
	dtype       uint64
	shape       []int
	content     []byte
}

func values(t testing.TB, folder string) []loggedValue {
	t.Helper()
	var all []loggedValue
	for _, event := range records(t, folder) {
		for _, raw := range event.sub(t, 5)[1] {
			value := decode(t, raw.([]byte))
			content := value.sub(t, 8)
			v := loggedValue{
				plugin: string(value.sub(t, 9).sub(t, 1).bytes(1)), tag: string(value.bytes(1)),
				step: int64(event.uint(2)), dtype: content.uint(1), shape: []int{}, content: content.bytes(4),
			}
			for _, dim := range content.sub(t, 2)[2] {
				v.shape = append(v.shape, int(decode(t, dim.([]byte)).uint(1)))
			}
			all = append(all, v)
		}
	}
	return all
}

func (v loggedValue) String() string {
	return fmt.Sprintf("%s %s %d %s %s", v.plugin, v.tag, v.step, map[uint64]string{1: "float32", 2: "float64"}[v.dtype],
		strings.ReplaceAll(fmt.Sprint(v.shape), " ", ", "))
}

func (v loggedValue) float() float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(v.content))
}

func (v loggedValue) floats() []float64 {
	var out []float64
	for b := range slices.Chunk(v.content, 8) {
		out = append(out, math.Float64frombits(binary.LittleEndian.Uint64(b)))
	}
	return out
}

func TestTensorBoardLogsWhatKerasDoes(t *testing.T) {
	more := map[string]cornu.FitConfig{
		"tensorboard: validation": {ValidationData: ones(t)},
		"tensorboard: batches":    {BatchSize: 1},
	}
	for _, c := range cases(t, "TensorBoard") {
		t.Run(c.Name, func(t *testing.T) {
			board := &TensorBoard{LogDir: t.TempDir(), NoGraph: true}
			configure(t, c, board)
			cfg := more[c.Name]
			cfg.Epochs, cfg.Quiet, cfg.Callbacks = 3, true, []train.Callback{board}
			if _, err := oneWeight(t, 0.1).Fit(context.Background(), ones(t), cfg); err != nil {
				t.Fatal(err)
			}
			folders, err := os.ReadDir(board.LogDir)
			if err != nil || len(folders) != len(c.Texts) {
				t.Fatalf("there are %v, %v; Keras makes %d folders", folders, err, len(c.Texts))
			}
			for folder, text := range c.Texts {
				var got []string
				for _, v := range values(t, filepath.Join(board.LogDir, folder)) {
					got = append(got, v.String())
				}
				// Keras's paths of weights begin with the name of a sequential model.
				want := strings.Split(strings.ReplaceAll(text, " sequential/", " "), "\n")
				slices.Sort(got) // only the order of one step's values differs
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Errorf("%s holds\n%s\nwant\n%s", folder, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			}
		})
	}
}

func TestTensorBoardLogsTheValuesOfTheHistory(t *testing.T) {
	board := &TensorBoard{LogDir: t.TempDir(), HistogramFreq: 1}
	history, err := oneWeight(t, 0.1).Fit(context.Background(), ones(t), cornu.FitConfig{
		Epochs: 2, Quiet: true, ValidationData: ones(t), Callbacks: []train.Callback{board},
	})
	if err != nil {
		t.Fatal(err)
	}
	for folder, prefix := range map[string]string{"train": "", "validation": "val_"} {
		seen := 0
		for _, v := range values(t, filepath.Join(board.LogDir, folder)) {
			if v.plugin == "histograms" { // of one weight, which is all there is of the last bucket
				if b := v.floats(); len(b) != 90 || b[87] != b[88] || b[89] != 1 {
					t.Errorf("%s is %v at step %d", v.tag, b, v.step)
				}
			}
			name, ok := strings.CutPrefix(v.tag, "epoch_")
			if !ok {
				continue
			}
			want := 0.1
			if name != "learning_rate" {
				want = history.Values[prefix+name][v.step]
			}
			if v.float() != float32(want) {
				t.Errorf("%s %s is %v at step %d, want %v", folder, v.tag, v.float(), v.step, want)
			}
			seen++
		}
		if want := map[string]int{"train": 6, "validation": 4}[folder]; seen != want {
			t.Errorf("%s has %d values, want %d", folder, seen, want)
		}
	}
}

// A training that is interrupted and goes on leaves the events of one that is not, in one file each.
func TestTensorBoardGoesOnInItsFilesFromACheckpoint(t *testing.T) {
	crash := errors.New("crash")
	fitTo := func(board *TensorBoard, checkpoints string, steps uint64) error {
		_, err := oneWeight(t, 0.1).Fit(context.Background(), ones(t), cornu.FitConfig{
			Epochs: 3, BatchSize: 1, Quiet: true, ValidationData: ones(t), Checkpoint: cornu.Checkpoint{Dir: checkpoints, EverySteps: 3},
			Callbacks: []train.Callback{board, &Func{OnBatchEnd: func(s *train.State) error {
				if s.Step == steps {
					return crash
				}
				return nil
			}}},
		})
		return err
	}
	whole := &TensorBoard{LogDir: t.TempDir(), UpdateFreq: 1, HistogramFreq: 1}
	if err := fitTo(whole, t.TempDir(), 0); err != nil {
		t.Fatal(err)
	}
	for _, lost := range []bool{false, true} { // the files, before training goes on
		board, checkpoints := &TensorBoard{LogDir: t.TempDir(), UpdateFreq: 1, HistogramFreq: 1}, t.TempDir()
		for _, at := range []uint64{5, 8, 11} {
			if err := fitTo(board, checkpoints, at); !errors.Is(err, crash) {
				t.Fatal(err)
			}
		}
		if lost {
			if err := os.RemoveAll(board.LogDir); err != nil {
				t.Fatal(err)
			}
		}
		if err := fitTo(board, checkpoints, 0); err != nil {
			t.Fatal(err)
		}
		if lost {
			if graph := records(t, filepath.Join(board.LogDir, "train"))[1]; graph[4] == nil {
				t.Error("the new file has no network")
			}
			continue
		}
		for _, folder := range []string{"train", "validation"} {
			got, want := fmt.Sprint(values(t, filepath.Join(board.LogDir, folder))), fmt.Sprint(values(t, filepath.Join(whole.LogDir, folder)))
			if got != want {
				t.Errorf("%s holds\n%s\nwithout an interruption it is\n%s", folder, got, want)
			}
		}
	}
}

func TestEachTrainingHasAnEventFileOfItsOwn(t *testing.T) {
	board := &TensorBoard{LogDir: t.TempDir()}
	for range 2 {
		if _, err := fit(t, oneWeight(t, 0.1), 1, board); err != nil {
			t.Fatal(err)
		}
	}
	files, err := fs.Glob(os.DirFS(board.LogDir), "train/events.out.tfevents.*")
	if err != nil || len(files) != 2 {
		t.Errorf("the files are %v, %v", files, err)
	}
}

func TestHistogramsAreTensorFlows(t *testing.T) {
	for _, c := range cases(t, "histogram") {
		var got []float64
		for _, b := range buckets(c.Tensors["values"].Data) {
			got = append(got, b.left, b.right, b.count)
		}
		near(t, c.Name, got, c.Numbers["buckets"])
	}
}

func TestHistogramsLeaveOutWhatIsNotFinite(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	total := func(values ...float32) (n float64) {
		for _, b := range buckets(values) {
			n += b.count
		}
		return n
	}
	if n := total(nan, 1, inf, 2, -inf, 3); n != 3 {
		t.Errorf("the buckets hold %v of 3 values", n)
	}
	if n := total(nan, inf) + total(); n != 0 {
		t.Errorf("the buckets hold %v of no values", n)
	}
	if n := total(-math.MaxFloat32, math.MaxFloat32); n != 2 {
		t.Errorf("the buckets hold %v of 2 values", n)
	}
}

// A model with a branch, and with a layer that is applied twice.
func TestTensorBoardWritesTheNetworkAsAGraph(t *testing.T) {
	shared := &layer.Dense{Units: 1, Name: "shared", KernelInitializer: initializer.Ones{}}
	in := cornu.Input(1)
	x := cornu.Apply(shared, in)
	y := cornu.Apply(shared, x)
	out := cornu.Apply(&layer.Add{Name: "sum"}, x, y)
	m := cornu.NewModel([]*cornu.Node{in}, []*cornu.Node{out})
	if err := m.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}}); err != nil {
		t.Fatal(err)
	}
	board := &TensorBoard{LogDir: t.TempDir()}
	_, err := m.Fit(context.Background(), ones(t), cornu.FitConfig{Quiet: true, Callbacks: []train.Callback{board}})
	if err != nil {
		t.Fatal(err)
	}
	event := records(t, filepath.Join(board.LogDir, "train"))[1]
	var got []string
	for _, raw := range event.sub(t, 4)[1] {
		node := decode(t, raw.([]byte))
		line := fmt.Sprintf("%s %s", node.bytes(1), node.bytes(2))
		for _, input := range node[3] {
			line += fmt.Sprintf(" <%s", input)
		}
		for _, entry := range node[5] {
			pair := decode(t, entry.([]byte))
			value := pair.sub(t, 2)
			switch key := string(pair.bytes(1)); key {
			case "units":
				line += fmt.Sprintf(" units=%d", value.uint(3))
			case "_output_shapes":
				for _, dim := range value.sub(t, 1).sub(t, 7)[2] {
					line += fmt.Sprintf(" [%d]", int64(decode(t, dim.([]byte)).uint(1)))
				}
			}
		}
		got = append(got, line)
	}
	want := []string{
		"input_layer InputLayer [-1] [1]",
		"shared Dense <input_layer [-1] [1] units=1",
		"shared/call_1 Dense <shared [-1] [1] units=1",
		"sum Add <shared <shared/call_1 [-1] [1]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the graph is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
