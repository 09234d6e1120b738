package pretix_test

type m = map[string]any
