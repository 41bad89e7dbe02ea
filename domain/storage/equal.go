package storage

import (
	"math/big"
	"strconv"
	"strings"
)

// equal compares two values as RFC 6902, section 4.6 says: strings by their
// characters, numbers by what they count, arrays in order, objects in any. Two
// scalars that are spelt differently are charged before they are looked at.
func (p *patching) equal(a, b *node) (bool, error) {
	if x, y := a.asObject(), b.asObject(); x != nil || y != nil {
		return p.equalObjects(x, y)
	}
	if x, y := a.asArray(), b.asArray(); x != nil || y != nil {
		if x == nil || y == nil || len(x.items) != len(y.items) {
			return false, nil
		}
		for i := range x.items {
			if same, err := p.equal(x.items[i], y.items[i]); err != nil || !same {
				return false, err
			}
		}
		return true, nil
	}
	if a.text == b.text {
		return true, nil
	}
	if kind(a.text) != kind(b.text) {
		return false, nil
	}
	if err := p.charge(len(a.text) + len(b.text)); err != nil {
		return false, err
	}
	if kind(a.text) == '"' {
		return unquote(a.text) == unquote(b.text), nil
	}
	return equalNumbers(a.text, b.text), nil // of the other kinds, those that are equal are spelt alike
}

func (p *patching) equalObjects(x, y *object) (bool, error) {
	if x == nil || y == nil || x.count() != y.count() {
		return false, nil
	}
	for _, m := range x.members {
		if m.value == nil {
			continue
		}
		other := y.get(m.name)
		if other == nil {
			return false, nil
		}
		if same, err := p.equal(m.value, other); err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

// kind is the first character of a scalar, '0' for every number.
func kind(text string) byte {
	if c := text[0]; c != '-' && (c < '0' || c > '9') {
		return c
	}
	return '0'
}

// equalNumbers compares exactly, however large or small, and in time that
// doesn't grow with what an exponent says.
func equalNumbers(a, b string) bool {
	x, y := decimalOf(a), decimalOf(b)
	if x.digits != y.digits || x.digits == "" || x.negative != y.negative {
		return x.digits == "" && y.digits == ""
	}
	return equalExponents(x, y)
}

// decimal is ±0.digits × 10^(exponent+shift), and zero without digits.
type decimal struct {
	negative bool
	digits   string // no zeros at either end
	exponent string // as spelt, but for "+" and zeros in front
	shift    int
}

func decimalOf(text string) decimal {
	var d decimal
	text, d.negative = strings.CutPrefix(text, "-")
	mantissa, exponent := text, ""
	if e := strings.IndexAny(text, "eE"); e >= 0 {
		mantissa, exponent = text[:e], text[e+1:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	d.shift = len(whole)
	significant := strings.TrimLeft(whole+fraction, "0")
	d.shift -= len(whole) + len(fraction) - len(significant)
	d.digits = strings.TrimRight(significant, "0")

	exponent, negative := strings.CutPrefix(exponent, "-")
	d.exponent = strings.TrimLeft(strings.TrimPrefix(exponent, "+"), "0")
	if d.exponent == "" {
		d.exponent = "0"
	} else if negative {
		d.exponent = "-" + d.exponent
	}
	return d
}

// hugeExponent is the length from which exponents are equal only when spelt
// alike: adding to them would take time that grows with its square.
const hugeExponent = 1000

func equalExponents(x, y decimal) bool {
	if x.exponent == y.exponent {
		return x.shift == y.shift
	}
	if len(x.exponent) <= 18 && len(y.exponent) <= 18 {
		a, errA := strconv.ParseInt(x.exponent, 10, 64)
		b, errB := strconv.ParseInt(y.exponent, 10, 64)
		return errA == nil && errB == nil && a+int64(x.shift) == b+int64(y.shift)
	}
	if len(x.exponent) > hugeExponent || len(y.exponent) > hugeExponent {
		return false
	}
	sum := func(d decimal) *big.Int {
		n, _ := new(big.Int).SetString(d.exponent, 10)
		return n.Add(n, big.NewInt(int64(d.shift)))
	}
	return sum(x).Cmp(sum(y)) == 0
}
