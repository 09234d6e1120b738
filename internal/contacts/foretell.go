package contacts

import "github.com/google/uuid"

// Foretell returns what CreateTx would refuse of a contact by its own rules, at
// the pointers of the contract, for domains that accept today what becomes a
// contact later. It looks at no register, so it tells nothing about anybody.
func (s *Service) Foretell(in New) error {
	_, err := s.draft(in, uuid.Nil)
	return err
}
