// Protocol between the bench and one variant in a process of its own (Node's child process messages).
// ready (joined nothing yet, warmed up) → go (begin to consume) → perhaps pause → paused, and go again → stop.
// What was done is read from Kafka, not reported.

export interface VariantOptions {
  readonly brokers: readonly string[];
  readonly input: string;
  readonly output: string;
  readonly partitions: number;
  /** Unique per run. */
  readonly group: string;
  readonly delivery: 'exactly-once' | 'at-least-once';
}

export interface Variant {
  /** Begins to consume. */
  go(): Promise<void>;
  /** Consumes no more, until the next `go`. */
  pause?(): Promise<void>;
  stop(): Promise<void>;
}

/** Bytes that one partition's batch holds at most, in every variant. */
export const BATCH_BYTES_MAX = 1_048_576;
/** Longest wait of a fetch, in every variant. */
export const FETCH_WAIT_MS = 50;

/** Runs a variant in this process, as told by the parent. */
export async function serveVariant(prepare: (options: VariantOptions) => Promise<Variant>): Promise<void> {
  const options = JSON.parse(process.argv[2] ?? '{}') as VariantOptions;
  const variant = await prepare(options);
  process.on('message', (message: { type: 'go' | 'pause' | 'stop' }) => {
    obey(variant, message.type).catch((error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    });
  });
  process.once('disconnect', () => process.exit(0));
  process.send?.({ type: 'ready' });
}

async function obey(variant: Variant, type: 'go' | 'pause' | 'stop'): Promise<void> {
  if (type === 'go') return variant.go();
  if (type === 'pause') {
    await variant.pause?.();
    process.send?.({ type: 'paused' });
    return;
  }
  await variant.stop();
  process.disconnect();
}
