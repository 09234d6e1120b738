package sibil

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/money"
)

// Statement is what is declared of one performance, as it is kept. The domain is
// named by its label: what number it has is asked anew at each sending.
type Statement struct {
	Key              string    `json:"key"`
	StartsAt         time.Time `json:"starts_at"`
	Title            string    `json:"title"`
	Domain           string    `json:"domain"`
	YoungAudience    bool      `json:"young_audience"`
	Capacity         int32     `json:"capacity"`
	Venue            Venue     `json:"venue"`
	Tickets          int64     `json:"tickets"`
	Paid             int64     `json:"paid"`
	FullPrice        int64     `json:"full_price"`
	Subscription     int64     `json:"subscription"`
	Exempt           int64     `json:"exempt"`
	Revenue          int64     `json:"revenue"`
	Average          int64     `json:"average"`
	FullRevenue      int64     `json:"full_revenue"`
	FullAverage      int64     `json:"full_average"`
	MultipleManagers bool      `json:"multiple_managers"`
	Registers        bool      `json:"registers"`
}

// Venue is where it took place.
type Venue struct {
	Name       string `json:"name"`
	Street     string `json:"street"`
	PostalCode string `json:"postal_code"`
	City       string `json:"city"`
	Type       string `json:"type"`
	SIRET      string `json:"siret,omitempty"`
}

// Digest tells statements apart.
func (s Statement) Digest() ([]byte, error) {
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(raw)
	return sum[:], nil
}

// Key is under which name SIBIL has the declaration of a performance: the same
// at every sending and in every installation. Two whole UUIDs are refused there,
// seventeen characters are taken.
func Key(institution, performance uuid.UUID) string {
	sum := sha256.Sum256(append(institution[:], performance[:]...))
	text := hex.EncodeToString(sum[:8])
	return text[:8] + "_" + text[8:]
}

// Names and values of the State's contract.
const (
	registered = "ENREGISTRE"
	draft      = "BROUILLON"
	instant    = "2006-01-02T15:04:05.000Z"
)

type venueBody struct {
	Name       string `json:"nom"`
	Street     string `json:"adresse"`
	PostalCode string `json:"codePostal"`
	City       string `json:"ville"`
	SIRET      string `json:"siret,omitempty"`
	Type       string `json:"typeLieu"`
}

type showBody struct {
	Domain int64  `json:"domaineSpectacleId"`
	Title  string `json:"critere1"`
}

// body is a declaration in the State's words: one performance, since a
// declaration over two quarters is refused.
type body struct {
	ID               *int64      `json:"id,omitempty"`
	Key              string      `json:"idExtBilletterie"`
	MultipleManagers bool        `json:"gestionnaireMultiple"`
	At               string      `json:"dateHeureRepresentationUnique"`
	Performances     int         `json:"nbRepresentations"`
	Tickets          int64       `json:"nbBilletsTotalBilletterie"`
	Revenue          json.Number `json:"recetteTotalBilletterie"`
	Average          json.Number `json:"prixMoyenTotalBilletterie"`
	FullPrice        int64       `json:"nbBilletsTarifPlein"`
	FullRevenue      json.Number `json:"recetteTarifPlein"`
	FullAverage      json.Number `json:"prixMoyenTarifPlein"`
	Subscription     int64       `json:"nbBilletsTarifAbonnementForfait"`
	Exempt           int64       `json:"nbBilletsExoneres"`
	Capacity         int32       `json:"jauge"`
	YoungAudience    bool        `json:"jeunePublic"`
	Domain           int64       `json:"domaineRepresentationId"`
	Venue            venueBody   `json:"lieuChamps"`
	Show             showBody    `json:"spectacleChamps"`
	State            string      `json:"statutDeclaration"`
}

// body puts a statement into the State's words, with the number that its domain
// has there.
func (s Statement) body(domain int64) body {
	state := draft
	if s.Registers {
		state = registered
	}
	return body{
		Key: s.Key, MultipleManagers: s.MultipleManagers, At: s.StartsAt.UTC().Format(instant), Performances: 1,
		Tickets: s.Tickets, Revenue: euros(s.Revenue), Average: euros(s.Average), FullPrice: s.FullPrice, FullRevenue: euros(s.FullRevenue), FullAverage: euros(s.FullAverage),
		Subscription: s.Subscription, Exempt: s.Exempt, Capacity: s.Capacity, YoungAudience: s.YoungAudience, Domain: domain,
		Venue: venueBody{s.Venue.Name, s.Venue.Street, s.Venue.PostalCode, s.Venue.City, s.Venue.SIRET, s.Venue.Type},
		Show:  showBody{domain, s.Title}, State: state,
	}
}

// euros writes cents as a JSON number with two decimals.
func euros(minor int64) json.Number { return json.Number(amount(minor)) }

func amount(minor int64) string { return money.Amount{Minor: minor, Currency: currency}.String() }

// currency is the only one in which SIBIL takes amounts.
const currency = "EUR"

// average is revenue by ticket to the cent, half a cent up; nothing for no
// ticket.
func average(minor, tickets int64) int64 {
	if tickets == 0 {
		return 0
	}
	doubled := 2*minor + tickets
	quotient := doubled / (2 * tickets)
	if doubled%(2*tickets) < 0 {
		quotient--
	}
	return quotient
}
