package ranking

import (
	"context"
	"time"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// Boards stores boards and their seasons. A board has one open season at a time,
// the one with the greatest number, which is Board.Season. Whoever changes a season and
// its board within a transaction, changes the season first.
type Boards interface {
	// Create stores a board and its first season; ErrBoardExists when the id is taken, and ErrBoardGoing when
	// what a deleted board of this id had is not deleted yet.
	Create(ctx context.Context, scope tenancy.Scope, board Board, season Season) error
	// Get is ErrBoardNotFound when there is none.
	Get(ctx context.Context, scope tenancy.Scope, id BoardID) (Board, error)
	// List gives up to limit boards after an id, by id.
	List(ctx context.Context, scope tenancy.Scope, after BoardID, limit int) ([]Board, error)
	// Update stores the definition and its version. ErrBoardStale unless the version
	// before is the stored one.
	Update(ctx context.Context, scope tenancy.Scope, board Board) error
	// Delete takes a board with all of its seasons from everybody: from now on only Deleted gives it, and only
	// Retired its seasons, which are retired now. What it has is there until it is erased. ErrSeasonNotFound unless
	// the season is the open one of a board.
	Delete(ctx context.Context, scope tenancy.Scope, open SeasonRef, now time.Time) error
	// Deleted gives up to limit boards that were deleted and are not erased, by id, after an id.
	Deleted(ctx context.Context, scope tenancy.Scope, after BoardID, limit int) ([]BoardID, error)
	// EraseBoard deletes a deleted board with what is left of it if that is at most so many rows: seasons, entries,
	// rewards and quarantines. It tells whether it did; ErrBoardNotFound when there is no such deleted board.
	EraseBoard(ctx context.Context, scope tenancy.Scope, id BoardID, rows int) (bool, error)
	// Season is ErrSeasonNotFound when the board has no such season, or is not there.
	Season(ctx context.Context, scope tenancy.Scope, id BoardID, number int) (Season, error)
	// Seasons gives up to limit seasons with a smaller number, the latest first; 0 begins.
	Seasons(ctx context.Context, scope tenancy.Scope, id BoardID, before, limit int) ([]Season, error)
	// Hold gives those of the seasons that still take runs, which are Open or Closing, in any
	// order, and within a transaction keeps them as they are until it ends. Callers
	// don't keep each other out.
	Hold(ctx context.Context, scope tenancy.Scope, seasons []SeasonRef) ([]Season, error)
	// Plan stores the planned end of an open season; ErrSeasonNotFound unless it is open.
	Plan(ctx context.Context, scope tenancy.Scope, season SeasonRef, end time.Time) error
	// Close stores the end of the open season and the next one; ErrSeasonNotFound unless
	// it is open in its epoch, and the board of this version, which the next season goes by.
	// Of callers at once, one succeeds.
	Close(ctx context.Context, scope tenancy.Scope, version int64, ended, next Season) error
	// Advance moves a season from a state to the one it has now; ErrSeasonNotFound unless
	// it is in that state. It waits for those who hold it, and of callers at once one succeeds.
	Advance(ctx context.Context, scope tenancy.Scope, season Season, from State) error
	// Archive stores the archive of a season and that it is Archived; ErrSeasonNotFound
	// unless it is Closed. Of callers at once, one succeeds.
	Archive(ctx context.Context, scope tenancy.Scope, season SeasonRef, archive Archive) error
	// Due gives up to limit open seasons whose planned end is not after now, the
	// earliest end first.
	Due(ctx context.Context, scope tenancy.Scope, now time.Time, limit int) ([]Season, error)
	// Unfinished gives up to limit seasons that have ended and are not archived, by board
	// and number, after one of them; the zero SeasonRef begins.
	Unfinished(ctx context.Context, scope tenancy.Scope, after SeasonRef, limit int) ([]Season, error)
	// Renew moves a season to its next epoch; ErrSeasonNotFound when there is none.
	Renew(ctx context.Context, scope tenancy.Scope, id BoardID, number int) error
	// Retire takes an archived season from everybody: from now on only Retired gives it.
	// ErrSeasonNotFound unless it is Archived. Of callers at once, one succeeds.
	Retire(ctx context.Context, scope tenancy.Scope, season SeasonRef, now time.Time) error
	// Retired gives up to limit seasons that were retired before a moment, by board and number,
	// after one of them; the zero SeasonRef begins.
	Retired(ctx context.Context, scope tenancy.Scope, before time.Time, after SeasonRef, limit int) ([]Season, error)
	// Erase deletes a retired season with what is left of it; ErrSeasonNotFound unless it is retired.
	Erase(ctx context.Context, scope tenancy.Scope, season SeasonRef) error
}

// SeasonRef names a season within its environment.
type SeasonRef struct {
	Board  BoardID
	Number int
}

// EntryWrite is an entry that takes the place of an earlier state.
type EntryWrite struct {
	Entry Entry
	Key   Key // by the season's rules; of no meaning unless the entry is listed
	// Before is the revision that must be stored now, less than the entry's; 0: there was never one.
	Before int64
}

// Counted is an entry and how many are ahead of it.
type Counted struct {
	Entry Entry
	// Ahead is exact while it is less than the bound of the question.
	Ahead int64
}

// Entries stores what players have in seasons.
type Entries interface {
	// LockMany gives the entries, removed and hidden ones too, that there are of the players, in any
	// order, and within a transaction keeps other writers of them out until it ends. What
	// was never there is missing, and not locked: WriteMany then decides who is first.
	LockMany(ctx context.Context, scope tenancy.Scope, season SeasonRef, players []identity.PlayerID) ([]Entry, error)
	// WriteMany stores entries of different players, each if the stored revision is still its
	// Before. Else errors.Is says ErrEntryStale, and the caller's transaction may not commit.
	// ErrPlayerNotFound of identity when a player or the season is not there.
	WriteMany(ctx context.Context, scope tenancy.Scope, season SeasonRef, writes []EntryWrite) error
	// All gives up to limit entries after a position, by key and then player; removed and
	// hidden ones, whose key is nil, come first. The zero position begins.
	All(ctx context.Context, scope tenancy.Scope, season SeasonRef, after Cursor, limit int) ([]Entry, Cursor, error)
	// Top gives the first entries that have a place, by key and then player.
	Top(ctx context.Context, scope tenancy.Scope, season SeasonRef, limit int) ([]Entry, error)
	// Standing gives a player's entry with how many are ahead of it, at most bound, all of
	// one moment. If shared, only better runs are. ErrNotRanked when it has no place.
	Standing(ctx context.Context, scope tenancy.Scope, season SeasonRef, player identity.PlayerID, bound int, shared bool) (Counted, error)
	// OpenOf gives the boards in whose open season a player has an entry, removed and hidden
	// ones too, by id. Those that were deleted are not among them.
	OpenOf(ctx context.Context, scope tenancy.Scope, player identity.PlayerID) ([]BoardID, error)
	// Purge deletes up to limit entries of a season after a position, and tells how many those were and the
	// position of the last. The zero position begins; who goes on from the last needn't pass what was deleted.
	Purge(ctx context.Context, scope tenancy.Scope, season SeasonRef, after Cursor, limit int) (int, Cursor, error)
	// Count tells how many entries have a place, at most bound.
	Count(ctx context.Context, scope tenancy.Scope, season SeasonRef, bound int) (int64, error)
}

// Cursor is a place in All. Its zero value is the beginning.
type Cursor struct {
	Key    []byte
	Player identity.PlayerID
}

// Quarantines stores who is quarantined where. A player's are changed under his
// Players.Lock, and those who make an entry of his read them under Players.Hold.
type Quarantines interface {
	// Save stores a quarantine in place of the one of the same board and player, if there
	// is one; ErrPlayerNotFound of identity when there is no such player.
	Save(ctx context.Context, scope tenancy.Scope, quarantine Quarantine) error
	// Lift deletes one; ErrNotQuarantined when there is none.
	Lift(ctx context.Context, scope tenancy.Scope, board BoardID, player identity.PlayerID) error
	// Of gives those of the players, of whatever boards, in any order.
	Of(ctx context.Context, scope tenancy.Scope, players []identity.PlayerID) ([]Quarantine, error)
	// List gives up to limit after a player, by player: those of one board, or with no
	// board those of all boards at once.
	List(ctx context.Context, scope tenancy.Scope, board BoardID, after identity.PlayerID, limit int) ([]Quarantine, error)
	// Purge deletes up to limit quarantines of a board, and tells how many those were.
	Purge(ctx context.Context, scope tenancy.Scope, board BoardID, limit int) (int, error)
}

// Rewards stores what players won, and how far giving it has come. A retired season's are nobody's any more:
// Get, Claim and Of are as if there were none.
type Rewards interface {
	// Begin stores the award of a season that ends; ErrSeasonNotFound when there is no such season.
	Begin(ctx context.Context, scope tenancy.Scope, award Award) error
	// Unfinished gives up to limit seasons, by board and number, whose awards aren't
	// finished, after one of them; the zero SeasonRef begins.
	Unfinished(ctx context.Context, scope tenancy.Scope, after SeasonRef, limit int) ([]SeasonRef, error)
	// Award is ErrAwardNotFound when the season has none. Within a transaction it keeps
	// others who ask out until it ends.
	Award(ctx context.Context, scope tenancy.Scope, season SeasonRef) (Award, error)
	// Give stores how far an award has come, and rewards of different players; one that a player has of the
	// season already stays as it is. ErrPlayerNotFound of identity when a player is not there: then the caller's
	// transaction may not commit.
	Give(ctx context.Context, scope tenancy.Scope, award Award, rewards []Reward) error
	// Get is ErrRewardNotFound when there is none.
	Get(ctx context.Context, scope tenancy.Scope, season SeasonRef, player identity.PlayerID) (Reward, error)
	// Claim notes when a reward was claimed. ErrRewardNotFound unless there is one that wasn't
	// claimed: of callers at once, one succeeds.
	Claim(ctx context.Context, scope tenancy.Scope, season SeasonRef, player identity.PlayerID, at time.Time) error
	// Of gives up to limit rewards of a player, by board and season, after one of them; the
	// zero SeasonRef begins.
	Of(ctx context.Context, scope tenancy.Scope, player identity.PlayerID, query RewardQuery, after SeasonRef) ([]Reward, error)
	// In gives up to limit rewards of a season, by place, after a place; 0 begins.
	In(ctx context.Context, scope tenancy.Scope, season SeasonRef, query RewardQuery, after int64) ([]Reward, error)
	// Purge deletes up to limit rewards of a season after a place, and tells how many those were and the
	// place of the last; 0 begins.
	Purge(ctx context.Context, scope tenancy.Scope, season SeasonRef, after int64, limit int) (int, int64, error)
}

// RewardQuery selects rewards.
type RewardQuery struct {
	Unclaimed bool // only those that weren't claimed
	Limit     int
}
