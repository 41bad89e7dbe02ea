package httpapi

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/ranking"
)

var definitionShape = shapeOf(reflect.TypeFor[definitionBody]())

// ReadDefinition reads a leaderboard's definition as the API takes it, for the
// command line: as strictly, and with every fault at once.
func ReadDefinition(text []byte, l limits.Limits) (ranking.Definition, error) {
	if len(text) > l.BodyBytes {
		return ranking.Definition{}, errBodySize.With("The definition is larger than %d bytes.", l.BodyBytes)
	}
	var body definitionBody
	fields, err := definitionShape.decode(text, l.BodyDepth, reflect.ValueOf(&body).Elem())
	var f *fault.Fault
	switch {
	case errors.As(err, &f):
		return ranking.Definition{}, f.With("The definition can't be read as JSON.")
	case err != nil:
		return ranking.Definition{}, err
	}
	if len(fields) > 0 {
		return ranking.Definition{}, fault.ErrInvalid.WithFields(fields...)
	}
	return body.definition(), nil
}

// LeaderboardText is a leaderboard as the API shows it to operators, in lines.
func LeaderboardText(l operators.Leaderboard) ([]byte, error) {
	return inLines(leaderboardOf(l.Board, l.Season))
}

// LeaderboardsText is a list of leaderboards, all on one page.
func LeaderboardsText(boards []ranking.Board) ([]byte, error) {
	all := list[*leaderboard]{Items: make([]*leaderboard, len(boards))}
	for i, b := range boards {
		all.Items[i] = listedLeaderboard(b)
	}
	return inLines(all)
}

func inLines(v any) ([]byte, error) {
	text, err := json.Marshal(v, asStored, jsontext.WithIndent("  "))
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return append(text, '\n'), nil
}
