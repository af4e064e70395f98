/**
 * A program in a container with its streams on the network, as `kubectl exec`, `attach` and `cp` have it: the CRI names a
 * URL of its streaming server, and the client opens a stream of SPDY for each of error, stdin, stdout, stderr and resize.
 *
 *   const shell = await container.remote({ stdin: true }, 'sh');
 *   shell.type('exit 3\n');
 *   expect(await shell.ended()).toEqual({ code: 3, stdout: '', stderr: '' });
 */
import { request } from 'node:http';
import type { Duplex } from 'node:stream';
import { eventually, patient } from './process.ts';
import { SpdyConnection } from './spdy.ts';

export interface Streams {
  readonly stdin?: boolean;
  /** A terminal has no stderr of its own. */
  readonly tty?: boolean;
}

/** What the server writes to the error stream at the end: a Status of Kubernetes' API. */
interface Status {
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { readonly reason: string; readonly message: string }[] };
}

/** @throws what the server says when the program could not be run */
const exitCode = ({ status, message, details }: Status): number => {
  if (status === 'Success') return 0;
  const cause = details?.causes?.find(({ reason }) => reason === 'ExitCode');
  if (cause === undefined) throw new Error(message);
  return Number(cause.message);
};

const upgraded = (url: string, connect: (port: number) => Duplex): Promise<Duplex> =>
  new Promise((resolve, reject) => {
    const headers = {
      Connection: 'Upgrade',
      Upgrade: 'SPDY/3.1',
      'X-Stream-Protocol-Version': 'v4.channel.k8s.io',
    };
    const createConnection = () => connect(Number(new URL(url).port));
    const asked = request(url, { method: 'POST', headers, createConnection });
    asked.on('upgrade', (_response, socket, head) => {
      socket.unshift(head);
      resolve(socket);
    });
    asked.on('response', ({ statusCode }) => reject(new Error(`${url}: ${statusCode} in place of an upgrade`)));
    asked.on('error', reject);
    asked.end();
  });

export class RemoteCommand {
  /** What it has written so far. */
  stdout = '';
  stderr = '';
  #status = '';
  #broken: Error | undefined;
  readonly #connection: SpdyConnection;
  readonly #streams: Readonly<Record<string, Duplex>>;

  private constructor(connection: SpdyConnection, names: readonly string[]) {
    this.#connection = connection;
    this.#streams = Object.fromEntries(names.map((name) => [name, connection.open({ streamtype: name })]));
    const collect = (name: string, take: (text: string) => void) =>
      this.#streams[name]?.setEncoding('utf8').on('data', take);
    for (const stream of Object.values(this.#streams)) stream.on('error', (error) => (this.#broken = error));
    collect('error', (text) => (this.#status += text));
    collect('stdout', (text) => (this.stdout += text));
    collect('stderr', (text) => (this.stderr += text));
  }

  /**
   * @param url what the CRI answered
   * @param connect to a port of the server's loopback device
   */
  static async open(
    url: string,
    connect: (port: number) => Duplex,
    { stdin = false, tty = false }: Streams,
  ): Promise<RemoteCommand> {
    const socket = await upgraded(url, connect);
    const names = ['error', ...(stdin ? ['stdin'] : []), 'stdout', tty ? 'resize' : 'stderr'];
    return new RemoteCommand(new SpdyConnection(socket), names);
  }

  type(text: string): void {
    this.#streams.stdin?.write(text);
  }

  /** The end of stdin; the output goes on. */
  endInput(): void {
    this.#streams.stdin?.end();
  }

  /** Of the terminal in front of which the user sits. */
  resize(columns: number, rows: number): void {
    this.#streams.resize?.write(JSON.stringify({ Width: columns, Height: rows }));
  }

  /** Wait for the end of the program and of its output. */
  async ended(): Promise<{ code: number; stdout: string; stderr: string }> {
    const outputs = ['error', 'stdout', 'stderr'].flatMap((name) => this.#streams[name] ?? []);
    const over = () => outputs.every((stream) => stream.readableEnded || stream.destroyed) || undefined;
    await eventually('the remote command has ended', over, patient(20_000));
    this.hangUp();
    if (this.#status === '')
      throw new Error(`the streams ended without a status:\n${this.stdout}${this.stderr}`, { cause: this.#broken });
    return { code: exitCode(JSON.parse(this.#status)), stdout: this.stdout, stderr: this.stderr };
  }

  /** As when the user closes the window. */
  hangUp(): void {
    this.#connection.close();
  }
}
