// Package quotas is what an administrator gives a credential to ask of the server
// in a minute, where that differs from what the installation gives everybody. The
// quotas are counted in internal/web, over a ledger that reads them here.
package quotas
