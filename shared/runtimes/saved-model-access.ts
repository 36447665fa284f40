// SavedModel access: refuses SavedModels that could read or write files of their own choice, or run foreign code.
// A SavedModel is a program; TensorFlow runs whatever operators it names. ONNX and TFJS have no such operators.
// Limit: checkpoint operators (RestoreV2, SaveV2) and vocabulary tables are in every honest SavedModel and stay allowed.
// Invariant: the file is read in chunks; nothing is parsed.

import { open } from 'node:fs/promises';
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

/** @throws MODEL_LOAD_FAILED with the operator's name */
export async function refuseFileAccess(folder: string): Promise<void> {
  const handle = await open(join(folder, 'saved_model.pb'), 'r').catch((error: unknown) => {
    throw loadFailed('saved_model.pb cannot be opened', error);
  });
  try {
    const buffer = Buffer.alloc(READ_CHUNK_BYTES + LONGEST_BYTES);
    let kept = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, kept, READ_CHUNK_BYTES, null);
      if (bytesRead === 0) return;
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
