package trace

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/sessionscope/sessionscope/"

// listed are the files with what each package exports, as the build has them: the packages
// that present exchanges, and all packages that these import.
var listed = sync.OnceValues(func() (map[string]string, error) {
	args := []string{"list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		args = append(args, "-race") // what the tests were built with is there already
	}
	out, err := exec.Command("go", append(args, module+"internal/show")...).Output()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		return nil, fmt.Errorf("%w: %s", err, failed.Stderr)
	} else if err != nil {
		return nil, err
	}
	files := make(map[string]string)
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		path, file, _ := strings.Cut(lines.Text(), "\t")
		files[path] = file
	}
	return files, nil
})

// imports returns an importer of the real packages. A package that listed does not have is empty.
func imports(t testing.TB, set *token.FileSet) types.Importer {
	t.Helper()
	files, err := listed()
	if err != nil {
		t.Fatal(err)
	}
	real := importer.ForCompiler(set, "gc", func(path string) (io.ReadCloser, error) { return os.Open(files[path]) })
	return importing(func(path string) (*types.Package, error) {
		if files[path] == "" && path != "unsafe" {
			return types.NewPackage(path, path[strings.LastIndex(path, "/")+1:]), nil
		}
		return real.Import(path)
	})
}

type importing func(path string) (*types.Package, error)

func (i importing) Import(path string) (*types.Package, error) { return i(path) }

// Outside this package nothing but Exchange.Seen makes a Seen. Code that goes another way does not
// compile: an exchange in which nobody hid the cookies cannot reach a page.
func TestNoPathGoesRoundSeen(t *testing.T) {
	t.Parallel()
	set := token.NewFileSet()
	from := imports(t, set)
	compile := func(code string) (errs []string) {
		t.Helper()
		file, err := parser.ParseFile(set, "path.go", `package path

import (
	"time"

	"`+module+`internal/say"
	"`+module+`internal/show"
	"`+module+`internal/trace"
)

var _, _, _, _ = time.Now, say.Press, show.Wire, trace.HideNothing

func opens(string) bool { return true }

func path(x trace.Exchange) {
	`+code+`
}
`, 0)
		if err != nil {
			t.Fatalf("%s: %v", code, err)
		}
		config := types.Config{Importer: from, Error: func(err error) { errs = append(errs, err.Error()) }}
		_, _ = config.Check("path", set, []*ast.File{file}, nil)
		return errs
	}
	for _, c := range []struct{ path, control, why string }{
		{"show.Browser(x, time.Now(), true)", "show.Browser(x.Seen(opens), time.Now(), true)", "cannot use x"},
		{"show.Wire(x)", "show.Wire(x.Seen(opens))", "cannot use x"},
		{"show.Wire(&x)", "s := x.Seen(opens); show.Wire(s)", "cannot use &x"},
		{"show.Server(x, time.Now(), true)", "show.Server(x.Seen(opens), time.Now(), true)", "cannot use x"},
		{"show.Moment(x, x)", "show.Moment(x.Seen(opens), x.Seen(opens))", "cannot use x"},
		{"say.Press(x)", "say.Press(x.Seen(opens))", "cannot use x"},
		{"show.Wire(x.Pack().Unpack())", "y := x.Pack().Unpack(); show.Wire(y.Seen(opens))", "cannot use x.Pack().Unpack()"},
		{"_ = trace.Seen{exchange: x}", "_ = trace.Seen{N: 1}", "exchange"},
		{"_ = trace.Seen{Exchange: x}", "_ = trace.Seen{Past: true}", "unknown field Exchange"},
		{`_ = trace.Seen{x, 1, false, "", trace.Beside{}}`, `_ = trace.Seen{N: 1, Past: false, Of: "", Beside: trace.Beside{}}`, "exchange"},
		{"_ = trace.Seen(x)", "_ = trace.Seen(x.Seen(opens))", "cannot convert x"},
		{"_ = trace.Seen(struct { trace.Exchange; N int; Past bool; Of string; Beside trace.Beside }{Exchange: x})", "_ = trace.Seen(struct{ trace.Seen }{x.Seen(opens)}.Seen)", "cannot convert"},
		{"var s trace.Seen; s.exchange = x", "var s trace.Seen; s.N = 1", "exchange"},
		{"var s trace.Seen; s = x; _ = s", "var s trace.Seen; s = x.Seen(opens); _ = s", "cannot use x"},
		{"var s trace.Seen = x; _ = s", "var s trace.Seen = x.Seen(opens); _ = s", "cannot use x"},
		{"_ = []trace.Seen{x}", "_ = []trace.Seen{x.Seen(opens)}", "cannot use x"},
		{"_ = func() trace.Seen { return x }", "_ = func() trace.Seen { return x.Seen(opens) }", "cannot use x"},
	} {
		if errs := compile(c.path); len(errs) == 0 || !strings.Contains(errs[0], c.why) {
			t.Errorf("%s\nmust not compile since %q: %q", c.path, c.why, errs)
		}
		if errs := compile(c.control); len(errs) > 0 {
			t.Errorf("the control: %s\ndoes not compile: %q", c.control, errs)
		}
	}
}

// mayBeSet are the fields of a Seen that say nothing of cookies: whoever shows one sets them.
var mayBeSet = []string{"N", "Past", "Of", "Beside", "Store.Figures"}

// mayBeCalled are the methods with a pointer receiver, of a Seen and of the exchange in it, that
// change nothing.
var mayBeCalled = []string{"Hid", "Wrote", "Aside", "Gist", "Against"}

// A Seen has the fields of an exchange, so that code outside this package could put a hidden cookie
// back. None does: what presents exchanges sets only fields that say nothing of cookies.
func TestNothingIsPutIntoASeen(t *testing.T) {
	t.Parallel()
	set := token.NewFileSet()
	from := imports(t, set)
	found := 0
	for _, dir := range []string{"app", "show", "say", "hub", "experiment"} {
		var files []*ast.File
		shows := false
		paths, _ := filepath.Glob(filepath.Join("..", dir, "*.go"))
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			shows = shows || bytes.Contains(source, []byte("trace.Seen")) || bytes.Contains(source, []byte(".Seen("))
			file, err := parser.ParseFile(set, path, source, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
		if !shows {
			continue // it has no Seen
		}
		faults, allowed := puts(set, from, files)
		for _, fault := range faults {
			t.Error(fault)
		}
		found += allowed
	}
	if found < 5 {
		t.Errorf("the control: only %d fields that may be set are set, or this looks at the wrong places", found)
	}
	// The control: each way to change a Seen is found.
	for _, code := range []string{
		"s.Cookie = x.Cookie", "s.Cookie.Kept = x.Cookie.Kept", "s.Request = x.Request", "s.Request.Fields[0].Pieces[0] = x.Request.Fields[0].Pieces[0]",
		"s.Answer.Fields = append(s.Answer.Fields, x.Answer.Fields...)", "p := &s.Cookie; _ = p", "s.CompareHeads(&x)", "(&s).CompareHeads(&x)", "f := s.CompareHeads; _ = f",
		"l := screen{s}; l.s.Said(nil)", "l := screen{s}; l.s.Cookie = x.Cookie", "all := []trace.Seen{s}; all[0].Cookie = x.Cookie", "p := &s; p.Cookie = x.Cookie",
		"s.Cookie, s.N = x.Cookie, 1", "s.Cookie.Bytes++", "for s.Cookie.Bytes = range 3 {}", "for i := range s.Cookie.Jar { s.Cookie.Jar[i] = trace.Crumb{} }",
		"json.Unmarshal(nil, &s)", "s.Add(session.Event{})",
	} {
		file, err := parser.ParseFile(set, "control.go", "package control\nimport (\n\"encoding/json\"\n\""+module+"internal/trace\"\n\""+module+"internal/session\"\n)\ntype screen struct { s trace.Seen }\n"+
			"func control(x trace.Exchange) { s := x.Seen(trace.HideNothing); s.N = 1\n"+code+"\n}", 0)
		if err != nil {
			t.Fatalf("%s: %v", code, err)
		}
		if faults, _ := puts(set, from, []*ast.File{file}); len(faults) == 0 {
			t.Errorf("the control: %s is not found", code)
		}
	}
}

// puts finds where files change a Seen, and counts how often in a way that they may.
func puts(set *token.FileSet, from types.Importer, files []*ast.File) (faults []string, allowed int) {
	info := &types.Info{Types: make(map[ast.Expr]types.TypeAndValue), Selections: make(map[*ast.SelectorExpr]*types.Selection), Defs: make(map[*ast.Ident]types.Object), Uses: make(map[*ast.Ident]types.Object)}
	config := types.Config{Importer: from, Error: func(error) {}} // of packages that are empty here
	_, _ = config.Check("checked", set, files, info)
	isSeen := func(e ast.Expr) bool {
		t := info.TypeOf(e)
		if t == nil {
			return false
		}
		if p, ok := t.Underlying().(*types.Pointer); ok {
			t = p.Elem()
		}
		named, ok := types.Unalias(t).(*types.Named)
		return ok && named.Obj().Name() == "Seen" && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == module+"internal/trace"
	}
	// within returns the path of e below the innermost Seen that e is a part of, "" for none.
	var within func(e ast.Expr) string
	within = func(e ast.Expr) string {
		switch e := e.(type) {
		case *ast.SelectorExpr:
			if path := within(e.X); path != "" {
				return path + "." + e.Sel.Name
			}
			if isSeen(e.X) {
				return e.Sel.Name
			}
			return ""
		case *ast.IndexExpr:
			return within(e.X)
		case *ast.SliceExpr:
			return within(e.X)
		case *ast.StarExpr:
			return within(e.X)
		case *ast.ParenExpr:
			return within(e.X)
		}
		return ""
	}
	note := func(e ast.Expr, what string) {
		path := within(e)
		switch {
		case path == "":
		case slices.ContainsFunc(mayBeSet, func(may string) bool { return path == may || strings.HasPrefix(path, may+".") }):
			allowed++
		default:
			faults = append(faults, fmt.Sprintf("%s: %s %s of a Seen", set.Position(e.Pos()), what, path))
		}
	}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, e := range n.Lhs {
					note(e, "sets")
				}
			case *ast.IncDecStmt:
				note(n.X, "sets")
			case *ast.RangeStmt:
				note(n.Key, "sets")
				note(n.Value, "sets")
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					note(n.X, "takes the address of")
				}
			case *ast.SelectorExpr:
				s := info.Selections[n]
				if s == nil || s.Kind() == types.FieldVal || !isSeen(n.X) {
					break
				}
				if _, changes := s.Obj().(*types.Func).Signature().Recv().Type().(*types.Pointer); changes && !slices.Contains(mayBeCalled, n.Sel.Name) {
					faults = append(faults, fmt.Sprintf("%s: %s may change a Seen", set.Position(n.Pos()), n.Sel.Name))
				}
			case *ast.CallExpr:
				f, _ := info.TypeOf(n.Fun).(*types.Signature)
				for i, arg := range n.Args {
					if _, is := info.TypeOf(arg).(*types.Pointer); is && isSeen(arg) && f != nil && i < f.Params().Len() && types.IsInterface(f.Params().At(i).Type()) {
						faults = append(faults, fmt.Sprintf("%s: what takes anything may change a Seen", set.Position(arg.Pos())))
					}
				}
			}
			return true
		})
	}
	return faults, allowed
}

// mayHideNothing are the functions outside tests that pass HideNothing, in files below internal.
var mayHideNothing = []string{"app/experimentpanels.go panelsOf"}

// Only the panels of an experiment's exchanges hide no cookie. Any other code that passes
// HideNothing would show cookies of the lab that open somebody's session.
func TestWhoHidesNothing(t *testing.T) {
	t.Parallel()
	var found []string
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			name := ""
			if f, ok := decl.(*ast.FuncDecl); ok {
				name = f.Name.Name
			}
			if name == "HideNothing" {
				continue // the function itself
			}
			ast.Inspect(decl, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok && id.Name == "HideNothing" {
					found = append(found, strings.TrimPrefix(filepath.ToSlash(path), "../")+" "+name)
				}
				return true
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(found, mayHideNothing) {
		t.Errorf("HideNothing is passed by %q, want %q", found, mayHideNothing)
	}
}
