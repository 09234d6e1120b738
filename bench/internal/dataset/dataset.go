// Package dataset invents the people of the benchmark: the same for the same
// size, with French names in plausible shares, and a small part of them twice,
// slightly otherwise, of which the truth is known.
package dataset

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Tenants is the number of institutions; the first has nine tenths of it all.
const Tenants = 50

// Epoch is when the first contact was made; each further one comes a minute
// later.
var Epoch = time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC)

// Person is one invented contact.
type Person struct {
	Index      int
	Tenant     int
	Given      string
	Family     string
	Particle   string
	Email      string // empty: none
	Phone      string // E.164, empty: none
	Street     string
	PostalCode string
	City       string
	Birthdate  time.Time // zero: unknown
	CreatedAt  time.Time
	// TwinOf is the index of the person this one repeats with a mistake, -1 for
	// the others.
	TwinOf int
}

// ID of the person, the same in every run and computable in SQL.
func (p Person) ID() uuid.UUID { return ContactID(p.Index) }

// ContactID of an index: '01900000-0000-7000-8000-' and twelve hex digits.
func ContactID(i int) uuid.UUID {
	return identifier(kindContact, uint64(i))
}

// PointID of a contact's e-mail (0) or telephone (1).
func PointID(i, which int) uuid.UUID {
	return identifier(kindPoint, uint64(i*2+which))
}

// AddressID of a contact's address.
func AddressID(i int) uuid.UUID {
	return identifier(kindAddress, uint64(i))
}

// TenantID of an institution.
func TenantID(i int) uuid.UUID {
	return uuid.MustParse(fmt.Sprintf("01800000-0000-7000-8000-%012x", i))
}

// At returns person i. It depends on i alone.
func At(i int) Person {
	r := rand.New(rand.NewPCG(uint64(i), 0x9e3779b97f4a7c15))
	if i > 100 && r.Float64() < 0.03 {
		// Its original is at most a hundred before it, in the same institution.
		for back := 1; back <= 100; back++ {
			o := At(i - back)
			if o.TwinOf < 0 && o.Tenant == tenantOf(i) {
				return twin(r, o, i)
			}
		}
	}
	p := Person{Index: i, Tenant: tenantOf(i), TwinOf: -1, CreatedAt: Epoch.Add(time.Duration(i) * time.Minute)}
	p.Given = given[falling(r, len(given))]
	switch n := r.Float64(); {
	case n < 0.35:
		p.Family = family[falling(r, len(family))]
	case n < 0.38:
		p.Family = family[falling(r, len(family))] + "-" + invented(r)
	default:
		p.Family = invented(r)
	}
	if r.Float64() < 0.01 {
		p.Particle = "de"
	}
	if r.Float64() < 0.85 {
		p.Email = fmt.Sprintf("%s.%s.%d@courriel.example", plain(p.Given), plain(p.Family), i)
	}
	if r.Float64() < 0.6 {
		p.Phone = fmt.Sprintf("+336%08d", i%100_000_000)
	}
	if r.Float64() < 0.4 {
		town := r.IntN(len(towns))
		p.Street = fmt.Sprintf("%d rue des %s", 1+r.IntN(120), ways[r.IntN(len(ways))])
		p.PostalCode, p.City = fmt.Sprintf("%02d000", 1+town*2), towns[town]
	}
	if r.Float64() < 0.3 {
		p.Birthdate = time.Date(1930+r.IntN(85), time.Month(1+r.IntN(12)), 1+r.IntN(28), 0, 0, 0, 0, time.UTC)
	}
	return p
}

// tenantOf gives nine tenths of the contacts to the first institution.
func tenantOf(i int) int {
	if i%10 != 9 {
		return 0
	}
	return 1 + (i/10)%(Tenants-1)
}

// falling draws an index whose density falls, as the frequency of names does.
func falling(r *rand.Rand, n int) int {
	f := r.Float64()
	return int(f * f * float64(n))
}

func invented(r *rand.Rand) string {
	name := heads[r.IntN(len(heads))] + cores[r.IntN(len(cores))]
	if r.Float64() < 0.4 {
		name += cores[r.IntN(len(cores))]
	}
	return name + tails[r.IntN(len(tails))]
}

func twin(r *rand.Rand, o Person, i int) Person {
	p := o
	p.Index, p.TwinOf, p.CreatedAt = i, o.Index, Epoch.Add(time.Duration(i)*time.Minute)
	p.Given, p.Family = o.Given, Misspell(r, o.Family)
	if r.Float64() < 0.5 {
		p.Email = ""
	}
	p.Phone, p.Street, p.PostalCode, p.City, p.Birthdate = "", "", "", "", time.Time{}
	return p
}

// Misspell makes one mistake that people make in a name: a letter missing,
// doubled, exchanged or replaced, an accent lost.
func Misspell(r *rand.Rand, name string) string {
	runes := []rune(name)
	if len(runes) < 4 {
		return name + "s"
	}
	at := 1 + r.IntN(len(runes)-2)
	switch r.IntN(4) {
	case 0:
		return string(append(append([]rune{}, runes[:at]...), runes[at+1:]...))
	case 1:
		return string(append(append(append([]rune{}, runes[:at]...), runes[at]), runes[at:]...))
	case 2:
		out := append([]rune{}, runes...)
		out[at], out[at+1] = out[at+1], out[at]
		return string(out)
	default:
		out := append([]rune{}, runes...)
		out[at] = 'a' + rune(r.IntN(26))
		return string(out)
	}
}

var unaccented = strings.NewReplacer("é", "e", "è", "e", "ê", "e", "ë", "e", "à", "a", "â", "a", "ï", "i", "î", "i", "ô", "o", "ç", "c", "É", "e", "-", "", "'", "", " ", "")

func plain(s string) string { return strings.ToLower(unaccented.Replace(s)) }
