package system

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/overworldhq/overworld/ports/secrets"
)

// MasterKeySize is the length of a master key in bytes.
const MasterKeySize = 32

// sealVersion leads every sealed secret, so that another form can follow one day.
const sealVersion = 1

// Vault locks secrets with AES-256-GCM under a key that HKDF-SHA256 (RFC 5869)
// derives from the master key. Nonces are random: a master key should be
// changed before it has sealed 2^32 secrets.
type Vault struct {
	master [MasterKeySize]byte
	aead   cipher.AEAD
}

var _ secrets.Vault = (*Vault)(nil)

// NewVault makes a vault of a master key.
func NewVault(masterKey [MasterKeySize]byte) *Vault {
	v := &Vault{master: masterKey}
	// The sealing key is of a purpose that Derive can't give, since it leads with a word of its own.
	block, err := aes.NewCipher(v.expand("seal v1"))
	if err != nil {
		panic("system: " + err.Error()) // only for a key of another length
	}
	if v.aead, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		panic("system: " + err.Error()) // only for another cipher
	}
	return v
}

// Seal encrypts a secret; its context is authenticated with it, and isn't stored.
func (v *Vault) Seal(context string, secret []byte) []byte {
	return v.aead.Seal([]byte{sealVersion}, nil, secret, []byte(context))
}

// errSealed says no more: why a secret doesn't open is nobody's business.
var errSealed = errors.New("open sealed secret: the master key or the context is another, or it was changed")

// Open gives back what Seal locked.
func (v *Vault) Open(context string, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != sealVersion {
		return nil, errSealed
	}
	secret, err := v.aead.Open(nil, nil, sealed[1:], []byte(context))
	if err != nil {
		return nil, errSealed
	}
	return secret, nil
}

// Derive gives 32 bytes for a purpose.
func (v *Vault) Derive(purpose string) []byte { return v.expand("derive v1 " + purpose) }

func (v *Vault) expand(info string) []byte {
	key, err := hkdf.Key(sha256.New, v.master[:], nil, "overworld "+info, MasterKeySize)
	if err != nil {
		panic("system: " + err.Error()) // only for more than 255 hashes' worth
	}
	return key
}

// ParseMasterKey reads a master key written as 64 hexadecimal digits or as
// base64, of either alphabet, padded or not. Its error never repeats the text.
func ParseMasterKey(text string) (key [MasterKeySize]byte, err error) {
	text = strings.TrimSpace(text)
	var raw []byte
	if len(text) == hex.EncodedLen(MasterKeySize) {
		raw, err = hex.DecodeString(text)
	} else {
		plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
		raw, err = base64.RawStdEncoding.Strict().DecodeString(plain)
	}
	if err != nil || len(raw) != MasterKeySize {
		return key, fmt.Errorf("read master key: want %d bytes as %d hexadecimal digits or as base64", MasterKeySize, hex.EncodedLen(MasterKeySize))
	}
	return [MasterKeySize]byte(raw), nil
}
