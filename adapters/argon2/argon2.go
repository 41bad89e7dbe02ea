package argon2

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/overworldhq/overworld/ports/secrets"
)

// Parameters are what a hash costs.
type Parameters struct {
	Memory  uint32 // KiB
	Time    uint32 // passes over it
	Threads uint8
}

// Recommended is the smallest of the choices that OWASP's password storage cheat
// sheet gives for Argon2id, by memory: 19 MiB, two passes, one thread.
var Recommended = Parameters{Memory: 19 << 10, Time: 2, Threads: 1}

const (
	saltSize = 16
	hashSize = 32
	// Bounds of what is computed for a stored hash, whoever wrote it.
	maxMemory  = 1 << 18 // KiB
	maxTime    = 64
	maxThreads = 16
)

// Passwords hashes with its parameters, and checks hashes made with any.
type Passwords struct {
	parameters Parameters
	random     secrets.Random
	// nobody's is checked where there is no hash.
	nobodys digest
}

var _ secrets.Passwords = (*Passwords)(nil)

// New hashes with the given parameters.
func New(parameters Parameters, random secrets.Random) *Passwords {
	return &Passwords{parameters, random, digest{parameters, make([]byte, saltSize), make([]byte, hashSize)}}
}

// Hash salts and hashes a password.
func (p *Passwords) Hash(password string) string {
	d := digest{Parameters: p.parameters, salt: make([]byte, saltSize)}
	p.random.Fill(d.salt)
	d.sum = d.of(password, hashSize)
	return d.String()
}

// Check hashes the password as the stored one was. What is no hash is nobody's.
func (p *Passwords) Check(password, hash string) (right, outdated bool) {
	d, ok := read(hash)
	if !ok {
		d = p.nobodys
	}
	same := subtle.ConstantTimeCompare(d.of(password, uint32(len(d.sum))), d.sum) == 1
	return same && ok, d.Parameters != p.parameters || len(d.salt) != saltSize || len(d.sum) != hashSize
}

// digest is a hash with all that it was made with.
type digest struct {
	Parameters
	salt, sum []byte
}

func (d digest) of(password string, size uint32) []byte {
	return argon2.IDKey([]byte(password), d.salt, d.Time, d.Memory, d.Threads, size)
}

func (d digest) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, d.Memory, d.Time, d.Threads, encoding.EncodeToString(d.salt), encoding.EncodeToString(d.sum))
}

var encoding = base64.RawStdEncoding.Strict()

// read reads what String writes, and no other spelling of it: costs have no zeros in front,
// and there are no line breaks, which the decoder would pass over.
func read(hash string) (digest, bool) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 {
		return digest{}, false
	}
	costs := strings.Split(parts[3], ",")
	if len(costs) != 3 {
		return digest{}, false
	}
	number := func(text, name string, most uint64) uint64 {
		n, err := strconv.ParseUint(strings.TrimPrefix(text, name+"="), 10, 32)
		if err != nil || n > most {
			return 0
		}
		return n
	}
	d := digest{Parameters: Parameters{
		Memory:  uint32(number(costs[0], "m", maxMemory)),
		Time:    uint32(number(costs[1], "t", maxTime)),
		Threads: uint8(number(costs[2], "p", maxThreads)),
	}}
	var saltErr, sumErr error
	d.salt, saltErr = encoding.DecodeString(parts[4])
	d.sum, sumErr = encoding.DecodeString(parts[5])
	good := d.Memory > 0 && d.Time > 0 && d.Threads > 0 && saltErr == nil && sumErr == nil && len(d.salt) >= 8 && len(d.sum) >= 16 && len(d.sum) <= 64
	return d, good && d.String() == hash
}
