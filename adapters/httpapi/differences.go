package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// difference is a step of a patch, which also tells what was there.
type difference struct {
	Op     string  `json:"op" enum:"add,remove,replace"`
	Path   string  `json:"path" doc:"A JSON pointer."`
	Before anyJSON `json:"before,omitzero" doc:"What was there; whoever applies the patch passes over it."`
	Value  anyJSON `json:"value,omitzero" doc:"What is there then."`
}

// differences tell how one side becomes another.
type differences struct {
	From  side         `json:"from"`
	To    side         `json:"to"`
	Same  bool         `json:"same" doc:"Everyone gets the same: the same bundles, and by the same rules if both are releases."`
	Rules []difference `json:"rules,omitempty" doc:"An RFC 6902 patch of the rules, as a release shows them. Absent when they are the same, or one is no release."`
	Patch []difference `json:"patch,omitempty" doc:"An RFC 6902 patch of what everyone gets. Absent when that is the same, or one of them is none, or isn't JSON of at most config_value_bytes: compare sha256."`
	// Lines are of the rules and of the patch.
	Lines     []string `json:"lines" doc:"Rules and patch for people: + what is added, - what is removed, ~ what is replaced. Long values are cut."`
	Truncated bool     `json:"truncated,omitzero" doc:"There are more than 1000 differences, or more than 1 MiB of them, and the rest isn't told: the patch is not to be applied."`
}

// side is one of two that are compared.
type side struct {
	Environment string  `json:"environment"`
	Release     int     `json:"release,omitzero" doc:"Its number. Absent for a bundle, where there is no release, and for one that is only previewed."`
	Bundle      *bundle `json:"bundle,omitempty" doc:"What everyone gets. Absent when there is no release, or none of its rules is for everyone."`
}

func sideOf(s operators.Side) side {
	shown := side{Environment: s.Environment}
	if s.Release != nil {
		shown.Release = s.Release.Number
	}
	if s.Bundle != nil {
		shown.Bundle = bundleOf(*s.Bundle)
	}
	return shown
}

func differencesOf(c operators.Comparison) *differences {
	shown := &differences{From: sideOf(c.From), To: sideOf(c.To), Truncated: !c.Whole, Patch: steps(c.Bundle), Lines: []string{}}
	shown.Same = hashOn(c.From) == hashOn(c.To) && (c.From.Bundle != nil || (c.From.Release == nil) == (c.To.Release == nil))
	if c.From.Release != nil && c.To.Release != nil {
		rules, whole := rulesBetween(*c.From.Release, *c.To.Release)
		shown.Rules, shown.Same = steps(rules), len(rules) == 0
		shown.Truncated = shown.Truncated || !whole
		for _, d := range rules {
			shown.Lines = append(shown.Lines, "rules "+d.Line())
		}
	}
	for _, d := range c.Bundle {
		shown.Lines = append(shown.Lines, d.Line())
	}
	return shown
}

func hashOn(s operators.Side) configuration.Hash {
	if s.Bundle == nil {
		return configuration.Hash{}
	}
	return s.Bundle.Hash
}

// rulesBetween compares the rules of releases as they are shown.
func rulesBetween(from, to configuration.Release) (found []configuration.Difference, whole bool) {
	before, err := json.Marshal(releaseOf(from).Rules, asStored)
	after, other := json.Marshal(releaseOf(to).Rules, asStored)
	if err = errors.Join(err, other); err == nil {
		found, whole, err = configuration.Compare(before, after)
	}
	if err != nil {
		panic(fmt.Errorf("compare rules: %w", err)) // they are plain values, and read as they were written
	}
	return found, whole
}

func steps(found []configuration.Difference) []difference {
	shown := make([]difference, len(found))
	for i, d := range found {
		shown[i] = difference{Op: d.Op, Path: d.Path, Before: anyJSON{d.Before}, Value: anyJSON{d.After}}
	}
	return shown
}

type configCompare struct {
	configPath
	From            string `query:"from" doc:"The number of a release, or the sha256 of a bundle. Absent: the current release."`
	FromEnvironment string `query:"from_environment" doc:"The slug of the project's environment that from is of, if it is another. That takes a key of the whole project."`
	To              string `query:"to" doc:"The number of a release of this environment, or the sha256 of one of its bundles. Absent: the current release."`
}

// readRef reads what names a release or a bundle.
func readRef(c *call, name, text string) (operators.Ref, error) {
	if !c.query.Has(name) {
		return operators.Ref{}, nil
	}
	if hash, ok := configuration.ParseHash(text); ok {
		return operators.Ref{Bundle: &hash}, nil
	}
	number, err := strconv.ParseUint(text, 10, 31)
	if err != nil || number == 0 || strings.HasPrefix(text, "0") {
		return operators.Ref{}, errParameter.WithFields(parameter("query", name, "malformed", "The number of a release, from 1, or 64 lower-case hexadecimal digits."))
	}
	return operators.Ref{Release: int(number)}, nil
}

func differenceRoutes(o Options) []route {
	return []route{
		define(route{
			Method: http.MethodGet, Path: oneConfigPath + "/diff", ID: "compareReleases", Tag: "Configuration", Class: limits.Operate,
			Summary: "Compare two releases or bundles",
			Description: "What is different between any two of them, of one environment or of two of a project: in who gets what, and in what everyone gets. " +
				"Without parameters but from_environment, it tells what is current here and not there.",
		}, operator(tenancy.ConfigsRead), func(ctx context.Context, c *call, in *configCompare) (*differences, error) {
			from, err := readRef(c, "from", in.From)
			if err != nil {
				return nil, err
			}
			to, err := readRef(c, "to", in.To)
			if err != nil {
				return nil, err
			}
			found, err := o.Operators.Compare(ctx, c.principal, in.place(), in.Config, from, in.FromEnvironment, to)
			if err != nil {
				return nil, err
			}
			return differencesOf(found), nil
		}),
	}
}
