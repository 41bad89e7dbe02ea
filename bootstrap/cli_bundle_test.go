package bootstrap

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/overworldhq/overworld/adapters/all"
	"github.com/overworldhq/overworld/ports/plugin"
)

// pipeline runs commands as CI does: with a server's address and a key, and no data.
type pipeline struct{ t *testing.T }

// newPipeline starts a server, behind what front makes of its address, for the pipeline to use.
func newPipeline(t *testing.T, front func(target *url.URL) http.Handler) pipeline {
	t.Helper()
	server := serving(t, embedded(t))
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := server.stop(); err != nil {
			t.Error(err)
		}
	})
	target := "http://" + server.address
	if front != nil {
		parsed, err := url.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		proxy := httptest.NewServer(front(parsed))
		t.Cleanup(proxy.Close)
		target = proxy.URL
	}
	t.Setenv(urlVariable, target+"/")
	t.Setenv(secretKeyVariable, regexp.MustCompile(`ow_sec_\w+`).FindString(server.greeting))
	return pipeline{t}
}

func (p pipeline) run(stdin string, arguments ...string) (string, error) {
	root := newRoot(plugin.NewRegistry(all.Plugins()...))
	var out bytes.Buffer
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(append([]string{"bundle"}, arguments...))
	err := root.ExecuteContext(p.t.Context())
	return out.String(), err
}

// says wants a command to end with the status, and to print the text.
func (p pipeline) says(status error, want, stdin string, arguments ...string) {
	p.t.Helper()
	out, err := p.run(stdin, arguments...)
	if !errors.Is(err, status) || out != want {
		p.t.Errorf("overworld bundle %s: %v, want %v\n%s\nwant\n%s", strings.Join(arguments, " "), err, status, out, want)
	}
}

// refuses wants a command to fail with all of these words.
func (p pipeline) refuses(words string, arguments ...string) {
	p.t.Helper()
	out, err := p.run("", arguments...)
	if err == nil || !strings.Contains(err.Error(), words) || errors.Is(err, different) {
		p.t.Errorf("overworld bundle %s: %v, want %q\n%s", strings.Join(arguments, " "), err, words, out)
	}
}

// TestAPipelineReleases goes the way of a config: pushed to staging, compared, promoted, rolled
// out by percentage, and taken back.
func TestAPipelineReleases(t *testing.T) {
	p := newPipeline(t, nil)
	push := func(environment, content string, arguments ...string) string {
		t.Helper()
		file := filepath.Join(t.TempDir(), "gameplay.json")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := p.run("", append([]string{"push", file, "--environment", environment}, arguments...)...)
		if err != nil || len(strings.TrimSpace(out)) != 64 {
			t.Fatalf("push: %q, %v", out, err)
		}
		return strings.TrimSpace(out)
	}
	one, two := push("staging", `{"drop":1}`), push("staging", `{"drop":2}`)
	p.says(nil, one+"\n", `{"drop":1}`, "push", "-", "--content-type", "application/json", "--environment", "staging")
	p.says(nil, "Release 1 of gameplay in staging is "+one+", for everyone.\n", "", "activate", "gameplay", one, "--environment", "staging")
	p.says(different, "~ /drop: 1 -> 2\n", "", "diff", "gameplay", one, two, "--environment", "staging")
	p.says(nil, "There are no differences.\n", "", "diff", "gameplay", one, "1", "--environment", "staging")

	p.says(different, "~ sha256: none -> "+one+"\n", "", "promote", "gameplay", "--from", "staging", "--environment", "production", "--preview") // from nothing
	p.says(nil, "~ sha256: none -> "+one+"\nRelease 1 of gameplay in production was promoted from staging.\n", "", "promote", "gameplay", "--from", "staging", "--environment", "production")
	p.says(nil, "There are no differences.\n", "", "diff", "gameplay", "--from-environment", "staging", "--environment", "production")
	p.says(nil, "There are no differences.\n", "", "promote", "gameplay", "--from", "staging", "--environment", "production", "--preview")

	push("production", `{"drop":2}`)
	p.says(nil, "Release 2 of gameplay in production is "+two+", for 20 % of the players; everyone else gets "+one+".\n", "",
		"activate", "gameplay", two, "--environment", "production", "--percent", "20")
	p.says(nil, "Release 3 of gameplay in production is "+two+", for 62.5 % of the players; everyone else gets "+one+".\n", "",
		"activate", "gameplay", two, "--environment", "production", "--percent", "62.5")
	p.says(nil, "Release 4 of gameplay in production restores release 2.\n", "", "rollback", "gameplay", "--environment", "production")
	p.says(nil, "Release 5 of gameplay in production restores release 1.\n", "", "rollback", "gameplay", "--environment", "production", "--to", "1")
	out, err := p.run("", "diff", "gameplay", "1", "4", "--environment", "production", "--json")
	if !errors.Is(err, different) || !strings.HasPrefix(out, `{"from":{"environment":"production","release":1,`) || !strings.Contains(out, `"basis_points":2000`) {
		t.Errorf("as JSON: %s, %v", out, err)
	}

	for words, arguments := range map[string]string{
		"config.bundle_missing":           "activate gameplay " + strings.Repeat("0", 64) + " --environment production",
		"rules/0/bundle: ":                "activate gameplay x --environment production",
		"--percent is more than 0":        "activate gameplay " + one + " --environment production --percent 0.001",
		"config.not_found":                "activate client " + one + " --environment production --percent 5",
		"tenancy.environment_not_found":   "diff gameplay --environment nowhere",
		"/from: ":                         "promote gameplay --from nowhere --environment production",
		"config.nothing_before":           "rollback gameplay --environment production",
		"no such file":                    "push nowhere.json --environment production",
		"required flag(s)":                "push nowhere.json",
		"the server does not answer":      "rollback gameplay --environment staging --url http://127.0.0.1:1",
		"(auth.invalid_credential)":       "rollback gameplay --environment staging --secret-key ow_sec_x",
		"config.release_not_found":        "diff gameplay 99 --environment staging",
		"accepts between 1 and 3 arg(s),": "diff --environment staging",
	} {
		p.refuses(words, strings.Fields(arguments)...)
	}
	byAPI := func(rules string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, os.Getenv(urlVariable)+"v1/projects/my-game/environments/production/configs/gameplay/releases", strings.NewReader(rules))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+os.Getenv(secretKeyVariable))
		request.Header.Set("Content-Type", "application/json")
		reply, err := http.DefaultClient.Do(request)
		if err != nil || reply.Body.Close() != nil || reply.StatusCode != http.StatusCreated {
			t.Fatalf("%v, %v", reply, err)
		}
	}
	// A percentage that grows keeps those whom it reached, by whatever salt.
	byAPI(`{"rules":[{"bundle":"` + two + `","basis_points":2000,"salt":"winter"},{"bundle":"` + one + `"}]}`)
	if out, err := p.run("", "activate", "gameplay", two, "--environment", "production", "--percent", "30", "--json"); err != nil || !strings.Contains(out, `"basis_points":3000,"salt":"winter"`) {
		t.Errorf("grown: %s, %v", out, err)
	}
	// What a percentage would replace is not lost by it.
	byAPI(`{"rules":[{"bundle":"` + one + `","tags":["qa"]},{"bundle":"` + one + `"}]}`)
	p.refuses("has rules with tags", "activate", "gameplay", two, "--environment", "production", "--percent", "5")

	t.Setenv(secretKeyVariable, "")
	p.refuses("want --url and --secret-key", "rollback", "gameplay", "--environment", "staging")
}

// TestALostAnswerIsAskedForAgain behind a proxy that loses the first answer to each write: what
// was done is not done again.
func TestALostAnswerIsAskedForAgain(t *testing.T) {
	p := newPipeline(t, func(target *url.URL) http.Handler {
		lost := map[string]bool{}
		proxy := httputil.NewSingleHostReverseProxy(target)
		proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
		proxy.ModifyResponse = func(r *http.Response) error {
			if at := r.Request.Method + r.Request.URL.Path; r.Request.Method != http.MethodGet && !lost[at] {
				lost[at] = true
				return errors.New("lost")
			}
			return nil
		}
		return proxy
	})
	out, err := p.run("{}", "push", "-", "--environment", "staging")
	if err != nil {
		t.Fatal(err)
	}
	sha := strings.TrimSpace(out)
	p.says(nil, "Release 1 of gameplay in staging is "+sha+", for everyone.\n", "", "activate", "gameplay", sha, "--environment", "staging")
}

func TestTheStatusThatACommandEndsWith(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		told   string
	}{{different, 2, ""}, {errShown, 1, ""}, {errors.New("no such file"), 1, "overworld: no such file\n"}} {
		var said strings.Builder
		if status := tell(c.err, &said); status != c.status || said.String() != c.told {
			t.Errorf("%v: %d, %q", c.err, status, &said)
		}
	}
}
