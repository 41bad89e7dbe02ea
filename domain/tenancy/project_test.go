package tenancy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/tenancy"
)

func TestSlugs(t *testing.T) {
	for slug, good := range map[string]bool{
		"a": true, "my-game": true, "v2": true, "a-1-b": true, strings.Repeat("a", 40): true,
		"": false, "-a": false, "a-": false, "a--b": false, "1a": false, "A": false, "a_b": false, "a.b": false,
		"a b": false, "a\n": false, "é": false, "a/b": false, "..": false, strings.Repeat("a", 41): false,
	} {
		project, err := tenancy.NewProject("p", slug, "", noon)
		if (err == nil) != good {
			t.Errorf("project %q: %v", slug, err)
		}
		environment, err := tenancy.NewEnvironment("e", "p", tenancy.EnvironmentSpec{Slug: slug, Name: " "}, noon)
		if (err == nil) != good {
			t.Errorf("environment %q: %v", slug, err)
		}
		if project.Name != slug || environment.Name != slug {
			t.Errorf("%q is named %q and %q", slug, project.Name, environment.Name)
		}
	}
}

func TestStandardEnvironmentsKeepTheRules(t *testing.T) {
	production := 0
	for _, s := range tenancy.StandardEnvironments() {
		e, err := tenancy.NewEnvironment("e", "p", s, noon)
		if err != nil {
			t.Errorf("%s: %v", s.Slug, err)
		}
		if _, err := e.Edited(e.Name, e.Settings); err != nil {
			t.Errorf("the default settings of %s: %v", s.Slug, err)
		}
		if s.Production {
			production++
		}
	}
	if production != 1 {
		t.Errorf("%d production environments", production)
	}
}

func TestSettingsBounds(t *testing.T) {
	const access, refresh, offset, cors = "/settings/access_token_lifetime_seconds", "/settings/refresh_token_lifetime_seconds", "/settings/clock_offset_seconds", "/settings/cors_origins"
	const day, tenYears = 24 * time.Hour, 10 * 366 * 24 * time.Hour
	for _, c := range []struct {
		name       string
		production bool
		edit       func(*tenancy.Settings)
		want       []string
	}{
		{"shortest", false, func(s *tenancy.Settings) { s.AccessTokenLifetime, s.RefreshTokenLifetime = time.Minute, time.Hour }, nil},
		{"longest", false, func(s *tenancy.Settings) { s.AccessTokenLifetime, s.RefreshTokenLifetime = day, 400*day }, nil},
		{"too short", false, func(s *tenancy.Settings) {
			s.AccessTokenLifetime, s.RefreshTokenLifetime = time.Minute-1, time.Hour-1
		}, []string{access, refresh}},
		{"too long", false, func(s *tenancy.Settings) { s.AccessTokenLifetime, s.RefreshTokenLifetime = day+1, 400*day+1 }, []string{access, refresh}},
		{"furthest clock", false, func(s *tenancy.Settings) { s.ClockOffset = -tenYears }, nil},
		{"past the furthest clock", false, func(s *tenancy.Settings) { s.ClockOffset = tenYears + 1 }, []string{offset}},
		{"production's clock", true, func(s *tenancy.Settings) { s.ClockOffset = time.Second }, []string{offset}},
		{"origins", false, func(s *tenancy.Settings) {
			s.CORSOrigins = []string{"*", "http://localhost:5173", "https://play.example.com", "http://[::1]:80"}
		}, nil},
		{"origin with a path", false, func(s *tenancy.Settings) { s.CORSOrigins = []string{"*", "https://a.example/"} }, []string{cors}},
		{"origin with a line", false, func(s *tenancy.Settings) { s.CORSOrigins = []string{"https://a.example\nx"} }, []string{cors}},
		{"wildcard host", false, func(s *tenancy.Settings) { s.CORSOrigins = []string{"https://*.example"} }, []string{cors}},
		{"null origin", false, func(s *tenancy.Settings) { s.CORSOrigins = []string{"null"} }, []string{cors}},
		{"most origins", false, func(s *tenancy.Settings) { s.CORSOrigins = slices.Repeat([]string{"*"}, 32) }, nil},
		{"too many origins", false, func(s *tenancy.Settings) { s.CORSOrigins = slices.Repeat([]string{"*"}, 33) }, []string{cors}},
		{"all at once", true, func(s *tenancy.Settings) { *s = tenancy.Settings{ClockOffset: 1, CORSOrigins: []string{""}} }, []string{access, refresh, offset, "/settings/server_browsing", cors}},
	} {
		before, err := tenancy.NewEnvironment("e", "p", tenancy.EnvironmentSpec{Slug: "staging", Production: c.production}, noon)
		if err != nil {
			t.Fatal(err)
		}
		settings := before.Settings
		c.edit(&settings)
		after, err := before.Edited("New name", settings)
		if got := pointers(err); !slices.Equal(got, c.want) {
			t.Errorf("%s: faults at %q, want %q", c.name, got, c.want)
		}
		if err == nil && (after.Version != before.Version+1 || after.Name != "New name" || !slices.Equal(after.Settings.CORSOrigins, settings.CORSOrigins)) {
			t.Errorf("%s: became %+v", c.name, after)
		}
	}
}

func TestTheClockOffsetMovesOnlyTheEnvironmentsTime(t *testing.T) {
	e := tenancy.Environment{Settings: tenancy.Settings{ClockOffset: 36 * time.Hour}}
	if got := e.Now(noon); !got.Equal(noon.Add(36 * time.Hour)) {
		t.Errorf("now is %s", got)
	}
}
