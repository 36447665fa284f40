// shadow replay: time travel: what a version would have answered to requests that were answered already.

import type { Command } from 'commander';
import { MillraceError } from '../../../shared/domain/errors.ts';
import { modelRepository } from '../../../shared/models/repository.ts';
import { modelLauncher, NICE_SHADOW } from '../../../shared/runtimes/spawn.ts';
import { boundAlone, Versions } from '../../../shared/serving/versions.ts';
import type { CliContext } from '../context.ts';
import { parseCount, parseMoment, parseWeight } from '../core/parse.ts';
import { progressText } from '../core/replay-progress.ts';
import { tolerancesOnRecord } from '../core/replay-terms.ts';
import { readRuns } from '../read-runs.ts';
import { REPLAY_DEFAULTS } from '../replay-options.ts';
import { replayShadow } from '../replay-shadow.ts';
import { showComparisons } from '../show-comparison.ts';
import { type AddCommand, examples, topOption, windowOption } from './command.ts';
import { endpointName } from './control.ts';

interface ReplayCommandOptions {
  readonly candidate: number;
  readonly from: string;
  readonly sample: number;
  readonly labelWindow: number;
  readonly repository?: string;
  readonly top: number;
  readonly report?: string;
}

const PROGRESS_EVERY_MS = 1_000;
const VERSION_MAX = 999_999_999;

export const addShadow: AddCommand = (program, runner) => {
  const family = program.command('shadow').summary('score copies of requests');
  const replay: Command = family
    .command('replay <endpoint>')
    .summary('score recorded requests with another version')
    .description(
      'Scores requests that are on record with a version of the model repository, and compares its outputs with the answers ' +
        'that were given then. It writes nothing, joins no group and runs at the lowest priority, so that live traffic may ' +
        'go on beside it. Requests that come after its start are left out. Tolerances are those of the newest shadow of the ' +
        'version on record, else of any version, and so is the noise floor.',
    )
    .requiredOption('--candidate <version>', 'version to score with', (text) => parseCount(text, VERSION_MAX))
    .option('--from <time>', 'requests from this time on: a date, or how long ago, like 2h', '1h')
    .option('--sample <part>', 'part of them: basis points, or a percentage', parseWeight, REPLAY_DEFAULTS.sampleBp)
    .addOption(
      windowOption(
        '--label-window <n>',
        'a label counts that came before so many more requests of its partition',
        REPLAY_DEFAULTS.labelWindow,
      ),
    )
    .option('--repository <folder>', 'model repository (default: MILLRACE_REPOSITORY, else ./models)')
    .addOption(topOption())
    .option('--report <file>', 'also write a page with pictures, which needs nothing else');
  examples(replay, [
    ['millrace shadow replay digits --candidate 9 --from 2h', 'the last two hours'],
    ['millrace shadow replay digits --candidate 9 --from 7d --sample 5% --report v9.html', 'a sample of a week'],
  ]);
  runner.bind<ReplayCommandOptions>(replay, async (context, { operands: [name], options }) => {
    const endpoint = endpointName(name);
    const bus = await context.bus();
    const runs = await readRuns(context, bus, endpoint);
    const repository = options.repository ?? context.settings.repository;
    const { digest } = await modelRepository(repository).manifest(endpoint, options.candidate);
    const model = { version: options.candidate, digest };
    const launcher = modelLauncher({
      repository,
      clock: context.clock,
      nice: NICE_SHADOW,
      environment: context.env,
      onNotice: ({ what, detail }) => what !== 'ready' && context.say(`v${model.version} ${what}: ${detail}`),
    });
    const versions = new Versions({ endpoint, launcher, clock: context.clock, onState: () => {} });
    try {
      await versions.reconcile(boundAlone('replay', [model]));
      await versions.settled(model);
      const report = await replayShadow({
        ...{ bus, topics: context.topics, endpoint, model, versions },
        ...{ clock: context.clock, signal: context.signal },
        fromMs: parseMoment(options.from, context.clock.nowMs()),
        sampleBp: options.sample,
        tolerances: tolerancesOnRecord(runs, options.candidate),
        labelWindow: options.labelWindow,
        onProgress: progressOf(context),
      });
      if (report.counts.matched + report.counts.missingLive === 0) {
        throw new MillraceError('NOT_FOUND', {
          detail: `no request of ${endpoint} since ${options.from} is on record`,
        });
      }
      const among = [report, ...runs.map((run) => run.report)];
      await showComparisons(context, { endpoint, reports: [report], among, top: options.top, page: options.report });
      return 'ok';
    } finally {
      await versions.stop();
    }
  });
};

/** Says how far it is, at most once a second, with an estimate. */
function progressOf({ clock, say }: CliContext): (done: number, total: number) => void {
  const startMs = clock.nowMs();
  let saidMs = startMs;
  return (done, total) => {
    const nowMs = clock.nowMs();
    if (nowMs - saidMs < PROGRESS_EVERY_MS) return;
    saidMs = nowMs;
    say(progressText({ done, total, elapsedMs: nowMs - startMs }));
  };
}
