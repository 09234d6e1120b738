package pg

// MigrationLocks are the locks under which a program migrates a database.
func MigrationLocks(database string) []int64 {
	locks, err := locksOf(database)
	if err != nil {
		panic(err)
	}
	return locks
}
