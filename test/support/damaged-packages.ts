// DamagedPackages: a model repository in a temporary folder, with copies of a demo package that are broken in one way each.
// Invariant: a copy is sound in everything but its damage: version, sizes and digests are those of its own files.

import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DIGITS_ENDPOINT } from '../../demo/data/digits.ts';
import { demoPath } from '../../demo/demo-path.ts';
import { MANIFEST_FILE, type Manifest } from '../../shared/domain/manifest.ts';
import { manifestDigest } from '../../shared/models/manifest.ts';

const WEIGHTS = 'model/digits.onnx';
const GOLDEN = 'golden.json';

type Change = (manifest: Manifest, folder: string) => Manifest;

/** A repository with the sound demo versions `sound`, and copies of version 1. */
export class PackageRepository {
  readonly root = mkdtempSync(join(tmpdir(), 'millrace-packages-'));

  constructor(...sound: readonly number[]) {
    for (const version of sound)
      cpSync(demoPath('models', DIGITS_ENDPOINT, String(version)), this.folder(version), COPY);
  }

  folder(version: number): string {
    return join(this.root, DIGITS_ENDPOINT, String(version));
  }

  /** The manifest says something that its digest does not know of. */
  withWrongDigest(version: number): void {
    this.#copy(version, (manifest) => manifest);
    this.#rewrite(version, (manifest) => ({ ...manifest, producer: 'someone else' }));
  }

  /** The manifest names an entry outside the package, and its digest is right. */
  withPathThatLeaves(version: number): void {
    const outside = `../1/${WEIGHTS}`;
    this.#copy(version, (manifest) => ({
      ...manifest,
      entry: outside,
      files: manifest.files.map((file) => (file.path === WEIGHTS ? { ...file, path: outside } : file)),
    }));
  }

  /** The weights are a link to another package's, so that sizes and digests all fit. */
  withLinkThatLeaves(version: number): void {
    this.#copy(version, (manifest, folder) => {
      rmSync(join(folder, WEIGHTS));
      symlinkSync(join('..', '..', '1', WEIGHTS), join(folder, WEIGHTS));
      return manifest;
    });
  }

  /** The copy ended half-way, after the manifest was written. */
  withTruncatedWeights(version: number): void {
    this.#copy(version, (manifest) => manifest);
    const bytes = this.manifest(version).files.find((file) => file.path === WEIGHTS)?.bytes ?? 0;
    truncateSync(join(this.folder(version), WEIGHTS), Math.floor(bytes / 2));
  }

  /** A sound package of a model that computes something else than its golden samples say. */
  withFailingGolden(version: number): void {
    this.#copy(version, (manifest, folder) => {
      const golden = JSON.parse(readFileSync(join(folder, GOLDEN), 'utf8'));
      golden.samples[0].outputs[0][0] += 0.5;
      writeFileSync(join(folder, GOLDEN), JSON.stringify(golden));
      return { ...manifest, files: manifest.files.map((file) => measured(folder, file.path)) };
    });
  }

  manifest(version: number): Manifest {
    return JSON.parse(readFileSync(join(this.folder(version), MANIFEST_FILE), 'utf8')) as Manifest;
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  #copy(version: number, change: Change): void {
    const folder = this.folder(version);
    cpSync(demoPath('models', DIGITS_ENDPOINT, '1'), folder, COPY);
    this.#rewrite(version, (manifest) => {
      const changed = change({ ...manifest, version }, folder);
      return { ...changed, digest: manifestDigest(changed) };
    });
  }

  #rewrite(version: number, change: (manifest: Manifest) => Manifest): void {
    const path = join(this.folder(version), MANIFEST_FILE);
    writeFileSync(path, JSON.stringify(change(this.manifest(version))));
  }
}

const COPY = { recursive: true } as const;

function measured(folder: string, path: string): Manifest['files'][number] {
  const content = readFileSync(join(folder, path));
  return { path, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
}
