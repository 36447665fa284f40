// Request frame: header and body of one request in one exactly sized buffer.
// Flow: injected into kafkajs in place of protocol/request.js, which copies every request through two growing buffers.
// Format: Kafka protocol, request header v1 (a body that needs header v2 begins with its empty tag section).

interface EncodedBody {
  readonly buffer: Buffer;
}

export interface FrameInput {
  readonly correlationId: number;
  readonly clientId: string;
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    encode(): Promise<EncodedBody> | EncodedBody;
  };
}

/** What kafkajs needs of a frame. */
export interface RequestFrame {
  readonly buffer: Buffer;
  size(): number;
}

export async function requestFrame({ correlationId, clientId, request }: FrameInput): Promise<RequestFrame> {
  const body = (await request.encode()).buffer;
  const idBytes = Buffer.byteLength(clientId);
  const headBytes = 10 + idBytes;
  const buffer = Buffer.allocUnsafe(4 + headBytes + body.length);
  buffer.writeInt32BE(headBytes + body.length, 0);
  buffer.writeInt16BE(request.apiKey, 4);
  buffer.writeInt16BE(request.apiVersion, 6);
  buffer.writeInt32BE(correlationId, 8);
  buffer.writeInt16BE(idBytes, 12);
  buffer.write(clientId, 14, idBytes, 'utf8');
  buffer.set(body, 14 + idBytes);
  return { buffer, size: () => buffer.length };
}
