package leaderboards

import (
	"context"
	"sync"
	"time"

	"github.com/overworldhq/overworld/app/coalesce"
	"github.com/overworldhq/overworld/app/shelf"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/ports/tracing"
)

// index is the rank index, whose readers share its calls.
type index struct {
	ranking.Index
	ranking.Asker
}

// asked is what one reader asks, and told what he is told.
type (
	asked struct {
		ladderRead
		questions []ranking.Question
	}
	told struct {
		views []ranking.View
		err   error
	}
	ladderRead struct {
		at     ranking.Ladder
		shared bool
	}
)

// placesAtOnce bounds what one call of an index is asked for by several: an engine that does one
// thing at a time does nothing else meanwhile.
const placesAtOnce = 1000

// gathered is an index whose concurrent readers share calls. What they are told is as new
// as if each had asked by himself, because a call begins after all its readers came.
func gathered(ranks ranking.Index, deadline time.Duration, tracer tracing.Tracer) index {
	options := coalesce.Options{
		Batch: 64, Flights: 4, Full: 16, Queue: 8192, Deadline: deadline,
		Splits: func(error) bool { return false }, Tracer: tracer, Name: "read ranks",
	}
	readers := coalesce.New(options, func(ctx context.Context, items []asked) ([]told, error) {
		answers := make([]told, len(items))
		var all sync.WaitGroup
		calls := callsOf(items)
		for _, c := range calls[1:] {
			all.Go(func() { c.make(ctx, ranks, items, answers) })
		}
		calls[0].make(ctx, ranks, items, answers)
		all.Wait()
		return answers, nil
	})
	pages := shelf.New[pageName, ranking.View](pageBytes)
	return index{ranks, func(ctx context.Context, at ranking.Ladder, shared bool, questions ...ranking.Question) ([]ranking.View, error) {
		of := ladderRead{at, shared}
		if len(questions) == 1 && questions[0].Limit > 0 {
			return page(ctx, readers, pages, pageName{of, questions[0]})
		}
		answer, err := readers.Do(ctx, asked{of, questions})
		if err != nil {
			return nil, err
		}
		return answer.views, answer.err
	}}
}

// pageBytes bounds the pages that are kept.
const pageBytes = 16 << 20

// pageName names a page whatever its sequence.
type pageName struct {
	ladderRead
	question ranking.Question
}

// page reads a page, of which only the sequence is read while it is the one of the page that
// is kept. Readers get one view, and may not change what it points to.
func page(ctx context.Context, readers *coalesce.Coalescer[asked, told], pages *shelf.Shelf[pageName, ranking.View], name pageName) ([]ranking.View, error) {
	kept, _ := pages.Get(name)
	question := name.question
	question.Known = kept.Sequence
	answer, err := readers.Do(ctx, asked{name.ladderRead, []ranking.Question{question}})
	switch {
	case err != nil:
		return nil, err
	case answer.err != nil:
		return nil, answer.err
	case answer.views[0].Places == nil:
		return []ranking.View{kept}, nil
	}
	const placeBytes = 128
	bytes := placeBytes * (1 + len(answer.views[0].Places))
	for _, p := range answer.views[0].Places {
		bytes += len(p.Metadata)
	}
	pages.Put(name, answer.views[0], bytes)
	return answer.views, nil
}

// call is one call of an index, for several who ask about a ladder.
type call struct {
	ladderRead
	items     []int
	questions []ranking.Question
	places    int
	known     map[ranking.Question]int // where each is among the questions
}

// callsOf makes as few calls of what is asked as their bounds allow.
func callsOf(items []asked) []*call {
	var calls []*call
	open := map[ladderRead]*call{}
	for i, item := range items {
		places := 0
		for _, q := range item.questions {
			places += 1 + q.Before + q.After + q.Limit
		}
		c := open[item.ladderRead]
		if c == nil || c.places+places > placesAtOnce {
			c = &call{ladderRead: item.ladderRead, known: map[ranking.Question]int{}}
			open[item.ladderRead] = c
			calls = append(calls, c)
		}
		c.items, c.places = append(c.items, i), c.places+places
		for _, q := range item.questions {
			if _, ok := c.known[q]; !ok {
				c.known[q] = len(c.questions)
				c.questions = append(c.questions, q)
			}
		}
	}
	return calls
}

// make makes the call and answers who asked.
func (c *call) make(ctx context.Context, ranks ranking.Index, items []asked, answers []told) {
	views, err := ranks.Read(ctx, c.at, c.shared, c.questions...)
	for _, i := range c.items {
		answers[i].err = err
		if err != nil {
			continue
		}
		answers[i].views = make([]ranking.View, len(items[i].questions))
		for n, q := range items[i].questions {
			answers[i].views[n] = views[c.known[q]]
		}
	}
}
