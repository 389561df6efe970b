package main

// This file writes the chapter's networks as ONNX files for ONNX Runtime, and what they should predict.

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/dataset/mnist"
	"github.com/cornu-ml/cornu/internal/pb"
	"github.com/cornu-ml/cornu/tensor"
)

// checked is how many predictions ONNX Runtime's are held against.
const checked = 128

// writeONNX writes mlp.onnx, cnn.onnx and rnn.onnx to a folder, and in mlp.expected and so on what Cornu predicts for the first test
// digits, as float32.
func writeONNX(folder string) error {
	dense, err := network(256, 2)
	if err != nil {
		return err
	}
	conv, err := convolutional()
	if err != nil {
		return err
	}
	if err := writeNetwork(folder, "mlp", dense, tensor.Shape{mnist.Rows * mnist.Columns}, onnxDense); err != nil {
		return err
	}
	steps, err := recurrent()
	if err != nil {
		return err
	}
	if err := writeNetwork(folder, "rnn", steps, tensor.Shape{mnist.Rows, mnist.Columns}, onnxRecurrent); err != nil {
		return err
	}
	return writeNetwork(folder, "cnn", conv, tensor.Shape{mnist.Rows, mnist.Columns, 1}, onnxConvolutional)
}

// writeNetwork writes a network that takes such inputs; graph makes its nodes and initializers.
func writeNetwork(folder, name string, model *cornu.Sequential, input tensor.Shape, graph func(graph *pb.Message, weights []*tensor.Tensor, values [][]float32)) error {
	weights, err := model.Weights()
	if err != nil {
		return err
	}
	values := make([][]float32, len(weights))
	for i, w := range weights {
		if values[i], err = tensor.Data[float32](w); err != nil {
			return err
		}
	}
	_, test, err := mnist.Load()
	if err != nil {
		return err
	}
	pixels := make([]float32, checked*mnist.Rows*mnist.Columns)
	for i := range pixels {
		pixels[i] = float32(test.Images[i]) / 255
	}
	x, err := tensor.Of(pixels, append([]int{checked}, input...)...)
	if err != nil {
		return err
	}
	y, err := model.Predict(context.Background(), x)
	if err != nil {
		return err
	}
	expected, err := tensor.Data[float32](y)
	if err != nil {
		return err
	}
	var bytes []byte
	if bytes, err = binary.Append(bytes, binary.LittleEndian, expected); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, name+".expected"), bytes, 0o644); err != nil {
		return err
	}
	var nodes pb.Message
	graph(&nodes, weights, values)
	return os.WriteFile(filepath.Join(folder, name+".onnx"), onnxModel(nodes, name), 0o644)
}

// The fields and enums of ONNX's messages (onnx.proto) that are used here.
const (
	modelIRVersion, modelGraph, modelOpset               = 1, 7, 8
	opsetVersion                                         = 2
	graphNode, graphName, graphInitializer               = 1, 2, 5
	graphInput, graphOutput                              = 11, 12
	nodeInput, nodeOutput, nodeOpType, nodeAttribute     = 1, 2, 4, 5
	attributeName, attributeInts, attributeType          = 1, 8, 20
	attributeInt, attributeIsInt, attributeIsInts        = 3, 2, 7
	integer                                              = 7
	tensorDims, tensorDataType, tensorName, tensorRaw    = 1, 2, 8, 9
	valueName, valueType, typeTensor                     = 1, 2, 1
	elementType, tensorShape, shapeDim, dimValue, dimSay = 1, 2, 1, 1, 2
	float                                                = 1
)

// onnxDense is a Gemm for each kernel and bias, each followed by a Relu and the last by a Softmax.
func onnxDense(graph *pb.Message, weights []*tensor.Tensor, values [][]float32) {
	from := "x"
	for i := 0; i < len(weights); i += 2 {
		kernel, bias, sum, out := fmt.Sprint("w", i), fmt.Sprint("b", i), fmt.Sprint("z", i), fmt.Sprint("y", i)
		after := "Relu"
		if i+2 == len(weights) {
			after, out = "Softmax", "y"
		}
		graph.Message(graphNode, onnxNode("Gemm", sum, from, kernel, bias))
		graph.Message(graphNode, onnxNode(after, out, sum))
		graph.Message(graphInitializer, onnxTensor(kernel, weights[i].Shape(), values[i]))
		graph.Message(graphInitializer, onnxTensor(bias, weights[i+1].Shape(), values[i+1]))
		from = out
	}
	graph.Message(graphInput, onnxValue("x", 784))
}

// onnxConvolutional is three of Conv and Relu, the first two with a MaxPool, then Flatten, Gemm and Softmax. ONNX has channels
// first: kernels are turned, and of the last one, which reads what is flattened, the rows.
func onnxConvolutional(graph *pb.Message, weights []*tensor.Tensor, values [][]float32) {
	from := "x"
	for i := range 3 {
		s := weights[2*i].Shape() // rows, columns, channels, filters
		kernel, bias, sum, out := fmt.Sprint("w", i), fmt.Sprint("b", i), fmt.Sprint("z", i), fmt.Sprint("y", i)
		graph.Message(graphInitializer, onnxTensor(kernel, tensor.Shape{s[3], s[2], s[0], s[1]}, turned(values[2*i], s[0]*s[1]*s[2], s[3], s[2])))
		graph.Message(graphInitializer, onnxTensor(bias, weights[2*i+1].Shape(), values[2*i+1]))
		graph.Message(graphNode, onnxNode("Conv", sum, from, kernel, bias))
		graph.Message(graphNode, onnxNode("Relu", out, sum))
		if from = out; i < 2 {
			from = fmt.Sprint("p", i)
			pool := onnxNode("MaxPool", from, out)
			for _, name := range []string{"kernel_shape", "strides"} {
				var attribute pb.Message
				attribute.String(attributeName, name)
				attribute.Int(attributeInts, 2)
				attribute.Int(attributeInts, 2)
				attribute.Int(attributeType, attributeIsInts)
				pool.Message(nodeAttribute, attribute)
			}
			graph.Message(graphNode, pool)
		}
	}
	rows := make([]float32, len(values[6]))
	const channels, places = 64, 9
	for c := range channels {
		for p := range places {
			copy(rows[(c*places+p)*10:][:10], values[6][(p*channels+c)*10:][:10])
		}
	}
	graph.Message(graphInitializer, onnxTensor("w", weights[6].Shape(), rows))
	graph.Message(graphInitializer, onnxTensor("b", weights[7].Shape(), values[7]))
	graph.Message(graphNode, onnxNode("Flatten", "flat", from))
	graph.Message(graphNode, onnxNode("Gemm", "z", "flat", "w", "b"))
	graph.Message(graphNode, onnxNode("Softmax", "y", "z"))
	graph.Message(graphInput, onnxValue("x", 1, mnist.Rows, mnist.Columns))
}

// onnxRecurrent is an RNN, whose steps come first, and of its last state a Gemm and a Softmax. ONNX has the matrices of an RNN turned, and a
// bias of the state's product too.
func onnxRecurrent(graph *pb.Message, weights []*tensor.Tensor, values [][]float32) {
	features := weights[0].Shape()[0]
	integers := func(node *pb.Message, name string, list ...int64) {
		var attribute pb.Message
		attribute.String(attributeName, name)
		for _, n := range list {
			attribute.Int(attributeInts, n)
		}
		attribute.Int(attributeType, attributeIsInts)
		node.Message(nodeAttribute, attribute)
	}
	graph.Message(graphInitializer, onnxTensor("wx", tensor.Shape{1, rnnUnits, features}, turned(values[0], features, rnnUnits, features)))
	graph.Message(graphInitializer, onnxTensor("wh", tensor.Shape{1, rnnUnits, rnnUnits}, turned(values[1], rnnUnits, rnnUnits, rnnUnits)))
	graph.Message(graphInitializer, onnxTensor("wb", tensor.Shape{1, 2 * rnnUnits}, append(slices.Clone(values[2]), make([]float32, rnnUnits)...)))
	graph.Message(graphInitializer, onnxTensor("w", weights[3].Shape(), values[3]))
	graph.Message(graphInitializer, onnxTensor("b", weights[4].Shape(), values[4]))
	transpose := onnxNode("Transpose", "steps", "x")
	integers(&transpose, "perm", 1, 0, 2)
	graph.Message(graphNode, transpose)
	node := onnxNode("RNN", "", "steps", "wx", "wh", "wb") // of all states none is asked for
	node.String(nodeOutput, "last")
	var units pb.Message
	units.String(attributeName, "hidden_size")
	units.Int(attributeInt, rnnUnits)
	units.Int(attributeType, attributeIsInt)
	node.Message(nodeAttribute, units)
	graph.Message(graphNode, node)
	flat := onnxNode("Reshape", "h", "last", "form")
	graph.Message(graphNode, flat)
	graph.Message(graphInitializer, onnxIntegers("form", -1, rnnUnits))
	graph.Message(graphNode, onnxNode("Gemm", "z", "h", "w", "b"))
	graph.Message(graphNode, onnxNode("Softmax", "y", "z"))
	graph.Message(graphInput, onnxValue("x", mnist.Rows, mnist.Columns))
}

// turned returns a kernel of rows taps and channels by columns filters as filters, channels, taps.
func turned(kernel []float32, rows, filters, channels int) []float32 {
	out := make([]float32, len(kernel))
	taps := rows / channels
	for t := range taps {
		for c := range channels {
			for f := range filters {
				out[(f*channels+c)*taps+t] = kernel[(t*channels+c)*filters+f]
			}
		}
	}
	return out
}

// onnxModel returns the file of a graph.
func onnxModel(graph pb.Message, name string) []byte {
	graph.String(graphName, name)
	graph.Message(graphOutput, onnxValue("y", 10))
	var opset, model pb.Message
	opset.Int(opsetVersion, 17)
	model.Int(modelIRVersion, 9)
	model.Message(modelGraph, graph)
	model.Message(modelOpset, opset)
	return model
}

func onnxNode(op, output string, inputs ...string) (m pb.Message) {
	for _, name := range inputs {
		m.String(nodeInput, name)
	}
	m.String(nodeOutput, output)
	m.String(nodeOpType, op)
	return m
}

func onnxTensor(name string, shape tensor.Shape, values []float32) (m pb.Message) {
	for _, n := range shape {
		m.Int(tensorDims, int64(n))
	}
	m.Int(tensorDataType, float)
	m.String(tensorName, name)
	raw, _ := binary.Append(nil, binary.LittleEndian, values)
	m.Bytes(tensorRaw, raw)
	return m
}

func onnxIntegers(name string, values ...int64) (m pb.Message) {
	m.Int(tensorDims, int64(len(values)))
	m.Int(tensorDataType, integer)
	m.String(tensorName, name)
	raw, _ := binary.Append(nil, binary.LittleEndian, values)
	m.Bytes(tensorRaw, raw)
	return m
}

// onnxValue declares a tensor of any number of rows.
func onnxValue(name string, dims ...int) (m pb.Message) {
	var rows, shape, matrix, kind pb.Message
	rows.String(dimSay, "N")
	shape.Message(shapeDim, rows)
	for _, n := range dims {
		var dim pb.Message
		dim.Int(dimValue, int64(n))
		shape.Message(shapeDim, dim)
	}
	matrix.Int(elementType, float)
	matrix.Message(tensorShape, shape)
	kind.Message(typeTensor, matrix)
	m.String(valueName, name)
	m.Message(valueType, kind)
	return m
}
