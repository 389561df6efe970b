package callback

// This file writes networks as TensorFlow's GraphDef, which TensorBoard draws: a
// node for each application of a layer. See tensorflow/core/framework/graph.proto.

import (
	"fmt"
	"maps"
	"slices"

	"github.com/cornu-ml/cornu/internal/pb"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

// Numbers of the fields, by message.
const (
	graphNode     = 1
	graphVersions = 4

	versionProducer = 1

	nodeName  = 1
	nodeOp    = 2
	nodeInput = 3
	nodeAttr  = 5

	entryKey   = 1 // of a map
	entryValue = 2

	attrList   = 1
	attrString = 2
	attrInt    = 3
	attrFloat  = 4
	attrBool   = 5

	listShape = 7
)

// graphDef returns the networks as one graph.
func graphDef(networks []*layer.Network) pb.Message {
	var g pb.Message
	for i, n := range networks {
		prefix := ""
		if len(networks) > 1 {
			prefix = fmt.Sprintf("network_%d/", i)
		}
		appendNetwork(&g, prefix, n)
	}
	var versions pb.Message
	versions.Int(versionProducer, 22)
	g.Message(graphVersions, versions)
	return g
}

func appendNetwork(g *pb.Message, prefix string, n *layer.Network) {
	names := map[*layer.Node]string{}
	applied := map[layer.Layer]int{}
	for _, x := range n.Nodes() {
		l := x.Layer()
		name := prefix + n.Name(l)
		if k := applied[l]; k > 0 {
			name = fmt.Sprintf("%s/call_%d", name, k)
		}
		applied[l]++
		names[x] = name

		var node pb.Message
		node.String(nodeName, name)
		node.String(nodeOp, layer.Class(l))
		for _, in := range x.Inputs() {
			node.String(nodeInput, names[in])
		}
		attributes := configuration(l)
		attributes["_output_shapes"] = outputShapes(x.Shape())
		for _, key := range slices.Sorted(maps.Keys(attributes)) {
			var entry pb.Message
			entry.String(entryKey, key)
			entry.Message(entryValue, attributes[key])
			node.Message(nodeAttr, entry)
		}
		g.Message(graphNode, node)
	}
}

// configuration returns what can be said of a layer's fields as AttrValues.
func configuration(l layer.Layer) map[string]pb.Message {
	attributes := map[string]pb.Message{}
	fields, err := layer.Config(l)
	if err != nil { // a function, say, that no file could hold
		return attributes
	}
	delete(fields, "name")
	for key, field := range fields {
		var value pb.Message
		switch v := field.(type) {
		case bool:
			value.Int(attrBool, map[bool]int64{true: 1}[v])
		case int:
			value.Int(attrInt, int64(v))
		case float64:
			value.Float(attrFloat, float32(v))
		case string:
			value.String(attrString, v)
		case map[string]any: // an activation, an initializer…
			value.String(attrString, fmt.Sprint(v["class_name"]))
		default:
			continue
		}
		attributes[key] = value
	}
	return attributes
}

// outputShapes is the list of one output's shape. An unknown dimension is -1 in
// TensorFlow too.
func outputShapes(s tensor.Shape) pb.Message {
	var list, value pb.Message
	list.Message(listShape, shapeOf(s))
	value.Message(attrList, list)
	return value
}
