package viz

import (
	"bytes"
	"encoding/base64"
	"image/png"
	"regexp"
	"testing"
)

func TestTheImageInAnSVGIsWhatItIsCalled(t *testing.T) {
	var content bytes.Buffer
	if err := Write(&content, SVG, Grid{Images: [][]uint8{{0, 255, 128, 7}}, Width: 2, Height: 2}); err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`data:image/(\w+);base64,([^"]*)"`).FindSubmatch(content.Bytes())
	if found == nil || string(found[1]) != "png" {
		t.Fatalf("no PNG in\n%s", content.String())
	}
	image, err := base64.StdEncoding.DecodeString(string(found[2]))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(image)); err != nil {
		t.Error(err)
	}
}
