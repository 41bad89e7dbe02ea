package ranking

import (
	"time"

	"github.com/overworldhq/overworld/domain/fault"
)

var (
	ErrBoardNotFound = fault.New(fault.NotFound, "ranking.board_not_found", "There is no such leaderboard.")
	ErrBoardExists   = fault.New(fault.Conflict, "ranking.board_exists", "There is a leaderboard with this id.")
	// ErrBoardGoing refuses the id of a board that was deleted while there is still something of it.
	ErrBoardGoing     = fault.New(fault.Conflict, "ranking.board_going", "A leaderboard with this id was deleted, and what it had is being deleted still.").After(30 * time.Second)
	ErrBoardStale     = fault.New(fault.Stale, "ranking.board_version_mismatch", "The leaderboard is not in the state you named; its current state is under current.")
	ErrTooManyBoards  = fault.New(fault.Conflict, "ranking.too_many_boards", "The environment has as many leaderboards as it may.")
	ErrSeasonNotFound = fault.New(fault.NotFound, "ranking.season_not_found", "The leaderboard has no such season.")
	// ErrEntryStale is the loss of a race, which is best run again.
	ErrEntryStale = fault.New(fault.Conflict, "ranking.entry_raced", "Another writer was first.")
	// ErrSeasonClosed refuses to close a season again.
	ErrSeasonClosed = fault.New(fault.Conflict, "ranking.season_closed", "This season was closed before.")
	ErrNotRanked    = fault.New(fault.NotFound, "ranking.not_ranked", "The player has no place in this season.")
	// ErrNotRemoved refuses to undo a removal that never was, or that a later run came after.
	ErrNotRemoved = fault.New(fault.Conflict, "ranking.not_removed", "The player has no removed entry in this season.")
	// ErrNotQuarantined is a quarantine that there is not.
	ErrNotQuarantined = fault.New(fault.NotFound, "ranking.not_quarantined", "The player is not quarantined there.")
	ErrRewardNotFound = fault.New(fault.NotFound, "ranking.reward_not_found", "The player has no reward of this season.")
	// ErrRewardClaimed refuses to claim a reward again.
	ErrRewardClaimed = fault.New(fault.Conflict, "ranking.reward_claimed", "This reward was claimed before; it is under current.")
	// ErrRewardsDenied keeps players from those of others.
	ErrRewardsDenied = fault.New(fault.Forbidden, "ranking.rewards_denied", "Players see and claim their own rewards only.")
	// ErrAwardNotFound is a season that has nothing to give.
	ErrAwardNotFound = fault.New(fault.NotFound, "ranking.award_not_found", "This season gives no rewards.")
	// ErrArchiveNotFound is a season that is not archived yet.
	ErrArchiveNotFound = fault.New(fault.NotFound, "ranking.archive_not_found", "This season has no archive yet.")
	// ErrArchiveDamaged is an archive that the object store has no longer as it was stored.
	ErrArchiveDamaged = fault.New(fault.Unavailable, "ranking.archive_damaged", "The object store has no longer what was archived.")
	// ErrSubmitDenied refuses a player on a board that only servers submit to.
	ErrSubmitDenied = fault.New(fault.Forbidden, "ranking.submit_denied", "Only game servers submit to this leaderboard.")
	// ErrOverflow refuses a sum that int64 can't hold.
	ErrOverflow = fault.New(fault.Invalid, "ranking.overflow", "The sum would leave the range of a 64-bit integer.")
	// ErrWarming is a read that nothing can answer exactly and soon: the index is being built.
	ErrWarming = fault.New(fault.Unavailable, "ranking.warming", "Ranks are being built; try again shortly.").After(2 * time.Second)
)
