package blobstore

import "strings"

// Objects are files in folders named after the segments of their keys. So that
// no two keys ever mean one file, whatever the file system, an upper-case
// letter is written as "=" and its lower case, and the name of an object's
// file ends in "=", which that of a folder never does.
const mark = '='

func fileOf(key string) string { return encode(key) + string(mark) }

func encode(key string) string {
	var b strings.Builder
	for i := range len(key) {
		c := key[i]
		if c >= 'A' && c <= 'Z' {
			b.WriteByte(mark)
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

// decode reads the name of a file or folder, and tells which of them; ok is
// false for what isn't ours.
func decode(name string) (segment string, object, ok bool) {
	name, object = strings.CutSuffix(name, string(mark))
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == mark {
			if i++; i == len(name) || name[i] < 'a' || name[i] > 'z' {
				return "", false, false
			}
			c = name[i] - ('a' - 'A')
		}
		b.WriteByte(c)
	}
	return b.String(), object, name != ""
}
