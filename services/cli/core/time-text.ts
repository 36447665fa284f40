// TimeText: times for people and for JSON, always UTC.

/** `2026-01-31 12:00:00.000Z`; the number itself where it is no time that a calendar has. */
export function timeText(ms: number): string {
  return isoTime(ms).replace('T', ' ');
}

/** `2026-01-31T12:00:00.000Z` @source ECMA-262, time values end at 8.64e15 ms */
export function isoTime(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms);
}
