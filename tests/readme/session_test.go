package readme

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	shellBlock   = regexp.MustCompile("(?s)(<!-- session[^\n]*-->\n)?```sh\n(.*?)```")
	shownReply   = regexp.MustCompile(`^# ([2-5]\d\d)\b(.*)`)
	shownFurther = regexp.MustCompile(`^#  +(.*)`)
	statusInOut  = regexp.MustCompile(`(?m)  \[(\d{3})\]$`)
)

// TestSessions pastes the session of every page that has one into bash, in the
// order of the page and beside a server that has only just been started. Under
// docs all shell is part of a session, and all sessions begin with the same lines.
func TestSessions(t *testing.T) {
	t.Parallel()
	begin := ""
	for _, page := range pages(t) {
		session := ""
		for _, m := range shellBlock.FindAllStringSubmatch(read(t, page), -1) {
			switch marked, inDocs := m[1] != "", filepath.Dir(page) == "docs"; {
			case !marked && inDocs:
				t.Errorf("%s has shell that is in no session:\n%s", page, m[2])
			case !marked:
				continue
			case inDocs && session == "" && begin == "":
				begin = m[2]
			case inDocs && session == "" && m[2] != begin:
				t.Errorf("%s begins with other lines than the pages before:\n%s", page, m[2])
			}
			session += m[2]
		}
		if session == "" {
			continue
		}
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			paste(t, session)
		})
	}
	if begin == "" {
		t.Error("no page under docs has a session")
	}
}

// paste runs a session, and compares each reply with the comment that shows it.
func paste(t *testing.T, session string) {
	t.Helper()
	promised := shown(session)
	if len(promised) < 5 {
		t.Fatalf("the session shows only %d replies", len(promised))
	}

	// What differs from a paste is another port and folder, and that the pages under
	// docs get the program that is built already: the README's session runs "go run .".
	const address = "API=http://127.0.0.1:8420\n"
	if strings.Count(session, address) != 1 {
		t.Fatalf("the session doesn't say %s", address)
	}
	data := "OVERWORLD_DATA=" + filepath.Join(t.TempDir(), "data")
	session = strings.Replace(session, address, "API="+serve(t, data)+"\n", 1)
	session = strings.Replace(session, `overworld() { go run . "$@"; }`, `overworld() { `+binary+` "$@"; }`, 1)

	// bash reads it from its input, as it does from a terminal: what reads the
	// input as well would swallow the lines after it.
	var out bytes.Buffer
	shell := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail")
	shell.Dir, shell.Stdin, shell.Stdout, shell.Stderr = root, strings.NewReader(session), &out, &out
	shell.Env = append(os.Environ(), data)
	if err := shell.Run(); err != nil {
		t.Fatalf("%v:\n%s", err, out.String())
	}

	got := replies(out.String())
	for i := range max(len(promised), len(got)) {
		switch {
		case i >= len(got):
			t.Errorf("the page shows %s, and no reply came", promised[i])
		case i >= len(promised):
			t.Errorf("the page doesn't show [%s] %s", got[i].status, got[i].text)
		case !promised[i].matches(got[i]):
			t.Errorf("the page shows %s, and the reply is [%s] %s", promised[i], got[i].status, got[i].text)
			return // all that follow may be off by one
		}
	}
}

// reply is a status and what came before it: headers, if they were asked for, and the body.
type reply struct{ status, text string }

func (r reply) String() string { return r.status + r.text }

// shown gives the replies that the comments of a session show: "# 201 {…}", with
// further lines indented.
func shown(session string) []reply {
	var all []reply
	further := false
	for line := range strings.Lines(session) {
		line = strings.TrimSuffix(line, "\n")
		if m := shownReply.FindStringSubmatch(line); m != nil {
			all = append(all, reply{m[1], m[2]})
			further = true
		} else if m := shownFurther.FindStringSubmatch(line); m != nil && further {
			all[len(all)-1].text += " " + m[1]
		} else {
			further = false
		}
	}
	return all
}

// replies gives those that a session has printed.
func replies(out string) []reply {
	var all []reply
	from := 0
	for _, at := range statusInOut.FindAllStringSubmatchIndex(out, -1) {
		all = append(all, reply{out[at[2]:at[3]], strings.TrimSpace(out[from:at[0]])})
		from = at[1]
	}
	return all
}

// matches tells whether a reply is what the page shows: the same status, the
// text that begins a header, and the same JSON but for white space. An ellipsis
// stands for anything.
func (r reply) matches(got reply) bool {
	header, body := r.text, ""
	if i := strings.IndexByte(header, '{'); i >= 0 {
		header, body = header[:i], `(?m:^)`+pattern(compact(r.text[i:]))+`\z`
	}
	return r.status == got.status &&
		regexp.MustCompile(`(?m:^)`+pattern(strings.TrimSpace(header))).MatchString(got.text) &&
		regexp.MustCompile(body).MatchString(got.text)
}

func pattern(shown string) string { return strings.ReplaceAll(regexp.QuoteMeta(shown), "…", ".*") }

// compact drops the white space outside of strings.
func compact(json string) string {
	var out strings.Builder
	inString, escaped := false, false
	for _, r := range json {
		if r == '"' && !escaped {
			inString = !inString
		}
		escaped = r == '\\' && !escaped
		if inString || r != ' ' {
			out.WriteRune(r)
		}
	}
	return out.String()
}
