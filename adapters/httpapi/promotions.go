package httpapi

import (
	"context"
	"net/http"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
)

type configPromote struct {
	configPath
	ifMatch
	ifNoneMatch
	Body struct {
		From    string `json:"from" doc:"The slug of the environment whose release it is."`
		Release *int64 `json:"release,omitempty" doc:"The number of one of its releases of this config; absent: the current one."`
		Bundle  string `json:"bundle,omitempty" doc:"The sha256 of one of that release's bundles; absent: the one that everyone gets there. Everyone gets it here."`
		Rules   bool   `json:"rules,omitempty" doc:"Take all rules along instead, with their conditions, percentages and schedules."`
		Note    string `json:"note,omitempty" doc:"At most 500 bytes, for whoever reads the history."`
		Preview bool   `json:"preview,omitempty" doc:"Tell what would be different, or why it would be refused, and change nothing."`
	}
}

func (in *configPromote) promotion(pre storage.Precondition) (operators.Promotion, error) {
	b := in.Body
	o := operators.Promotion{Config: in.Config, From: b.From, Release: bound(b.Release), Rules: b.Rules, Note: b.Note, Preview: b.Preview, Pre: pre}
	var check fault.Check
	if b.Bundle != "" {
		hash, ok := configuration.ParseHash(b.Bundle)
		if !ok {
			check.Add("/bundle", "malformed", "64 lower-case hexadecimal digits.")
		}
		o.Bundle = &hash
	}
	return o, check.Err()
}

// promotion is what came of one, or would.
type promotion struct {
	Preview bool         `json:"preview,omitzero" doc:"Nothing was changed."`
	Release *release     `json:"release" doc:"The new release, which is the current one."`
	Config  *config      `json:"config,omitempty" doc:"The config here; in a preview as it is, and absent when it isn't there yet."`
	Diff    *differences `json:"diff" doc:"From what was current here before."`
}

func promotionRoutes(o Options) []route {
	show := func(c *call, p operators.Promoted) *promotion {
		shown := &promotion{Preview: p.Release.Number == 0, Release: releaseOf(p.Release), Diff: differencesOf(p.Comparison)}
		if p.Config != nil {
			shown.Config = showConfig(c, *p.Config)
		}
		if !shown.Preview {
			c.created()
		}
		return shown
	}
	return []route{
		change(route{
			Method: http.MethodPost, Path: oneConfigPath + "/promote", ID: "promoteConfig", Tag: "Configuration", Class: limits.Operate,
			Tagged: true, Copies: true, Statuses: []int{http.StatusOK, http.StatusCreated},
			Summary: "Release what another environment of the project has released",
			Description: "The very same bytes, by their hash, copied if they aren't here yet, and judged by the schema of this environment. Everyone gets them, unless the rules are taken along. " +
				"A config that isn't here yet is declared as it is there; one that more may read here is refused. It needs a secret key of the whole project that also has configs:read; the audit logs of both environments tell of it. With preview it answers 200 and tells what would be.",
		}, operator(tenancy.ConfigsWrite), show, func(ctx context.Context, c *call, in *configPromote, tell once.Effect[operators.Promoted]) (none operators.Promoted, _ error) {
			pre, err := c.precondition()
			if err != nil {
				return none, err
			}
			promotion, err := in.promotion(pre)
			if err != nil {
				return none, err
			}
			return o.Operators.Promote(ctx, c.principal, in.place(), promotion, tell)
		}),
	}
}
