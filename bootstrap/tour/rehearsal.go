package tour

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

const (
	// archiveTime is how long workers may take to archive a season that is over, and archiveLook how
	// often the tour looks.
	archiveTime = time.Minute
	archiveLook = 250 * time.Millisecond
)

// rehearse moves the clock past the wait for late runs, reads the archive, and claims what was won.
func (g *game) rehearse(ctx context.Context, s stage) error {
	g.page.note(`A season that has ended waits for runs that are still under way, longer than a request may take. This environment is not
		production, so its clock can be moved on. Then workers freeze the standings, give the rewards and store the archive,
		within seconds.`)
	// Twice request_seconds, which is 60 at most, and some.
	if _, err := g.call(ctx, request{method: "PATCH", path: s.place, credential: g.SecretKey, body: `{"settings":{"clock_offset_seconds":180}}`}, 200); err != nil {
		return err
	}
	if err := g.awaitArchive(ctx, s); err != nil {
		return err
	}
	if err := g.readArchive(ctx, s); err != nil {
		return err
	}
	return g.claim(ctx, s)
}

// awaitArchive looks, without a word, until the season is archived.
func (g *game) awaitArchive(ctx context.Context, s stage) error {
	ctx, cancel := context.WithTimeout(ctx, archiveTime)
	defer cancel()
	ticker := time.NewTicker(archiveLook)
	defer ticker.Stop()
	for {
		r, err := g.call(ctx, request{method: "GET", path: s.path() + "/seasons", credential: s.access, quiet: true}, 200)
		if err != nil {
			return err
		}
		if r.get("items", 1, "state") == "archived" {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return r.wrong("the season is not archived after %s", archiveTime)
		}
	}
}

// readArchive reads the season's record and its archive, and compares the two, and the archive with the
// standings.
func (g *game) readArchive(ctx context.Context, s stage) error {
	listed, err := g.call(ctx, request{method: "GET", path: s.path() + "/seasons?limit=2", credential: s.access}, 200)
	if err != nil {
		return err
	}
	sum, err := listed.text("items", 1, "archive", "sha256")
	if err != nil {
		return err
	}
	r, err := g.call(ctx, request{method: "GET", path: s.operated() + "/seasons/1/archive", credential: g.SecretKey}, 200)
	if err != nil {
		return err
	}
	if got := sha256.Sum256(r.body); hex.EncodeToString(got[:]) != sum || r.header.Get("ETag") != `"`+sum+`"` {
		return r.wrong("the SHA-256 is %x, not the one on record, %s", got, sum)
	}
	packed, err := gzip.NewReader(bytes.NewReader(r.body))
	if err != nil {
		return r.wrong("the archive is no gzip: %v", err)
	}
	text, err := io.ReadAll(io.LimitReader(packed, maxReply))
	if err != nil {
		return r.wrong("the archive can't be read: %v", err)
	}
	g.page.note("Unpacked: " + strings.TrimSpace(string(text)))
	var line struct {
		Rank            int64
		Player          string
		Score, Subscore int64
	}
	if err := json.Unmarshal(text, &line); err != nil || line.Rank != 1 || line.Player != s.player || line.Score != 9007199254740993 || line.Subscore != 5 {
		return r.wrong("the archive doesn't have the one entry there was: %v", err)
	}
	return nil
}

// claim claims what the season gave, twice.
func (g *game) claim(ctx context.Context, s stage) error {
	r, err := g.call(ctx, request{method: "GET", path: "/v1/players/me/rewards?unclaimed=true", credential: s.access}, 200)
	if err != nil {
		return err
	}
	if err := errors.Join(r.hasAt(s.board, "items", 0, "leaderboard"), r.hasAt("500", "items", 0, "payload", "coins")); err != nil {
		return err
	}
	claim := request{method: "POST", path: fmt.Sprintf("/v1/players/me/rewards/%s/1/claim", s.board), credential: s.access}
	if _, err := g.call(ctx, claim, 200); err != nil {
		return err
	}
	r, err = g.refused(ctx, claim, 409, "ranking.reward_claimed")
	if err != nil {
		return err
	}
	return r.hasAt("500", "current", "payload", "coins")
}
