// Respawn: when a model's process ended without being asked to, how long to wait, and when to give up. Pure.
// Why two counts: a process that does not come up is broken and backs off; one that came up (golden samples included)
// and then died over a batch is mostly the batch's fault: bisecting one poison row costs a dozen deaths in a row, which
// must not take minutes. Many of them with no answer in between open the circuit; and so do very many in a few hours,
// whatever was answered in between: a neighbour's answers must not keep a model going that dies over every other batch.

export const BACKOFF_FIRST_MS = 250;
export const BACKOFF_MAX_MS = 30_000;
/** Starts in a row that did not become READY. */
export const FAILED_STARTS_MAX = 5;
/** Deaths in a row over a batch, with no batch answered in between, within the window. */
export const BATCH_DEATHS_MAX = 24;
export const BATCH_DEATHS_WINDOW_MS = 60_000;
/**
 * Deaths over a batch within the long window, answers or not. So many that 512 requests of which one in eight is poison
 * still come to their end (about 400): an incumbent has nobody to answer instead.
 */
export const ALL_DEATHS_MAX = 512;
export const ALL_DEATHS_WINDOW_MS = 6 * 60 * 60 * 1000;

export interface RespawnState {
  readonly failedStarts: number;
  readonly batchDeaths: number;
  /** Of the first of `batchDeaths`. */
  readonly firstDeathMs: number;
  /** Over a batch, answers or not. */
  readonly allDeaths: number;
  /** Of the first of `allDeaths`. */
  readonly allFirstMs: number;
}

export const NO_DEATHS: RespawnState = {
  failedStarts: 0,
  batchDeaths: 0,
  firstDeathMs: 0,
  allDeaths: 0,
  allFirstMs: 0,
};

export type RespawnDecision =
  | { readonly action: 'respawn'; readonly delayMs: number; readonly state: RespawnState }
  | { readonly action: 'give-up'; readonly why: string };

/** The process ended before it was READY. */
export function afterFailedStart(state: RespawnState): RespawnDecision {
  const failedStarts = state.failedStarts + 1;
  if (failedStarts >= FAILED_STARTS_MAX) return { action: 'give-up', why: `${failedStarts} starts in a row failed` };
  const delayMs = Math.min(BACKOFF_FIRST_MS * 2 ** (failedStarts - 1), BACKOFF_MAX_MS);
  return { action: 'respawn', delayMs, state: { ...state, failedStarts } };
}

/** The process was READY and died. */
export function afterBatchDeath(state: RespawnState, nowMs: number): RespawnDecision {
  const fresh = state.batchDeaths === 0 || nowMs - state.firstDeathMs > BATCH_DEATHS_WINDOW_MS;
  const batchDeaths = fresh ? 1 : state.batchDeaths + 1;
  if (batchDeaths >= BATCH_DEATHS_MAX) {
    return { action: 'give-up', why: `it died ${batchDeaths} times with no answer in between` };
  }
  const allFresh = state.allDeaths === 0 || nowMs - state.allFirstMs > ALL_DEATHS_WINDOW_MS;
  const allDeaths = allFresh ? 1 : state.allDeaths + 1;
  if (allDeaths >= ALL_DEATHS_MAX) return { action: 'give-up', why: `it died ${allDeaths} times in a few hours` };
  const firstDeathMs = fresh ? nowMs : state.firstDeathMs;
  const allFirstMs = allFresh ? nowMs : state.allFirstMs;
  return {
    action: 'respawn',
    delayMs: 0,
    state: { failedStarts: 0, batchDeaths, firstDeathMs, allDeaths, allFirstMs },
  };
}

/** A batch was answered: whatever died before was not the model, as long as that does not go on. */
export function afterAnswer(state: RespawnState): RespawnState {
  return { ...NO_DEATHS, allDeaths: state.allDeaths, allFirstMs: state.allFirstMs };
}
