package rights

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/mail"
	"github.com/parvis-crm/parvis/internal/rights/internal/rightsdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// tell writes to all who may grant roles that one was taken in an emergency, and
// returns to how many.
func (s *Service) tell(ctx context.Context, tx pgx.Tx, actor web.Actor, role Role, a rightsdb.InsertAssignmentParams) (int, error) {
	user, err := s.q.UserStanding(ctx, tx, actor.Tenant, a.PrincipalID)
	if err != nil {
		return 0, err
	}
	now := s.clock.Now()
	people, err := s.q.Answerable(ctx, tx, rightsdb.AnswerableParams{Scope: "rights:grant", TenantID: actor.Tenant, Now: now, Lapsed: now.Add(-access.ReviewGrace)})
	if err != nil {
		return 0, err
	}
	told := 0
	for _, p := range people {
		if p.ID == a.PrincipalID {
			continue // nobody reviews their own
		}
		if _, err := s.mail.SendTx(ctx, tx, notice(p.Locale, p.Email, user.Name, role, a)); err != nil {
			return told, err
		}
		told++
	}
	return told, nil
}

func notice(locale, to, who string, role Role, a rightsdb.InsertAssignmentParams) mail.Message {
	who, name := oneLine(who), oneLine(role.Name)
	until := a.ExpiresAt.UTC().Format("2006-01-02 15:04 UTC")
	if strings.HasPrefix(locale, "en") {
		return mail.Message{
			To: to, Subject: shorten("Emergency access taken: " + who),
			Text: fmt.Sprintf("%s has taken the role “%s” in an emergency, until %s.\n\nReason given:\n%s\n\nPlease look at it, end it if it was not justified, and confirm it otherwise: role assignment %s.\n",
				who, name, until, *a.Reason, a.ID),
		}
	}
	return mail.Message{
		To: to, Subject: shorten("Accès d'urgence pris : " + who),
		Text: fmt.Sprintf("%s a pris le rôle « %s » en urgence, jusqu'au %s.\n\nMotif donné :\n%s\n\nMerci de l'examiner, d'y mettre fin s'il n'était pas justifié, de le confirmer sinon : attribution %s.\n",
			who, name, until, *a.Reason, a.ID),
	}
}

// tellOfLeaving writes to all who may change users that a directory has ended
// one, with what is left for somebody else.
func (s *Service) tellOfLeaving(ctx context.Context, tx pgx.Tx, u access.User, left access.Belongings) error {
	now := s.clock.Now()
	people, err := s.q.Answerable(ctx, tx, rightsdb.AnswerableParams{Scope: "users:write", TenantID: u.TenantID, Now: now, Lapsed: now.Add(-access.ReviewGrace)})
	if err != nil {
		return err
	}
	for _, p := range people {
		if _, err := s.mail.SendTx(ctx, tx, noticeOfLeaving(p.Locale, p.Email, u, left)); err != nil {
			return err
		}
	}
	return nil
}

func noticeOfLeaving(locale, to string, u access.User, left access.Belongings) mail.Message {
	who := oneLine(u.Name)
	keys := len(left.APIKeys) + len(left.OAuthClient)
	if strings.HasPrefix(locale, "en") {
		return mail.Message{
			To: to, Subject: shorten("To be handed over: " + who),
			Text: fmt.Sprintf("The directory has ended the account of %s.\n\nContacts they looked after, restricted ones apart: %d\nKeys and programs they made, which go on: %d\n\nPlease say who takes the contacts over (POST /v1/users/%s/reassignments), and keep or revoke the keys (GET /v1/users/%s/belongings lists them).\n",
				who, left.Contacts, keys, u.ID, u.ID),
		}
	}
	return mail.Message{
		To: to, Subject: shorten("À reprendre : " + who),
		Text: fmt.Sprintf("L'annuaire a mis fin au compte de %s.\n\nContacts suivis, hors contacts restreints : %d\nClés et programmes créés, qui continuent : %d\n\nMerci de dire qui reprend les contacts (POST /v1/users/%s/reassignments) et de garder ou révoquer les clés (GET /v1/users/%s/belongings les énumère).\n",
			who, left.Contacts, keys, u.ID, u.ID),
	}
}

// oneLine makes sure that a name cannot end a header or a sentence.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func shorten(s string) string {
	const most = 200
	if r := []rune(s); len(r) > most {
		return string(r[:most])
	}
	return s
}
