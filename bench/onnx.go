package main

// This file writes the chapter's network as an ONNX file for ONNX Runtime, and what it should predict.

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cornu-ml/cornu/dataset/mnist"
	"github.com/cornu-ml/cornu/internal/pb"
	"github.com/cornu-ml/cornu/tensor"
)

// checked is how many predictions ONNX Runtime's are held against.
const checked = 128

// writeONNX writes mlp.onnx to a folder, and in mlp.expected what Cornu predicts for the first test digits, as float32.
func writeONNX(folder string) error {
	model, err := network(256, 2)
	if err != nil {
		return err
	}
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
	x, err := tensor.Of(pixels, checked, mnist.Rows*mnist.Columns)
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
	if err := os.WriteFile(filepath.Join(folder, "mlp.expected"), bytes, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "mlp.onnx"), onnxModel(weights, values), 0o644)
}

// The fields and enums of ONNX's messages (onnx.proto) that are used here.
const (
	modelIRVersion, modelGraph, modelOpset               = 1, 7, 8
	opsetVersion                                         = 2
	graphNode, graphName, graphInitializer               = 1, 2, 5
	graphInput, graphOutput                              = 11, 12
	nodeInput, nodeOutput, nodeOpType                    = 1, 2, 4
	tensorDims, tensorDataType, tensorName, tensorRaw    = 1, 2, 8, 9
	valueName, valueType, typeTensor                     = 1, 2, 1
	elementType, tensorShape, shapeDim, dimValue, dimSay = 1, 2, 1, 1, 2
	float                                                = 1
)

// onnxModel returns the file: a Gemm for each kernel and bias, each followed by a Relu and the last by a Softmax.
func onnxModel(weights []*tensor.Tensor, values [][]float32) []byte {
	var graph pb.Message
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
	graph.String(graphName, "mlp")
	graph.Message(graphInput, onnxValue("x", 784))
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

// onnxValue declares a matrix of any number of rows.
func onnxValue(name string, columns int) (m pb.Message) {
	var rows, cols, shape, matrix, kind pb.Message
	rows.String(dimSay, "N")
	cols.Int(dimValue, int64(columns))
	shape.Message(shapeDim, rows)
	shape.Message(shapeDim, cols)
	matrix.Int(elementType, float)
	matrix.Message(tensorShape, shape)
	kind.Message(typeTensor, matrix)
	m.String(valueName, name)
	m.Message(valueType, kind)
	return m
}
