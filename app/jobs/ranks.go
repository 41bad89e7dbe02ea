package jobs

import (
	"context"
	"time"

	"github.com/overworldhq/overworld/app/leaderboards"
)

// RankVerification compares the rank indexes with the database, so many entries with each run, and
// mends what differs. What it changes it may change twice, so it needs no turn.
func RankVerification(verifier *leaderboards.Verifier) Job {
	return Job{Name: "rank-verification", Every: time.Minute, Deadline: 5 * time.Minute, Run: func(ctx context.Context, _ Turn) error {
		_, err := verifier.Run(ctx)
		return err
	}}
}
