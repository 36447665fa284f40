// Goal: what the broker folder decides without a broker: order of the search, settings, addresses.
// Method: a given address is a plain TCP server, so that no Kafka is started.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { authorizerProperties, userArguments } from './authorizer.ts';
import { brokerSearch } from './find.ts';
import { jarFolder, repositoryFile } from './jars.ts';
import { ask, brokerCount, parseAddress } from './probe.ts';
import { clusterSettings, imageEnvironment, jvmProperties, KAFKA_VERSION } from './settings.ts';

test('a given broker that takes connections is used as it is', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { broker, tried } = await brokerSearch({ env: { MILLRACE_BROKERS: ` ${address}` } });
  expect(broker).toMatchObject({ kind: 'given', brokers: [address], nodes: 1 });
  expect(broker?.node(1)).toBeNull();
  expect(tried).toEqual([]);
  await broker?.stop();
  expect(server.listening).toBe(true);
  server.close();
});

test('a given broker that does not answer is an error, not a reason to start another one', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  server.close();
  await once(server, 'close');
  await expect(brokerSearch({ env: { MILLRACE_BROKERS: address } })).rejects.toMatchObject({
    code: 'BROKER_UNREACHABLE',
  });
});

test.each(['broker', 'broker:0', 'broker:70000', 'http://broker:9092', ''])('%j is no address', (address) => {
  expect(parseAddress(address)).toBeNull();
});

test('addresses may be names, numbers and bracketed IPv6', () => {
  expect(parseAddress('kafka-1.internal:9092')).toEqual({ host: 'kafka-1.internal', port: 9092 });
  expect(parseAddress('[::1]:9092')).toEqual({ host: '::1', port: 9092 });
});

test('the probe reads the number of brokers out of a metadata answer, also in pieces', async () => {
  const server = createServer((socket) => {
    socket.once('data', (request) => {
      const answer = Buffer.alloc(12);
      answer.writeInt32BE(8, 0);
      request.copy(answer, 4, 8, 12);
      answer.writeInt32BE(3, 8);
      socket.write(answer.subarray(0, 5));
      setImmediate(() => socket.write(answer.subarray(5)));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  expect(await brokerCount(`127.0.0.1:${(server.address() as AddressInfo).port}`)).toBe(3);
  server.close();
});

test('three nodes replicate everything three times and need two in sync', () => {
  const settings = clusterSettings(3);
  const replication = Object.entries(settings).filter(([key]) => key.endsWith('replication.factor'));
  expect(replication.map(([, value]) => value)).toEqual(['3', '3', '3', '3']);
  expect(settings['min.insync.replicas']).toBe('2');
  expect(clusterSettings(1)['min.insync.replicas']).toBe('1');
});

test('every node names all voters, and only its own ports and folder', () => {
  const nodes = [1, 2, 3].map((id) => ({ id, clientPort: 100 + id, controllerPort: 200 + id, logFolder: `d${id}` }));
  const second = { id: 2, clientPort: 102, controllerPort: 202, logFolder: 'd2' };
  const properties = jvmProperties(second, nodes).split('\n');
  expect(properties).toContain('controller.quorum.voters=1@127.0.0.1:201,2@127.0.0.1:202,3@127.0.0.1:203');
  expect(properties).toContain('listeners=PLAINTEXT://127.0.0.1:102,CONTROLLER://127.0.0.1:202');
  expect(properties).toContain('log.dirs=d2');
  expect(properties).toContain('auto.create.topics.enable=false');
});

test('clients may be sent to a proxy, and then the nodes talk past it', () => {
  const node = { id: 1, clientPort: 101, controllerPort: 201, logFolder: 'd1', advertisedPort: 301, internalPort: 401 };
  const properties = jvmProperties(node, [node]).split('\n');
  const internal = 'INTERNAL://127.0.0.1:401';
  expect(properties).toContain(`listeners=PLAINTEXT://127.0.0.1:101,CONTROLLER://127.0.0.1:201,${internal}`);
  expect(properties).toContain(`advertised.listeners=PLAINTEXT://127.0.0.1:301,${internal}`);
  expect(properties).toContain('inter.broker.listener.name=INTERNAL');
});

test('a node with users takes clients by login only, and talks to its own on inner listeners', () => {
  const node = { id: 1, clientPort: 101, controllerPort: 201, logFolder: 'd1', internalPort: 401 };
  const users = ['admin', 'shadow'].map((name) => ({ name, password: `${name}1`, isSuper: name === 'admin' }));
  const properties = jvmProperties(node, [node], authorizerProperties(node, users)).split('\n');
  const listeners = 'SASL_PLAINTEXT://127.0.0.1:101,CONTROLLER://127.0.0.1:201,INTERNAL://127.0.0.1:401';
  expect(properties.filter((line) => line.startsWith('listeners='))).toEqual([`listeners=${listeners}`]);
  expect(properties).toContain('inter.broker.listener.name=INTERNAL');
  expect(properties).toContain('super.users=User:ANONYMOUS;User:admin');
  expect(userArguments(users).slice(2)).toEqual(['--add-scram', 'SCRAM-SHA-256=[name=shadow,password=shadow1]']);
});

test('an answer is whole before it is read, however it comes in', async () => {
  const server = createServer((socket) => {
    socket.once('data', (request) => {
      const answer = Buffer.concat([Buffer.from([0, 0, 0, 7]), request.subarray(8, 12), Buffer.from('abc')]);
      socket.write(answer.subarray(0, 9));
      setImmediate(() => socket.write(answer.subarray(9)));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect(String(await ask(address, { apiKey: 30, apiVersion: 1, body: Buffer.alloc(4) }))).toBe('abc');
  server.close();
});

test('the image reads settings from its environment', () => {
  expect(imageEnvironment({ 'offsets.topic.num.partitions': '3' })).toEqual({
    KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS: '3',
  });
});

test('the pom pins the Kafka version that the code names', () => {
  const pom = readFileSync(repositoryFile('shared/broker/pom.xml'), 'utf8');
  expect(pom).toContain(`<kafka.version>${KAFKA_VERSION}</kafka.version>`);
});

test('the cache is MILLRACE_CACHE, else under XDG_CACHE_HOME, and names the version', () => {
  expect(jarFolder({ MILLRACE_CACHE: '/c', XDG_CACHE_HOME: '/x' })).toBe(`/c/kafka-${KAFKA_VERSION}`);
  expect(jarFolder({ XDG_CACHE_HOME: '/x' })).toBe(`/x/millrace/kafka-${KAFKA_VERSION}`);
  expect(jarFolder({ MILLRACE_CACHE: '', XDG_CACHE_HOME: '/x' })).toBe(`/x/millrace/kafka-${KAFKA_VERSION}`);
  expect(jarFolder({ MILLRACE_CACHE: '', XDG_CACHE_HOME: '' })).toBe(jarFolder({}));
});
