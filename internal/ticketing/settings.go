package ticketing

import "encoding/json"

// settings are what the codes of a source mean at the institution.
type settings struct {
	purposes, classes, campaigns, policies map[string]string
}

func settingsOf(source Source) settings {
	return settings{purposes: mapping(source.PurposeCodes), classes: mapping(source.PriceClasses), campaigns: mapping(source.CampaignCodes), policies: mapping(source.FieldPolicies)}
}

func mapping(raw json.RawMessage) map[string]string {
	var out map[string]string
	if json.Unmarshal(raw, &out) != nil {
		return nil
	}
	return out
}

// class is what a price type counts as, and who said so. Where neither the
// institution nor the source did, it is of no class and says so.
func (s settings) class(name string, stated *string) (class, origin string) {
	if mapped, ok := s.classes[name]; ok {
		return mapped, "mapped"
	}
	if stated != nil {
		return *stated, "stated"
	}
	return "other", "unmapped"
}

// purpose is the registered purpose that a source's own name for a question
// stands for.
func (s settings) purpose(name string) string {
	if mapped, ok := s.purposes[name]; ok {
		return mapped
	}
	return name
}

// voucher is the code of an offer, and the campaign that gave it out: as the
// source says, or else as the institution does.
func (s settings) voucher(v *voucherDoc) (code, campaign *string) {
	if v == nil {
		return nil, nil
	}
	campaign = v.Campaign
	if mapped, ok := s.campaigns[v.Code]; ok && campaign == nil {
		campaign = &mapped
	}
	return &v.Code, campaign
}
