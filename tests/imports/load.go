package imports

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Load reads the imports of all Go files of a module but its tests, whatever
// their build constraints. It reads them itself, rather than ask the go command,
// so that `go test` sees what the result depends on and repeats it when a file changes.
func Load(root fs.FS, module string) (Graph, error) {
	g := Graph{Module: module, Imports: map[string][]string{}}
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return enter(root, name)
		case !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		source, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly)
		if err != nil {
			return fmt.Errorf("read imports: %w", err)
		}
		folder := path.Join(module, path.Dir(name))
		found := append([]string{}, g.Imports[folder]...)
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return fmt.Errorf("read imports of %s: %w", name, err)
			}
			found = append(found, imported)
		}
		slices.Sort(found)
		g.Imports[folder] = slices.Compact(found)
		return nil
	})
	return g, err
}

// enter is fs.SkipDir for a folder that holds no package of the module.
func enter(root fs.FS, name string) error {
	if name == "." {
		return nil
	}
	if base := path.Base(name); strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" {
		return fs.SkipDir
	}
	if _, err := fs.Stat(root, path.Join(name, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}
