// Request queue patch: no timers while nothing is pending.
// Flow: client.ts applies it to kafkajs's RequestQueue before a connection exists.
// Why: as shipped every answer arms a timer that arms itself again (about 700 wake-ups a second per idle connection,
//      kafkajs #1704), and a second one looks for timed-out requests ten times a second.
// Invariant: a pending request is still sent when throttling ends, and a request still times out.

export const REQUEST_QUEUE_FILE = 'network/requestQueue/index.js';
export const REQUEST_QUEUE_SHA256 = 'b55986089c14f8f7bfc377922e2e65b3e4c1e7c7af2752d3b10a75dfe9e9260c';

/** How late a request timeout may be noticed. */
const TIMEOUT_CHECK_MS = 500;

interface SentRequest {
  readonly requestTimeout: number;
  timeoutRequest(): void;
}

/** What the patch touches of a RequestQueue. */
export interface PatchedQueue {
  readonly pending: readonly unknown[];
  readonly inflight: ReadonlyMap<number, SentRequest>;
  requestTimeoutIntervalId?: NodeJS.Timeout;
  readonly isConnected: () => boolean;
  destroy(): void;
  scheduleCheckPendingRequests(): void;
  scheduleRequestTimeoutCheck(): void;
}

export function patchRequestQueue(queue: { readonly prototype: PatchedQueue }): void {
  const { prototype } = queue;
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function scheduleWhenPending(this: PatchedQueue) {
    if (this.pending.length > 0) schedule.call(this);
  };
  prototype.scheduleRequestTimeoutCheck = function checkTimeouts(this: PatchedQueue) {
    this.destroy();
    // Counted in checks since a request was first seen, so that a jump of the wall clock times nothing out.
    const checks = new WeakMap<SentRequest, number>();
    this.requestTimeoutIntervalId = setInterval(() => {
      if (!this.isConnected()) return this.destroy();
      for (const request of this.inflight.values()) {
        const seen = (checks.get(request) ?? 0) + 1;
        checks.set(request, seen);
        if ((seen - 1) * TIMEOUT_CHECK_MS >= request.requestTimeout) request.timeoutRequest();
      }
    }, TIMEOUT_CHECK_MS);
    this.requestTimeoutIntervalId.unref();
  };
}
