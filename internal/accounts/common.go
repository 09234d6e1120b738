package accounts

import (
	"slices"
	"strings"
)

// commonSource are the words that passwords are commonly made of, French and
// English, without accents.
const commonSource = `
password passwords passw0rd passwort motdepasse mdp secret private admin administrator administrateur root user utilisateur guest invite
login logon signin connexion welcome bienvenue letmein laissezmoientrer access acces changeme changezmoi default defaut temporary temporaire
test testing example exemple demo sample bonjour bonsoir salut hello coucou merci please svp iloveyou jetaime amour love lover loulou doudou
cheri cherie coeur princess princesse prince soleil sunshine summer winter spring autumn hiver printemps automne january february march april
june july august september october november december janvier fevrier mars avril juin juillet aout septembre octobre novembre decembre monday
tuesday wednesday thursday friday saturday sunday lundi mardi mercredi jeudi vendredi samedi dimanche football basketball baseball hockey
rugby tennis marseille paris lyon toulouse bordeaux nantes lille france french francais europe london dragon monkey master maitre shadow
superman batman spiderman starwars pokemon naruto michael jennifer jordan thomas nicolas julien sophie camille marie jean pierre chocolat
chocolate cookie banana orange apple google facebook instagram twitter amazon windows microsoft samsung iphone computer ordinateur internet
freedom liberte egalite fraternite whatever trustno1 nothing rien azerty qwerty qwertz ninja mustang ferrari mercedes porsche harley pepper
ginger tigger killer hunter ranger buster soccer charlie robert daniel jessica ashley andrew matthew flower fleur butterfly papillon angel
ange diamond diamant gold silver argent bonheur famille family maison house school ecole theatre museum musee opera festival concert culture
spectacle billetterie ticketing mediatheque bibliotheque library association mairie conservatoire orchestre crm contact contacts company
entreprise service bureau office work travail accueil reception`

func commonWords() []string { return strings.Fields(commonSource) }

// rows are what a finger runs along, both ways.
func rows() []string {
	out := []string{
		"012345678901234567890", "abcdefghijklmnopqrstuvwxyz", "azertyuiop", "qsdfghjklm", "wxcvbn", "qwertyuiop", "asdfghjkl", "zxcvbnm",
		"qwertzuiop", "yxcvbnm", "1q2w3e4r5t6y7u8i9o0p", "1a2z3e4r5t6y7u8i9o0p", "1qaz2wsx3edc4rfv5tgb6yhn7ujm", "aqwzsxedcrfvtgbyhn",
		"&é\"'(-è_çà)=", "!@#$%^&*()",
	}
	for _, row := range slices.Clone(out) {
		r := []rune(row)
		slices.Reverse(r)
		out = append(out, string(r))
	}
	return out
}
