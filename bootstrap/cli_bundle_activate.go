package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"

	"github.com/spf13/cobra"
)

// What the commands read of the API's answers.
type (
	shownBundle struct {
		SHA256 string `json:"sha256"`
	}
	shownConfig struct {
		Release int          `json:"release"`
		Current shownRelease `json:"current"`
	}
	shownRelease struct {
		Release  int `json:"release"`
		Restores int `json:"restores"`
	}
)

// sentRule is one by percentage, or for everyone.
type sentRule struct {
	Bundle      string `json:"bundle"`
	BasisPoints int64  `json:"basis_points,omitempty"`
	Salt        string `json:"salt,omitempty"`
}

func newBundleActivate() *cobra.Command {
	var percent float64
	var note string
	command := &cobra.Command{
		Use: "activate CONFIG SHA256", Short: "Release a bundle, for everyone or for a percentage of players", Args: cobra.ExactArgs(2),
		Long: `Release a bundle for everyone. With --percent so many of the players get it, and everyone else goes on
getting what everyone gets now. A percentage that grows keeps those whom it reached. Releases
with other conditions are made by the API.`,
		Example: `  overworld bundle activate gameplay $sha --environment staging
  overworld bundle activate gameplay $sha --environment production --percent 20`,
	}
	command.Flags().Float64Var(&percent, "percent", 100, "how many `percent` of the players get it, by hundredths")
	command.Flags().StringVar(&note, "note", "", "a `text` for whoever reads the history")
	return onBundles(command, func(ctx context.Context, b bundles, args []string) error {
		points := math.Round(percent * 100)
		if !(points >= 1 && points <= 10_000) {
			return errors.New("--percent is more than 0 and at most 100")
		}
		rules, match, who := []sentRule{{Bundle: args[1]}}, "", "for everyone"
		if points < 10_000 {
			now, err := b.everyone(ctx, args[0], args[1])
			if err != nil {
				return err
			}
			rest := now.bundle
			rules = []sentRule{{Bundle: args[1], BasisPoints: int64(points), Salt: now.salt}, {Bundle: rest}}
			match, who = fmt.Sprintf(`"%d"`, now.version), fmt.Sprintf("for %s %% of the players; everyone else gets %s", strconv.FormatFloat(points/100, 'f', -1, 64), rest)
		}
		var made shownConfig
		text, err := b.post(ctx, b.config(args[0])+"/releases", map[string]any{"rules": rules, "note": note}, match, &made)
		if err != nil {
			return err
		}
		return b.say(text, nil, "Release %d of %s in %s is %s, %s.\n", made.Release, args[0], b.name, args[1], who)
	})
}

// rollout is where a config stands when a bundle is released by percentage.
type rollout struct {
	bundle  string // that everyone gets
	version int64  // the config's
	salt    string // by which players already get the bundle that is released; empty: none do
}

// everyone tells how a config stands. It is an error when
// the current release says more than percentages: a release by percentage would lose it.
func (b bundles) everyone(ctx context.Context, config, released string) (rollout, error) {
	var found struct {
		Version int64 `json:"version"`
		Current struct {
			Rules []map[string]any `json:"rules"`
		} `json:"current"`
	}
	if _, err := b.send(ctx, call{method: http.MethodGet, path: b.config(config)}, &found); err != nil {
		return rollout{}, err
	}
	now := rollout{version: found.Version}
	for _, rule := range found.Current.Rules {
		bundle, _ := rule["bundle"].(string)
		if len(rule) == 1 {
			now.bundle = bundle
			return now, nil
		}
		if salt, ok := rule["salt"].(string); ok && bundle == released {
			now.salt = salt
		}
		for member := range rule {
			if member != "bundle" && member != "basis_points" && member != "salt" {
				return rollout{}, fmt.Errorf("the current release of %s has rules with %s, which --percent would replace; release by the API", config, member)
			}
		}
	}
	return rollout{}, fmt.Errorf("%s has no bundle yet that everyone gets: release one without --percent first", config)
}
