// Pace: how often the comparator troubles the brokers. Nobody waits for a comparison, and fetches and transactions for each few
// records cost the brokers, which the live road shares, as much as its own do (docs/benchmarks.md).

/** Time between two fetches of an input while it keeps up. */
export const FETCH_INTERVAL_MS = 1_000;
/** Time between two commits of a partition while there is something to write. */
export const COMMIT_INTERVAL_MS = 2_000;
