package memory

import (
	"bytes"
	"slices"

	"github.com/overworldhq/overworld/domain/ranking"
)

// member is an entry as it sorts: its key and then the player's UUID.
type member [len(ranking.Key{}) + 16]byte

func (m *member) compare(other *member) int { return bytes.Compare(m[:], other[:]) }

func (m *member) key() (k ranking.Key) {
	copy(k[:], m[:])
	return k
}

// sorted is a set of members that knows the rank of each: blocks of members in
// order, and a Fenwick tree of the blocks' sizes (P. M. Fenwick, A New Data
// Structure for Cumulative Frequency Tables, 1994). Finding, adding and removing
// cost the logarithm of its size and the moving of at most one block. The zero
// value is empty.
type sorted struct {
	blocks [][]member
	tree   []int // tree[i] is how many are in the blocks from i&(i+1) to i
	size   int
}

// fullBlock is where a block is split; of 128 to 512 all do about as well.
const fullBlock = 256

// block gives the block that a member is in or belongs into: the last that begins
// with it or before it. There must be one.
func (s *sorted) block(m *member) int {
	i, found := slices.BinarySearchFunc(s.blocks, m, func(b []member, m *member) int { return b[0].compare(m) })
	if !found && i > 0 {
		i--
	}
	return i
}

func within(block []member, m *member) (int, bool) {
	return slices.BinarySearchFunc(block, m, func(one member, m *member) int { return one.compare(m) })
}

// add adds a member that is not there yet.
func (s *sorted) add(m member) {
	s.size++
	if len(s.blocks) == 0 {
		s.blocks = [][]member{append(make([]member, 0, fullBlock), m)}
		s.count()
		return
	}
	i := s.block(&m)
	at, _ := within(s.blocks[i], &m)
	s.blocks[i] = slices.Insert(s.blocks[i], at, m)
	if len(s.blocks[i]) < fullBlock {
		s.shift(i, 1)
		return
	}
	half := append(make([]member, 0, fullBlock), s.blocks[i][fullBlock/2:]...)
	s.blocks[i] = s.blocks[i][:fullBlock/2]
	s.blocks = slices.Insert(s.blocks, i+1, half)
	s.count()
}

// remove takes out a member that is there.
func (s *sorted) remove(m member) {
	i := s.block(&m)
	at, _ := within(s.blocks[i], &m)
	s.blocks[i] = slices.Delete(s.blocks[i], at, at+1)
	s.size--
	if len(s.blocks[i]) > 0 {
		s.shift(i, -1)
		return
	}
	s.blocks = slices.Delete(s.blocks, i, i+1)
	s.count()
}

// count makes the tree anew, which is needed only when there are more blocks, or fewer.
func (s *sorted) count() {
	s.tree = slices.Grow(s.tree[:0], len(s.blocks))[:len(s.blocks)]
	for i, b := range s.blocks {
		s.tree[i] = len(b)
	}
	for i := range s.tree {
		if up := i | (i + 1); up < len(s.tree) {
			s.tree[up] += s.tree[i]
		}
	}
}

func (s *sorted) shift(block, by int) {
	for i := block; i < len(s.tree); i |= i + 1 {
		s.tree[i] += by
	}
}

// before is how many members are in the blocks before this one.
func (s *sorted) before(block int) (n int) {
	for i := block - 1; i >= 0; i = i&(i+1) - 1 {
		n += s.tree[i]
	}
	return n
}

// rank is how many members are before this one, which need not be there.
func (s *sorted) rank(m *member) int {
	if len(s.blocks) == 0 {
		return 0
	}
	i := s.block(m)
	at, _ := within(s.blocks[i], m)
	return s.before(i) + at
}

// has tells whether a member is there.
func (s *sorted) has(m *member) bool {
	if len(s.blocks) == 0 {
		return false
	}
	_, found := within(s.blocks[s.block(m)], m)
	return found
}

// from gives up to limit members that follow the first rank ones.
func (s *sorted) from(rank, limit int) []member {
	limit = max(0, min(limit, s.size-rank))
	members := make([]member, 0, limit)
	if limit == 0 {
		return members
	}
	// Down the tree to the last block before which there are at most rank.
	block, left := -1, rank
	for step := highest(len(s.tree)); step > 0; step >>= 1 {
		if next := block + step; next < len(s.tree) && s.tree[next] <= left {
			block = next
			left -= s.tree[next]
		}
	}
	for block++; len(members) < limit; block++ {
		b := s.blocks[block][left:]
		members = append(members, b[:min(len(b), limit-len(members))]...)
		left = 0
	}
	return members
}

// highest is the greatest power of two that is at most n; 0 of 0.
func highest(n int) int {
	h := 0
	for p := 1; p <= n; p <<= 1 {
		h = p
	}
	return h
}
