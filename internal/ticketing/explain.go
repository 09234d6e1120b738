package ticketing

import (
	"strconv"
	"strings"
)

// sentence is a text for people in the languages we speak.
type sentence struct{ fr, en string }

func (s sentence) in(lang string) string {
	if lang == "en" {
		return s.en
	}
	return s.fr
}

// ruleTexts say what each rule means.
func ruleTexts() map[string]sentence {
	return map[string]sentence{
		"external_ref":        {"Le compte client de la billetterie est déjà rattaché à ce contact.", "The customer account at the ticketing system is already this contact's."},
		"contact_id":          {"La vente porte l'identifiant de ce contact.", "The sale carries this contact's identifier."},
		"card_number":         {"La vente porte le numéro d'une carte de ce contact.", "The sale carries the number of a card of this contact."},
		"verified_email_name": {"L'adresse électronique, vérifiée par la billetterie, et le nom sont ceux de ce contact.", "The e-mail address, verified by the ticketing system, and the name are this contact's."},
		"email_name":          {"L'adresse électronique et le nom sont ceux de ce contact.", "The e-mail address and the name are this contact's."},
		"phone_name":          {"Le numéro de mobile et le nom sont ceux de ce contact.", "The mobile number and the name are this contact's."},
		"name_birthdate":      {"Le nom et la date de naissance sont ceux de ce seul contact.", "The name and the date of birth are this contact's and nobody else's."},
		"name_address":        {"Le nom et l'adresse postale sont ceux de ce seul contact.", "The name and the postal address are this contact's and nobody else's."},
		"name_postcode":       {"Seuls le nom et le code postal concordent.", "Only the name and the postcode agree."},
		"email_other_name":    {"L'adresse électronique est connue sous un autre nom : un nouveau contact a été créé, personne n'a été renommé.", "The e-mail address is known under another name: a new contact was made, nobody was renamed."},
		"new_contact":         {"Personne de semblable n'était connu : un nouveau contact a été créé.", "Nobody like this was known: a new contact was made."},
		"organisation":        {"La vente nomme une organisation, ou son adresse est celle d'un service : elle est rattachée à l'organisation, la personne reste décrite sur la vente.", "The sale names an organisation, or its address is a service's: it belongs to the organisation, the person stays described on the sale."},
		"generic_mailbox":     {"L'adresse est celle d'un service et aucune organisation n'est connue : la vente n'est rattachée à personne.", "The address is a service's and no organisation is known: the sale belongs to nobody."},
		"anonymous":           {"Trop peu est connu de l'acheteur : la vente est anonyme et peut être réclamée.", "Too little is known of the buyer: the sale is anonymous and can be claimed."},
		"test":                {"Une vente d'essai n'est rattachée à personne.", "A trial sale belongs to nobody."},
		"review":              {"Plusieurs contacts sont possibles, ou la concordance est trop faible : une personne doit décider.", "Several contacts are possible, or too little agrees: a person has to decide."},
		"review_contact":      {"Une personne a décidé que cette description est celle de ce contact.", "A person decided that this description is this contact's."},
		"review_nobody":       {"Une personne a décidé que cette description n'est celle d'aucun contact proposé.", "A person decided that this description is none of the contacts proposed."},
		"decided":             {"Une personne a rattaché cette vente à ce contact.", "A person attributed this sale to this contact."},
		"decided_nobody":      {"Une personne a décidé que ceci n'appartient à aucun contact.", "A person decided that this belongs to no contact."},
		"claimed":             {"La vente, anonyme, a été réclamée avec une preuve.", "The sale, which was anonymous, was claimed with a proof."},
		"holder_is_buyer":     {"Le porteur a le nom de l'acheteur.", "The holder has the buyer's name."},
		"household":           {"Le porteur a le nom de quelqu'un qui partage une adresse ou un numéro de l'acheteur, ou pour qui l'acheteur a déjà acheté.", "The holder has the name of somebody who shares an address or number of the buyer, or for whom the buyer bought before."},
		"placeholder":         {"Le nom du porteur ne dit rien.", "The holder's name says nothing."},
		"unknown":             {"Le porteur n'est pas connu avec certitude ; un porteur ne crée jamais de contact.", "The holder is not known for certain; a holder never makes a contact."},
	}
}

// evidenceTexts say what was compared and what came of it.
func evidenceTexts() map[string]sentence {
	return map[string]sentence{
		"account_known":                {"compte client connu", "account known"},
		"order_under_account":          {"une commande passée sous ce compte", "an order made under this account"},
		"contact_id_given":             {"identifiant de contact fourni", "contact identifier given"},
		"card_number_known":            {"numéro de carte connu", "card number known"},
		"email":                        {"même adresse électronique", "same e-mail address"},
		"email_verified":               {"adresse vérifiée par la billetterie", "address verified by the ticketing system"},
		"mobile_phone":                 {"même numéro de mobile", "same mobile number"},
		"phone":                        {"même numéro de téléphone", "same telephone number"},
		"family_name":                  {"même nom de famille", "same family name"},
		"family_name_spelling":         {"même nom de famille, aux particules et espaces près", "same family name but for particles and spaces"},
		"family_name_of_birth":         {"nom de naissance concordant", "name of birth agrees"},
		"given_name":                   {"même prénom", "same given name"},
		"given_name_short":             {"prénom sous sa forme courte", "given name in its short form"},
		"given_name_initial":           {"initiale du prénom", "initial of the given name"},
		"birthdate":                    {"même date de naissance", "same date of birth"},
		"street":                       {"même rue", "same street"},
		"postcode":                     {"même code postal", "same postcode"},
		"name_differs":                 {"nom différent", "different name"},
		"mailbox_listed":               {"adresse de service (liste)", "address of a service (listed)"},
		"mailbox_learnt":               {"adresse utilisée par trop de personnes", "address used by too many people"},
		"mailbox_said":                 {"adresse de service, selon l'institution", "address of a service, says the institution"},
		"reseller_channel":             {"vendu par un revendeur", "sold by a reseller"},
		"organisation_named":           {"organisation nommée par la vente", "organisation named by the sale"},
		"placeholder_name":             {"nom de remplissage", "name that fills a gap"},
		"no_name":                      {"aucun nom", "no name"},
		"no_point":                     {"ni adresse électronique ni téléphone", "neither e-mail address nor telephone"},
		"no_account":                   {"aucun compte", "no account"},
		"nothing_said":                 {"rien n'est dit de l'acheteur", "nothing is said of the buyer"},
		"nobody_like_this":             {"personne de semblable", "nobody like this"},
		"several_candidates":           {"plusieurs contacts également possibles", "several contacts equally possible"},
		"household":                    {"entourage de l'acheteur", "the buyer's household"},
		"same_order":                   {"même commande", "same order"},
		"minor_without_guardian":       {"moins de quinze ans et aucun adulte nommé : aucune coordonnée conservée", "under fifteen and no adult named: no contact point kept"},
		"decided_by_a_person":          {"décision d'une personne", "decided by a person"},
		"decided_for_this_description": {"décision valable pour cette description", "decided for this description"},
		"claimed_with_proof":           {"preuve donnée", "proof given"},
	}
}

// explain is a finding in words.
func explain(lang, rule string, score *float64, evidence []string) string {
	text, known := ruleTexts()[rule]
	if !known {
		return rule
	}
	out := text.in(lang)
	if len(evidence) > 0 {
		words := make([]string, 0, len(evidence))
		for _, e := range evidence {
			words = append(words, evidenceText(lang, e))
		}
		out += sentence{" Éléments : ", " Evidence: "}.in(lang) + strings.Join(words, ", ") + "."
	}
	if score != nil && *score > 0 {
		out += sentence{" Confiance : ", " Confidence: "}.in(lang) + strconv.Itoa(int(*score*100+0.5)) + sentence{" %.", "%."}.in(lang)
	}
	return out
}

func evidenceText(lang, code string) string {
	if text, known := evidenceTexts()[code]; known {
		return text.in(lang)
	}
	return code
}
