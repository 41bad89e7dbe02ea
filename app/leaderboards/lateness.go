package leaderboards

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/overworldhq/overworld/domain/tenancy"
)

// SeasonStats are what happened to seasons in this process since its start.
type SeasonStats struct {
	// Ended counts the seasons that it ended at their planned end, by whoever noticed, and Late is by how
	// much together. Those of environments whose clock is moved are left out: their ends are rehearsed.
	Ended uint64
	Late  time.Duration
	// Within counts those that were late by no more than each of LatenessBounds.
	Within []uint64
	// Due is how many seasons are due that its worker could not end, in its last turns.
	Due int
}

// LatenessBounds are what SeasonStats.Within is counted by.
func LatenessBounds() []time.Duration { return slices.Clone(latenessBounds) }

var latenessBounds = []time.Duration{time.Second, 5 * time.Second, 15 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 24 * time.Hour}

// lateness counts what SeasonStats tell.
type lateness struct {
	mu     sync.Mutex
	ended  uint64
	late   time.Duration
	within []uint64
	due    map[tenancy.EnvironmentID]due
}

// due is what a turn of the worker left.
type due struct {
	seasons int
	at      time.Time
}

// dueFor is how long what a turn left is told: after that, somebody else has the turns.
const dueFor = time.Minute

func (l *lateness) count(late []time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.within == nil {
		l.within = make([]uint64, len(latenessBounds))
	}
	for _, one := range late {
		l.ended++
		l.late += one
		for i, bound := range latenessBounds {
			if one <= bound {
				l.within[i]++
			}
		}
	}
}

func (l *lateness) left(environment tenancy.EnvironmentID, seasons int, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.due == nil {
		l.due = map[tenancy.EnvironmentID]due{}
	}
	delete(l.due, environment)
	if seasons > 0 {
		l.due[environment] = due{seasons, now}
	}
}

// still has what an earlier turn left told on: this one could not find out.
func (l *lateness) still(environment tenancy.EnvironmentID, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok := l.due[environment]; ok {
		l.due[environment] = due{known.seasons, now}
	}
}

// SeasonStats tells what happened to seasons.
func (u *UseCases) SeasonStats() SeasonStats {
	l := &u.lateness
	l.mu.Lock()
	defer l.mu.Unlock()
	stats := SeasonStats{Ended: l.ended, Late: l.late, Within: slices.Clone(l.within)}
	if stats.Within == nil {
		stats.Within = make([]uint64, len(latenessBounds))
	}
	for _, d := range l.due {
		if u.parts.Clock.Now().Sub(d.at) < dueFor {
			stats.Due += d.seasons
		}
	}
	return stats
}

// ended counts how late seasons ended, unless the environment's clock is moved.
func (u *UseCases) ended(ctx context.Context, scope tenancy.Scope, late []time.Duration) {
	environment, err := u.parts.Directory.Get(ctx, scope.Environment())
	if err == nil && environment.Settings.ClockOffset == 0 {
		u.lateness.count(late)
	}
}
