package webhooks

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/mail"
	"github.com/parvis-crm/parvis/internal/webhooks/internal/webhooksdb"
)

// noticeTexts are what the institution's technical contacts are written.
type noticeTexts struct {
	failing, failingText, disabled, disabledText, endpoint, id, last string
	reasons                                                          map[string]string
}

func noticesIn(locale string) noticeTexts {
	if base, _, _ := strings.Cut(locale, "-"); base != "fr" {
		return noticeTexts{
			failing:     "Deliveries to %HOST% have been failing for a day",
			failingText: "Hello,\n\nSince %SINCE% (UTC) no delivery of events of %TENANT% to this address has succeeded. If nothing changes, the address will be disabled five days after the first failure.",
			disabled:    "Deliveries to %HOST% have ended", disabledText: "Hello,\n\nThe events of %TENANT% are no longer delivered to this address: %REASON%",
			endpoint: "Address: %HOST%", id: "Webhook endpoint: %ID%",
			last: "Its deliveries, with each attempt and answer, are at %PATH%. Once the receiver is well again, verify the endpoint; what it missed can be sent again.",
			reasons: map[string]string{
				"failing": "for five days nothing but failures has come back.", "gone": "it answered that it is gone (410).",
				"receiver": "it asked for no more.", "unverified": "it did not agree to receive them.", "orphaned": "who or what made the endpoint may no longer act: it was revoked or deactivated, or has expired.",
			},
		}
	}
	return noticeTexts{
		failing:     "Les livraisons à %HOST% échouent depuis un jour",
		failingText: "Bonjour,\n\nDepuis le %SINCE% (UTC), aucune livraison des événements de %TENANT% à cette adresse n'a réussi. Si rien ne change, l'adresse sera désactivée cinq jours après le premier échec.",
		disabled:    "Les livraisons à %HOST% ont cessé", disabledText: "Bonjour,\n\nLes événements de %TENANT% ne sont plus livrés à cette adresse : %REASON%",
		endpoint: "Adresse : %HOST%", id: "Webhook : %ID%",
		last: "Ses livraisons, avec chaque essai et sa réponse, se lisent à %PATH%. Une fois le destinataire rétabli, vérifiez de nouveau le webhook ; ce qu'il a manqué peut lui être renvoyé.",
		reasons: map[string]string{
			"failing": "depuis cinq jours, elle ne renvoie que des échecs.", "gone": "elle a répondu qu'elle n'existe plus (410).",
			"receiver": "elle a demandé à ne plus rien recevoir.", "unverified": "elle n'a pas accepté de les recevoir.", "orphaned": "qui avait créé le webhook ne peut plus agir : accès révoqué, désactivé ou expiré.",
		},
	}
}

// tellTx writes to the institution's technical contacts as part of tx, which
// also notes that they were told, so that an episode is told once. since is zero
// where deliveries have ended, for a reason.
func (s *Service) tellTx(ctx context.Context, tx pgx.Tx, e webhooksdb.WebhookEndpoint, since time.Time, reason string) error {
	institution, err := s.q.GetInstitution(ctx, tx, e.TenantID)
	if err != nil {
		return err
	}
	for _, to := range institution.TechnicalContacts {
		_, err := s.mail.SendTx(ctx, tx, notice(institution, e, to, since, reason))
		if errors.Is(err, mail.ErrUnsafe) {
			s.log.WarnContext(ctx, "a technical contact cannot be written to", "endpoint", e.ID)
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func notice(institution webhooksdb.GetInstitutionRow, e webhooksdb.WebhookEndpoint, to string, since time.Time, reason string) mail.Message {
	t := noticesIn(institution.Locale)
	fill := strings.NewReplacer(
		"%HOST%", host(e.URL), "%TENANT%", oneLine(institution.Name), "%SINCE%", since.UTC().Format("2006-01-02 15:04"), "%REASON%", t.reasons[reason],
		"%ID%", e.ID.String(), "%PATH%", "/v1/webhook-endpoints/"+e.ID.String()+"/deliveries",
	)
	subject, text := t.failing, t.failingText
	if since.IsZero() {
		subject, text = t.disabled, t.disabledText
	}
	about := []string{fill.Replace(text), "", fill.Replace(t.endpoint), fill.Replace(t.id)}
	if e.Description != "" {
		about = append(about, oneLine(e.Description))
	}
	about = append(about, "", fill.Replace(t.last), "")
	return mail.Message{To: to, Subject: fill.Replace(subject), Text: strings.Join(about, "\n")}
}

// host is all that a mail tells of the address: its path may hold a secret.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}
