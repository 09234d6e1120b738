package contacts

// Derivation is what the register derives from the names of a contact: how it
// is shown, where it is sorted, and by what it is found.
type Derivation struct {
	DisplayName, SortName string
	Words                 string
	NameKeys              []string
}

// Derive computes a contact's derivation, for loads that do not pass through
// the service.
func Derive(f Fields) Derivation {
	var c Contact
	f.into(&c, "")
	words := searchWords(c)
	return Derivation{DisplayName: c.DisplayName, SortName: c.SortName, Words: words, NameKeys: nameKeys(words)}
}
