package docs

// texts are the words of our own pages; the contract speaks for itself.
type texts struct {
	Title, Explorer, Reference    string
	Navigation, Document, Licence string
	Loading, NoScript, Failed     string
	TryNote                       string
	Problem, Code, Cause, Fix     string
	UnknownTitle, UnknownText     string
	Back                          string
}

func textsIn(lang string) texts {
	if lang == "fr" {
		return texts{
			Title:        "API Parvis",
			Reference:    "Référence",
			Explorer:     "Essayer",
			Navigation:   "Documentation",
			Document:     "Description OpenAPI",
			Licence:      "Licences",
			Loading:      "Chargement de la documentation…",
			NoScript:     "Cette page a besoin de JavaScript. La description OpenAPI se lit aussi sans lui :",
			Failed:       "La documentation n’a pas pu être affichée. La description OpenAPI reste lisible :",
			TryNote:      "Les requêtes partent vers ce serveur et modifient ses données. Utilisez une clé de test ; elle n’est pas conservée par cette page.",
			Problem:      "Problème",
			Code:         "Code",
			Cause:        "Cause",
			Fix:          "Que faire",
			UnknownTitle: "Code inconnu",
			UnknownText:  "Cette version de l’API n’utilise pas ce code de problème.",
			Back:         "Retour à la référence",
		}
	}
	return texts{
		Title:        "Parvis API",
		Reference:    "Reference",
		Explorer:     "Try it",
		Navigation:   "Documentation",
		Document:     "OpenAPI document",
		Licence:      "Licences",
		Loading:      "Loading the documentation…",
		NoScript:     "This page needs JavaScript. The OpenAPI document can be read without it:",
		Failed:       "The documentation could not be shown. The OpenAPI document can still be read:",
		TryNote:      "Requests go to this server and change its data. Use a test key; this page does not keep it.",
		Problem:      "Problem",
		Code:         "Code",
		Cause:        "Cause",
		Fix:          "What to do",
		UnknownTitle: "Unknown code",
		UnknownText:  "This version of the API does not use this problem code.",
		Back:         "Back to the reference",
	}
}
