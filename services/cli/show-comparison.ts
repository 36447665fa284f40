// ShowComparison: comparisons as a table, JSON, or a page with pictures; what `compare` and `shadow replay` end with.
// Flow: reports, requests of the examples → [showComparisons] → standard output, a file.

import { writeFile } from 'node:fs/promises';
import type { Bus } from '../../shared/bus/bus.ts';
import { codecFor } from '../../shared/codec/registry.ts';
import type { ComparisonReport, Example } from '../../shared/comparison/report.ts';
import { HEADER, headerText } from '../../shared/domain/headers.ts';
import type { InRecord } from '../../shared/domain/record.ts';
import type { Signature } from '../../shared/domain/tensor.ts';
import type { CliContext } from './context.ts';
import { comparisonLines } from './core/comparison-lines.ts';
import { netReport } from './core/comparison-page/judgement.ts';
import { comparisonPage } from './core/comparison-page.ts';
import { type GreyImage, imageOf } from './core/image-of.ts';
import { readJournal } from './journal.ts';

export interface Shown {
  readonly endpoint: string;
  /** To be shown. */
  readonly reports: readonly ComparisonReport[];
  /** All of the endpoint: the noise baseline may be among them. */
  readonly among: readonly ComparisonReport[];
  /** Worst disagreements in the table. */
  readonly top: number;
  /** File of the page; undefined: none. */
  readonly page: string | undefined;
}

/** Rows of an example's request that are read: its picture is that of the first. */
const ROWS_MAX = 1_024;

export async function showComparisons(context: CliContext, shown: Shown): Promise<void> {
  const { endpoint, reports, among, top, page } = shown;
  const net = reports.map((report) => netReport(report, among));
  context.out.result(net, () => {
    const width = context.host.stdout.columns;
    return reports.flatMap((report, place) => [
      ...(place === 0 ? [] : ['']),
      ...comparisonLines(report, { top, width, among }),
    ]);
  });
  if (page === undefined) return;
  const images = await imagesOf(
    context,
    endpoint,
    reports.flatMap(({ examples }) => examples),
  );
  await writeFile(page, comparisonPage(reports, { images, among }));
  context.say(`wrote ${page}`);
}

/** Pictures of the requests that are images, by source. */
async function imagesOf(
  context: CliContext,
  endpoint: string,
  examples: readonly Example[],
): Promise<ReadonlyMap<string, GreyImage>> {
  const bus = await context.bus();
  const images = new Map<string, GreyImage>();
  const signature = await signatureOf(context, bus, endpoint);
  if (signature === null) return images;
  for (const { source, at } of examples) {
    const image = imageIn(await recordAt(context, bus, at.request), signature);
    if (image !== null) images.set(source, image);
  }
  return images;
}

function imageIn(record: InRecord | null, signature: Signature): GreyImage | null {
  if (record?.value == null) return null;
  try {
    const codec = codecFor(headerText(record.headers, HEADER.contentType), record.value);
    return imageOf(codec.decode(record.value, signature, { rowsMax: ROWS_MAX }).inputs);
  } catch {
    // A request that cannot be read has no picture; its refusal is an example all the same.
    return null;
  }
}

/** The record at one place; null when retention has taken it. */
async function recordAt({ signal }: CliContext, bus: Bus, place: Example['at']['request']): Promise<InRecord | null> {
  const { topic, partition, offset } = place;
  for await (const { records } of bus.read({ topic, partitions: [partition], from: offset, until: 'end', signal })) {
    const found = records.find((record) => record.offset >= offset);
    if (found !== undefined) return found.offset === offset ? found : null;
  }
  return null;
}

/** What the endpoint's versions take and give, from the newest accepted rollout. */
async function signatureOf(context: CliContext, bus: Bus, endpoint: string): Promise<Signature | null> {
  const events = await readJournal(context, bus);
  const accepted = events.filter((event) => event.type === 'rollout-accepted' && event.endpoint === endpoint).at(-1);
  return accepted?.type === 'rollout-accepted' ? accepted.signature : null;
}
