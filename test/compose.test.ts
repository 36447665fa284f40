// Goal: docker-compose.yml and the Dockerfile fit the code, although no Docker runs where this is tested.
// Method: the files are parsed; every name in them is looked up in the configuration tables, the settings of the started
//         broker and the source tree.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { repositoryFile } from '../shared/broker/jars.ts';
import { clusterSettings, imageEnvironment, KAFKA_IMAGE } from '../shared/broker/settings.ts';
import { COMMON_ROWS } from '../shared/config/common.ts';
import { type ConfigTable, loadConfig } from '../shared/config/load.ts';
import { NICE_LIMIT_OF_ZERO } from '../shared/process/priority.ts';
import { DRAIN_TIMEOUT_MS } from '../shared/process/run.ts';

const composeSchema = z.object({
  services: z.record(
    z.string(),
    z.object({
      image: z.string(),
      build: z.string().optional(),
      init: z.boolean().optional(),
      command: z.array(z.string()).optional(),
      environment: z.record(z.string(), z.string()),
      ports: z.array(z.string()).default([]),
      volumes: z.array(z.string()).default([]),
      depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
      healthcheck: z.object({ test: z.array(z.string()) }).optional(),
      stop_grace_period: z.string().optional(),
      ulimits: z.record(z.string(), z.int()).optional(),
    }),
  ),
  volumes: z.record(z.string(), z.null()),
});

const text = readFileSync(repositoryFile('docker-compose.yml'), 'utf8');
const { services, volumes } = composeSchema.parse(parse(text, { merge: true }));
const dockerfile = readFileSync(repositoryFile('Dockerfile'), 'utf8');
const LONG_RUNNING = ['comparator', 'controller', 'router', 'scorer', 'shadow'] as const;

/** The service's settings, or a name that no service has. */
function service(name: string) {
  const found = services[name];
  expect(found, `service ${name}`).toBeDefined();
  return found ?? z.never().parse(name);
}

/** The one configuration table that `services/<name>/config.ts` exports. */
async function tableOf(name: string): Promise<ConfigTable<typeof COMMON_ROWS>> {
  const module: Readonly<Record<string, unknown>> = await import(`../services/${name}/config.ts`);
  const tables = Object.values(module).filter(
    (each): each is ConfigTable<typeof COMMON_ROWS> => typeof each === 'object' && each !== null && 'rows' in each,
  );
  expect(tables, `tables in services/${name}/config.ts`).toHaveLength(1);
  return tables[0] ?? z.never().parse(name);
}

test('it runs Kafka, its topics and every service, and nothing else', () => {
  expect(Object.keys(services).sort()).toEqual([...LONG_RUNNING, 'kafka', 'topics'].sort());
});

test('what loads behind an incumbent may come back to the priority of its scorer', () => {
  expect(service('scorer').ulimits?.nice).toBe(NICE_LIMIT_OF_ZERO);
});

test('Kafka is the pinned version that tests and demo run too', () => {
  expect(service('kafka').image).toBe(KAFKA_IMAGE);
  expect(KAFKA_IMAGE).toMatch(/^apache\/kafka:4\.\d+\.\d+$/);
});

test("Kafka's settings are those of the broker that tests start, where they are set", () => {
  const started = imageEnvironment(clusterSettings(1));
  const environment = service('kafka').environment;
  const shared = Object.keys(environment).filter((key) => key in started);
  expect(shared.length).toBeGreaterThanOrEqual(6);
  for (const key of shared) expect(`${key}=${environment[key]}`).toBe(`${key}=${started[key]}`);
});

test('every listener of Kafka has a protocol, and the published port is one that it advertises', () => {
  const { environment, ports } = service('kafka');
  const names = (key: string) => (environment[key] ?? '').split(',').map((listener) => listener.split(':')[0]);
  const mapped = names('KAFKA_LISTENER_SECURITY_PROTOCOL_MAP').sort();
  expect(names('KAFKA_LISTENERS').sort()).toEqual(mapped);
  expect(mapped).toContain(environment.KAFKA_INTER_BROKER_LISTENER_NAME);
  expect(ports).toHaveLength(1);
  const [host, outside, inside] = (ports[0] ?? '').split(':');
  expect(environment.KAFKA_ADVERTISED_LISTENERS).toContain(`HOST://${host}:${outside}`);
  expect(environment.KAFKA_LISTENERS).toContain(`HOST://:${inside}`);
});

test('no service but Kafka publishes a port', () => {
  for (const [name, { ports }] of Object.entries(services))
    if (name !== 'kafka') expect([name, ports]).toEqual([name, []]);
});

test.each(LONG_RUNNING)('the environment of %s is accepted by its configuration table', async (name) => {
  const table = await tableOf(name);
  expect(table.service).toBe(name);
  const config = loadConfig(table, service(name).environment);
  expect(config.brokers).toEqual(['kafka:9092']);
  expect(service('kafka').environment.KAFKA_ADVERTISED_LISTENERS).toContain('PLAINTEXT://kafka:9092');
});

test('the topics are created with names of the common rows', () => {
  const known = Object.values(COMMON_ROWS).map((row) => row.env);
  for (const key of Object.keys(service('topics').environment)) expect(known).toContain(key);
});

test.each(LONG_RUNNING)('%s starts after Kafka answers and the topics are there', (name) => {
  expect(service(name).depends_on).toEqual({
    kafka: { condition: 'service_healthy' },
    topics: { condition: 'service_completed_successfully' },
  });
});

test('the topics are created once Kafka answers', () => {
  expect(service('topics').depends_on).toEqual({ kafka: { condition: 'service_healthy' } });
  expect(service('topics').command?.slice(2)).toEqual(['topics', 'create']);
});

test.each([...LONG_RUNNING, 'topics'])('%s runs a main that is in the source tree, from the one image', (name) => {
  const { command = [], image, build } = service(name);
  expect([image, build]).toEqual(['millrace', '.']);
  const [node, script = ''] = command;
  expect(node).toBe('node');
  const source = script.replace(/^dist\//, '').replace(/\.js$/, '.ts');
  expect(source).toMatch(/^services\/[a-z]+\/main\.ts$/);
  expect(existsSync(repositoryFile(source)), source).toBe(true);
});

test.each(LONG_RUNNING)('%s is healthy while its ready file is there', (name) => {
  const { healthcheck, environment } = service(name);
  expect(healthcheck?.test).toEqual(['CMD', 'test', '-f', environment.MILLRACE_READY_FILE]);
  const main = readFileSync(repositoryFile(`services/${name}/main.ts`), 'utf8');
  expect(main).toContain('readyFile');
});

test.each(LONG_RUNNING)('%s is given more time to stop than it takes to drain', (name) => {
  const seconds = Number(/^(\d+)s$/.exec(service(name).stop_grace_period ?? '')?.[1]);
  expect(seconds * 1_000).toBeGreaterThan(DRAIN_TIMEOUT_MS);
});

test('models are mounted read-only where the service looks for them', () => {
  for (const name of ['controller', 'scorer', 'shadow']) {
    expect(service(name).volumes).toEqual([`./demo/models:${service(name).environment.MILLRACE_REPOSITORY}:ro`]);
  }
});

test('every named volume is declared', () => {
  const named = Object.values(services).flatMap((each) => each.volumes.filter((volume) => !volume.startsWith('.')));
  expect(named.map((volume) => volume.split(':')[0])).toEqual(Object.keys(volumes));
});

test('the image is built in stages on Node 20 and runs without privileges', () => {
  const stages = dockerfile.match(/^FROM .*$/gm) ?? [];
  expect(stages.length).toBeGreaterThanOrEqual(2);
  for (const stage of stages) expect(stage).toMatch(/^FROM node:20-bookworm-slim\b/);
  const last = dockerfile.slice(dockerfile.lastIndexOf('FROM '));
  expect(last).toMatch(/^USER node$/m);
  expect(last).not.toMatch(/npm (ci|install)/);
});

test('what the image copies from the tree is there', () => {
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \.\/?$/gm)].flatMap((match) =>
    (match[1] ?? '').split(' '),
  );
  expect(copied.length).toBeGreaterThanOrEqual(4);
  for (const path of copied) expect(existsSync(repositoryFile(path)), path).toBe(true);
  expect(existsSync(repositoryFile('schemas'))).toBe(true);
});

test('what the image compiles is in its context', () => {
  const ignored = readFileSync(repositoryFile('.dockerignore'), 'utf8').trim().split('\n');
  const { include } = z
    .object({ include: z.array(z.string()) })
    .parse(JSON.parse(readFileSync(repositoryFile('tsconfig.json'), 'utf8')));
  const sources = include.flatMap((folder) =>
    readdirSync(repositoryFile(folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => `${folder}/${path}`),
  );
  expect(sources).toContain('demo/data/digits.ts');
  expect(sources.filter((path) => ignored.some((line) => covers(line, path)))).toEqual([]);
  expect(covers('demo/data', 'demo/data/digits.ts')).toBe(true);
  expect(covers('demo/data/*.ts', 'demo/data/digits.ts')).toBe(true);
});

/** Whether a line of .dockerignore (stars within a name, `**` across folders) takes the file or a folder above it. */
function covers(line: string, path: string): boolean {
  const pattern = line
    .trim()
    .replace(/^\/|\/$/g, '')
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*\*\/?|\*|\?/g, (wild) => (wild === '*' ? '[^/]*' : wild === '?' ? '[^/]' : '.*'));
  return new RegExp(`^${pattern}(?:/|$)`).test(path);
}
