package callback

// This file writes event files: TFRecords that hold TensorFlow's Event messages,
// see tensorflow/core/util/event.proto and tensorboard/compat/proto/summary.proto.

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/internal/pb"
	"github.com/cornu-ml/cornu/tensor"
)

// Numbers of the fields, by message.
const (
	eventWallTime    = 1 // double
	eventStep        = 2
	eventFileVersion = 3
	eventGraphDef    = 4
	eventSummary     = 5

	summaryValue = 1

	valueTag      = 1
	valueTensor   = 8
	valueMetadata = 9

	metadataPlugin    = 1
	metadataDataClass = 4
	pluginName        = 1

	tensorDType   = 1
	tensorShape   = 2
	tensorContent = 4

	shapeDim = 2
	dimSize  = 1
)

// Values of enums.
const (
	dtFloat  = 1
	dtDouble = 2

	dataClassScalar = 1
	dataClassTensor = 2
)

// A summary is a Summary message: named values that belong to one step.
type summary struct{ pb.Message }

// scalar adds a number.
func (s *summary) scalar(tag string, value float64) {
	content := binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(value)))
	s.add(tag, "scalars", dataClassScalar, tensorOf(dtFloat, content))
}

// histogram adds the distribution of values.
func (s *summary) histogram(tag string, values []float32) {
	var content []byte
	for _, b := range buckets(values) {
		for _, v := range []float64{b.left, b.right, b.count} {
			content = binary.LittleEndian.AppendUint64(content, math.Float64bits(v))
		}
	}
	s.add(tag, "histograms", dataClassTensor, tensorOf(dtDouble, content, bucketCount, 3))
}

// add adds what a plugin of TensorBoard shows.
func (s *summary) add(tag, plugin string, class int64, content pb.Message) {
	var data, metadata, value pb.Message
	data.String(pluginName, plugin)
	metadata.Message(metadataPlugin, data)
	metadata.Int(metadataDataClass, class)
	value.String(valueTag, tag)
	value.Message(valueMetadata, metadata)
	value.Message(valueTensor, content)
	s.Message.Message(summaryValue, value)
}

// tensorOf is a TensorProto.
func tensorOf(dtype int64, content []byte, dims ...int) pb.Message {
	var t pb.Message
	t.Int(tensorDType, dtype)
	t.Message(tensorShape, shapeOf(dims))
	t.Bytes(tensorContent, content)
	return t
}

// shapeOf is a TensorShapeProto.
func shapeOf(dims tensor.Shape) pb.Message {
	var shape pb.Message
	for _, d := range dims {
		var dim pb.Message
		dim.Int(dimSize, int64(d))
		shape.Message(shapeDim, dim)
	}
	return shape
}

// A bucket holds how many values lie from left to right.
type bucket struct{ left, right, count float64 }

// bucketCount is TensorFlow's default.
const bucketCount = 30

// buckets counts the values that are finite as tf.summary.histogram does. If all
// are equal they are in the last bucket.
func buckets(values []float32) []bucket {
	low, high, n := math.Inf(1), math.Inf(-1), 0
	for _, v := range values {
		if v := float64(v); finite(v) {
			low, high, n = min(low, v), max(high, v), n+1
		}
	}
	out := make([]bucket, bucketCount)
	if n == 0 {
		return out
	}
	width := (high - low) / bucketCount
	for i := range out {
		out[i].left = low + float64(width*float64(i))
		out[i].right = low + float64(width*float64(i+1))
	}
	out[bucketCount-1].right = high
	for _, v := range values {
		if v := float64(v); finite(v) {
			i := bucketCount - 1
			if width > 0 {
				i = min(int((v-low)/width), i)
			}
			out[i].count++
		}
	}
	return out
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// An eventFile is a file of events. Each is written whole, in one piece. The file is made when the first is.
type eventFile struct {
	path string
	file *file.File // nil: nothing was written yet
}

// eventFiles counts the files of this program, to tell them apart by name.
var eventFiles atomic.Uint64

// eventPrefix begins the names that TensorBoard looks for.
const eventPrefix = "events.out.tfevents."

// newEventFile returns a file of a name that no other has.
func newEventFile(folder string) *eventFile {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	host = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:`, r) {
			return '_'
		}
		return r
	}, host)
	name := fmt.Sprintf(eventPrefix+"%010d.%s.%d.%d.v2", time.Now().Unix(), host, os.Getpid(), eventFiles.Add(1)-1)
	return &eventFile{path: filepath.Join(folder, name)}
}

// write appends an event of now: its step, and what it holds in a field.
func (f *eventFile) write(step int64, field int, content []byte) error {
	if f.file == nil {
		err := file.MkdirAll(filepath.Dir(f.path))
		if err == nil {
			f.file, err = file.OpenFile(f.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
		}
		if err == nil {
			err = f.write(0, eventFileVersion, []byte("brain.Event:2"))
		}
		if err != nil {
			return err
		}
	}
	var e pb.Message
	e.Double(eventWallTime, float64(time.Now().UnixMicro())/1e6)
	e.Int(eventStep, step)
	e.Bytes(field, content)
	_, err := f.file.Write(appendRecord(nil, e))
	return err
}

// An eventPlace is where the next event of a file goes.
type eventPlace struct {
	Name  string
	Bytes int64 // 0: there is no file yet
}

func (f *eventFile) place() (eventPlace, error) {
	p := eventPlace{Name: filepath.Base(f.path)}
	var err error
	if f.file != nil {
		p.Bytes, err = f.file.Seek(0, io.SeekCurrent)
	}
	return p, err
}

// resume goes to the place that a file had, and takes out what follows. It reports false, and the file is one of a new name, if
// the other isn't there any more, or not as long.
func (f *eventFile) resume(p eventPlace) (ok bool, err error) {
	if !strings.HasPrefix(p.Name, eventPrefix) || filepath.Base(p.Name) != p.Name {
		return false, errState
	}
	path := filepath.Join(filepath.Dir(f.path), p.Name)
	if p.Bytes == 0 {
		if err := file.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
		f.path = path
		return true, nil
	}
	old, err := file.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	end, err := old.Seek(0, io.SeekEnd)
	if err == nil && end >= p.Bytes {
		ok = true
		if err = old.Truncate(p.Bytes); err == nil {
			_, err = old.Seek(p.Bytes, io.SeekStart)
		}
	}
	if !ok || err != nil {
		return false, errors.Join(err, old.Close())
	}
	f.path, f.file = path, old
	return true, nil
}

// close does nothing to a file in which nothing is.
func (f *eventFile) close() error {
	if f == nil || f.file == nil {
		return nil
	}
	return f.file.Close()
}

// appendRecord appends data as a TFRecord: its length, the length's checksum, the
// data, their checksum.
func appendRecord(b, data []byte) []byte {
	length := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	b = append(b, length...)
	b = binary.LittleEndian.AppendUint32(b, maskedCRC(length))
	b = append(b, data...)
	return binary.LittleEndian.AppendUint32(b, maskedCRC(data))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskedCRC is the CRC-32C of data, turned so that the checksum of what holds
// checksums is a good one.
func maskedCRC(data []byte) uint32 {
	crc := crc32.Checksum(data, castagnoli)
	return (crc>>15 | crc<<17) + 0xA282EAD8
}
