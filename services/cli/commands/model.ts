// model: pack an exported model as an immutable package, verify one, look at one. No broker is needed.

import { type Command, Option } from 'commander';
import { MillraceError } from '../../../shared/domain/errors.ts';
import type { Manifest } from '../../../shared/domain/manifest.ts';
import type { TensorSpec } from '../../../shared/domain/tensor.ts';
import { readManifest } from '../../../shared/models/manifest.ts';
import { type PackRequest, packModel } from '../../../shared/models/pack.ts';
import { verifyFolder } from '../../../shared/models/verify.ts';
import { NO_OWNER } from '../../../shared/runtimes/model-process.ts';
import { outputRecorder } from '../../../shared/runtimes/record.ts';
import { findRuntime, RUNTIMES, runtimesFor } from '../../../shared/runtimes/registry.ts';
import { modelLauncher, NICE_LIVE } from '../../../shared/runtimes/spawn.ts';
import type { CliContext } from '../context.ts';
import { parseCount } from '../core/parse.ts';
import { printable } from '../core/printable.ts';
import { isInRepository, type PackagePlace, packagePlace, readGoldenInputs, readSignature } from '../model-files.ts';
import type { Tables } from '../output.ts';
import { type AddCommand, examples, lists, type Runner } from './command.ts';
import { endpointName } from './control.ts';

const VERSION_MAX = 999_999_999;
const LIMIT_MAX = 100_000_000;

interface PackOptions
  extends Pick<PackRequest, 'warmUpRows' | 'maxBatchRows' | 'memoryMb' | 'deadlineMs' | 'loadDeadlineMs' | 'producer'> {
  readonly endpoint: string;
  readonly modelVersion: number;
  readonly signature: string;
  readonly golden?: string;
  readonly runtime?: readonly string[];
  readonly repository?: string;
}

export const addModel: AddCommand = (program, runner) => {
  const model = program
    .command('model')
    .summary('pack, verify and inspect model packages')
    .description('Packs, verifies and inspects model packages.');
  addPack(model, runner);
  addVerify(model, runner);
  addInspect(model, runner);
};

function addPack(model: Command, runner: Runner): void {
  const runtimes = RUNTIMES.map(({ id, formats }) => [id, formats.join(', ')] as const);
  const limit = (text: string) => parseCount(text, LIMIT_MAX);
  const pack = model
    .command('pack <source>')
    .summary('make an immutable package of an exported model')
    .description(
      'Copies a model into the repository as <endpoint>/<version>/, with a manifest, digests and golden samples. <source> is a ' +
        '.onnx file, a SavedModel folder, or a folder with a TFJS model.json. Golden samples without outputs are scored now.',
    )
    .requiredOption('-e, --endpoint <name>', 'endpoint that it is a version of')
    .addOption(
      new Option('-v, --model-version <number>', 'its version')
        .argParser((text) => parseCount(text, VERSION_MAX))
        .makeOptionMandatory(),
    )
    .requiredOption(
      '-s, --signature <file>',
      'YAML or JSON: inputs and outputs, each with name, datatype and shape ([-1, …])',
    )
    .option('-g, --golden <file>', 'YAML or JSON: {samples: [{inputs, outputs?, atol?, rtol?}]}')
    .option('--runtime <id...>', 'runtimes that may serve it, in order (default: all that take the format)')
    .option('--repository <folder>', 'model repository (default: MILLRACE_REPOSITORY, else ./models)')
    .option('--max-batch-rows <rows>', 'largest batch', limit)
    .option('--warm-up-rows <rows...>', 'batch sizes to warm up with', (text: string, before?: number[]) => [
      ...(before ?? []),
      limit(text),
    ])
    .option('--memory-mb <mib>', 'memory cap of its process', limit)
    .option('--deadline-ms <ms>', 'longest time of one batch', limit)
    .option('--load-deadline-ms <ms>', 'longest time until it is ready', limit)
    .option('--producer <text>', 'who made it');
  lists(pack, 'Runtimes and the formats that they take, in order of preference', runtimes);
  examples(pack, [
    ['millrace model pack model.onnx -e digits -v 4 -s signature.yaml', 'an ONNX file'],
    ['millrace model pack saved/ -e digits -v 5 -s signature.yaml -g golden.json', 'a SavedModel with golden samples'],
    ['millrace model pack web/ -e digits -v 6 -s s.yaml --runtime tfjs-wasm', 'on one runtime only'],
  ]);
  runner.bind<PackOptions>(pack, async (context, { operands: [source = ''], options }) => {
    const { runtime, golden, repository = context.settings.repository } = options;
    const record = outputRecorder({
      clock: context.clock,
      environment: context.env,
      onRuntime: (label) => context.say(`golden outputs recorded on ${label}`),
    });
    const packed = await packModel({
      ...limitsOf(options),
      source,
      root: repository,
      endpoint: endpointName(options.endpoint),
      version: options.modelVersion,
      signature: await readSignature(options.signature),
      runtimes: (format) => runtime?.map((id) => findRuntime(id, format).id) ?? runtimesFor(format),
      golden: golden === undefined ? [] : await readGoldenInputs(golden),
      record,
    });
    context.out.result(packed, (tables) => [`packed ${packed.folder}`, ...manifestLines(packed.manifest, tables)]);
    return 'ok';
  });
}

/** The limits that were given; packing has defaults for the others. */
function limitsOf(options: PackOptions): Partial<PackRequest> {
  const { warmUpRows, maxBatchRows, memoryMb, deadlineMs, loadDeadlineMs, producer } = options;
  const all = { warmUpRows, maxBatchRows, memoryMb, deadlineMs, loadDeadlineMs, producer };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function addVerify(model: Command, runner: Runner): void {
  const verify = model
    .command('verify <package>')
    .summary('check every file of a package')
    .description(
      'Checks that a package is exactly what its manifest says: every file, size and digest, nothing besides. <package> is a ' +
        'folder, or endpoint/version in the repository.',
    )
    .option('--load', 'also load it in a process of its own, warm it up and score its golden samples')
    .option('--repository <folder>', 'model repository (default: MILLRACE_REPOSITORY, else ./models)');
  examples(verify, [
    ['millrace model verify models/digits/4', 'a folder'],
    ['millrace model verify digits/4 --repository models --load', 'and does it load and compute right here?'],
  ]);
  runner.bind<{ readonly load?: boolean; readonly repository?: string }>(
    verify,
    async (context, { operands: [name = ''], options }) => {
      const place = await packagePlace(name, options.repository ?? context.settings.repository);
      const { folder, manifest } = await verifyFolder(place.folder);
      const runtime = options.load === true ? await loadOnce(context, place, manifest) : null;
      const { endpoint, version, digest, files } = manifest;
      const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
      context.out.result({ folder, endpoint, version, digest, files: files.length, bytes, runtime }, ({ style }) => [
        `${style('green', 'ok')} ${endpoint} v${version}: ${files.length} files, ${bytes} bytes, sha256 ${digest}` +
          (runtime === null ? '' : `\n${style('green', 'ok')} READY on ${runtime}`),
      ]);
      return 'ok';
    },
  );
}

function addInspect(model: Command, runner: Runner): void {
  const inspect = model
    .command('inspect <package>')
    .summary('show what a package says of itself')
    .description(
      'Shows the manifest of a package: a folder, or endpoint/version in the repository. Files are not checked.',
    )
    .option('--repository <folder>', 'model repository (default: MILLRACE_REPOSITORY, else ./models)');
  examples(inspect, [
    ['millrace model inspect digits/4 --repository models', 'signature, runtimes, limits, files'],
    ['millrace model inspect models/digits/4 -o json', 'the manifest'],
  ]);
  runner.bind<{ readonly repository?: string }>(inspect, async (context, { operands: [name = ''], options }) => {
    const place = await packagePlace(name, options.repository ?? context.settings.repository);
    const manifest = await readManifest(place.folder);
    context.out.result(manifest, (tables) => manifestLines(manifest, tables));
    return 'ok';
  });
}

/** Loads a package once, as a scorer would. @returns its runtime @throws MODEL_LOAD_FAILED with what its process said */
async function loadOnce(context: CliContext, place: PackagePlace, manifest: Manifest): Promise<string> {
  const { endpoint, version, digest } = manifest;
  if (!isInRepository(place, manifest)) {
    throw new MillraceError('USAGE', { detail: `--load needs the package in a folder …/${endpoint}/${version}` });
  }
  const launcher = modelLauncher({
    repository: place.root,
    clock: context.clock,
    nice: NICE_LIVE,
    environment: context.env,
    onNotice: ({ what, detail }) => context.say(`${what}: ${detail}`),
  });
  const process = launcher.launch(endpoint, { version, digest }, NO_OWNER);
  try {
    await process.settled;
    if (process.state === 'READY') return process.runtime;
    throw new MillraceError('MODEL_LOAD_FAILED', { endpoint, version, detail: process.problem });
  } finally {
    await process.stop();
  }
}

function manifestLines(manifest: Manifest, { table, style }: Tables): string[] {
  const specs = (list: readonly TensorSpec[]) =>
    list.map(({ name, datatype, shape }) => `${printable(name)} ${datatype} [${shape}]`).join(', ');
  const rows = [
    ['model', `${manifest.endpoint} v${manifest.version}`],
    ['digest', manifest.digest],
    ['format', manifest.format],
    ['runtimes', manifest.runtimes.join(', ')],
    ['inputs', specs(manifest.signature.inputs)],
    ['outputs', specs(manifest.signature.outputs)],
    ['batches', `at most ${manifest.maxBatchRows} rows, warmed up with ${manifest.warmUpRows.join(', ')}`],
    ['limits', `${manifest.memoryMb} MiB, ${manifest.deadlineMs} ms a batch, ${manifest.loadDeadlineMs} ms to load`],
    ['golden', manifest.golden ?? 'none'],
    ['producer', printable(manifest.producer) || '-'],
  ];
  const files = manifest.files.map(({ path, bytes, sha256 }) => [path, String(bytes), `${sha256.slice(0, 12)}…`]);
  return [
    ...rows.map(([label = '', value = '']) => `${style('bold', label.padEnd(9))} ${value}`),
    '',
    ...table(['FILE', 'BYTES', 'SHA256'], files, [1]),
  ];
}
