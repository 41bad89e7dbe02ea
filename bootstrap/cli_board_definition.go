package bootstrap

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/overworldhq/overworld/adapters/httpapi"
	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/domain/ranking"
)

// noBound is what a flag says to take a bound, or a schedule, away.
const noBound = "none"

// definitionFlags declares the flags that define a leaderboard, each as the member of
// that name in the API. What it gives reads the file, if one is named, and tells
// how a definition is changed: the file replaces it, then flags change what they name.
func definitionFlags(command *cobra.Command) func(limits.Limits) (func(*ranking.Definition), error) {
	var file string
	var changes []func(*ranking.Definition)
	flags := command.Flags()
	flags.StringVar(&file, "file", "", "a JSON `file` with a definition as PUT …/leaderboards/{id} takes it; - is the standard input")
	text := func(name, usage string, set func(d *ranking.Definition, value string)) {
		flags.Func(name, usage, func(value string) error {
			changes = append(changes, func(d *ranking.Definition) { set(d, value) })
			return nil
		})
	}
	number := func(name, usage string, set func(d *ranking.Definition, n int)) {
		flags.Func(name, usage, func(value string) error {
			n, err := strconv.Atoi(value)
			if err != nil {
				return errors.New("it is no number")
			}
			changes = append(changes, func(d *ranking.Definition) { set(d, n) })
			return nil
		})
	}
	bound := func(name, usage string, set func(d *ranking.Definition, n *int64)) {
		flags.Func(name, usage, func(value string) error {
			n, err := strconv.ParseInt(value, 10, 64)
			switch {
			case value == noBound:
				changes = append(changes, func(d *ranking.Definition) { set(d, nil) })
				return nil
			case err != nil:
				return errors.New("it is no integer of at most 64 bits, and not " + noBound)
			}
			changes = append(changes, func(d *ranking.Definition) { set(d, &n) })
			return nil
		})
	}
	text("name", "what people call it (default: the id)", func(d *ranking.Definition, v string) { d.Name = v })
	text("sort", "`desc|asc`: the greater run is ahead, or the smaller (default desc)", func(d *ranking.Definition, v string) { d.Rules.Sort = ranking.Sort(v) })
	text("operator", "`best|latest|sum`: a further run replaces one that is not as good, replaces any, or is added (default best)", func(d *ranking.Definition, v string) { d.Rules.Operator = ranking.Operator(v) })
	text("tie-break", "`earliest|latest|shared`: who of equals is ahead, or that both have one rank (default earliest)", func(d *ranking.Definition, v string) { d.Rules.TieBreak = ranking.TieBreak(v) })
	number("attempts", "`runs` that a player may submit in a season; 0 is any number (default 0)", func(d *ranking.Definition, n int) { d.Rules.Attempts = n })
	bound("min-score", "the least `score` that may be submitted, or none", func(d *ranking.Definition, n *int64) { d.MinScore = n })
	bound("max-score", "the greatest `score` that may be submitted, or none", func(d *ranking.Definition, n *int64) { d.MaxScore = n })
	text("submitters", "`server|player`: servers alone, or players for themselves as well (default server)", func(d *ranking.Definition, v string) { d.Submitters = ranking.Submitters(v) })
	number("metadata-bytes", "what a run may bring along, in `bytes` of JSON (default 0)", func(d *ranking.Definition, n int) { d.MetadataBytes = n })
	text("schedule", "when seasons end by themselves: a `cron` expression of five fields such as '0 5 * * mon', or none (default none)", func(d *ranking.Definition, v string) {
		switch {
		case v == noBound:
			d.Schedule = ranking.Schedule{}
		case d.Schedule.Zone == "":
			d.Schedule = ranking.Schedule{Cron: v, Zone: "UTC"}
		default:
			d.Schedule.Cron = v
		}
	})
	text("time-zone", "the `zone` of the schedule's clock on the wall, such as Europe/Berlin (default UTC)", func(d *ranking.Definition, v string) { d.Schedule.Zone = v })
	number("keep-seasons", "how many `seasons` that ended are kept, the latest; 0 is all (default 0)", func(d *ranking.Definition, n int) { d.KeepSeasons = n })
	return func(l limits.Limits) (func(*ranking.Definition), error) {
		all := changes
		if file != "" {
			read, err := readDefinition(command.InOrStdin(), file, l)
			if err != nil {
				return nil, err
			}
			all = append([]func(*ranking.Definition){func(d *ranking.Definition) { *d = read }}, changes...)
		}
		return func(d *ranking.Definition) {
			for _, change := range all {
				change(d)
			}
		}, nil
	}
}

// readDefinition reads a definition from a file, or from stdin for -.
func readDefinition(stdin io.Reader, file string, l limits.Limits) (ranking.Definition, error) {
	in := stdin
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return ranking.Definition{}, fmt.Errorf("read the definition: %w", err)
		}
		defer opened.Close()
		in = opened
	}
	text, err := io.ReadAll(io.LimitReader(in, int64(l.BodyBytes)+1))
	if err != nil {
		return ranking.Definition{}, fmt.Errorf("read the definition: %w", err)
	}
	return httpapi.ReadDefinition(text, l)
}
