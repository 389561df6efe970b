package csv

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/tensor"
)

var nan = math.NaN()

// houses has one of each: a number with a gap, a category with another, a date, a
// text, and what is to be learned.
const houses = `area,district,sold,street,price
100,Mitte,1970-01-02,Am Ufer 1,300
NA,Pankow,1970-01-05,,200
50,,1970-03-01,Allee 2,100
60,Mitte,1970-01-01,"Weg, 3",200
`

// samples are the inputs and the targets that a source gives.
func samples(t testing.TB, s data.Source) (x, y []float32) {
	t.Helper()
	spec := s.Spec()
	b, err := s.Epoch(context.Background(), data.EpochConfig{BatchSize: spec.Len})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	n, err := b.Next()
	if err != nil {
		t.Fatal(err)
	}
	x = make([]float32, n*spec.X[0].Numel())
	batch := data.Batch{X: [][]float32{x}}
	if len(spec.Y) > 0 {
		y = make([]float32, n*spec.Y[0].Numel())
		batch.Y = [][]float32{y}
	}
	if err := b.Read(&batch, nil); err != nil {
		t.Fatal(err)
	}
	return x, y
}

func TestColumnsAreWhatTheSchemaSays(t *testing.T) {
	root := float32(math.Sqrt(350))
	for _, c := range []struct {
		name  string
		input Column
		names []string
		want  []float32
	}{
		{"a mean", Column{Name: "area", Missing: Mean}, []string{"area"}, []float32{100, 70, 50, 60}},
		{"a median", Column{Name: "area", Missing: Median}, []string{"area"}, []float32{100, 60, 50, 60}},
		{"the most frequent", Column{Name: "area", Missing: MostFrequent}, []string{"area"}, []float32{100, 50, 50, 60}},
		{"a constant, and whether it is one", Column{Name: "area", Missing: Constant, Fill: "-1", Indicator: true}, []string{"area", "area missing"}, []float32{100, 0, -1, 1, 50, 0, 60, 0}},
		{"standard", Column{Name: "area", Missing: Mean, Scale: Standard}, []string{"area"}, []float32{30 / root, 0, -20 / root, -10 / root}},
		{"from 0 to 1", Column{Name: "area", Missing: Mean, Scale: MinMax}, []string{"area"}, []float32{1, 0.4, 0, 0.2}},
		{
			"a category",
			Column{Name: "district", Kind: Category, Missing: MostFrequent},
			[]string{"district=Mitte", "district=Pankow"},
			[]float32{1, 0, 0, 1, 1, 0, 1, 0},
		},
		{
			"a category of its own for what is missing",
			Column{Name: "district", Kind: Category, Missing: Constant, Fill: "none"},
			[]string{"district=Mitte", "district=Pankow", "district=none"},
			[]float32{1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0},
		},
		{
			"an index",
			Column{Name: "district", Kind: Category, Missing: MostFrequent, Index: true},
			[]string{"district"},
			[]float32{0, 1, 0, 0},
		},
		{
			"unknown ones in their place",
			Column{Name: "district", Kind: Category, Missing: Constant, Fill: "Pankow", Categories: []string{"Pankow"}, Unknown: OOV},
			[]string{"district=?", "district=Pankow"},
			[]float32{1, 0, 0, 1, 0, 1, 1, 0},
		},
		{
			"the index of unknown ones",
			Column{Name: "district", Kind: Category, Missing: Constant, Fill: "Pankow", Categories: []string{"Pankow"}, Unknown: OOV, Index: true},
			[]string{"district"},
			[]float32{0, 1, 1, 0},
		},
		{
			"unknown ones left out",
			Column{Name: "district", Kind: Category, Missing: Constant, Fill: "Pankow", Categories: []string{"Pankow"}, Unknown: Ignore, Indicator: true},
			[]string{"district=Pankow", "district missing"},
			[]float32{0, 0, 1, 0, 1, 1, 0, 0},
		},
		{"a date", Column{Name: "sold", Kind: Date}, []string{"sold"}, []float32{1, 4, 59, 0}},
		{
			"parts of a date",
			Column{Name: "sold", Kind: Date, Parts: []Part{Year, Month, Day, Weekday}},
			[]string{"sold year", "sold month", "sold day", "sold weekday"},
			[]float32{1970, 1, 2, 4, 1970, 1, 5, 0, 1970, 3, 1, 6, 1970, 1, 1, 3},
		},
		{
			"parts of a date, scaled",
			Column{Name: "sold", Kind: Date, Parts: []Part{Year, Month}, Scale: MinMax},
			[]string{"sold year", "sold month"},
			[]float32{0, 0, 0, 0, 0, 1, 0, 0},
		},
	} {
		table := read(t, houses, Config{})
		p, err := Fit(table, Schema{Inputs: []Column{c.input}})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		x, err := p.Input(table)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		names, err := p.Names()
		if err != nil || !slices.Equal(names, c.names) {
			t.Errorf("%s: the names are %q, %v", c.name, names, err)
		}
		got, _ := tensor.Data[float32](x)
		if !slices.Equal(got, c.want) || !x.Shape().Equal(tensor.Shape{4, len(names)}) {
			t.Errorf("%s: %v %v, want %v", c.name, x, got, c.want)
		}
		source, err := p.Source(table)
		if err != nil {
			t.Fatal(err)
		}
		if x, y := samples(t, source); !slices.Equal(x, c.want) || y != nil {
			t.Errorf("%s: the source gives %v, %v", c.name, x, y)
		}
	}
}

func TestTimesOfDayAreParts(t *testing.T) {
	table, err := New([]string{"at"}, []string{"2024-02-29 18:30"}, []string{"2024-03-01 00:00"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Fit(table, Schema{Inputs: []Column{{Name: "at", Kind: Date, Layout: "2006-01-02 15:04", Parts: []Part{Hour, Day, Days}}}})
	if err != nil {
		t.Fatal(err)
	}
	x, err := p.Input(table)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := tensor.Data[float32](x); !slices.Equal(got, []float32{18.5, 29, 19782.771, 0, 1, 19783}) {
		t.Errorf("%v", got)
	}
}

func TestTargetsAreNumbersOrACategory(t *testing.T) {
	for _, c := range []struct {
		name    string
		targets []Column
		shape   tensor.Shape
		want    []float32
		classes []string
	}{
		{"a number", []Column{{Name: "price"}}, tensor.Shape{1}, []float32{300, 200, 100, 200}, nil},
		{"two", []Column{{Name: "price", Scale: MinMax}, {Name: "day"}}, tensor.Shape{2}, []float32{1, 2, 0.5, 5, 0, 1, 0.5, 1}, nil},
		{"a vector", []Column{{Name: "price", Kind: Category}}, tensor.Shape{3}, []float32{0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 1, 0}, []string{"100", "200", "300"}},
		{"an index", []Column{{Name: "price", Kind: Category, Index: true}}, tensor.Shape{}, []float32{2, 1, 0, 1}, []string{"100", "200", "300"}},
	} {
		table, err := New([]string{"x", "price", "day"}, []string{"1", "300", "2"}, []string{"2", "200", "5"}, []string{"3", "100", "1"}, []string{"4", "200", "1"})
		if err != nil {
			t.Fatal(err)
		}
		p, err := Fit(table, Schema{Inputs: []Column{{Name: "x"}}, Targets: c.targets})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		source, err := p.Source(table)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if _, y := samples(t, source); !slices.Equal(y, c.want) || !source.Spec().Y[0].Equal(c.shape) || !slices.Equal(p.Classes(), c.classes) {
			t.Errorf("%s: %v, %v, classes %q", c.name, y, source.Spec(), p.Classes())
		}
	}
}

func TestTheRestOfTheColumnsMayBeNamedTogether(t *testing.T) {
	table := read(t, houses, Config{})
	rest := Schema{
		Inputs:  []Column{{Name: "district", Kind: Text}, {Name: "street", Kind: Text}, {Name: "sold", Kind: Date}},
		Rest:    &Column{Missing: Mean},
		Targets: []Column{{Name: "price"}},
	}
	p, err := Fit(table, rest)
	if err != nil {
		t.Fatal(err)
	}
	if names, err := p.Names(); err != nil || !slices.Equal(names, []string{"sold", "area"}) {
		t.Errorf("%q, %v", names, err)
	}
	numbers := read(t, "a,b,y\n1,2,3\n", Config{})
	if p, err = Fit(numbers, Schema{Targets: []Column{{Name: "y"}}}); err != nil {
		t.Fatal(err)
	}
	if names, err := p.Names(); err != nil || !slices.Equal(names, []string{"a", "b"}) {
		t.Errorf("of no inputs: %q, %v", names, err)
	}
}

// What was learnt is of the part that is trained on, and stays.
func TestAPreparationIsAppliedToOtherRows(t *testing.T) {
	table := read(t, houses, Config{})
	p, err := Fit(table, Schema{
		Inputs:  []Column{{Name: "area", Missing: Mean, Scale: MinMax}, {Name: "district", Kind: Category, Missing: MostFrequent}},
		Targets: []Column{{Name: "price", Scale: Standard}},
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var stored Preparation
	if err := json.Unmarshal(text, &stored); err != nil || !reflect.DeepEqual(&stored, p) {
		t.Errorf("it comes back as %+v, %v", stored, err)
	}
	rows, err := New([]string{"district", "area"}, []string{"Pankow", "200"}, []string{"?", ""})
	if err != nil {
		t.Fatal(err)
	}
	x, err := stored.Input(rows)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := tensor.Data[float32](x); !slices.Equal(got, []float32{3, 0, 1, 0.4, 1, 0}) {
		t.Errorf("%v", got)
	}
}

func TestPredictionsComeBackInUnitsAndNames(t *testing.T) {
	table := read(t, houses, Config{})
	p, err := Fit(table, Schema{Inputs: []Column{{Name: "sold", Kind: Date}}, Targets: []Column{{Name: "price", Scale: Standard}}})
	if err != nil {
		t.Fatal(err)
	}
	source, err := p.Source(table)
	if err != nil {
		t.Fatal(err)
	}
	_, y := samples(t, source)
	predictions, err := tensor.Of(y, 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	values, err := p.Values(predictions)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{300, 200, 100, 200} {
		if math.Abs(values[i][0]-want) > 1e-4 {
			t.Errorf("row %d is %v, want %v", i, values[i], want)
		}
	}
	if _, err := p.Labels(predictions); err == nil {
		t.Error("numbers have labels")
	}

	if p, err = Fit(table, Schema{Inputs: []Column{{Name: "sold", Kind: Date}}, Targets: []Column{{Name: "price", Kind: Category}}}); err != nil {
		t.Fatal(err)
	}
	three, _ := tensor.FromRows([][]float32{{0.1, 0.2, 0.7}, {0.5, 0.3, 0.2}})
	indices, err := three.ArgMax(-1)
	if err != nil {
		t.Fatal(err)
	}
	for _, y := range []*tensor.Tensor{three, indices} {
		if labels, err := p.Labels(y); err != nil || !slices.Equal(labels, []string{"300", "100"}) {
			t.Errorf("%v: %q, %v", y, labels, err)
		}
	}
	two := &Preparation{Inputs: p.Inputs, Targets: []Fitted{{Column: Column{Name: "sold?", Kind: Category, Categories: []string{"no", "yes"}}}}}
	one, _ := tensor.FromRows([][]float32{{0.4}, {0.6}})
	if labels, err := two.Labels(one); err != nil || !slices.Equal(labels, []string{"no", "yes"}) {
		t.Errorf("%q, %v", labels, err)
	}
	unknown, _ := tensor.FromRows([][]float32{{0.4, float32(nan), 0}})
	far, _ := tensor.Of([]int64{3})
	for name, y := range map[string]*tensor.Tensor{"another width": one, "NaN": unknown, "an index beyond": far, "nil": nil} {
		if labels, err := p.Labels(y); err == nil {
			t.Errorf("%s: %q", name, labels)
		}
	}
	if _, err := p.Values(three); err == nil {
		t.Error("categories have values")
	}
}

func TestWhatIsWrongWithACellIsAnErrorThatSaysWhere(t *testing.T) {
	fitted := read(t, houses, Config{})
	p, err := Fit(fitted, Schema{
		Inputs: []Column{{Name: "area", Missing: Mean}, {Name: "district", Kind: Category, Missing: MostFrequent}, {Name: "sold", Kind: Date}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, text string
		want       Error
	}{
		{"no number", "sold,area,district\n1970-01-01,x,Mitte\n", Error{2, 0, "area", `"x" is no number: is the column a csv.Category, or csv.Text?`}},
		{"a long cell", "sold,area,district\n1970-01-01," + strings.Repeat("x", 100) + ",Mitte\n", Error{2, 0, "area", `"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"… is no number: is the column a csv.Category, or csv.Text?`}},
		{"infinite", "sold,area,district\n1970-01-01,inf,Mitte\n", Error{2, 0, "area", `"inf" is no number: is the column a csv.Category, or csv.Text?`}},
		{"too great", "sold,area,district\n1970-01-01,1e39,Mitte\n", Error{2, 0, "area", `"1e39" is too great for a float32`}},
		{"an unknown category", "area,district,sold\n1,Mitte,1970-01-01\n\n1,Köpenick,1970-01-01\n", Error{4, 1, "district", `"Köpenick" is none of the 2 categories that are known: Mitte, Pankow; Column.Unknown says what becomes of others`}},
		{"no date", "area,district,sold\n1,Mitte,1.1.1970\n", Error{2, 0, "sold", `"1.1.1970" is no date such as 2006-01-02`}},
		{"no date at all", "area,district,sold\n1,Mitte,\n", Error{2, 0, "sold", `a date is missing: it says ""; Column.Missing says what stands in for it`}},
	} {
		_, err := p.Input(read(t, c.text, Config{}))
		var e *Error
		if !errors.As(err, &e) || *e != c.want {
			t.Errorf("%s: %v, want %v", c.name, err, &c.want)
		}
	}
	rows, err := New([]string{"area", "sold", "district"}, []string{"1", "1970-01-01", "Spandau"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Input(rows); err == nil || !strings.HasPrefix(err.Error(), `csv: row 0, column "district": "Spandau" is none of`) {
		t.Errorf("a row of no file: %v", err)
	}
	if rows, err = New([]string{"area", "sold"}, []string{"1", "1970-01-01"}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Input(rows); err == nil || !strings.Contains(err.Error(), `a column is missing: unknown column "district": the known ones are area, sold`) {
		t.Errorf("a missing column: %v", err)
	}
}

func TestATableWhoseCellsAreSeparatedOtherwise(t *testing.T) {
	table, err := Read(strings.NewReader("area;price\n1;2\n"), Config{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Fit(table, Schema{Targets: []Column{{Name: "price"}}})
	if err == nil || !strings.Contains(err.Error(), "all of the table is one column: Config.Comma says what stands between cells") {
		t.Errorf("got %v", err)
	}
}

func TestASchemaThatDoesNotFitIsAnError(t *testing.T) {
	for _, c := range []struct {
		schema Schema
		want   string
	}{
		{Schema{Inputs: []Column{{Name: "leaf"}}}, `Inputs: unknown column "leaf": the known ones are area, district, sold, street, price`},
		{Schema{Inputs: []Column{{Name: "sold", Kind: "day"}}}, `column "sold": unknown kind "day": the known ones are number, category, date, text`},
		{Schema{Inputs: []Column{{Name: "area", Missing: "zero"}}}, `unknown Missing "zero": the known ones are mean, median, most_frequent, constant`},
		{Schema{Inputs: []Column{{Name: "area", Missing: Mean, Scale: "log"}}}, `unknown Scale "log"`},
		{Schema{Inputs: []Column{{Name: "sold", Kind: Date, Parts: []Part{"week"}}}}, `unknown part "week"`},
		{Schema{Inputs: []Column{{Name: "sold", Kind: Date, Parts: []Part{Day, Day}}}}, `part "day" is listed twice`},
		{Schema{Inputs: []Column{{Name: "sold", Kind: Date}, {Name: "sold", Kind: Date}}}, `column "sold" is in Inputs and in Inputs`},
		{Schema{Targets: []Column{{Name: "price"}}, Inputs: []Column{{Name: "price"}}}, `column "price" is in Targets and in Inputs`},
		{Schema{Inputs: []Column{{Name: "street", Kind: Text}}}, "no column is an input"},
		{Schema{Inputs: []Column{}}, "no column is an input"},
		{Schema{Rest: &Column{Name: "area"}}, `the column of Rest has the name "area"`},
		{Schema{}, `csv: line 3, column "area": a number is missing: it says "NA"; Column.Missing says what stands in for it`},
		{Schema{Inputs: []Column{{Name: "district"}}}, `csv: line 2, column "district": "Mitte" is no number: is the column a csv.Category, or csv.Text?`},
		{Schema{Inputs: []Column{{Name: "district", Kind: Category}}}, `csv: line 4, column "district": a category is missing`},
		{Schema{Inputs: []Column{{Name: "district", Kind: Category, Missing: Mean}}}, "categories have no mean"},
		{Schema{Inputs: []Column{{Name: "district", Kind: Category, Scale: MinMax}}}, "a category has no Scale"},
		{Schema{Inputs: []Column{{Name: "district", Kind: Category, Categories: []string{"a", "a"}}}}, `category "a" is listed twice`},
		{Schema{Inputs: []Column{{Name: "district", Kind: Category, Missing: Constant, Fill: "none", Categories: []string{"Mitte", "Pankow"}}}}, `column "district": its Fill: "none" is none of the 2 categories`},
		{Schema{Inputs: []Column{{Name: "district", Kind: Category, Index: true, Unknown: Ignore}}}, "an Index can't be a vector of zeros"},
		{Schema{Inputs: []Column{{Name: "area", Index: true}}}, "are for categories, this is a number"},
		{Schema{Inputs: []Column{{Name: "area", Layout: "2006"}}}, "are for dates, this is a number"},
		{Schema{Inputs: []Column{{Name: "street", Kind: Text, Missing: Constant}}}, "a text is left alone"},
		{Schema{Inputs: []Column{{Name: "area", Missing: Mean, Fill: "1"}}}, "there is a Fill, and Missing isn't Constant"},
		{Schema{Inputs: []Column{{Name: "area", Missing: Constant}}}, `column "area": its Fill: "" is no number`},
		{Schema{Inputs: []Column{{Name: "price", Indicator: true}}}, "there is an Indicator, and Missing doesn't say"},
		{Schema{Inputs: []Column{{Name: "price"}}, Targets: []Column{{Name: "sold", Kind: Date}}}, "a date can't be learned"},
		{Schema{Inputs: []Column{{Name: "price"}}, Targets: []Column{{Name: "area", Missing: Mean}}}, "a target can't be made up"},
		{Schema{Inputs: []Column{{Name: "price"}}, Targets: []Column{{Name: "area"}}}, `line 3, column "area": a number is missing`},
		{Schema{Inputs: []Column{{Name: "price"}}, Targets: []Column{{Name: "district", Kind: Category}, {Name: "street", Kind: Category}}}, `column "district"`},
	} {
		if _, err := Fit(read(t, houses, Config{}), c.schema); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.schema, err, c.want)
		}
	}
	gaps, err := New([]string{"a", "b"}, []string{"", "x"})
	if err != nil {
		t.Fatal(err)
	}
	for _, column := range []Column{{Name: "a", Missing: Median}, {Name: "a", Kind: Category, Missing: MostFrequent}} {
		if _, err := Fit(gaps, Schema{Inputs: []Column{column}}); err == nil {
			t.Errorf("%+v of nothing: no error", column)
		}
	}
	if _, err := Fit(nil, Schema{}); !errors.Is(err, data.ErrEmpty) {
		t.Errorf("no table: %v", err)
	}
	var none *Preparation
	for name, err := range map[string]error{
		"names": second(none.Names()), "input": second(none.Input(gaps)), "source": second(new(Preparation).Source(gaps)),
		"values": second(none.Values(nil)), "labels": second(none.Labels(nil)),
	} {
		if err == nil {
			t.Errorf("%s of no preparation: no error", name)
		}
	}
}

func TestCellsThatSayThatSomethingIsMissingCanBeNamed(t *testing.T) {
	table := read(t, "continent,n\nNA,1\nEU,-\n", Config{})
	p, err := Fit(table, Schema{Inputs: []Column{{Name: "continent", Kind: Category}, {Name: "n", Missing: Mean}}, NA: []string{"-"}})
	if err != nil {
		t.Fatal(err)
	}
	if names, err := p.Names(); err != nil || !slices.Equal(names, []string{"continent=EU", "continent=NA", "n"}) {
		t.Errorf("%q, %v", names, err)
	}
}

func TestNumbersThatTakeTooMuchAreAnError(t *testing.T) {
	var rows [][]string
	for i := range 2000 {
		rows = append(rows, []string{strings.Repeat("x", i)})
	}
	table, err := New([]string{"word"}, rows...)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Fit(table, Schema{Inputs: []Column{{Name: "word", Kind: Category}}, NA: []string{}, MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Source(table); err == nil || !strings.Contains(err.Error(), "2000 rows of 2000 numbers take more than 1048576 bytes") {
		t.Errorf("16 MB of numbers: %v", err)
	}
}

func FuzzPreparation(f *testing.F) {
	f.Add([]byte(houses), []byte(`{"inputs":[{"name":"area","kind":"number","missing":"mean","fill":"70","indicator":true,"offset":[70],"divisor":[2]}],"na":["","NA"]}`))
	f.Add([]byte(houses), []byte(`{"inputs":[{"name":"district","kind":"category","categories":["Mitte"],"unknown":"oov","missing":"constant","fill":"?"}],"targets":[{"name":"price"}]}`))
	f.Add([]byte(houses), []byte(`{"inputs":[{"name":"sold","kind":"date","parts":["year","hour"],"offset":[1],"divisor":[0]}]}`))
	f.Add([]byte(houses), []byte(`{"inputs":[{"name":"area","missing":"mean","fill":"1","offset":[],"divisor":[]}]}`))
	f.Add([]byte(houses), []byte(`{"inputs":[{"name":"area","missing":"mean","fill":"1","divisor":[2]}]}`))
	f.Add([]byte(houses), []byte(`{"inputs":[{"name":"sold","kind":"date","parts":[]}]}`))
	f.Add([]byte("a,species\n,\n?,b\n1e400,c"), []byte(`{"inputs":[{"name":"a"}],"targets":[{"name":"species","kind":"category","index":true,"categories":["b"]}]}`))
	f.Fuzz(func(t *testing.T, text, stored []byte) {
		table, err := Read(strings.NewReader(string(text)), Config{MaxBytes: 1 << 16})
		if err != nil {
			return
		}
		var p Preparation
		if json.Unmarshal(stored, &p) == nil {
			p.MaxBytes = 1 << 20
			p.apply(t, table)
		}
		schema := Schema{MaxBytes: 1 << 20}
		for i, name := range table.Columns() {
			c := Column{Name: name, Kind: kinds[i%len(kinds)], Missing: Constant, Fill: "0"}
			switch c.Kind {
			case Category:
				c.Unknown, c.Missing, c.Fill = OOV, MostFrequent, ""
			case Date:
				c.Fill, c.Scale, c.Parts = "2000-01-01", Standard, parts
			case Text:
				c.Missing, c.Fill = "", ""
			}
			schema.Inputs = append(schema.Inputs, c)
		}
		fitted, err := Fit(table, schema)
		if err != nil {
			return
		}
		if _, err := fitted.Input(table); err != nil && !strings.Contains(err.Error(), "float32") {
			t.Errorf("what was fitted to a table can't be applied to it: %v", err)
		}
		fitted.apply(t, table)
	})
}

// apply does with a preparation what can be done.
func (p *Preparation) apply(t *testing.T, table *Table) {
	names, err := p.Names()
	if err != nil {
		return
	}
	x, err := p.Input(table)
	if err != nil {
		return
	}
	if !x.Shape().Equal(tensor.Shape{table.Len(), len(names)}) {
		t.Fatalf("the input is %v, but there are %d names", x, len(names))
	}
	if source, err := p.Source(table); err == nil {
		_, y := samples(t, source)
		if shape := source.Spec().Y; len(shape) == 1 && len(shape[0]) == 1 {
			predictions, err := tensor.Of(y, table.Len(), shape[0][0])
			if err != nil {
				t.Fatal(err)
			}
			p.Values(predictions)
			p.Labels(predictions)
		}
	}
}
