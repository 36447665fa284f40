// SavedModel access: refuses SavedModels that could read or write files of their own choice, or run foreign code, and those
// that end before they say so, which keep tfjs-node's reader busy for minutes (six bytes are enough).
// A SavedModel is a program; TensorFlow runs whatever operators it names. ONNX and TFJS have no such operators.
// Limit: checkpoint operators (RestoreV2, SaveV2) and vocabulary tables are in every honest SavedModel and stay allowed.
// Limit: lengths within a meta graph are not looked at; the load deadline is what is left for those.
// Invariant: the file is read in chunks; nothing but its outermost fields is parsed.

import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { loadFailed } from './bind.ts';

const READ_CHUNK_BYTES = 512 * 1024;
const REFUSED_OPERATORS = [
  'ReadFile',
  'WriteFile',
  'MatchingFiles',
  'WholeFileReader',
  'WholeFileReaderV2',
  'TextLineReader',
  'TextLineReaderV2',
  'FixedLengthRecordReader',
  'FixedLengthRecordReaderV2',
  'TFRecordReader',
  'TFRecordReaderV2',
  'TextLineDataset',
  'FixedLengthRecordDataset',
  'FixedLengthRecordDatasetV2',
  'TFRecordDataset',
  'TFRecordDatasetV2',
  'CreateSummaryFileWriter',
  'PyFunc',
  'PyFuncStateless',
  'EagerPyFunc',
] as const;

/** `NodeDef.op` on the wire: tag of field 2, length, name. Constants of other kinds stay as they are. */
const NEEDLES = [
  ...REFUSED_OPERATORS.map((name) => ({ name, bytes: Buffer.from(`\x12${String.fromCharCode(name.length)}${name}`) })),
  { name: 'a file:// address', bytes: Buffer.from('file://') },
];
const LONGEST_BYTES = Math.max(...NEEDLES.map((needle) => needle.bytes.length));

/** Tag and length of an outermost field. */
const HEAD_BYTES = 6;
/** A number (the version) and a message (a meta graph): a SavedModel has no other fields. */
const TAGS = { number: 0x08, message: 0x12 } as const;

/** @throws MODEL_LOAD_FAILED with the operator's name, or that the file is not whole */
export async function refuseFileAccess(folder: string): Promise<void> {
  const handle = await open(join(folder, 'saved_model.pb'), 'r').catch((error: unknown) => {
    throw loadFailed('saved_model.pb cannot be opened', error);
  });
  try {
    const buffer = Buffer.alloc(READ_CHUNK_BYTES + LONGEST_BYTES);
    let kept = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, kept, READ_CHUNK_BYTES, null);
      if (bytesRead === 0) return await refuseOverlong(handle);
      const seen = buffer.subarray(0, kept + bytesRead);
      const found = NEEDLES.find((needle) => seen.includes(needle.bytes));
      if (found !== undefined) throw loadFailed(`the SavedModel uses ${found.name}, which Millrace does not run`);
      kept = Math.min(LONGEST_BYTES, seen.length);
      seen.copy(buffer, 0, seen.length - kept);
    }
  } finally {
    await handle.close();
  }
}

async function refuseOverlong(handle: FileHandle): Promise<void> {
  const { size } = await handle.stat();
  const head = Buffer.alloc(HEAD_BYTES);
  for (let at = 0; at < size; ) {
    const { bytesRead } = await handle.read(head, 0, HEAD_BYTES, at);
    at += fieldBytes(head.subarray(0, bytesRead));
    if (at > size) throw loadFailed('saved_model.pb is not a whole SavedModel');
  }
}

/** Bytes of the field that begins with `head`; infinity for one that no SavedModel has. */
function fieldBytes(head: Buffer): number {
  if (head[0] !== TAGS.number && head[0] !== TAGS.message) return Number.POSITIVE_INFINITY;
  let value = 0;
  for (const [index, byte] of head.subarray(1).entries()) {
    value += (byte & 0x7f) * 128 ** index;
    if (byte < 0x80) return index + 2 + (head[0] === TAGS.message ? value : 0);
  }
  return Number.POSITIVE_INFINITY;
}
