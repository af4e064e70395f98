/**
 * The client's side of SPDY/3.1, by which Kubernetes still carries the streams of a remote command
 * (https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/).
 *
 *   const connection = new SpdyConnection(socket);          // after the upgrade of HTTP
 *   const stream = connection.open({ streamtype: 'stdin' });
 *   stream.end('text');                                     // one direction of it; the other goes on
 */
import { Duplex } from 'node:stream';
import { constants, deflateRawSync } from 'node:zlib';

// The first word of a control frame: the bit that says so, the version, the type. That of a data frame is the stream's id.
const controlBit = 0x8000_0000;
const synStream = 0x8003_0001;
const rstStream = 0x8003_0003;

const headSize = 8;
const fin = 1;

const words = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index);
  return bytes;
};

const frame = (kind: number, flags: number, body: Buffer): Buffer =>
  Buffer.concat([words(kind, (flags << 24) | body.length), body]);

const headerBlock = (headers: Readonly<Record<string, string>>): Buffer => {
  const pairs = Object.entries(headers);
  const texts = pairs.flat().map((text) => Buffer.from(text));
  return Buffer.concat([words(pairs.length), ...texts.flatMap((text) => [words(text.length), text])]);
};

/**
 * The header blocks of a connection are one stream of zlib. Here no block refers to those before it, or to the dictionary
 * of the specification, as a sender may choose: each is compressed for itself, up to a whole byte.
 */
const compressed = (block: Buffer, isFirst: boolean): Buffer => {
  const head = Buffer.from(isFirst ? [0x78, 0x01] : []);
  return Buffer.concat([head, deflateRawSync(block, { finishFlush: constants.Z_SYNC_FLUSH })]);
};

export class SpdyConnection {
  readonly #socket: Duplex;
  readonly #streams = new Map<number, Duplex>();
  #unread = Buffer.alloc(0);

  constructor(socket: Duplex) {
    this.#socket = socket;
    socket.on('data', (data: Buffer) => this.#receive(data));
    socket.on('error', (error) => this.#end((stream) => stream.destroy(error)));
    socket.on('close', () => this.#end((stream) => stream.push(null)));
  }

  open(headers: Readonly<Record<string, string>>): Duplex {
    const id = 2 * this.#streams.size + 1; // a client's are odd
    const socket = this.#socket;
    const stream = new Duplex({
      read() {},
      write: (data: Buffer, _encoding, done) => void socket.write(frame(id, 0, data), done),
      final: (done) => void socket.write(frame(id, fin, Buffer.alloc(0)), done),
    });
    const block = compressed(headerBlock(headers), this.#streams.size === 0);
    this.#streams.set(id, stream);
    const [associated, priorityAndSlot] = [words(0), Buffer.alloc(2)];
    socket.write(frame(synStream, 0, Buffer.concat([words(id), associated, priorityAndSlot, block])));
    return stream;
  }

  /** Hang up, without an end of the streams. */
  close(): void {
    this.#socket.destroy();
  }

  #receive(data: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, data]);
    while (this.#unread.length >= headSize) {
      const size = headSize + this.#unread.readUIntBE(5, 3);
      if (this.#unread.length < size) return;
      this.#take(this.#unread.subarray(0, size));
      this.#unread = this.#unread.subarray(size);
    }
  }

  /** Of the control frames only the one that ends a stream matters: the others tell of replies and settings. */
  #take(whole: Buffer): void {
    const kind = whole.readUInt32BE(0);
    const body = whole.subarray(headSize);
    if (kind === rstStream) this.#streams.get(body.readUInt32BE(0))?.push(null);
    if (kind >= controlBit) return;
    if (body.length > 0) this.#streams.get(kind)?.push(body);
    if ((whole.readUInt8(4) & fin) !== 0) this.#streams.get(kind)?.push(null);
  }

  #end(how: (stream: Duplex) => void): void {
    for (const stream of this.#streams.values()) how(stream);
  }
}
