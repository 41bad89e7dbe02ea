package httpapi

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// rule is one of a release, on both ways. What is there and empty is told from what is absent, which
// matches everyone.
type rule struct {
	Bundle       string    `json:"bundle" doc:"The sha256 of the bundle that it chooses."`
	BasisPoints  *int64    `json:"basis_points,omitempty" doc:"So many of 10,000 players match, from 1: 2000 are 20 %. Who, is told by the bucket of salt and player, see the guide. Absent: everyone, servers and clients too."`
	Salt         *string   `json:"salt,omitempty" doc:"Of the bucket; the config's name if absent. A rule that grows under one salt keeps those whom it matched."`
	Platforms    []string  `json:"platforms,omitempty" doc:"Match a caller who says platform= one of these, at least one."`
	Regions      []string  `json:"regions,omitempty" doc:"Match a caller who says region= one of these, at least one."`
	Tags         []string  `json:"tags,omitempty" doc:"Match a caller whose tags= have any of these, at least one."`
	Callers      []string  `json:"callers,omitempty" doc:"Of player, server and client, which is the game with its publishable key; at least one."`
	MinVersion   *string   `json:"min_version,omitempty" doc:"The least app_version= that matches, such as 1.12.0."`
	BelowVersion *string   `json:"below_version,omitempty" doc:"The least app_version= that matches no more."`
	From         time.Time `json:"from,omitzero" doc:"When it begins to match, by the environment's clock."`
	Until        time.Time `json:"until,omitzero" doc:"When it ceases to match, by the environment's clock."`
}

// given is a pointer to a value, nil to the zero one.
func given[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}

func ruleOf(r configuration.Rule) rule {
	shown := rule{
		Bundle: r.Bundle.String(), BasisPoints: given(int64(r.BasisPoints)), Salt: given(r.Salt), Platforms: r.Platforms, Regions: r.Regions, Tags: r.Tags,
		From: r.From, Until: r.Until,
	}
	for _, caller := range r.Callers {
		shown.Callers = append(shown.Callers, string(caller))
	}
	if r.MinVersion != nil {
		shown.MinVersion = given(r.MinVersion.String())
	}
	if r.BelowVersion != nil {
		shown.BelowVersion = given(r.BelowVersion.String())
	}
	return shown
}

// rule reads one; what is no rule's is noted.
func (r rule) rule(check *fault.Check, at string) configuration.Rule {
	read := configuration.Rule{Platforms: r.Platforms, Regions: r.Regions, Tags: r.Tags, From: r.From, Until: r.Until}
	var ok bool
	if read.Bundle, ok = configuration.ParseHash(r.Bundle); !ok {
		check.Add(at+"/bundle", "malformed", "64 lower-case hexadecimal digits.")
	}
	for _, list := range []struct {
		name  string
		words []string
	}{{"platforms", r.Platforms}, {"regions", r.Regions}, {"tags", r.Tags}, {"callers", r.Callers}} {
		if list.words != nil && len(list.words) == 0 {
			check.Add(at+"/"+list.name, "too_few", "At least one. Leave it out to match everyone.")
		}
	}
	for _, caller := range r.Callers {
		read.Callers = append(read.Callers, configuration.Caller(caller))
	}
	if r.BasisPoints != nil {
		if read.BasisPoints = int(min(max(*r.BasisPoints, -1), math.MaxInt32)); read.BasisPoints == 0 {
			check.Add(at+"/basis_points", "out_of_range", "From 1. For nobody leave the rule out, and basis_points for everyone.")
		}
	}
	if r.Salt != nil {
		if read.Salt = *r.Salt; read.Salt == "" {
			check.Add(at+"/salt", "malformed", "At least one character. Leave it out for the config's name.")
		}
	}
	version := func(name string, text *string) configuration.Version {
		if text == nil {
			return nil
		}
		v, ok := configuration.ParseVersion(*text)
		if !ok {
			check.Add(at+"/"+name, "malformed", "1 to 6 whole numbers with points between them, such as 1.12.0.")
		}
		return v
	}
	read.MinVersion, read.BelowVersion = version("min_version", r.MinVersion), version("below_version", r.BelowVersion)
	return read
}

// release is one as operators see it.
type release struct {
	Release   int       `json:"release" doc:"Its number, from 1; 0 in a preview."`
	Rules     []rule    `json:"rules" doc:"Gone through from the top: the first that matches a caller chooses his bundle. None that matches: the config has nothing for him."`
	Restores  int       `json:"restores,omitzero" doc:"The earlier release whose rules these are."`
	Promoted  *promoted `json:"promoted,omitempty" doc:"What it was made of, if it was promoted."`
	Note      string    `json:"note,omitempty"`
	CreatedBy string    `json:"created_by" doc:"The name of the key that made it."`
	CreatedAt time.Time `json:"created_at"`
}

// promoted is a release of another environment.
type promoted struct {
	From    string `json:"from" doc:"The slug of the environment."`
	Release int    `json:"release" doc:"The number of its release."`
}

func releaseOf(r configuration.Release) *release {
	shown := &release{
		Release: r.Number, Rules: make([]rule, len(r.Rules)), Restores: r.Restores, Note: r.Note, CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt,
	}
	if r.PromotedFrom != "" {
		shown.Promoted = &promoted{From: r.PromotedFrom, Release: r.PromotedRelease}
	}
	for i, one := range r.Rules {
		shown.Rules[i] = ruleOf(one)
	}
	return shown
}

type (
	releaseList struct {
		configPath
		paging
	}
	releaseInput struct {
		configPath
		Release int `path:"release" doc:"Its number."`
	}
	releaseActivate struct {
		configPath
		ifMatch
		ifNoneMatch
		Body struct {
			Bundle *string `json:"bundle,omitempty" doc:"The sha256 of the bundle that everyone gets: short for one rule."`
			Rules  []rule  `json:"rules,omitempty" doc:"At most 50, gone through from the top. Neither bundle nor rules: nobody gets anything."`
			Note   string  `json:"note,omitempty" doc:"At most 500 bytes, for whoever reads the history."`
		}
	}
	configRollback struct {
		configPath
		ifMatch
		Body struct {
			To   *int64 `json:"to,omitempty" doc:"The number of the release to go back to. Absent: the one before the current; once more goes back further."`
			Note string `json:"note,omitempty"`
		}
	}
)

func (in *releaseActivate) rules() ([]configuration.Rule, error) {
	var check fault.Check
	rules := []configuration.Rule{}
	if in.Body.Bundle != nil {
		if in.Body.Rules != nil {
			check.Add("/bundle", "unsupported", "Send the bundle or rules, not both.")
		}
		rules = append(rules, rule{Bundle: *in.Body.Bundle}.rule(&check, ""))
	}
	for i, one := range in.Body.Rules {
		rules = append(rules, one.rule(&check, fmt.Sprintf("/rules/%d", i)))
	}
	return rules, check.Err()
}

func releaseRoutes(o Options) []route {
	at := func(r route) route {
		r.Tag, r.Class = "Configuration", limits.Operate
		return r
	}
	return []route{
		define(at(route{
			Method: http.MethodGet, Path: oneConfigPath + "/releases", ID: "listReleases", Summary: "List a config's releases", Description: "The latest first, as far as they are kept.",
		}), operator(tenancy.ConfigsRead), func(ctx context.Context, c *call, in *releaseList) (*list[*release], error) {
			limit, after, err := c.page(in.paging, 1)
			if err != nil {
				return nil, err
			}
			before, _ := strconv.Atoi(after[0]) // 0 on the first page
			found, err := o.Operators.ConfigReleases(ctx, c.principal, in.place(), in.Config, before, limit)
			if err != nil {
				return nil, err
			}
			return pageOf(c, limit, found, releaseOf, func(r configuration.Release) []string { return []string{strconv.Itoa(r.Number)} }), nil
		}),
		define(at(route{
			Method: http.MethodGet, Path: oneConfigPath + "/releases/{release}", ID: "getRelease", Summary: "Read a release",
		}), operator(tenancy.ConfigsRead), func(ctx context.Context, c *call, in *releaseInput) (*release, error) {
			found, err := o.Operators.ConfigRelease(ctx, c.principal, in.place(), in.Config, in.Release)
			if err != nil {
				return nil, err
			}
			return releaseOf(found), nil
		}),
		change(at(route{
			Method: http.MethodPost, Path: oneConfigPath + "/releases", ID: "activateRelease", Tagged: true, Statuses: []int{http.StatusCreated},
			Summary: "Release bundles of a config",
			Description: "The new release is the current one at once, in whole, on every replica. It takes the place of all rules of the one before: send those that are to stay. " +
				"With If-Match it is made only while the config has the version you know; a miss is 412 and carries it as it is.",
		}), operator(tenancy.ConfigsWrite), showConfig, func(ctx context.Context, c *call, in *releaseActivate, tell once.Effect[operators.Configured]) (none operators.Configured, _ error) {
			pre, err := c.precondition()
			if err != nil {
				return none, err
			}
			rules, err := in.rules()
			if err != nil {
				return none, err
			}
			return o.Operators.Activate(ctx, c.principal, in.place(), operators.Activation{Config: in.Config, Rules: rules, Note: in.Body.Note, Pre: pre}, tell)
		}),
		change(at(route{
			Method: http.MethodPost, Path: oneConfigPath + "/rollback", ID: "rollbackConfig", Tagged: true, Statuses: []int{http.StatusCreated},
			Summary: "Go back to an earlier release", Description: "Makes a new release of the rules of an earlier one. Nothing is ever edited, so the history tells of both.",
		}), operator(tenancy.ConfigsWrite), showConfig, func(ctx context.Context, c *call, in *configRollback, tell once.Effect[operators.Configured]) (none operators.Configured, _ error) {
			pre, err := c.precondition()
			if err != nil {
				return none, err
			}
			r := operators.Rollback{Config: in.Config, To: bound(in.Body.To), Note: in.Body.Note, Pre: pre}
			return o.Operators.Rollback(ctx, c.principal, in.place(), r, tell)
		}),
	}
}
