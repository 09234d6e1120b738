package main

// small are the tables that a scan may read whole, each for what bounds it.
// Every other table grows with the public or with time.
var small = map[string]string{
	"tenants":               "one row an institution",
	"departments":           "what an institution's organisation chart holds",
	"users":                 "its staff",
	"api_keys":              "made by hand",
	"oauth_clients":         "made by hand",
	"signing_keys":          "a few of the installation",
	"schema_migrations":     "one row",
	"purposes":              "made by hand",
	"consent_wordings":      "made by hand",
	"tags":                  "made by hand",
	"forms":                 "made by hand",
	"form_versions":         "made by hand",
	"ticketing_sources":     "one row a ticketing system",
	"ticketing_price_types": "a ticketing system's price list",
	"event_heads":           "one row an institution",
	"event_consumers":       "one row an integration",
	"webhook_endpoints":     "made by hand",
	"webhook_keys":          "a few an endpoint",
	"webhook_cursors":       "one row an institution",
	"webhook_queues":        "one row an endpoint",
}

// allowed are the queries that may scan a growing table, as "package.Query
// table", each for its reason.
var allowed = map[string]string{}

// byJoin are the queries for which the planner prefers to read an index of the
// whole institution into a hash, each for why it takes that for cheaper. Without
// such joins their plans have to go by index to the rows alone.
var byJoin = map[string]string{
	"indicatorsdb.FindPersons":       "few are merged, and the index of those is small",
	"ticketingdb.ListContactTickets": "few are merged, and the index of those is small",
	"ticketingdb.FindLastOrders":     "few are merged, and the index of those is small",
	"contactsdb.ListFamily":          "few are merged, and the index of those is small",
	"ticketingdb.FindMergedFamily":   "few are merged, and the index of those is small",
}

// allowedWide are the queries that may read all that an institution has in a
// table, as "package.Query table", each for its reason. Where the reason is a
// partial index or the length of a list, the data set cannot show the plan of a
// grown institution: its index is empty here, and a list is guessed to be long.
var allowedWide = map[string]string{
	"indicatorsdb.NoteEverybody ticketing_orders":           "counting everything anew, as an operation",
	"indicatorsdb.NoteEverybody ticketing_lines":            "counting everything anew, as an operation",
	"indicatorsdb.FindTicketFacts ticketing_lines":          "a list of contacts",
	"ticketingdb.FindHoldersOfBuyers ticketing_lines":       "a list of buyers",
	"ticketingdb.FindAwaiting ticketing_lines":              "a list of contacts",
	"ticketingdb.SettleAttendance ticketing_performances":   "a list of scans",
	"ticketingdb.RetermProductions ticketing_productions":   "the catalogue, once, when somebody says what a word stands for",
	"ticketingdb.RetermPerformances ticketing_performances": "the catalogue, once, when somebody says what a word stands for",
	"ticketingdb.SettleGiftCardOwners ticketing_orders":     "a list of cards",
	"ticketingdb.SettleMembershipOwners ticketing_orders":   "a list of memberships",
	"ticketingdb.FindContactsByName ticketing_customers":    "partial index: accounts decided by hand",
	"ticketingdb.FindReplacements ticketing_lines":          "partial index: tickets that replace another",
	"ticketingdb.FindSalesOf ticketing_lines":               "partial index: tickets of which it is known who holds them",
	"ticketingdb.FindSurvivors contacts":                    "partial index: contacts that were merged",
}
