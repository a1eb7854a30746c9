// Package exposition writes metrics in the two text formats that scrapers read:
// Prometheus's text format 0.0.4 and OpenMetrics 1.0.0.
//
// A [Writer] is given one family after another, each with its samples, and
// returns the whole text. [Negotiate] chooses the format that a scraper asked for.
// What a metric means is its owner's affair: nothing is registered, kept or
// counted here.
//
// There is a library for this. It was used here first, and cost every process that
// was started 1.5 ms and 160 page faults before main, the children among them,
// which never answer a scrape.
package exposition
