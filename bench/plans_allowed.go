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
