/** Unary gRPC calls over a unix socket: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
import { type ClientHttp2Session, connect } from 'node:http2';
import { createConnection } from 'node:net';
import { patient } from './process.ts';

/** What the server says in place of a response. */
export class GrpcError extends Error {
  override readonly name = 'GrpcError';
  /** Status code: 2 unknown, 3 invalid argument, 5 not found, ... */
  readonly code: number;

  constructor(method: string, code: number, message: string) {
    super(`${method}: ${message} (status ${code})`);
    this.code = code;
  }
}

interface Answer {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

/** One message: a byte that says "not compressed", its length, itself. */
const framed = (message: Buffer): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
};

export class GrpcClient {
  readonly #session: ClientHttp2Session;
  #broken: Error | undefined;

  /** @param socket path of the unix socket (at most 107 bytes; /proc/PID/root/... reaches another mount namespace) */
  constructor(socket: string) {
    this.#session = connect('http://localhost', { createConnection: () => createConnection(socket) });
    // Every later request on the session fails and says so.
    this.#session.on('error', (error) => {
      this.#broken = error;
    });
    this.#session.unref();
  }

  /**
   * @param method "package.Service/Method"
   * @param metadata further headers
   * @throws GrpcError when the server answers with an error; what the connection says when there is none
   */
  async call(method: string, request: Buffer, metadata: Readonly<Record<string, string>> = {}): Promise<Buffer> {
    const { headers, body } = await this.#post(method, request, metadata).catch((cause: unknown) => {
      throw new Error(`${method}: no answer`, { cause: this.#broken ?? cause });
    });
    const status = Number(headers['grpc-status'] ?? 2);
    if (status !== 0) throw new GrpcError(method, status, decodeURIComponent(String(headers['grpc-message'] ?? '')));
    return body.subarray(5);
  }

  close(): void {
    this.#session.destroy();
  }

  #post(method: string, request: Buffer, metadata: Readonly<Record<string, string>>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const stream = this.#session.request({
        ':method': 'POST',
        ':path': `/${method}`,
        'content-type': 'application/grpc',
        te: 'trailers',
        ...metadata,
      });
      const body: Buffer[] = [];
      let headers: Record<string, unknown> = {};
      // The status comes in the trailers, or in the headers when there is nothing else.
      stream.on('response', (fields) => {
        headers = { ...headers, ...fields };
      });
      stream.on('trailers', (fields) => {
        headers = { ...headers, ...fields };
      });
      stream.on('data', (data) => body.push(data));
      stream.on('error', reject);
      stream.on('close', () => resolve({ headers, body: Buffer.concat(body) }));
      stream.setTimeout(patient(40_000), () => stream.destroy(new Error('no answer in time')));
      stream.end(framed(request));
    });
  }
}
