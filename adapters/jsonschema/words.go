package jsonschema

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"unicode"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/overworldhq/overworld/ports/schema"
)

// flatten lists what an error of the library says, in our words: the library's
// would repeat the value.
func flatten(err *jsonschema.ValidationError) []schema.Violation {
	at := err.InstanceLocation
	var found []schema.Violation
	add := func(at []string, code, detail string, args ...any) []schema.Violation {
		if len(args) > 0 {
			detail = fmt.Sprintf(detail, args...)
		}
		found = append(found, schema.Violation{Pointer: pointer(at), Code: code, Detail: detail})
		return found
	}
	members := func(names []string, code, detail string) []schema.Violation {
		for _, name := range names {
			add(append(slices.Clone(at), name), code, detail)
		}
		return found
	}
	switch k := err.ErrorKind.(type) {
	case *kind.AnyOf:
		return add(at, "any_of", "It satisfies none of the schemas under anyOf.")
	case *kind.OneOf:
		if len(k.Subschemas) > 1 {
			return add(at, "one_of", "It satisfies more than one of the schemas under oneOf.")
		}
		return add(at, "one_of", "It satisfies none of the schemas under oneOf.")
	case *kind.Not:
		return add(at, "not", "It satisfies the schema under not.")
	case *kind.FalseSchema:
		return add(at, "not_allowed", "Nothing may be here.")
	case *kind.Type:
		return add(at, "type", "Of type %s.", strings.Join(k.Want, " or "))
	case *kind.Enum:
		return add(at, "enum", "One of the values that the schema lists.")
	case *kind.Const:
		return add(at, "const", "The one value that the schema names.")
	case *kind.Format:
		return add(at, "format", "Of the format %s.", k.Want)
	case *kind.Required:
		return members(k.Missing, "required", "This member is needed.")
	case *kind.DependentRequired:
		return members(k.Missing, "dependent_required", "This member is needed beside another that is there.")
	case *kind.Dependency:
		return members(k.Missing, "dependencies", "This member is needed beside another that is there.")
	case *kind.AdditionalProperties:
		return members(k.Properties, "additional_properties", "The schema knows no such member.")
	case *kind.PropertyNames:
		return members([]string{k.Property}, "property_names", "No member may have this name.")
	case *kind.MinProperties:
		return add(at, "min_properties", "At least %d members.", k.Want)
	case *kind.MaxProperties:
		return add(at, "max_properties", "At most %d members.", k.Want)
	case *kind.MinItems:
		return add(at, "min_items", "At least %d items.", k.Want)
	case *kind.MaxItems:
		return add(at, "max_items", "At most %d items.", k.Want)
	case *kind.UniqueItems:
		return add(at, "unique_items", "Items %d and %d are equal.", k.Duplicates[0], k.Duplicates[1])
	case *kind.Contains:
		return add(at, "contains", "At least one item that satisfies the schema under contains.")
	case *kind.MinContains:
		return add(at, "min_contains", "At least %d items that satisfy the schema under contains.", k.Want)
	case *kind.MaxContains:
		return add(at, "max_contains", "At most %d items that satisfy the schema under contains.", k.Want)
	case *kind.MinLength:
		return add(at, "min_length", "At least %d characters.", k.Want)
	case *kind.MaxLength:
		return add(at, "max_length", "At most %d characters.", k.Want)
	case *kind.Pattern:
		return add(at, "pattern", "As the schema's pattern has it.")
	case *kind.Minimum:
		return add(at, "minimum", "At least %s.", number(k.Want))
	case *kind.Maximum:
		return add(at, "maximum", "At most %s.", number(k.Want))
	case *kind.ExclusiveMinimum:
		return add(at, "exclusive_minimum", "More than %s.", number(k.Want))
	case *kind.ExclusiveMaximum:
		return add(at, "exclusive_maximum", "Less than %s.", number(k.Want))
	case *kind.MultipleOf:
		return add(at, "multiple_of", "A multiple of %s.", number(k.Want))
	case *kind.RefCycle:
		return add(at, "$ref", "The schema refers to itself without end.")
	}
	for _, cause := range err.Causes {
		found = append(found, flatten(cause)...)
	}
	if len(found) == 0 {
		add(at, keyword(err.ErrorKind), "It breaks this keyword of the schema.")
	}
	return found
}

// number writes a bound as a decimal.
func number(n *big.Rat) string {
	if n.IsInt() {
		return n.Num().String()
	}
	return strings.TrimRight(n.FloatString(maxDigits+maxPower), "0")
}

// keyword is the snake-case name of what a kind of error is about.
func keyword(k jsonschema.ErrorKind) string {
	path := k.KeywordPath()
	if len(path) == 0 {
		return "schema"
	}
	var b strings.Builder
	for _, r := range path[0] {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
