// apply: endpoints and rollouts from files to their topics, after all of them were checked.
// Invariant: one problem in one file and nothing is written.

import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import type { Bus } from '../../../shared/bus/bus.ts';
import { errorText, MillraceError } from '../../../shared/domain/errors.ts';
import type { Consumed } from '../../../shared/domain/event.ts';
import { STRATEGIES } from '../../../shared/strategies/registry.ts';
import type { CliContext } from '../context.ts';
import { answersRecord, judge, settlesAt, type Verdict, WAITS, type Wait } from '../core/outcome.ts';
import { readSpecs, type Spec } from '../core/spec-file.ts';
import { SPEC_CHARS_MAX } from '../core/spec-size.ts';
import { awaitEvent, journalEnd } from '../journal.ts';
import { writeControl } from '../write-control.ts';
import { type AddCommand, examples, lists, timeOption } from './command.ts';
import { endOf, verdictLine } from './verdict.ts';

interface ApplyOptions {
  readonly file: readonly string[];
  readonly dryRun?: boolean;
  readonly wait?: Wait;
  readonly timeout: number;
  readonly reason?: string;
}

/** What became of one document. */
interface Applied {
  readonly kind: Spec['kind'];
  readonly endpoint: string;
  readonly place: string;
  readonly result: 'valid' | 'written' | Verdict['kind'];
  readonly event: Verdict['event'] | null;
}

export const addApply: AddCommand = (program, runner) => {
  const command: Command = program
    .command('apply')
    .summary('write endpoints and rollouts from files')
    .description(
      'Writes endpoints and rollouts from YAML or JSON files, several documents each. A document with `candidate` is a ' +
        'rollout, any other an endpoint; `kind: endpoint` or `kind: rollout` says so outright. All files are checked first: ' +
        'problems are shown as file:line:col, and then nothing is written.',
    )
    .requiredOption('-f, --file <file...>', 'files to apply; - is standard input')
    .option('--dry-run', 'check only')
    .addOption(
      new Option(
        '--wait [until]',
        'wait for the controller: until the answer, until only you move the rollout, or until its end',
      )
        .choices(WAITS)
        .preset('settled'),
    )
    .addOption(timeOption('--timeout <time>', 'longest wait of each document', '60s'))
    .option('--reason <text>', 'why, for the audit trail; a reason in the file wins');
  lists(
    command,
    'Strategies',
    STRATEGIES.map(({ name, summary }) => [name, summary]),
  );
  examples(command, [
    ['millrace apply -f endpoint.yaml', 'define an endpoint'],
    ['millrace apply -f endpoint.yaml -f rollout.yaml --wait', 'and roll a version out'],
    ['millrace apply -f rollout.yaml --dry-run', 'check a file'],
    ['cat rollout.json | millrace apply -f - --wait accepted --timeout 10s', 'from standard input'],
  ]);
  runner.bind<ApplyOptions>(command, async (context, { options }) => {
    const specs = await loadSpecs(context, options.file, options.reason);
    const applied = options.dryRun === true ? specs.map(checkedOnly) : await applySpecs(context, specs, options);
    context.out.result(
      applied.map(({ event, ...rest }) => ({ ...rest, event: event?.type ?? null, code: event?.code || null })),
      ({ table }) =>
        table(
          ['KIND', 'ENDPOINT', 'RESULT', 'CONTROLLER'],
          applied.map(({ kind, endpoint, result, event }) => [
            kind,
            endpoint,
            result,
            event === null ? '' : verdictLine(event),
          ]),
        ),
    );
    return endOf(
      context,
      applied.map(({ result, event }) => ({ kind: result, event })),
    );
  });
};

/** Checked documents, endpoints first, with who asks filled in. @throws SPEC_INVALID after every problem was shown */
export async function loadSpecs(
  context: CliContext,
  files: readonly string[],
  reason: string | undefined,
): Promise<readonly Spec[]> {
  const texts = await Promise.all(files.map(async (file) => ({ file, text: await readSpecText(context, file) })));
  const { specs, problems } = readSpecs(
    texts.map(({ file, text }) => ({ file: file === '-' ? '(stdin)' : file, text })),
  );
  if (problems.length > 0) {
    for (const problem of problems) context.say(problem);
    const detail = `${problems.length} problem${problems.length === 1 ? '' : 's'}; nothing was written`;
    throw new MillraceError('SPEC_INVALID', { place: files.join(', '), detail });
  }
  return specs.map((spec) => {
    if (spec.kind === 'endpoint') return spec;
    const { actor, reason: given } = spec.value;
    const named = actor !== 'unknown' && !context.actorGiven ? actor : context.actor;
    return { ...spec, value: { ...spec.value, actor: named, reason: given === '' ? (reason ?? '') : given } };
  });
}

/** Writes the documents in order. With `wait`, each is waited for; one that is refused ends the work. */
export async function applySpecs(
  context: CliContext,
  specs: readonly Spec[],
  options: Pick<ApplyOptions, 'wait' | 'timeout'>,
): Promise<readonly Applied[]> {
  const bus = await context.bus();
  const done: Applied[] = [];
  for (const spec of specs) {
    const { kind, place, value } = spec;
    const { endpoint } = value;
    const from = options.wait === undefined ? 0 : await journalEnd(context, bus);
    const written = await writeSpec(context, bus, spec);
    if (options.wait === undefined) {
      done.push({ kind, endpoint, place, result: 'written', event: null });
      continue;
    }
    context.say(`${kind} of ${endpoint}: written, waiting for the controller`);
    const wait = kind === 'endpoint' ? 'accepted' : options.wait === 'settled' ? settlesAt(value) : options.wait;
    const { kind: result, event } = await awaitEvent(context, bus, {
      from,
      timeoutMs: options.timeout,
      words: `${kind} of ${endpoint}`,
      judge: judge({ wait, isAnswer: answersRecord(written), outcome: 'promoted' }),
    });
    done.push({ kind, endpoint, place, result, event });
    if (result !== 'ok') break;
  }
  return done;
}

function writeSpec(context: CliContext, bus: Bus, spec: Spec): Promise<Consumed> {
  const { endpoint } = spec.value;
  return spec.kind === 'endpoint'
    ? writeControl(context, bus, { kind: 'endpoint', endpoint, value: spec.value })
    : writeControl(context, bus, { kind: 'rollout', endpoint, value: spec.value });
}

function checkedOnly({ kind, place, value }: Spec): Applied {
  return { kind, endpoint: value.endpoint, place, result: 'valid', event: null };
}

/** @throws USAGE when the file cannot be read */
async function readSpecText(context: CliContext, file: string): Promise<string> {
  if (file !== '-') {
    return readFile(file, 'utf8').catch((error: unknown) => {
      throw new MillraceError('USAGE', { detail: `${file} cannot be read: ${errorText(error)}` }, error);
    });
  }
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of context.stdin) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > SPEC_CHARS_MAX) break;
  }
  return text;
}
