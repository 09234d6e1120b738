package app

import (
	"context"

	"github.com/parvis-crm/parvis/internal/mail"
)

// sendMail sends what is queued, as long as the program runs.
func (a *App) sendMail(ctx context.Context) error {
	r, err := mail.NewRunner(a.domains.mail, a.Log, a.Config.SMTPURL, a.Config.MailFrom)
	if err != nil {
		return err
	}
	return r.Run(ctx)
}
