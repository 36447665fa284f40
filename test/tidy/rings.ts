// Rings: who may import whom (docs/architecture.md), and which folder may use which package.
// Rule: imports point one way. The pure ring (domain, strategies, analysis, scoring, every core/) knows no clock, no client
//       and no `node:` module; adapters know the domain; services know both and never one another.

export interface Layer {
  /** Folder, `*` stands for one name. The first row that fits a path is its layer. */
  readonly folder: string;
  /** Folders that it may import besides itself. */
  readonly mayImport: readonly string[];
  /** No `node:` modules. */
  readonly pure: boolean;
}

const DOMAIN = 'shared/domain';
const PURE = [DOMAIN, 'shared/strategies', 'shared/analysis', 'shared/comparison', 'shared/scoring'];
const ADAPTERS = [
  'audit',
  'bus',
  'codec',
  'comparing',
  'config',
  'control',
  'models',
  'process',
  'runtimes',
  'serving',
  'telemetry',
].map((name) => `shared/${name}`);
const SERVICES = ['cli', 'comparator', 'controller', 'house', 'router', 'scorer', 'shadow'].map(
  (name) => `services/${name}`,
);
const PRODUCT = ['shared', 'services', 'demo'];

const adapter = (folder: string, ...also: readonly string[]): Layer => ({
  folder,
  mayImport: [DOMAIN, ...also],
  pure: false,
});

export const LAYERS: readonly Layer[] = [
  { folder: DOMAIN, mayImport: [], pure: true },
  { folder: 'shared/strategies', mayImport: [DOMAIN], pure: true },
  { folder: 'shared/analysis', mayImport: [DOMAIN], pure: true },
  { folder: 'shared/scoring', mayImport: [DOMAIN], pure: true },
  { folder: 'shared/comparison', mayImport: [DOMAIN], pure: true },
  { folder: 'services/*/core', mayImport: PURE, pure: true },
  adapter('shared/bus'),
  adapter('shared/codec'),
  adapter('shared/config'),
  adapter('shared/models'),
  adapter('shared/telemetry'),
  adapter('shared/process', 'shared/telemetry'),
  // A child process finds, verifies and opens packages by itself, and may have a priority of its own.
  adapter('shared/runtimes', 'shared/models', 'shared/process'),
  // The processes of an endpoint's versions, for whoever scores.
  adapter('shared/serving', 'shared/bus', 'shared/codec', 'shared/runtimes', 'shared/scoring', 'shared/telemetry'),
  // What controller and data plane share of following control topics: plumbing over the bus port.
  adapter('shared/control', 'shared/bus', 'shared/codec', 'shared/telemetry'),
  // Reads whole topics and hands them to the pure checks.
  adapter('shared/audit', 'shared/analysis', 'shared/bus', 'shared/codec'),
  // Reads answers, outputs and labels, and hands them to the pure comparison.
  adapter('shared/comparing', 'shared/bus', 'shared/codec', 'shared/comparison'),
  adapter('shared/broker', 'shared/process'),
  // The two that compose: `house` runs all services in one process, `cli` runs the house (`millrace dev`).
  { folder: 'services/house', mayImport: [...PURE, ...ADAPTERS, ...SERVICES], pure: false },
  { folder: 'services/cli', mayImport: [...PURE, ...ADAPTERS, 'shared/broker', 'services/house'], pure: false },
  { folder: 'services/*', mayImport: [...PURE, ...ADAPTERS], pure: false },
  { folder: 'demo', mayImport: PRODUCT, pure: false },
  { folder: 'test', mayImport: [...PRODUCT, 'test'], pure: false },
];

/** The only folders that may import a package. Whatever is not named here may be imported nowhere. */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  zod: ['shared', 'services', 'demo', 'test'],
  kafkajs: ['shared/bus/kafka', 'test/bench'],
  avsc: ['shared/codec'],
  pino: ['shared/telemetry'],
  'onnxruntime-node': ['shared/runtimes', 'demo/train'],
  '@tensorflow': ['shared/runtimes', 'demo/train'],
  testcontainers: ['shared/broker'],
  commander: ['services/cli'],
  yaml: ['services/cli', 'test'],
};

/** Packages of tests, allowed in every test file and under test/. */
export const TEST_PACKAGES: readonly string[] = ['vitest', 'fast-check'];

/** The layer of a file, or null for a folder that nobody has placed yet. */
export function layerOf(path: string): Layer | null {
  return LAYERS.find(({ folder }) => inFolder(path, folder)) ?? null;
}

/** Whether `path` lies in `folder`; `*` in the folder stands for one name. */
export function inFolder(path: string, folder: string): boolean {
  const names = path.split('/');
  const wanted = folder.split('/');
  return names.length > wanted.length && wanted.every((name, at) => name === '*' || name === names[at]);
}
