/** The global names of Node.js that the program uses. A module of its own, which the engine runs first. */
import { EngineBuffer, EngineTextDecoder, EngineTextEncoder } from './buffer.ts';
import { natives } from './natives.ts';

function environment(): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const entry of natives.environment) {
    const at = entry.indexOf('=');
    if (at > 0) variables[entry.slice(0, at)] = entry.slice(at + 1);
  }
  return variables;
}

const signals: Readonly<Record<string, number>> = { SIGKILL: 9, SIGTERM: 15, SIGCONT: 18 };

const execPath = natives.readlink('/proc/self/exe');

const processLike = {
  // As Node has it: the program, the script, and then what the user said.
  argv: [natives.argv[0] ?? 'tsrunc', execPath, ...natives.argv.slice(1)],
  env: environment(),
  execArgv: [],
  execPath,
  pid: natives.pid,
  platform: 'linux',
  stdout: {
    get columns(): number | undefined {
      return natives.columns(1) || undefined;
    },
  },
  versions: { quickjs: natives.engineVersion },
  cwd: () => natives.cwd(),
  exit: (status = 0) => natives.exit(status),
  getegid: () => natives.egid,
  geteuid: () => natives.euid,
  kill: (pid: number, signal: number | string = 'SIGTERM') =>
    natives.kill(pid, typeof signal === 'number' ? signal : (signals[signal] ?? unknownSignal(signal))),
};

/** RFC 9562, version 4. */
function randomUUID(): string {
  const bytes = new Uint8Array(natives.random(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function unknownSignal(signal: string): never {
  throw new TypeError(`process.kill: unknown signal ${signal}`);
}

// The engine knows no `using` declarations yet; the bundler makes them of these.
for (const name of ['dispose', 'asyncDispose']) {
  if (!(name in Symbol)) Object.defineProperty(Symbol, name, { value: Symbol(`Symbol.${name}`) });
}

Object.assign(globalThis, {
  Buffer: EngineBuffer,
  TextDecoder: EngineTextDecoder,
  TextEncoder: EngineTextEncoder,
  // The debug package looks for its functions while it is loaded, and is told later where to write.
  console: {},
  clearTimeout: (id: number | undefined) => natives.stopTimer(id ?? 0),
  crypto: { randomUUID },
  performance: { now: () => natives.milliseconds() },
  process: processLike,
  // Of what JSON can say; nothing else is cloned here.
  structuredClone: (value: unknown) => JSON.parse(JSON.stringify(value)),
  setTimeout: (callback: () => void, milliseconds = 0) => natives.startTimer(callback, milliseconds),
});
