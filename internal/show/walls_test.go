package show

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

// exported are the package's functions that others can call.
var exported = map[string]any{
	"Bare": Bare, "Browser": Browser, "Changes": Changes, "Figures": Figures, "Guide": Guide, "Moment": Moment, "Parts": Parts, "PlacementOptions": PlacementOptions,
	"Became": Became, "EveryoneActs": EveryoneActs, "Sure": Sure, "Survivors": Survivors, "ExportAct": ExportAct,
	"Age": Age, "ClassStore": ClassStore, "Counts": Counts, "Door": Door, "Feed": Feed, "Grid": Grid, "IsAct": IsAct, "SeatFacts": SeatFacts, "SortTiles": SortTiles, "Summary": Summary, "Tally": Tally, "Tile": Tile, "Tiles": Tiles,
	"Plain": Plain, "Rich": Rich, "Sentence": Sentence, "Server": Server, "TamperOptions": TamperOptions, "Timeline": Timeline, "Wire": Wire,
}

// held are the facts that may hold a cookie that opens a session. In a Seen they hold none.
var held = []reflect.Type{
	reflect.TypeFor[trace.Exchange](), reflect.TypeFor[trace.Packed](), reflect.TypeFor[trace.Cookie](), reflect.TypeFor[trace.Request](),
	reflect.TypeFor[trace.Answer](), reflect.TypeFor[trace.Field](), reflect.TypeFor[trace.Piece](), reflect.TypeFor[trace.Kept](),
}

// reaches finds the first of held that a value of type t leads to, not through a Seen.
func reaches(t reflect.Type, known map[reflect.Type]bool) (found reflect.Type) {
	if known[t] || t == reflect.TypeFor[trace.Seen]() {
		return nil
	}
	known[t] = true
	if slices.Contains(held, t) {
		return t
	}
	var parts []reflect.Type
	switch t.Kind() {
	case reflect.Interface:
		return t // whatever is in it
	case reflect.Map:
		parts = []reflect.Type{t.Key(), t.Elem()}
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Chan:
		parts = []reflect.Type{t.Elem()}
	case reflect.Func:
		for i := range t.NumIn() {
			parts = append(parts, t.In(i))
		}
		for i := range t.NumOut() {
			parts = append(parts, t.Out(i))
		}
	case reflect.Struct:
		if strings.HasPrefix(t.PkgPath(), "time") {
			return nil
		}
		for i := range t.NumField() {
			parts = append(parts, t.Field(i).Type)
		}
	}
	for _, part := range parts {
		if found = reaches(part, known); found != nil {
			return found
		}
	}
	return nil
}

// takes is the first of held that a function's parameters lead to.
func takes(f any) reflect.Type {
	t := reflect.TypeOf(f)
	for i := range t.NumIn() {
		if found := reaches(t.In(i), make(map[reflect.Type]bool)); found != nil {
			return found
		}
	}
	return nil
}

// A cookie that opens a session would reach a page: an exported function would take an
// exchange, or a part of an exchange, that Exchange.Seen has not made.
func TestOnlyWhatMayBeSeenIsShown(t *testing.T) {
	t.Parallel()
	for name, f := range exported {
		if found := takes(f); found != nil {
			t.Errorf("%s takes a %v", name, found)
		}
	}
	// The control: functions of all shapes that take one.
	for _, f := range []any{
		func(trace.Exchange) views.Wire { return views.Wire{} }, func(*trace.Exchange) {}, func([]trace.Exchange) {}, func(map[string]trace.Cookie) {}, func(int, trace.Packed) {},
		func(struct{ x []*trace.Field }) {}, func(func() trace.Exchange) {}, func(any) {}, func(...trace.Piece) {},
	} {
		if takes(f) == nil {
			t.Errorf("%T takes none", f)
		}
	}
}

// An exported function that the list lacks, or an exported method, variable or type, would
// be a way round the test above.
func TestExportedIsWhole(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if !d.Name.IsExported() {
					continue
				}
				if found++; exported[d.Name.Name] == nil || d.Recv != nil {
					t.Errorf("%s: %s is not in the list", name, d.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.TypeSpec:
						if s.Name.IsExported() {
							t.Errorf("%s: the type %s is exported", name, s.Name.Name)
						}
					case *ast.ValueSpec:
						for _, n := range s.Names {
							if n.IsExported() {
								t.Errorf("%s: %s is exported", name, n.Name)
							}
						}
					}
				}
			}
		}
	}
	if found != len(exported) {
		t.Errorf("the list has %d functions, the package %d", len(exported), found)
	}
}
