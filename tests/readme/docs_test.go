package readme

import (
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// TestConfigurationReference compares the table in docs/operations.md with what
// the program says. With OVERWORLD_UPDATE_DOCS=1 it writes it anew.
func TestConfigurationReference(t *testing.T) {
	const (
		page  = "docs/operations.md"
		begin = "<!-- overworld config reference -->\n"
		end   = "<!-- end -->"
	)
	text := read(t, page)
	before, rest, ok := strings.Cut(text, begin)
	table, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the table", page)
	}
	want := run(t, exec.CommandContext(t.Context(), binary, "config", "reference"))
	if table == want {
		return
	}
	if os.Getenv("OVERWORLD_UPDATE_DOCS") == "" {
		t.Fatalf("%s is not what 'overworld config reference' prints; OVERWORLD_UPDATE_DOCS=1 go test ./tests/readme writes it", page)
	}
	if err := os.WriteFile(filepath.Join(root, page), []byte(before+begin+want+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	fence   = regexp.MustCompile("(?s)```.*?```")
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
)

// TestLinks follows every link between the pages to its file and its heading.
func TestLinks(t *testing.T) {
	followed := 0
	for _, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(read(t, page), ""), -1) {
			to, err := url.Parse(m[1])
			if err != nil {
				t.Errorf("%s: %v", page, err)
				continue
			}
			if to.Scheme != "" {
				continue // the web is not ours to test
			}
			followed++
			target := page
			if to.Path != "" {
				target = filepath.Join(filepath.Dir(page), filepath.FromSlash(to.Path))
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
				continue
			}
			if to.Fragment != "" && !hasHeading(read(t, target), to.Fragment) {
				t.Errorf("%s links to %s, which has no such heading", page, m[1])
			}
		}
	}
	if followed < 20 {
		t.Errorf("only %d links were found", followed)
	}
}

var named = regexp.MustCompile("`((?:domain|ports|app|adapters|bootstrap|tests|tools|docs)/[A-Za-z0-9_./-]+)`")

// TestNamedPlaces looks up every file and folder that the pages name.
func TestNamedPlaces(t *testing.T) {
	found := 0
	for _, page := range pages(t) {
		for _, m := range named.FindAllStringSubmatch(read(t, page), -1) {
			found++
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(m[1]))); err != nil {
				t.Errorf("%s names %s: %v", page, m[1], err)
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d places were found", found)
	}
}

// pages are the README and its like, and all under docs.
func pages(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(root, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(filepath.Join(root, "docs"), func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, path := range all {
		if all[i], err = filepath.Rel(root, path); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// hasHeading tells whether a page has a heading with this anchor, made the way
// the usual viewers of Markdown make it.
func hasHeading(text, anchor string) bool {
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		made := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, m[1])
		if made == anchor {
			return true
		}
	}
	return false
}
